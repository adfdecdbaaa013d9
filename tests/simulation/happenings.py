"""What happens at once: the faults that are moments, each a method of its own name."""

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.redrive.orders import Which
from tests.simulation.database.server import no_answer, starting_up
from tests.simulation.database.transaction import Transaction
from tests.simulation.faults import MOMENTS, Fault
from tests.simulation.operating import Choice
from tests.simulation.projection import FailsEverything, Healed, Trails

if TYPE_CHECKING:
    from tests.simulation.world import World

BAD_VERSION = "bad"


class Happenings:
    """Carries out the moments of a plan in its world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._down = 0

    def producer_crash(self, fault: Fault) -> None:
        self._world.callers[int(fault.chance * len(self._world.callers))].crash()

    def split(self, fault: Fault) -> None:
        shards = self._world.stream.open()
        shard = shards[int(fault.chance * len(shards))]
        self._world.stream.split(shard)
        self._world.deliveries.closed(shard)

    def merge(self, fault: Fault) -> None:
        pairs = self._world.stream.neighbours()
        if pairs:
            left, right = pairs[int(fault.chance * len(pairs))]
            self._world.stream.merge(left, right)
            self._world.deliveries.closed(left)
            self._world.deliveries.closed(right)

    def mapping_restart(self, _: Fault) -> None:
        self._world.deliveries.restart()

    def mapping_rewind(self, fault: Fault) -> None:
        self._world.deliveries.restart(fault.chance)

    def mapping_recreate(self, _: Fault) -> None:
        self._world.deliveries.recreate()

    def mapping_update(self, fault: Fault) -> None:
        sizes = (1, 2, 7, 50)
        self._update(
            batch_size=sizes[int(fault.chance * len(sizes))],
            parallelization_factor=1 + int(fault.chance * 10),
        )

    def expiry(self, _: Fault) -> None:
        world = self._world
        for shard in world.stream.shards.values():
            gone = world.deliveries.unread(shard)
            shard.records = [stored for stored in shard.records if stored not in gone]
            world.checker.expired([stored.sequence_number for stored in gone])
            if gone:
                world.log("expired", *(stored.sequence_number for stored in gone))

    def disable(self, fault: Fault) -> None:
        self._update(enabled=False)
        self._world.later(fault, lambda: self._update(enabled=True))

    def _update(self, **changes: Any) -> None:
        self._world.deliveries.update(
            msgspec.structs.replace(self._world.deliveries.settings, **changes)
        )

    def outage(self, fault: Fault) -> None:
        self._down += 1
        self._world.server.down = no_answer
        self._world.server.cut_all()
        self._world.later(fault, self._up)

    def _up(self) -> None:
        self._down -= 1
        if not self._down:
            self._world.server.down = None
        self._world.server.started_at = self._world.loop.now

    def restart(self, _: Fault) -> None:
        self._world.server.cut_all()
        self._world.server.started_at = self._world.loop.now

    def failover(self, fault: Fault) -> None:
        self._down += 1
        self._world.server.down = starting_up
        self._world.server.crash()
        self._world.later(fault, self._up)

    def demotion(self, fault: Fault) -> None:
        self._world.server.demote()
        self._world.server.in_recovery = True
        self._world.later(fault, self._promote)

    def _promote(self) -> None:
        self._world.server.in_recovery = False
        for session in list(self._world.server.sessions):
            if session.read_only:
                session.end()

    def intruder(self, fault: Fault) -> None:
        """Somebody's transaction locks heads that stand, and forgets them."""
        orders = [order.order_id for order in self._world.scenario.orders]
        wanted = orders[int(fault.chance * len(orders)) :][:2]
        transaction = Transaction(self._world.server)
        for order_id in wanted:
            if self._world.server.locks.holder(("head", order_id)) is None:
                transaction.lock("head", order_id)
        self._world.later(fault, transaction.rollback)

    def operator(self, fault: Fault) -> None:
        choice = Choice(self._world, fault.chance)
        if choice.what is not None:
            self._world.function.operate(choice)

    def bad_deploy(self, fault: Fault) -> None:
        self._world.function.deploy(BAD_VERSION, FailsEverything)
        self._world.later(fault, lambda: self._world.function.deploy("v3", Trails))

    def fix(self, fault: Fault) -> None:
        """The code is mended; a while later what waits is redriven, beside live traffic."""
        self._world.function.deploy("fixed", Healed)
        for delay in (50, 300, 2_000, 10_000):
            which = Which() if fault.chance < 0.5 else Which(outdated=True)
            self._world.loop.after(delay, lambda which=which: self._world.function.redrive(which))

    def prune(self, _: Fault) -> None:
        """Versioned orders only: an unversioned one has no other proof than its ledger."""
        transaction = Transaction(self._world.server)
        for plan in self._world.scenario.orders:
            if not plan.versioned or not plan.proven_by_version():
                continue
            if self._world.server.locks.holder(("head", plan.order_id)) is not None:
                continue
            self._world.checker.pruned(plan.order_id)
            for key, row in list(transaction.group("ledger", plan.order_id)):
                transaction.delete("ledger", key)
                transaction.delete("ledger_by_id", (plan.order_id, row["id"]))
        transaction.commit()

    def redrive(self, fault: Fault) -> None:
        for delay in (0, 500, 3_000):
            which = Which() if fault.chance < 0.7 else Which(drainable=True)
            self._world.loop.after(delay, lambda which=which: self._world.function.redrive(which))


assert {*MOMENTS} <= {*dir(Happenings)}, "a fault that nobody carries out"
