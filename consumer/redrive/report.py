"""What a redrive did, in log lines, in counts and in the function's answer."""

from collections.abc import Mapping
from typing import Any, Protocol

from consumer.order import State
from consumer.redrive.feeding import Fed
from consumer.redrive.orders import Redriven
from contract.metrics import Metric

_MOST_LISTED = 100


class Logger(Protocol):
    """Takes a message and its fields, as Powertools' logger does."""

    def warning(self, message: str, /, *, extra: Mapping[str, object]) -> None: ...

    def error(self, message: str, /, *, extra: Mapping[str, object]) -> None: ...


class Report:
    """Grows while the redrive goes on; a log line for whatever a person has to see."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._counts = {
            Metric.EVENTS_REDRIVEN: 0,
            Metric.ORDERS_UNPARKED: 0,
            Metric.REDRIVES_STOPPED: 0,
            Metric.REDRIVES_INTERRUPTED: 0,
            Metric.OBJECTS_FED_IN: 0,
            Metric.OBJECTS_UNREADABLE: 0,
        }
        self._orders: list[dict[str, Any]] = []
        self._objects: list[dict[str, Any]] = []
        self._problem = ""

    def order(self, done: Redriven) -> None:
        self._counts[Metric.EVENTS_REDRIVEN] += done.applied
        self._counts[Metric.ORDERS_UNPARKED] += done.state is not State.PARKED and not done.problem
        self._counts[Metric.REDRIVES_STOPPED] += done.stopped
        row = as_row(done)
        self._orders.append(row)
        if done.stopped:
            self._logger.warning("redrive stopped", extra=row)

    def object(self, fed: Fed) -> None:
        self._counts[Metric.OBJECTS_FED_IN] += not (fed.unreadable or fed.interrupted)
        self._counts[Metric.OBJECTS_UNREADABLE] += bool(fed.unreadable)
        row = {"bucket": fed.bucket, "key": fed.key}
        if fed.unreadable:
            row["unreadable"] = fed.unreadable
            self._logger.error("an object cannot be read and stays untagged", extra=row)
        if fed.interrupted:
            row["interrupted"] = fed.interrupted
            self.interrupted(fed.interrupted)
        self._objects.append(row)

    def interrupted(self, problem: str) -> None:
        """Nothing more can be done now; the schedule goes on."""
        self._counts[Metric.REDRIVES_INTERRUPTED] = 1
        self._problem = problem
        self._logger.error("redrive interrupted", extra={"problem": problem})

    def counts(self) -> dict[Metric, int]:
        return dict(self._counts)

    def answer(self) -> dict[str, Any]:
        """The function's answer: all the counts, and of orders and objects the first hundred."""
        return {
            "counts": {str(name): count for name, count in self._counts.items()},
            "orders": self._orders[:_MOST_LISTED],
            "objects": self._objects[:_MOST_LISTED],
            "interrupted": self._problem or None,
        }


def as_row(done: Redriven) -> dict[str, Any]:
    """What is said of an order: never a payload, nor a detail, which may quote it."""
    refused = done.refused
    return {
        "order_id": done.order_id,
        "applied": done.applied,
        "duplicates": done.duplicates,
        "state": None if done.state is None else str(done.state),
        "refused_entry": None if refused is None else refused.entry_id,
        "refused_because": None if refused is None else str(refused.failure.reason),
        "waits_for_version": done.waits_for,
        "problem": done.problem or None,
    }
