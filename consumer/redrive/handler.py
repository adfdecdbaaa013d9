"""The Lambda entry point of redrive: on a schedule, for objects of the on-failure bucket, by hand.

| event | what is done |
|---|---|
| a schedule's, or `{}` | orders that wait for nobody's decision go on; objects are fed in |
| an S3 notification | its objects are fed in |
| `{"order_id": …}`, `{"reason": …}`, `{"all": true}` | these orders are redriven |

With `"dry_run": true` beside the last, nothing is written. It answers with what was done, and does
not raise for what the database or the time did not allow: Lambda would run the whole event again,
twice (Lambda Developer Guide, "Asynchronous invocation"), and the schedule finds what is left
anyway. It raises `BadRequest` for an event that asks for nothing it knows, `UnknownOrder`, and what
S3 raises.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from consumer import projection
from consumer.arrivals import Record
from consumer.attempts import Attempts, Interrupted
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.redrive import s3, settings
from consumer.redrive.feeding import feed_in
from consumer.redrive.on_failure import Bucket, waiting
from consumer.redrive.orders import Redriven, Which, redrive_order, redrive_orders
from consumer.redrive.report import Report
from consumer.redrive.request import Objects, Orders, Request, Scheduled, read_request
from consumer.transaction import TransactionFailed
from contract.metrics import NAMESPACE

logger = Logger(service="redrive")
metrics = Metrics(namespace=NAMESPACE, service="redrive")


class Parts(NamedTuple):
    """What lives as long as the execution environment."""

    settings: settings.RedriveSettings
    database: Database
    projection: projection.Projection[Any]


@cache
def parts() -> Parts:
    """Settings, database and projection, made at the first call; raises what is wrong with them."""
    given = settings.read()
    return Parts(given, Database(given.consumer), projection.find(given.consumer.projection))


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Redrive what the event asks for; see the module."""
    answer: dict[str, Any] = _redrive(read_request(event), parts(), context)
    return answer


@metrics.log_metrics
def _redrive(request: Request, made: Parts, context: LambdaContext) -> dict[str, Any]:
    run = _Run(made, lambda: context.get_remaining_time_in_millis() / 1_000)
    try:
        match request:
            case Scheduled():
                run.orders(Orders(), Which(drainable=True))
                if made.settings.bucket is not None:
                    run.listed(made.settings.bucket)
            case Objects(places):
                for bucket, key in places:
                    run.objects(bucket, [key])
            case Orders():
                run.orders(request, Which(reason=request.reason))
    except (Interrupted, TransactionFailed) as problem:
        run.report.interrupted(str(problem))
    finally:
        for name, count in run.report.counts().items():
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    return run.report.answer()


class _Run:
    """One invocation: does things, and reports each as it is done."""

    def __init__(self, made: Parts, remaining: Callable[[], float]) -> None:
        self._settings = made.settings
        self._remaining = remaining
        reserve = made.settings.consumer.reserve_seconds
        self._attempts = Attempts(made.database, made.projection, remaining, reserve)
        self.report = Report(logger)

    def orders(self, asked: Orders, which: Which) -> None:
        for done in self._redriven(asked, which):
            self.report.order(done)

    def listed(self, name: str) -> None:
        """Every object of the bucket that nobody has fed in yet."""
        bucket = s3.connect(name)
        self._feed(name, bucket, waiting(bucket, self._check_time))

    def objects(self, name: str, keys: Iterable[str]) -> None:
        self._feed(name, s3.connect(name), keys)

    def _check_time(self) -> None:
        if self._remaining() < self._settings.consumer.reserve_seconds:
            raise Interrupted(None, "no time left to look for more objects")

    def _redriven(self, asked: Orders, which: Which) -> Iterable[Redriven]:
        bound, dry_run = self._settings.bound, asked.dry_run
        if asked.order_id is None:
            return redrive_orders(self._attempts, which, bound, dry_run=dry_run)
        return [redrive_order(self._attempts, asked.order_id, bound, dry_run=dry_run)]

    def _feed(self, name: str, bucket: Bucket, keys: Iterable[str]) -> None:
        given = self._settings.consumer

        def apply(records: Sequence[Record]) -> Applied:
            return apply_batch(
                records, self._attempts, chunk_events=given.chunk_events, drain=given.drain_entries
            )

        for fed in feed_in(name, bucket, keys, apply):
            self.report.object(fed)
