"""Words to ask the transformed template with."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "template.yaml").read_text()

EXTERNAL = {
    "DatabaseMode": "external",
    "DatabaseHost": "database.example",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:inorder-AbCdEf",
}
"""A database that is there already; without these the template makes one."""

KEY = {"Fn::If": ["OwnsKey", {"Fn::GetAtt": ["Key", "Arn"]}, {"Ref": "KmsKeyArn"}]}
"""The key that everything is encrypted with."""

NOTHING = {"Ref": "AWS::NoValue"}


def properties(resources: dict[str, Any], name: str) -> dict[str, Any]:
    return resources[name]["Properties"]


def get_att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from everything_in(part)


def references(value: Any) -> set[str]:
    """The names that `Ref`, `Fn::GetAtt` and `Fn::Sub` in this value mention."""
    names = set()
    for part in everything_in(value):
        if not isinstance(part, dict):
            continue
        if "Ref" in part:
            names.add(part["Ref"])
        if "Fn::GetAtt" in part:
            names.add(part["Fn::GetAtt"][0])
        if "Fn::Sub" in part:
            text = part["Fn::Sub"]
            own = {} if isinstance(text, str) else text[1]
            found = re.findall(r"\$\{([A-Za-z0-9:]+)", text if isinstance(text, str) else text[0])
            names.update(set(found) - set(own))
    return names
