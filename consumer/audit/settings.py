"""What the audit function is told by its environment, beside the database."""

import os
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from consumer import settings
from consumer.audit.auditor import Scope
from consumer.retention.pruner import Terms
from consumer.settings import Settings


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`scope` is what one run looks at, `retention` what it removes afterwards."""

    consumer: Settings
    scope: Scope
    retention: Terms


def read(environment: Mapping[str, str] = os.environ) -> AuditSettings:
    """The settings in these variables; raises `BadSetting`.

    `AUDIT_SWEEP_ORDERS` is how many orders a run audits whole, however old, and
    `AUDIT_SETTLE_SECONDS` how long it waits for transactions that run just then.
    `LEDGER_RETENTION_DAYS` is how many days a row of the ledger is kept, 0 (the default) for ever,
    and `PRUNE_SECONDS` how long a run may prune.
    """
    default = Scope()
    days = settings.number(environment, "LEDGER_RETENTION_DAYS", int, 0, low=0, high=36_500)
    return AuditSettings(
        consumer=settings.read(environment),
        scope=Scope(
            sweep=settings.number(
                environment, "AUDIT_SWEEP_ORDERS", int, default.sweep, low=0, high=10_000_000
            ),
            settle_seconds=settings.number(
                environment,
                "AUDIT_SETTLE_SECONDS",
                float,
                default.settle_seconds,
                low=0.0,
                high=300.0,
            ),
        ),
        retention=Terms(
            keep=timedelta(days=days) if days else None,
            seconds=settings.number(
                environment, "PRUNE_SECONDS", float, Terms().seconds, low=0.0, high=800.0
            ),
        ),
    )
