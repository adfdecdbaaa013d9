"""What the audit function is told by its environment, beside the database."""

import os
from collections.abc import Mapping

import msgspec

from consumer import settings
from consumer.audit.auditor import Scope
from consumer.settings import Settings


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`scope` is what one run looks at."""

    consumer: Settings
    scope: Scope


def read(environment: Mapping[str, str] = os.environ) -> AuditSettings:
    """The settings in these variables; raises `BadSetting`.

    `AUDIT_SWEEP_ORDERS` is how many orders a run audits whole, however old, and
    `AUDIT_SETTLE_SECONDS` how long it waits for transactions that run just then.
    """
    default = Scope()
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
    )
