"""The Lambda entry point of the audit: one run on a schedule, metrics, and a log line per fault.

Then the ledger is pruned of what has been audited and is older than it is kept (`retention`).

It answers with what it looked at and found. It raises nothing for faults, which are metrics and
log lines, and nothing for a database that does not answer: then `AuditUnfinished` is 1, and the
next run goes on where this one ended.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import psycopg
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from consumer.audit import settings
from consumer.audit.auditor import Auditor
from consumer.audit.findings import Audit
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.faults import outline
from consumer.retention.ledger import Ledger
from consumer.retention.pruner import Pruned, Pruner
from contract.metrics import NAMESPACE, Metric, dimensions

logger = Logger(service="audit")
metrics = Metrics(namespace=NAMESPACE, service="audit")
metrics.set_default_dimensions(**dimensions())

_MOST_LOGGED = 100


class Parts(NamedTuple):
    """What lives as long as the execution environment."""

    settings: settings.AuditSettings
    database: Database


@cache
def parts() -> Parts:
    """Settings and database, made at the first call; raises what is wrong with them."""
    given = settings.read()
    return Parts(given, Database(given.consumer))


@metrics.log_metrics
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes the schedule's event, which says nothing
    """Audit what is new, what waits, and some of what is old."""
    cold = not parts.cache_info().currsize
    metrics.add_metric(name=Metric.COLD_STARTS, unit=MetricUnit.Count, value=int(cold))
    made = parts()
    reserve = made.settings.consumer.reserve_seconds

    def in_time() -> bool:
        return context.get_remaining_time_in_millis() / 1_000 > reserve

    try:
        audit = Auditor(Tables(made.database), in_time).run(made.settings.scope)
    except psycopg.Error as error:
        made.database.close()
        logger.exception("audit interrupted", extra={"problem": outline(error)})
        metrics.add_metric(name=Metric.AUDIT_UNFINISHED, unit=MetricUnit.Count, value=1)
        return {"finished": False, "problem": outline(error)}
    _report(audit)
    return {
        "finished": audit.finished,
        "faults": len(audit.faults),
        "rows": audit.rows,
        "orders": audit.orders,
        "audited_to": audit.audited_to.isoformat(),
        "pruned": _prune(made, in_time),
    }


def _prune(made: Parts, in_time: Callable[[], bool]) -> int:
    """How many rows were old enough to go. What hinders it now hinders no audit."""
    try:
        pruned = Pruner(Ledger(made.database), in_time).run(made.settings.retention)
    except psycopg.Error as error:
        made.database.close()
        logger.exception("pruning interrupted", extra={"problem": outline(error)})
        pruned = Pruned(finished=False)
    metrics.add_metric(name=Metric.LEDGER_ROWS_PRUNED, unit=MetricUnit.Count, value=pruned.rows)
    return pruned.rows


def _report(audit: Audit) -> None:
    waiting = audit.waiting
    values = {
        Metric.AUDIT_FAULTS: len(audit.faults),
        Metric.AUDIT_ROWS: audit.rows,
        Metric.AUDIT_UNFINISHED: int(not audit.finished),
        Metric.ORDERS_PARKED: waiting.orders_parked,
        Metric.ORDERS_IN_GAP: waiting.orders_in_gap,
        Metric.EVENTS_WAITING: waiting.events_waiting,
        Metric.STRAYS_WAITING: waiting.strays_waiting,
        Metric.AUDIT_LAG_SECONDS: audit.lag_seconds,
        Metric.OLDEST_PARKED_SECONDS: waiting.oldest_parked_seconds,
        Metric.OLDEST_GAP_SECONDS: waiting.oldest_gap_seconds,
    }
    for name, value in values.items():
        metrics.add_metric(name=name, unit=name.unit, value=value)
    for fault in audit.faults[:_MOST_LOGGED]:
        logger.error(
            "audit fault",
            extra={
                "order_id": fault.order_id,
                "place": fault.place,
                "fault": fault.name,
                "detail": fault.detail,
            },
        )
