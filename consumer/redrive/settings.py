"""What the redrive function is told by its environment, beside what the consumer is told."""

import os
from collections.abc import Mapping

import msgspec

from consumer import settings
from consumer.redrive.lots import Bound
from consumer.settings import Settings


class RedriveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`bucket` is the on-failure bucket, None where there is none to look at by schedule."""

    consumer: Settings
    bound: Bound
    bucket: str | None = None


def read(environment: Mapping[str, str] = os.environ) -> RedriveSettings:
    """The settings in these variables; raises `BadSetting`.

    `REDRIVE_ENTRIES` and `REDRIVE_BYTES` bound one transaction, `ON_FAILURE_BUCKET` is the bucket.
    """
    default = Bound()
    return RedriveSettings(
        consumer=settings.read(environment),
        bound=Bound(
            entries=settings.number(
                environment, "REDRIVE_ENTRIES", int, default.entries, low=1, high=100_000
            ),
            bytes=settings.number(
                environment, "REDRIVE_BYTES", int, default.bytes, low=1, high=1024**3
            ),
        ),
        bucket=environment.get("ON_FAILURE_BUCKET") or None,
    )
