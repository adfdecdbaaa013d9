"""How much of the stream's retention is used up, also while nobody reads the stream.

A disabled mapping sends no metrics (Lambda Developer Guide, event source mapping metrics), so a
stopped stream has no iterator age, and an alarm on it would be silent while records come closer to
their expiry. The oldest unread record is no older than the age that was last seen, or nothing where
there was no backlog, plus the time since.
"""

import msgspec

LOUD_PERCENT = 50
"""From here on every decision says it as an error."""


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """The age of the oldest record that is not finished, in seconds, as it was at `at`."""

    seconds: float = 0.0
    at: float = 0.0

    def after(
        self, now: float, *, reported_ms: float | None, stopped: bool, backlog_ms: float
    ) -> "Age":
        """What is known a period later: what Lambda reports, or the last age grown older."""
        if reported_ms is not None and not stopped:
            return Age(seconds=reported_ms / 1_000, at=now)
        behind = self.seconds * 1_000 >= backlog_ms
        if stopped or behind:
            return Age(seconds=self.seconds + max(0.0, now - (self.at or now)), at=now)
        return Age(seconds=0.0, at=now)


def used_percent(age: Age, retention: float) -> float:
    """Of the stream's retention (seconds), 0 to 100 and beyond."""
    return 100 * age.seconds / retention if retention > 0 else 0.0


def warning(age: Age, retention: float, *, why_stopped: str) -> str:
    """What to do, in words, before records expire; "" while there is time enough."""
    used = used_percent(age, retention)
    if used < LOUD_PERCENT:
        return ""
    left = max(0.0, retention - age.seconds) / 3_600
    cause = f" The mapping is stopped: {why_stopped}." if why_stopped else ""
    return (
        f"RECORDS EXPIRE IN {left:.1f} HOURS: the oldest unapplied record is "
        f"{age.seconds / 3_600:.1f} hours old, {used:.0f} % of the stream's retention.{cause} "
        "Lengthen the retention now (aws kinesis increase-stream-retention-period "
        "--retention-period-hours, at most 8760), then bring the database back."
    )
