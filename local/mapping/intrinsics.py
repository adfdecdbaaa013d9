"""CloudFormation's intrinsic functions, as far as a function and its event need them.

`!Ref`, `!GetAtt`, `!Sub`, `!FindInMap`, `!If` and the condition functions, `!Join`, `!Select` and
`!Split`. A resource becomes the physical name it was given, or else its logical ID; an attribute of
it `LogicalId.Attribute`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from contract.errors import InorderError

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "000000000000",
    "AWS::NotificationARNs": [],
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/local/local",
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}

NO_VALUE = object()
"""What `!Ref AWS::NoValue` becomes: the property is as if it were not there."""

_IN_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateProblem(InorderError):
    """The template cannot be read; the message says where."""


class NoParameterValue(TemplateProblem):
    """A parameter without a default was given no value."""


class _Loader(yaml.SafeLoader):
    """YAML with the short forms `!Ref` and `!If` read as the long ones."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}  # type: ignore[arg-type]  # the third kind


_Loader.add_multi_constructor("!", _short_form)


def load(text: str) -> dict[str, Any]:
    """A template's YAML as plain values, intrinsic functions in their long form."""
    document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(document, dict):
        raise TemplateProblem("the template is not a mapping")
    return document


class Resolver:
    """Replaces intrinsic functions by values, for one template and one set of parameters."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        physical_names: Mapping[str, str],
    ) -> None:
        self._template = template
        self._given = parameters
        self._names = physical_names
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": ".".join,
            "Fn::Sub": self._sub,
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: _same(*self.value(pair)),
            "Fn::And": lambda all_of: all(self.value(one) for one in all_of),
            "Fn::Or": lambda any_of: any(self.value(one) for one in any_of),
            "Fn::Not": lambda one: not self.value(one[0]),
            "Fn::Join": lambda parts: str(parts[0]).join(map(str, self.value(parts[1]))),
            "Fn::Select": lambda parts: self.value(parts[1])[int(self.value(parts[0]))],
            "Fn::Split": lambda parts: str(self.value(parts[1])).split(parts[0]),
        }

    def value(self, raw: Any) -> Any:
        """The value without intrinsic functions; what is `NO_VALUE` inside is left out."""
        if isinstance(raw, list):
            return [v for v in map(self.value, raw) if v is not NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            (name, argument), *_ = raw.items()
            if name in self._functions:
                return self._functions[name](argument)
            if str(name).startswith("Fn::"):
                raise TemplateProblem(f"{name} is not supported here")
        resolved = {key: self.value(item) for key, item in raw.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        parameter = self._template.get("Parameters", {}).get(name)
        if parameter is not None:
            return self._parameter(name, parameter)
        if name in PSEUDO_PARAMETERS:
            return self._given.get(name, PSEUDO_PARAMETERS[name])
        if name in self._resources():
            return self._names.get(name, name)
        raise TemplateProblem(f"!Ref {name}: there is no such parameter or resource")

    def _resources(self) -> set[str]:
        """The template's, and what SAM makes of functions' events, named after both of them (SAM
        Developer Guide, "Generated CloudFormation resources").
        """
        resources: Mapping[str, Any] = self._template.get("Resources", {})
        made = {
            f"{name}{event}"
            for name, resource in resources.items()
            for event in resource.get("Properties", {}).get("Events", {})
        }
        return resources.keys() | made

    def _parameter(self, name: str, parameter: Mapping[str, Any]) -> Any:
        value = self._given.get(name, parameter.get("Default"))
        if value is None:
            raise NoParameterValue(f"parameter {name} has no default and was given no value")
        if str(parameter.get("Type", "")).startswith(("CommaDelimitedList", "List<")):
            return str(value).split(",") if isinstance(value, str) else value
        if parameter.get("Type") == "Number":
            return _number(name, value)
        return str(value)

    def _condition(self, name: str) -> bool:
        conditions = self._template.get("Conditions", {})
        if name not in conditions:
            raise TemplateProblem(f"there is no condition {name}")
        return bool(self.value(conditions[name]))

    def _if(self, parts: list[Any]) -> Any:
        name, then, otherwise = parts
        return self.value(then if self._condition(name) else otherwise)

    def _find_in_map(self, path: list[Any]) -> Any:
        found: Any = self._template.get("Mappings", {})
        keys = [str(self.value(key)) for key in path[:3]]
        for key in keys:
            if key not in found:
                raise TemplateProblem(f"there is no {' / '.join(keys)} in Mappings")
            found = found[key]
        return found

    def _sub(self, argument: Any) -> str:
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in extra:
                return str(self.value(extra[name]))
            return name if "." in name else str(self._ref(name))

        return _IN_SUB.sub(replace, text)


def _same(left: Any, right: Any) -> bool:
    return str(left) == str(right)


def _number(name: str, value: Any) -> int | float:
    try:
        number = float(value)
    except ValueError:
        raise TemplateProblem(f"parameter {name} is {value!r}, not a number") from None
    return int(number) if number.is_integer() else number
