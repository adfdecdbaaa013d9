"""The Lambda entry point of redrive: on a schedule, for objects of the on-failure bucket, by hand.

| event | what is done |
|---|---|
| a schedule's, or `{}` | orders that wait for nobody's decision go on; objects are fed in; |
|                       | what failed under another version of the code is tried once under this |
| an S3 notification | its objects are fed in |
| `{"order_id": …}`, `{"reason": …}`, `{"all": true}` | these orders are redriven |

With `"dry_run": true` beside the last, nothing is written. It answers with what was done, and does
not raise for what the database or the time did not allow: Lambda would run the whole event again,
twice (Lambda Developer Guide, "Asynchronous invocation"), and the schedule finds what is left
anyway. It raises `BadRequest` for an event that asks for nothing it knows, `UnknownOrder`, and what
S3 raises.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from consumer import projection
from consumer.apart.starting import processes
from consumer.apart.witness import Witness
from consumer.attempts import Attempts, Interrupted
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.overrun import Overrun, Watched
from consumer.redrive import s3, settings
from consumer.redrive.feeding import feed_in
from consumer.redrive.on_failure import Bucket, FailedBatch, waiting
from consumer.redrive.orders import Redriven, Which, redrive_order, redrive_orders
from consumer.redrive.replay import Means
from consumer.redrive.report import Report
from consumer.redrive.request import Objects, Orders, Request, Scheduled, read_request
from consumer.transaction import TransactionFailed
from consumer.version import code_of
from consumer.watchdog import cuts, watching
from contract.metrics import NAMESPACE, Metric, dimensions

logger = Logger(service="redrive")
metrics = Metrics(namespace=NAMESPACE, service="redrive")
metrics.set_default_dimensions(**dimensions())


class Parts(NamedTuple):
    """What lives as long as the execution environment, which has a name of its own."""

    environment: UUID
    settings: settings.RedriveSettings
    database: Database
    projection: Watched
    code: Code


@cache
def parts() -> Parts:
    """Settings, database and projection, made at the first call; raises what is wrong with them."""
    given = settings.read()
    return Parts(
        environment=uuid4(),
        settings=given,
        database=Database(given.consumer),
        projection=Watched(projection.find(given.consumer.projection)),
        code=code_of(given.consumer),
    )


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Redrive what the event asks for; see the module."""
    request = read_request(event)
    cold = not parts.cache_info().currsize
    answer: dict[str, Any] = _redrive(request, parts(), context, cold=cold)
    return answer


@metrics.log_metrics
def _redrive(
    request: Request, made: Parts, context: LambdaContext, *, cold: bool
) -> dict[str, Any]:
    metrics.add_metric(name=Metric.COLD_STARTS, unit=MetricUnit.Count, value=int(cold))
    run = _Run(made, lambda: context.get_remaining_time_in_millis() / 1_000)
    try:
        with watching(made.database, run.cuts(), run.overrun()):
            run.do(request)
    except (Interrupted, TransactionFailed) as problem:
        run.report.interrupted(str(problem))
    finally:
        for name, count in run.report.counts().items():
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    return run.report.answer()


class _Run:
    """One invocation: does things, and reports each as it is done."""

    def __init__(self, made: Parts, remaining: Callable[[], float]) -> None:
        given = made.settings.consumer
        self._made = made
        self._remaining = remaining
        self._reserve = given.reserve_seconds
        self._attempts = Attempts(
            made.database, made.projection, remaining, given.reserve_seconds, made.code
        )
        self._witness = Witness(
            self._attempts,
            processes(given, made.code),
            given.killer_deaths,
            given.projection_seconds,
        )
        self._means = Means(self._attempts, self._delivery(""), made.settings.bound, self._witness)
        self.report = Report(logger)

    def cuts(self) -> list[float]:
        """When to cut a connection that would otherwise be waited for beyond the time."""
        given = self._made.settings.consumer
        return cuts(self._remaining(), reserve=self._reserve, connect=given.connect_seconds)

    def overrun(self) -> Overrun:
        """What ends the process if the projection never comes back."""
        made = self._made
        return Overrun(made.projection, made.database, made.settings.consumer.projection_seconds)

    def do(self, request: Request) -> None:
        """Everything that is asked for; raises `Interrupted` where it cannot go on now."""
        match request:
            case Scheduled():
                self.orders(Orders(), Which(drainable=True))
                self.listed(self._made.settings.bucket)
                self.orders(Orders(), Which(outdated=True))
            case Objects(places):
                for bucket, key in places:
                    self._feed(bucket, s3.connect(bucket), [key])
            case Orders():
                self.orders(request, Which(reason=request.reason))

    def orders(self, asked: Orders, which: Which) -> None:
        for done in self._redriven(asked, which):
            self.report.order(done)

    def listed(self, name: str | None) -> None:
        """Every object of the bucket that nobody has fed in yet."""
        if name is not None:
            bucket = s3.connect(name)
            self._feed(name, bucket, waiting(bucket, self._check_time))

    def _check_time(self) -> None:
        if self._remaining() < self._reserve:
            raise Interrupted(None, "no time left to look for more objects")

    def _redriven(self, asked: Orders, which: Which) -> Iterable[Redriven]:
        if asked.order_id is None:
            return redrive_orders(self._means, which, dry_run=asked.dry_run)
        return [redrive_order(self._means, asked.order_id, dry_run=asked.dry_run)]

    def _feed(self, name: str, bucket: Bucket, keys: Iterable[str]) -> None:
        given = self._made.settings.consumer

        def apply(batch: FailedBatch) -> Applied:
            return apply_batch(
                batch.records,
                self._attempts,
                chunk_events=given.chunk_events,
                drain=given.drain_entries,
                delivery=self._delivery(batch.shard),
                witness=self._witness,
            )

        for fed in feed_in(name, bucket, keys, apply):
            self.report.object(fed)

    def _delivery(self, shard: str) -> Delivery:
        return Delivery(self._attempts, environment=self._made.environment, shard=shard)
