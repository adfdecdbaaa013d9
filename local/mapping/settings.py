"""What a Kinesis event source mapping can be told: `MappingSettings`, checked when it is made.

Names, defaults and ranges are those of Lambda's CreateEventSourceMapping for Kinesis (Lambda
Developer Guide, "Lambda parameters for Amazon Kinesis Data Streams event source mappings").
"""

import msgspec

from contract.errors import InorderError
from local.mapping.position import Start, TrimHorizon

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of event JSON that one invocation takes (Lambda Developer Guide, quotas: 6 MB)."""

UNLIMITED = -1

_RANGES = {
    "batch_size": (1, 10_000),
    "window_seconds": (0, 300),
    "parallelization_factor": (1, 10),
    "maximum_retry_attempts": (UNLIMITED, 10_000),
    "maximum_record_age_seconds": (UNLIMITED, 604_800),
}
_SHORTEST_AGE_SECONDS = 60


class InvalidSettings(InorderError):
    """The event source mapping cannot be told this: `setting` is which, the message is why."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class MappingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One event source mapping's settings; raises `InvalidSettings` naming the one that is wrong.

    A batch size above 10 with a window of 0 is allowed: the API reference forbids it, the
    service's own defaults (100 and 0) do it.
    """

    batch_size: int = 100
    window_seconds: int = 0
    parallelization_factor: int = 1
    bisect_on_error: bool = False
    maximum_retry_attempts: int = UNLIMITED
    maximum_record_age_seconds: int = UNLIMITED
    report_batch_item_failures: bool = False
    starting_position: Start = TrimHorizon()
    enabled: bool = True

    def __post_init__(self) -> None:
        for setting, (lowest, highest) in _RANGES.items():
            value = getattr(self, setting)
            if not isinstance(value, int) or isinstance(value, bool):
                raise InvalidSettings(setting, f"is {value!r}, not a whole number")
            if not lowest <= value <= highest:
                raise InvalidSettings(setting, f"is {value}, allowed are {lowest} to {highest}")
        if 0 <= self.maximum_record_age_seconds < _SHORTEST_AGE_SECONDS:
            raise InvalidSettings(
                "maximum_record_age_seconds",
                f"is {self.maximum_record_age_seconds}, allowed are -1 (unlimited) or 60 to 604800",
            )

    @property
    def window_ms(self) -> int:
        return self.window_seconds * 1000

    def retries_are_left(self, retries: int) -> bool:
        return self.maximum_retry_attempts == UNLIMITED or retries < self.maximum_retry_attempts

    def is_too_old(self, arrived_ms: int, now: int) -> bool:
        """True where a record is older than the mapping may still deliver."""
        age = self.maximum_record_age_seconds
        return age != UNLIMITED and arrived_ms + age * 1000 <= now
