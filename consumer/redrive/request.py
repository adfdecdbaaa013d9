"""What the redrive function is asked for: its event, read. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from consumer.order import Reason
from contract import InorderError


class BadRequest(InorderError):
    """The event asks for nothing that redrive knows; the message says what it can be asked."""


class Scheduled(msgspec.Struct, frozen=True):
    """Go on where nobody has to decide, and look for objects that nobody has fed in."""


class Objects(msgspec.Struct, frozen=True):
    """Feed in these objects of the on-failure bucket: pairs of bucket and key."""

    places: tuple[tuple[str, str], ...]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Redrive one order, those with a blocker of this reason, or all (both None)."""

    order_id: str | None = None
    reason: Reason | None = None
    dry_run: bool = False


Request = Scheduled | Objects | Orders

_BY_HAND = {"order_id", "reason", "all", "dry_run"}


def read_request(event: Mapping[str, Any]) -> Request:
    """What a schedule, an S3 notification or a person asks for; raises `BadRequest`.

    S3 tells by way of EventBridge, with the key as it is (S3 User Guide, "EventBridge event message
    structure"), or by a notification, whose keys are URL-encoded with plus signs for blanks ("Event
    message structure"). A schedule is EventBridge's own event, or `{}`.
    """
    if event.get("source") == "aws.s3":
        return _object(event.get("detail"))
    if not event or event.get("source") == "aws.events" or event.get("scheduled") is True:
        return Scheduled()
    if "Records" in event:
        return _objects(event["Records"])
    if event.keys() <= _BY_HAND:
        return _orders(event)
    raise BadRequest(
        f"{sorted(event)}: expected a schedule's event, one of S3, or one of order_id, "
        "reason and all, with dry_run or without"
    )


def _object(detail: Any) -> Objects:
    try:
        return Objects(((detail["bucket"]["name"], detail["object"]["key"]),))
    except (KeyError, TypeError) as error:
        raise BadRequest(f"an event of S3 that names no object in `detail`: no {error}") from None


def _objects(records: Any) -> Objects:
    try:
        return Objects(
            tuple(
                (record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
                for record in records
            )
        )
    except (KeyError, TypeError) as error:
        raise BadRequest(f"Records that are not an S3 notification's: no {error}") from None


def _orders(event: Mapping[str, Any]) -> Orders:
    asked = [name for name in ("order_id", "reason", "all") if event.get(name)]
    if len(asked) != 1:
        raise BadRequest(f"say one of order_id, reason and all, not {len(asked)} of them")
    dry_run = event.get("dry_run", False)
    order_id = event.get("order_id")
    if not isinstance(dry_run, bool) or not isinstance(order_id, str | None):
        raise BadRequest("order_id has to be text, and dry_run true or false")
    return Orders(order_id=order_id or None, reason=_reason(event.get("reason")), dry_run=dry_run)


def _reason(name: Any) -> Reason | None:
    if not name:
        return None
    try:
        return Reason(name)
    except ValueError:
        raise BadRequest(f"reason {name!r} is none of {', '.join(Reason)}") from None
