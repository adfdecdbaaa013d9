"""As much of EventBridge as the template's rules use (EventBridge User Guide, "Event patterns" and
"Input transformation").
"""

import json
import re
from typing import Any


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether a rule with this pattern takes the event."""
    return all(
        matches(wanted, event.get(name, {}))
        if isinstance(wanted, dict)
        else any(_one(alternative, event.get(name)) for alternative in wanted)
        for name, wanted in pattern.items()
    )


def handed_on(transformer: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """What the target gets: a variable outside quotes becomes its JSON, quotes and all."""
    values = {
        name: json.dumps(_at(path, event)) for name, path in transformer["InputPathsMap"].items()
    }
    filled = re.sub("<([a-z]+)>", lambda found: values[found[1]], transformer["InputTemplate"])
    answer: dict[str, Any] = json.loads(filled)
    return answer


def _one(alternative: Any, value: Any) -> bool:
    if isinstance(alternative, dict):
        ((operator, argument),) = alternative.items()
        assert operator == "prefix", f"{operator} is not matched here"
        return isinstance(value, str) and value.startswith(argument)
    return bool(alternative == value)


def _at(path: str, event: dict[str, Any]) -> Any:
    value: Any = event
    for name in path.removeprefix("$.").split("."):
        value = value[name]
    return value
