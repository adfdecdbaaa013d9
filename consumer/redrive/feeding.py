"""Feeds objects of the on-failure bucket through the consumer's own path, one after the other."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from consumer.batch import Applied
from consumer.redrive.on_failure import BadObject, Bucket, FailedBatch, batch_of

Apply = Callable[[FailedBatch], Applied]
"""Applies a batch as the consumer does."""


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one object. `unreadable` says what is wrong with it, `interrupted` why it has
    to be fed in again; it is tagged if both are empty.
    """

    bucket: str
    key: str
    applied: Applied | None = None
    unreadable: str = ""
    interrupted: str = ""


def feed_in(name: str, bucket: Bucket, keys: Iterable[str], apply: Apply) -> Iterator[Fed]:
    """Feed in the objects until one is interrupted: what hinders it hinders the next one too.

    An object is tagged once everything in it is finished: applied, recognised or parked.
    """
    for key in keys:
        fed = _feed_in(name, bucket, key, apply)
        yield fed
        if fed.interrupted:
            return


def _feed_in(name: str, bucket: Bucket, key: str, apply: Apply) -> Fed:
    try:
        batch = batch_of(bucket, key)
    except BadObject as error:
        return Fed(bucket=name, key=key, unreadable=str(error))
    applied = apply(batch)
    if applied.checkpoint is not None:
        return Fed(bucket=name, key=key, applied=applied, interrupted=str(applied.problem))
    bucket.tag_done(key)
    return Fed(bucket=name, key=key, applied=applied)
