"""What CloudFormation makes of rules, conditions and references, given parameter values.

Only the functions that template.yaml uses; lists and numbers compare as CloudFormation's strings.
"""

from collections.abc import Mapping
from typing import Any

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "AWS::Partition": "aws"}


def evaluate(expression: Any, parameters: Mapping[str, Any]) -> Any:
    """The value of an expression; raises `KeyError` for a function that is not known here."""
    if not isinstance(expression, dict):
        return expression if isinstance(expression, list) else str(expression)
    ((function, argument),) = expression.items()
    if function == "Ref":
        return {**PSEUDO, **parameters}[argument]
    values = [evaluate(part, parameters) for part in argument]
    return _FUNCTIONS[function](values)


def refusals(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    """What the template's rules say against these parameters, in the template's words."""
    return [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        if evaluate(rule.get("RuleCondition", "True"), parameters) in {True, "True"}
        for assertion in rule["Assertions"]
        if not evaluate(assertion["Assert"], parameters)
    ]


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Every parameter that is given or has a default, lists split."""
    values: dict[str, Any] = {}
    for name, declared in template["Parameters"].items():
        text = given.get(name, declared.get("Default"))
        if text is not None:
            is_list = declared["Type"] == "CommaDelimitedList"
            values[name] = str(text).split(",") if is_list else str(text)
    return values


_FUNCTIONS = {
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Not": lambda values: not values[0],
    "Fn::Equals": lambda values: values[0] == values[1],
    "Fn::Contains": lambda values: values[1] in values[0],
    "Fn::EachMemberEquals": lambda values: all(member == values[1] for member in values[0]),
    "Fn::Join": lambda values: values[0].join(values[1]),
}
