"""A model of a database that has a best number of clients: the universal scalability law.

With n clients active a statement takes

    D(n) = 1 + contention * (n - 1) + coherence * n * (n - 1)        (n >= 1, else 1)

times what it takes alone (N. Gunther, "Guerrilla Capacity Planning"), so throughput n / D(n) rises,
bends, and falls again beyond sqrt((1 - contention) / coherence) clients. Capacity scales clients:
half the processors are in as much trouble with half as many clients. Neighbours are clients that
are not ours. A slow plan makes every row dearer, at whatever concurrency.
"""

import math
import random

import msgspec


class Database(msgspec.Struct, kw_only=True):
    """The database now. Times in milliseconds; scenarios change the fields as they go."""

    contention: float
    coherence: float
    row_ms: float
    batch_ms: float
    capacity: float = 1.0
    neighbours: float = 0.0
    plan: float = 1.0
    up: bool = True

    def slowdown(self, ours: float) -> float:
        """D for so many sessions of ours, beside the neighbours."""
        n = (ours + self.neighbours) / self.capacity
        if n <= 1:
            return 1.0
        return 1 + self.contention * (n - 1) + self.coherence * n * (n - 1)

    def batch_takes(self, records: float, ours: float) -> float:
        """Milliseconds of the database for a batch of so many records."""
        return (self.batch_ms + records * self.row_ms * self.plan) * self.slowdown(ours)


def draw(dice: random.Random, shards: int) -> Database:
    """A database whose best concurrency lies somewhere between two and nine times the shards."""
    contention = dice.choice([0.0, 0.005, 0.02, 0.05])
    best = shards * dice.uniform(1.6, 9.0)
    return Database(
        contention=contention,
        coherence=(1 - contention) / best**2,
        row_ms=math.exp(dice.uniform(math.log(0.05), math.log(0.6))),
        batch_ms=dice.uniform(5, 30),
    )
