"""Words to ask the transformed template with."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).resolve().parents[2] / "template.yaml").read_text()

NEEDED = {
    "DatabaseHost": "database.example",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:inorder-AbCdEf",
}
"""The parameters that have no default."""


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
            names.update(re.findall(r"\$\{([A-Za-z0-9:]+)", part["Fn::Sub"]))
    return names
