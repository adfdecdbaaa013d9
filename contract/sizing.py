"""Whether shards, factor, batches and connections go together: the arithmetic behind the template.

CloudFormation's rules know no arithmetic, so a deploy asks here before it changes a function or the
mapping; what watches a deployed stack may ask again with the numbers it finds.
"""

import math

import msgspec

REDRIVE_CONCURRENCY = 2
AUDITOR_CONCURRENCY = 1
"""What the template reserves for them beside the consumer's cap."""

BATCH_BYTES = 6_000_000
""""Lambda … until the batch size reaches 6 MB" (Lambda Developer Guide, event source mappings): the
payload of one invocation."""

ENVELOPE_BYTES = 700
"""What a record's JSON has in a Lambda event beside its data, which comes in Base64."""

_MAX_CONNECTIONS = ((32, 5000), (16, 3360), (8, 1669), (4, 823), (1, 189))
"""Aurora PostgreSQL's default max_connections by the largest capacity in ACU; what lies between two
rows has at least the lower one's (Aurora User Guide, Serverless v2, "Maximum connections")."""

_SMALL_MINIMUM_CONNECTIONS = 2000
"""The cap where the smallest capacity is 0.5 ACU (same page)."""


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how much arrives at the database at once, and how much it takes.

    `shards` is None where the stream makes its own. `highest_factor` is what a controller may go up
    to, `factor` itself where there is none. `consumer_cap` 0 reserves nothing. `connections` is
    what the database admits for all functions together.
    """

    shards: int | None
    factor: int
    highest_factor: int
    batch_size: int
    record_bytes: int
    consumer_cap: int
    connections: int

    @property
    def at_once(self) -> int:
        """Batches that the mapping may run at the same time."""
        return self.consumer_cap if self.shards is None else self.shards * self.factor

    @property
    def most_at_once(self) -> int:
        """Consumers there can be: the cap, since deliveries that AWS has given up on may go on;
        without one, what the mapping may run once the controller has gone up.
        """
        if self.shards is None or self.consumer_cap:
            return max(self.at_once, self.consumer_cap)
        return self.shards * max(self.factor, self.highest_factor)

    @property
    def connections_needed(self) -> int:
        """One for each execution environment there can be: consumer, redrive, auditor."""
        return self.most_at_once + REDRIVE_CONCURRENCY + AUDITOR_CONCURRENCY

    @property
    def fullest_batch(self) -> int:
        """Ordinary records that fit into one invocation."""
        base64 = math.ceil(self.record_bytes / 3) * 4
        return max(1, BATCH_BYTES // (base64 + ENVELOPE_BYTES))


def aurora_connections(*, min_capacity: float, max_capacity: float, percent: int) -> int:
    """Connections that a proxy may hold: its share of max_connections. Capacities in ACU."""
    admitted = next((n for acu, n in _MAX_CONNECTIONS if max_capacity >= acu), 0)
    if min_capacity < 1:
        admitted = min(admitted, _SMALL_MINIMUM_CONNECTIONS)
    return admitted * percent // 100


def problems(sizing: Sizing) -> list[str]:
    """What must not be deployed like this, with the values and what to do; empty if nothing."""
    found = []
    others = REDRIVE_CONCURRENCY + AUDITOR_CONCURRENCY
    if sizing.connections_needed > sizing.connections:
        found.append(
            f"{_most(sizing)} and {others} for redrive and auditor "
            f"need {sizing.connections_needed} connections, and the database admits "
            f"{sizing.connections}: lower ParallelizationFactor, HighestFactor, ShardCount or "
            "ConsumerConcurrency, or admit more "
            "(AuroraMaxCapacity, ProxyConnectionsPercent; DatabaseConnections of an external one)"
        )
    if 0 < sizing.consumer_cap < sizing.at_once:
        found.append(
            f"ConsumerConcurrency is {sizing.consumer_cap}, and {sizing.shards} shards x factor "
            f"{sizing.factor} = {sizing.at_once} batches run at once: "
            "Lambda would refuse the rest again and again; raise it or lower the factor"
        )
    if sizing.batch_size > sizing.fullest_batch:
        found.append(
            f"BatchSize {sizing.batch_size} with records of {sizing.record_bytes} bytes passes the "
            f"6 MB of an invocation, so no batch would ever be full: at most {sizing.fullest_batch}"
        )
    return found


def _most(sizing: Sizing) -> str:
    if sizing.shards is None or sizing.consumer_cap >= sizing.at_once:
        return f"ConsumerConcurrency {sizing.most_at_once}"
    factor = sizing.most_at_once // sizing.shards
    return f"{sizing.shards} shards x factor {factor} = {sizing.most_at_once} batches"
