"""The same work, drawn from a seed, on both: every answer and every row has to be the same.

What is drawn are lanes with everything that can be wrong with them, redrives between them, markers
and failing versions; what is compared is what each statement lets the consumer decide, and the
tables afterwards.
"""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from consumer.deliveries import Deliveries, Mark
from consumer.order import Failure, Reason, State
from consumer.redrive.lots import Bound, Lots, parked_orders
from consumer.redrive.turn import take_turn
from consumer.rows import Beside
from consumer.sequencer import decide
from consumer.suspicion import Marker, Span
from tests.conformance.database.servers import ImaginedDatabase, RealDatabase, call, store_of
from tests.consuming.events import apply_unless_refused, arrive, make_event
from tests.simulation.dice import Dice

ORDERS = ("A", "B", "C")
STEPS = 40


class Work:
    """What a seed asks for, done on one connection; the answers are collected."""

    def __init__(self, seed: int, client: Any) -> None:
        self._dice = Dice(seed, "conformance")
        self._client = client
        self._position = 0
        self.answers: list[Any] = []

    def run(self) -> None:
        for _ in range(STEPS):
            self._dice.pick((self._batch, self._batch, self._batch, self._redrive, self._list))()
        for order_id in ORDERS:
            self.answers.append(self._look(order_id))

    def _arrival(self, order_id: str) -> Any:
        dice = self._dice
        self._position += dice.between(0, 2)
        at, sub = 100 + self._position, dice.below(2)
        if dice.chance(0.1):
            return arrive(at, b"\xff" + order_id.encode(), sub=sub, partition_key=order_id)
        version = None if dice.chance(0.1) else dice.between(1, 8)
        name = dice.pick((None, None, None, "x", "y"))
        kind = "refuse" if dice.chance(0.15) else "note"
        event = make_event(version, name=name, order_id=order_id, type=kind, n=dice.below(2))
        return arrive(at, event, sub=sub)

    def _batch(self) -> None:
        wanted = sorted({self._dice.pick(ORDERS) for _ in range(2)})
        lanes = {o: [self._arrival(o) for _ in range(self._dice.between(1, 4))] for o in wanted}
        drain = self._dice.pick((0, 1, 5))
        fails = self._dice.chance(0.3)

        def work() -> list[Any]:
            with store_of(self._client) as store:
                heads = store.lock(wanted)
                orders = store.look_up(heads, lanes, drain=drain)
                decided = [
                    decide(orders[o], lane, apply_unless_refused, drain=drain)
                    for o, lane in lanes.items()
                ]
                failing = store.count_failing("v1", wanted) if fails else None
                beside = Beside(code_version="v1", succeeded=not fails)
                store.write(decided, (), beside)
                orders = {o: _sorted(order) for o, order in orders.items()}
                return [orders, decided, failing and sorted(failing.orders)]

        self.answers.append(call(self._client, work))

    def _redrive(self) -> None:
        order_id = self._dice.pick(ORDERS)
        bound = Bound(entries=self._dice.between(1, 3), bytes=self._dice.pick((1, 400, 10_000)))
        forgiving = self._dice.chance(0.5)

        def work() -> Any:
            with store_of(self._client) as store:
                lots = Lots(store._connection.cursor(binary=True))
                announced = lots.announce(order_id, "v1")
                head = lots.lock(order_id)
                if head is None or head.state is not State.PARKED:
                    return head
                lot = lots.first(head, bound)
                turn = take_turn(lot, (lambda _: None) if forgiving else apply_unless_refused)
                lots.write(store, turn, Beside(code_version="v2"))
                if turn.refused is not None:
                    lots.count_attempt(turn.refused, Reason.REJECTED)
                facts = sorted(lot.facts, key=repr)
                return announced, msgspec.structs.replace(lot, facts=tuple(facts)), turn

        self.answers.append(call(self._client, work))

    def _list(self) -> None:
        which = self._dice.pick(("all", "drainable", "reason", "outdated"))
        reason = self._dice.pick(("rejected", "conflict"))

        def work() -> Any:
            with store_of(self._client) as store:
                return parked_orders(
                    store._connection.cursor(binary=True),
                    which=which,
                    reason=reason,
                    code_version="v2",
                    after=self._dice.pick(("", "A")),
                    limit=self._dice.between(1, 3),
                )

        self.answers.append(call(self._client, work))

    def _look(self, order_id: str) -> Any:
        def work() -> Any:
            with store_of(self._client) as store:
                head = store.lock([order_id])
                order = store.look_up(head, {order_id: ()}, drain=100)[order_id]
                return order, Lots(store._connection.cursor(binary=True)).first_position(order_id)

        return call(self._client, work)


def _sorted(order: Any) -> Any:
    """Facts come in no order: they are a set to those who ask."""
    return msgspec.structs.replace(order, facts=tuple(sorted(order.facts, key=repr)))


@pytest.mark.parametrize("seed", range(12))
def test_both_answer_alike(seed, database_url):
    real, imagined = RealDatabase(database_url), ImaginedDatabase()
    works = [Work(seed, database.client()) for database in (real, imagined)]
    try:
        for work in works:
            work.run()
    finally:
        real.close()
    for step, (told, imagination) in enumerate(
        zip(works[0].answers, works[1].answers, strict=True)
    ):
        assert imagination == told, f"step {step}"


def test_markers_and_versions_answer_alike(database):
    client = database.client()
    one, two = UUID(int=1), UUID(int=2)
    batch = Span(shard="s", first=1, last=9)
    beside = Span(shard="s", first=10, last=12)

    def mark(environment: UUID, seconds: float, span: Span = batch) -> Mark:
        return Mark(environment=environment, span=span, seconds=seconds)

    def work() -> None:
        with client.connection.cursor(binary=True) as cursor:
            deliveries = Deliveries(cursor)
            assert deliveries.begin(mark(one, -1)) == []
            deliveries.stop("v1", ["A"])
            dead = Marker(environment=one, span=batch, dead=True)
            assert deliveries.begin(mark(two, 60)) == [dead]
            assert deliveries.begin(mark(two, 60, beside)) == []
            deliveries.end(two, [one])
            assert deliveries.begin(mark(two, 60)) == []
            deliveries.die(two)
            (marker,) = deliveries.begin(mark(one, 60))
            assert marker.environment == two
            redrive = Span(order_id="A")
            assert deliveries.begin(mark(one, 60, redrive)) == []
            assert deliveries.begin(mark(two, 60, redrive)) == [
                Marker(environment=one, span=redrive, dead=False)
            ]

    call(client, work)


def test_what_a_parked_order_shows_alike(database):
    client = database.client()

    def work() -> None:
        refused = arrive(1, make_event(1, type="refuse"))
        follower = arrive(2, make_event(2))
        with store_of(client) as store:
            orders = store.look_up(store.lock(["A"]), {"A": (refused, follower)}, drain=1)
            decided = decide(
                orders["A"],
                (refused, follower),
                lambda _: Failure(Reason.REJECTED, "no"),
                drain=1,
            )
            store.write([decided], ())
        with store_of(client) as store:
            order = store.look_up(store.lock(["A"]), {"A": (refused,)}, drain=1)["A"]
            assert (order.blocked, order.waiting, order.last_rank) == (True, (), 2)
            assert [fact.id for fact in order.facts] == [refused.event.id] * 2

    call(client, work)
