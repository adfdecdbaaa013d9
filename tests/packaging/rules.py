"""What the template's rules and conditions say, given parameter values."""

from collections.abc import Mapping
from typing import Any

from local.mapping.intrinsics import Resolver


class RuleResolver(Resolver):
    """The project's own resolver, and the functions that CloudFormation has for rules alone."""

    def __init__(
        self,
        template: Mapping[str, Any],
        given: Mapping[str, str],
        physical_names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(template, given, physical_names or {})
        self._functions["Fn::Contains"] = self._contains
        self._functions["Fn::EachMemberEquals"] = self._each_member_equals

    def parameters(self) -> dict[str, Any]:
        """Every parameter that is given or has a default."""
        declared = self._template["Parameters"]
        having = [name for name in declared if name in self._given or "Default" in declared[name]]
        return {name: self.value({"Ref": name}) for name in having}

    def refusals(self) -> list[str]:
        """What the rules have against these parameters, in the template's words."""
        return [
            assertion["AssertDescription"]
            for rule in self._template["Rules"].values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def settings(self) -> dict[str, str]:
        """What CloudFormation hands to the check of settings: every value a string."""
        declared = self._template["Resources"]["Settings"]["Properties"]
        raw = {name: value for name, value in declared.items() if name != "ServiceToken"}
        return {name: str(value) for name, value in self.value(raw).items()}

    def _contains(self, argument: Any) -> bool:
        members, wanted = self.value(argument)
        return str(wanted) in [str(member) for member in members]

    def _each_member_equals(self, argument: Any) -> bool:
        members, wanted = self.value(argument)
        return all(str(member) == str(wanted) for member in members)
