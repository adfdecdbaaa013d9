"""msgspec and Powertools' logger and metrics, imported without the queries over events that they
offer and without names that `typing` has by now, and protobuf when somebody asks: a cold start is
mostly imports (docs/decisions/0013).
"""

import os
import typing
from functools import cache
from importlib.util import find_spec
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
    [
        Absent(_QUERIES),
        *(Absent(f"msgspec.{name}") for name in ("inspect", "toml", "yaml")),
        _TypingExtensions("typing_extensions"),
        Inspect(),
    ],
):
    import aws_lambda_powertools  # noqa: F401 - this is the place
    import msgspec  # noqa: F401 - as the line above


@cache
def import_protobuf() -> None:
    """Import protobuf without the half of it that is written in Python, where that in C is used."""
    chosen = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION" in os.environ
    in_python = [] if chosen else [Absent("google.protobuf.internal.python_message")]
    with lending("google.protobuf", in_python if find_spec("google._upb") else []):
        from google.protobuf.internal import builder  # noqa: F401, PLC0415 - what messages are made by
