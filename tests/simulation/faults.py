"""What can go wrong, by name.

Two sorts. *Windows*: while one is open, each thing it is about meets it with its rate. *Moments*:
they happen once, and some of them end. The seed draws them; `world` carries them out.
"""

from dataclasses import dataclass

WINDOWS = {
    # the producers' way to the stream
    "put_refused": "no connection to the stream: the request never left",
    "put_reset": "the connection is reset before the stream got the request",
    "put_throttled": "the whole request is throttled",
    "put_failed": "the stream answers 500, and may have stored the records all the same",
    "put_timeout": "the stream takes the records, and its answer is lost",
    "put_late": "no answer, and the records land up to a minute and a half later",
    "record_throttled": "some records of a request are throttled",
    "record_failed": "some records fail with InternalFailure, and may be stored all the same",
    # Lambda
    "throttle": "no concurrency is left for the function",
    "twin": "a second invocation of the same batch runs at the same time",
    "crash": "the process dies, at any statement",
    "stall": "the invocation hangs until its time is up",
    "answer_lost": "the invocation succeeds and Lambda calls it failed",
    # the database and the way to it
    "cut": "the connection is lost, between any two statements",
    "commit_lost": "the connection is lost before the commit arrives",
    "commit_answer_lost": "the connection is lost after the commit",
    "half_open": "the server notices lost connections late, and keeps their locks",
    "serialization": "40001",
    "canceled": "57014, statement_timeout",
    "lock_timeout": "55P03",
    "idle_timeout": "25P03, and the connection is gone",
    "connections_full": "53300 for new connections",
    "bad_password": "28000 for new connections",
    "missing_table": "42P01: a migration is missing",
    "slow": "every answer of the database takes a hundred times as long",
}

RATES = {"crash": (0.01, 0.03, 0.1), "twin": (0.3, 0.7, 1.0)}
"""Rates to draw from, where the usual ones would leave nothing to see."""

DISTURBING = frozenset(
    {
        *("crash", "stall", "cut", "commit_lost", "commit_answer_lost", "half_open", "slow"),
        *("serialization", "canceled", "lock_timeout", "idle_timeout", "connections_full"),
        *("bad_password", "missing_table", "outage", "restart", "failover", "demotion"),
        *("intruder", "bad_deploy", "producer_crash"),
    }
)
"""Faults that may keep an invocation from finishing its batch. The others are no excuse."""

MOMENTS = {
    "producer_crash": "a producer dies; another begins with what has no receipt",
    "split": "a shard is split",
    "merge": "two shards are merged",
    "mapping_restart": "the mapping goes on from its checkpoints; what ran is delivered again",
    "mapping_rewind": "the mapping goes on from earlier checkpoints",
    "mapping_recreate": "the mapping is deleted and created again: TRIM_HORIZON",
    "mapping_update": "another batch size and parallelization factor",
    "expiry": "retention ends: what nobody has read by now is gone from the stream",
    "disable": "the mapping is disabled, for a while",
    "outage": "the database is down, for a while",
    "restart": "the database restarts",
    "failover": "another node takes over: connections are cut, and new ones wait",
    "demotion": "the node becomes a read-only replica under its connections, for a while",
    "bad_deploy": "a version of the consumer that fails everything, for a while",
    "fix": "a version is deployed under which everything applies",
    "prune": "the ledger of orders without conflicts is pruned",
    "redrive": "an operator redrives everything, beside live traffic",
    "operator": "an operator skips an entry, edits one, or closes a gap, and redrives the order",
    "intruder": "somebody else holds the locks of some orders, for a while",
}


OPERATIONS = ("operator", "expiry")
"""Moments that are drawn apart, after something that gives them an effect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault of one run. Times in milliseconds; `rate` of a window is per thing it is about;
    `chance` decides what is left open (which shard, which producer).
    """

    name: str
    kind: str
    at: int
    until: int
    rate: float = 1.0
    chance: float = 0.0

    def __str__(self) -> str:
        rate = f" rate {self.rate:.2f}" if self.kind in WINDOWS else ""
        return f"{self.name}: {self.kind} {self.at}–{self.until} ms{rate}"
