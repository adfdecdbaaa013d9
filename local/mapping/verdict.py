"""What happens to a batch when its invocation ends: the error handling of the mapping, as a table.

| the invocation | bisect | what is finished | what stays |
|---|---|---|---|
| succeeded | – | all | – |
| returned a later record | no | those before it | the rest; retries by `PartialProgress` |
| the same | yes | those before it | the rest: a split, which uses no retry |
| returned the first record | – | – | all, one retry used |
| failed, more than one record | yes | – | two halves: a split, which uses no retry |
| failed | otherwise | – | all, one retry used |
| was throttled | – | – | all, no retry used: only age bounds it |

When no retry is left, what would stay is given up instead. Sources: Lambda Developer Guide,
"Retain discarded batch records" (splits and throttles use no retry) and "Configuring partial batch
response" (the batch is split at the returned sequence number, only the rest is retried).
"""

import msgspec

from local.mapping.answer import Verdict, read_answer
from local.mapping.batch import Batch
from local.mapping.facts import Answered, Outcome, Throttled
from local.mapping.settings import MappingSettings
from local.mapping.undocumented import PartialProgress, Undocumented


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """`retry` goes on in this order; `give_up` goes to the on-failure destination; every other
    record of the batch is finished.
    """

    retry: tuple[Batch, ...] = ()
    give_up: Batch | None = None


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The time and the random number (0 to 1) that a decision may use."""

    now: int
    random: float


def settle(
    batch: Batch,
    outcome: Outcome,
    settings: MappingSettings,
    undocumented: Undocumented,
    clock: Clock,
) -> Settlement:
    """Decide what is finished, what is retried and what is given up; see the module's table."""
    tried = batch.evolve(attempts=batch.attempts + 1, last_outcome=outcome)
    if isinstance(outcome, Throttled):
        kept = batch.evolve(last_outcome=outcome)
        return Settlement(retry=(_later(kept, undocumented, clock),))
    verdict = _verdict(outcome, batch, settings)
    if verdict is Verdict.SUCCEEDED:
        return Settlement()
    if isinstance(verdict, int) and verdict > 0:
        return _rest(tried, verdict, settings, undocumented, clock)
    if verdict is Verdict.FAILED and settings.bisect_on_error and len(batch.records) > 1:
        return Settlement(retry=_halves(tried, undocumented, clock))
    return _one_retry_less(tried, settings, undocumented, clock)


def _verdict(outcome: Outcome, batch: Batch, settings: MappingSettings) -> Verdict | int:
    if not isinstance(outcome, Answered):
        return Verdict.FAILED
    if not settings.report_batch_item_failures:
        return Verdict.SUCCEEDED
    return read_answer(outcome.answer, batch.records)


def _rest(
    batch: Batch, index: int, settings: MappingSettings, undocumented: Undocumented, clock: Clock
) -> Settlement:
    rest = batch.holding(batch.records[index:], failures=0)
    if settings.bisect_on_error:
        return Settlement(retry=(_later(rest, undocumented, clock),))
    if undocumented.partial_progress is PartialProgress.RESETS_RETRIES:
        return Settlement(retry=(_later(rest.evolve(retries=0), undocumented, clock),))
    return _one_retry_less(rest, settings, undocumented, clock)


def _halves(batch: Batch, undocumented: Undocumented, clock: Clock) -> tuple[Batch, ...]:
    middle = len(batch.records) // 2
    halves = (batch.holding(batch.records[:middle]), batch.holding(batch.records[middle:]))
    if undocumented.backoff_after_split:
        return tuple(_later(half, undocumented, clock) for half in halves)
    return tuple(half.evolve(not_before=clock.now) for half in halves)


def _one_retry_less(
    batch: Batch, settings: MappingSettings, undocumented: Undocumented, clock: Clock
) -> Settlement:
    if not settings.retries_are_left(batch.retries):
        return Settlement(give_up=batch)
    return Settlement(retry=(_later(batch.evolve(retries=batch.retries + 1), undocumented, clock),))


def _later(batch: Batch, undocumented: Undocumented, clock: Clock) -> Batch:
    failures = batch.failures + 1
    wait = undocumented.backoff(failures, clock.random)
    return batch.evolve(failures=failures, not_before=clock.now + wait)
