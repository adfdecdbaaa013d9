"""`Custom::Settings`: what the template's rules cannot say, for want of arithmetic.

Producer, consumer and mapping wait for its answer, so a refused mixture ends a deploy before one of
them has changed. The answer's `Digest` stands for everything it was told: the template puts it
into the descriptions of functions and versions, so that a version follows a parameter (SAM itself
publishes one only when the template's text has changed).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from contract import InorderError
from contract.sizing import Sizing, aurora_connections, problems
from migrations.custom_resource import serve

SMALLEST_MEMORY = 256
"""MB that a consumer needs for interpreter, libraries and a batch."""

_SECONDS_FOR_WORK = 5
"""What a batch has left at least once it has waited for a connection."""


class Refused(InorderError):
    """Settings that cannot go together; the message says which, why, and what to do."""


def handler(event: dict[str, Any], context: Any) -> None:
    """CloudFormation asks at each create and update; see `custom_resource.serve`."""
    serve(
        event,
        context,
        physical_id="inorder-settings",
        work=lambda: check(event.get("ResourceProperties", {})),
    )


def check(properties: Mapping[str, Any]) -> dict[str, str]:
    """`Digest` of the settings; raises `Refused` with everything that is wrong with them."""
    given = {key: properties[key] for key in properties if not key.startswith("Service")}
    found = _ranges(given) + problems(_sizing(given))
    if found:
        raise Refused("; ".join(found))
    text = json.dumps(given, sort_keys=True)
    return {"Digest": hashlib.sha256(text.encode()).hexdigest()[:12]}


def _sizing(given: Mapping[str, str]) -> Sizing:
    is_on_demand = given["StreamMode"] == "ON_DEMAND"
    return Sizing(
        shards=None if is_on_demand else int(given["ShardCount"]),
        factor=int(given["ParallelizationFactor"]),
        highest_factor=_highest_factor(given),
        batch_size=int(given["BatchSize"]),
        record_bytes=int(given["RecordBytes"]),
        consumer_cap=int(given["ConsumerConcurrency"]),
        connections=_connections(given),
    )


def _highest_factor(given: Mapping[str, str]) -> int:
    name = "ParallelizationFactor" if given["ConcurrencyControl"] == "off" else "HighestFactor"
    return int(given[name])


def _connections(given: Mapping[str, str]) -> int:
    if given["DatabaseMode"] == "external":
        return int(given["DatabaseConnections"])
    return aurora_connections(
        min_capacity=float(given["AuroraMinCapacity"]),
        max_capacity=float(given["AuroraMaxCapacity"]),
        percent=int(given["ProxyConnectionsPercent"]),
    )


def _ranges(given: Mapping[str, str]) -> list[str]:
    """What one parameter says about another."""
    found = []
    memory = int(given["ConsumerMemory"])
    if memory < SMALLEST_MEMORY:
        found.append(f"ConsumerMemory is {memory} MB: give at least {SMALLEST_MEMORY}")
    ledger, stream = int(given["LedgerRetentionDays"]), int(given["StreamRetentionHours"])
    if ledger and ledger * 24 <= stream:
        found.append(
            f"LedgerRetentionDays {ledger} is no longer than the stream's {stream} hours: an event "
            "that comes again could not be told from a new one"
        )
    lowest, highest = int(given["LowestFactor"]), int(given["HighestFactor"])
    if lowest > highest:
        found.append(f"LowestFactor {lowest} is above HighestFactor {highest}")
    if given["DatabaseMode"] == "external":
        return found
    low, high = float(given["AuroraMinCapacity"]), float(given["AuroraMaxCapacity"])
    if low > high:
        found.append(f"AuroraMinCapacity {low:g} is above AuroraMaxCapacity {high:g}")
    if low % 0.5 or high % 0.5:
        found.append(f"Aurora capacities come in half steps, and they are {low:g} and {high:g}")
    idle, most = int(given["ProxyIdleConnectionsPercent"]), int(given["ProxyConnectionsPercent"])
    if idle > most:
        found.append(
            f"ProxyIdleConnectionsPercent {idle} is above ProxyConnectionsPercent {most}: a proxy "
            "cannot keep more than it may have"
        )
    borrow, timeout = int(given["ProxyBorrowTimeoutSeconds"]), int(given["ConsumerTimeoutSeconds"])
    if borrow + _SECONDS_FOR_WORK > timeout:
        found.append(
            f"ProxyBorrowTimeoutSeconds {borrow} leaves a batch less than {_SECONDS_FOR_WORK} of "
            f"ConsumerTimeoutSeconds {timeout}: lower the one or raise the other"
        )
    return found
