"""Checks a line of the AWS CLI against AWS's own models: nothing here can run it.

The CLI makes its commands of the same models: an option is a member's name in lower case with
hyphens, a structure may be written as `Key=value,Key=value`, a boolean is `--name` or `--no-name`.
"""

import shlex
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

_SESSION = botocore.session.Session()
GLOBAL = {"region", "profile", "output", "query"}


def check_aws(line: str) -> dict[str, Any]:
    """The call's parameters; fails where the CLI or the service would refuse them."""
    program, service, command, *options = shlex.split(line)
    assert program == "aws"
    model = _SESSION.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert command in names, f"{service} has no {command}"
    shape = model.operation_model(names[command]).input_shape
    if (service, command) == ("lambda", "invoke"):
        options.pop()  # the file that the CLI writes the answer to
    given = _given(shape, options)
    report = ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()
    return given


def _given(shape: Any, options: list[str]) -> dict[str, Any]:
    members = {xform_name(name, "-"): name for name in shape.members}
    found: dict[str, Any] = {}
    while options:
        option = options.pop(0).removeprefix("--")
        values = []
        while options and not options[0].startswith("--"):
            values.append(options.pop(0))
        if option in GLOBAL:
            continue
        negative = option.removeprefix("no-")
        if negative in members and negative != option:
            found[members[negative]] = False
            continue
        assert option in members, f"no option --{option}"
        name = members[option]
        found[name] = _value(shape.members[name], values)
    return found


def _value(shape: Any, values: list[str]) -> Any:  # noqa: PLR0911 - a kind each
    kind = shape.type_name
    if kind == "boolean":
        assert not values
        return True
    if kind == "list":
        return [_value(shape.member, [value]) for value in values]
    (text,) = values
    if kind == "map":
        return dict(part.split("=", 1) for part in text.split(","))
    if kind == "structure":
        pairs = dict(part.split("=", 1) for part in text.split(","))
        return {key: _value(shape.members[key], [value]) for key, value in pairs.items()}
    if kind in {"integer", "long"}:
        return int(text)
    if kind in {"double", "float"}:
        return float(text)
    allowed = getattr(shape, "enum", [])
    assert not allowed or text in allowed, f"{text} is none of {allowed}"
    return text
