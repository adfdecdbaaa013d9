"""msgspec and Powertools' logger and metrics, imported without the queries over events that they
offer and without names that `typing` has by now: a cold start is mostly imports
(docs/decisions/0013).
"""

import typing
from types import ModuleType
from typing import Any

from login.standing_in import Absent, Inspect, lending


class _TypingExtensions(ModuleType):
    """What newer Pythons have in `typing`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(typing, name)


_QUERIES = "aws_lambda_powertools.utilities.jmespath_utils"

with lending(
    "aws_lambda_powertools",
    [Absent(_QUERIES), _TypingExtensions("typing_extensions"), Inspect()],
):
    import aws_lambda_powertools  # noqa: F401 - this is the place
    import msgspec  # noqa: F401
