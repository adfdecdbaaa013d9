"""As much of EventBridge as the template's rules use (EventBridge User Guide, "Event patterns")."""

from typing import Any


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether a rule with this pattern takes the event."""
    return all(
        matches(wanted, event.get(name, {}))
        if isinstance(wanted, dict)
        else any(_one(alternative, event.get(name)) for alternative in wanted)
        for name, wanted in pattern.items()
    )


def _one(alternative: Any, value: Any) -> bool:
    if isinstance(alternative, dict):
        ((operator, argument),) = alternative.items()
        assert operator == "prefix", f"{operator} is not matched here"
        return isinstance(value, str) and value.startswith(argument)
    return bool(alternative == value)
