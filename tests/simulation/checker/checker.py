"""Holds a history against the promises, fact by fact: at every commit, not only at the end."""

import json
from collections.abc import Iterable
from typing import Any

from tests.simulation.checker import promises
from tests.simulation.checker.decisions import Decisions
from tests.simulation.checker.kpl import payloads
from tests.simulation.checker.record import (
    Change,
    Commit,
    OrderRecord,
    Place,
    Row,
    original,
    place_of,
)
from tests.simulation.scenario import Item, Scenario


class Checker:
    """`broken` is the first thing that is wrong, or None."""

    def __init__(
        self, scenario: Scenario, bad_versions: frozenset[str], failing: int, deaths: int
    ) -> None:
        self.broken: str | None = None
        self._scenario = scenario
        self._bad_versions = bad_versions
        self._failing = failing
        self._enough_deaths = deaths
        self._deaths: dict[Place, int] = {}
        self._orders: dict[str | None, OrderRecord] = {
            plan.order_id: OrderRecord(plan) for plan in scenario.orders
        }
        items = [item for plan in scenario.orders for item in plan.items]
        self._by_payload: dict[bytes, Item] = {}
        self._by_token: dict[tuple[str, str], Item] = {}
        for item in items:
            self._by_payload.setdefault(item.payload, item)
            if item.equals is None:
                self._by_token[item.order_id, item.token] = item
        self._same: dict[tuple[str, int], list[bytes]] = {}
        for item in items:
            self._same.setdefault((item.order_id, original(item)), []).append(item.payload)
        self._repeated = {item.payload for item in items if item.flavour == "again"}
        self._answered: set[tuple[str, bytes]] = set()
        self._landed: dict[str, list[tuple[Place, bytes]]] = {}
        self._on_stream: set[bytes] = set()
        self._places: dict[tuple[str, str], set[Place]] = {}
        self._known_places: dict[Place, int] = {}
        self._parked: dict[bytes, int] = {}
        self._excused: dict[str, set[str | None]] = {}
        self._connected: dict[str, int] = {}
        self._decisions = Decisions(self._record, self._by_payload)
        merges = any(fault.kind == "merge" for fault in scenario.faults)
        after_one = scenario.undocumented.merged_child.name == "AFTER_ONE"
        self._gives_up = scenario.mapping.maximum_retry_attempts >= 0
        self._reordered = (merges and after_one) or self._gives_up
        self._in_bucket: dict[int, list[tuple[Place, bytes]]] = {}

    def landed(self, shard_id: str, sequence_number: int, data: bytes) -> None:
        for sub, payload in enumerate(payloads(data)):
            place = (sequence_number, sub)
            self._landed.setdefault(shard_id, []).append((place, payload))
            item = self._by_payload.get(payload)
            if item is None:
                continue
            self._on_stream.add(payload)
            self._places.setdefault((item.order_id, item.token), set()).add(place)
            record = self._orders[item.order_id]
            if item.flavour == "garbled":
                record.garbled.append(place)
            if original(item) in record.landed:
                record.doubled.add(original(item))
            record.landed.setdefault(original(item), place)
            if item.n in record.dropped:
                self._say([f"P1: {item.name} was reported as not sent, and landed"])

    def puts(self, process: str, data: bytes) -> None:
        """A producer puts a record that may hold nothing it was told is stored already."""
        for payload in payloads(data):
            if (process, payload) in self._answered and payload not in self._repeated:
                self._say([f"P2: {self._name(payload)} was stored, and is put once more"])

    def answered(self, process: str, data: bytes) -> None:
        """The stream tells a producer that the record is stored."""
        self._answered.update((process, payload) for payload in payloads(data))

    def acknowledged(self, item: Item) -> None:
        record = self._orders[item.order_id]
        record.acknowledged.add(item.n)
        if original(item) not in record.landed:
            self._say([f"P1: {item.name} was acknowledged and is not on the stream"])

    def not_sent(self, item: Item, *, dropped: bool) -> None:
        """The producer says that this is not on the stream; its caller may do without it."""
        record = self._orders[item.order_id]
        if item.payload in self._repeated:
            return  # its double may have been stored
        if dropped:
            record.dropped.add(item.n)
        if item.payload in self._on_stream:
            self._say([f"P1: {item.name} is reported as not sent, and is on the stream"])

    def means(self, action: str, what: Any, row: Row) -> None:
        """An operator is about to decide this."""
        self._decisions.meant(action, what, row)

    def pruned(self, order_id: str) -> None:
        """Rows of this order's ledger are about to be removed, as retention does."""
        self._orders[order_id].pruned = True

    def finished(self, shard_id: str, through: int) -> None:
        """The mapping will not deliver the records of this shard up to here again."""
        landed = self._landed.get(shard_id, [])
        done = 0
        for place, payload in landed:
            if place[0] > through:
                break
            done += 1
            if not self._accounted(place, payload):
                self._say([f"P1: {self._name(payload)} at {place} is finished, and nowhere"])
        del landed[:done]

    def given_up(self, shard_id: str, numbers: list[int]) -> None:
        """The mapping has written these records to the on-failure bucket, and goes on."""
        landed = [one for one in self._landed.get(shard_id, []) if one[0][0] in numbers]
        for place, payload in landed:
            self._in_bucket.setdefault(place[0], []).append((place, payload))
            item = self._by_payload.get(payload)
            if item is not None:
                self._orders[item.order_id].given_up.add(original(item))

    def fed_in(self, numbers: list[int]) -> None:
        """An object is tagged, and may expire."""
        for number in numbers:
            for place, payload in self._in_bucket.pop(number, []):
                if not self._accounted(place, payload):
                    self._say([f"P1: {self._name(payload)} at {place} was fed in, and is nowhere"])

    def expired(self, numbers: list[int]) -> None:
        """These records are gone from the stream, and nobody has read them."""
        for shard_id, landed in self._landed.items():
            for place, payload in landed:
                item = self._by_payload.get(payload)
                if place[0] in numbers and item is not None:
                    record = self._orders[item.order_id]
                    record.expired.add(original(item))
                    record.garbled = [one for one in record.garbled if one != place]
            self._landed[shard_id] = [one for one in landed if one[0][0] not in numbers]

    def committed(self, changes: Iterable[Change]) -> None:
        commit = Commit()
        changes = tuple(changes)
        wrong = self._decisions.take(changes)
        self._say([] if wrong is None else [wrong])
        for change in changes:
            if change[0] in ("ledger", "lot", "head", "trail"):
                self._take(change, commit)
        self._take_ledger(commit.ledger)
        for order_id, blockers in commit.blockers.items():
            self._check_order(order_id, blockers, commit.ledger)
        self._check_entries(commit)

    def _take(self, change: Change, commit: Commit) -> None:
        table, key, before, after = change
        order_id = key[0] if table == "ledger" else key
        if table == "lot":
            order_id = (after or before or {})["order_id"]
        record = self._record(order_id)
        if order_id not in commit.blockers:
            record.came_from = len(record.rows)
            if record.head is None or record.head["state"] != "parked":
                commit.flowed.add(order_id)
            commit.blockers[order_id] = {row["entry_id"]: row for row in record.blockers()}
        match table:
            case "lot":
                self._take_entry(record, change, commit)
            case "head":
                record.head = after
            case "trail":
                record.trail = () if after is None else after["trail"]
            case _ if before is None and after is not None:
                commit.ledger.append(after)
            case _ if after is not None or not record.pruned:
                self._say([f"P1: the ledger was changed at {key}"])

    def _take_entry(self, record: OrderRecord, change: Change, commit: Commit) -> None:
        _, key, before, after = change
        if before is not None:
            self._parked[before["payload"]] -= 1
            del record.lot[key]
        if after is None:
            if before is not None:
                commit.gone.append(before)
            return
        record.lot[key] = after
        self._parked[after["payload"]] = self._parked.get(after["payload"], 0) + 1
        self._known_places.setdefault(place_of(after), len(self._known_places))
        if before is not None and before["payload"] != after["payload"]:
            self._say([f"P1: entry {key} of the lot has other bytes now"])
        if before is None or before["kind"] != after["kind"]:
            commit.parked.append(after)

    def _take_ledger(self, rows: list[Row]) -> None:
        for row in sorted(rows, key=lambda row: row["ordinal"]):
            record = self._record(row["order_id"])
            if row["data"] is None:
                record.rows.append({**row, "data": None})
                if not (record.decided and row["ordinal"] == len(record.rows)):
                    self._say([f"P4: {row['order_id']} passes over {row['ordinal']}"])
                continue
            token = json.loads(row["data"])["n"]
            item = self._by_token.get((row["order_id"], token))
            if item is None or record.plan is None:
                self._say([f"P2: nobody sent {row['data']} for order {row['order_id']}"])
                continue
            record.applied.append(item.n)
            record.rows.append({**row, "data": token})
            if row["ordinal"] != len(record.rows):
                self._say(
                    [f"P3: {item.name} is the order's {row['ordinal']}th event in the ledger"]
                )
            if item.version is not None and item.version != row["ordinal"]:
                self._say([f"P3: {item.name} has version {item.version}, not {row['ordinal']}"])
            self._say(
                promises.p4_nothing_missing(
                    row["order_id"], record, item, reordered=self._reordered
                )
            )
            if not self._reordered:
                self._say(promises.p4_unreadable(row["order_id"], record, row, self._known_places))

    def _check_order(self, order_id: str | None, before: dict[int, Row], ledger: list[Row]) -> None:
        if order_id is None:
            return
        record = self._record(order_id)
        new = [row for row in ledger if row["order_id"] == order_id]
        self._say(promises.p2_once(order_id, record))
        mixed_up = self._reordered or bool(record.expired)
        self._say(promises.p3_order(order_id, record, mixed_up=mixed_up))
        known = self._known_places
        self._say(
            promises.p4_no_overtaking(order_id, record, new, before, known, mixed_up=mixed_up)
        )
        self._say(promises.head_fits(order_id, record))

    def _check_entries(self, commit: Commit) -> None:
        for row in commit.parked:
            if row["entry_id"] not in self._record(row["order_id"]).lot:
                continue
            if self._excuse(row, commit):
                continue
            record = self._record(row["order_id"])
            item = self._by_payload.get(row["payload"])
            self._say(
                promises.p6_justified(row["order_id"], row, item, record, reordered=self._reordered)
            )
        for row in commit.gone:
            item = self._by_payload.get(row["payload"])
            known = item is not None and original(item) in self._record(row["order_id"]).applied
            if not known and row["payload"] not in self._decisions.droppable:
                self._say([f"P1: {self._name(row['payload'])} left the lot and was not applied"])

    def _excuse(self, row: Row, commit: Commit) -> bool:
        """A bad version of the code may park fewer orders than would stop it; and an event that
        so many processes died at cannot prove that it was chance.
        """
        if row["reason"] == "killer" and self._deaths.get(place_of(row), 0) >= self._enough_deaths:
            return True
        version = row.get("code_version", "")
        blamed = row["kind"] == "blocker" and row["reason"] in promises.UNEXPECTED
        if not blamed or version not in self._bad_versions:
            return False
        orders = self._excused.setdefault(version, set())
        orders.update({row["order_id"]} & commit.flowed)
        if len(orders) >= self._failing:
            self._say([f"P6: the bad version {version} has parked {len(orders)} orders"])
        return True

    def connected(self, environment: str, environments: int) -> None:
        self._connected[environment] = self._connected.get(environment, 0) + 1
        if self._connected[environment] > 1:
            self._say([f"P7: {environment} holds {self._connected[environment]} connections"])
        if environments > self._scenario.concurrency:
            self._say([f"P7: {environments} environments at once"])

    def witnessed(self, position: tuple[int, int]) -> None:
        """A process died while it worked on this event and nothing else, and somebody saw it."""
        place = (position[0], position[1])
        self._deaths[place] = self._deaths.get(place, 0) + 1

    def runs_alone(self, position: tuple[int, int], order_id: str, token: str) -> None:
        """A process apart has said that it works on the event there and nothing else: if it runs
        another, its death would blame the wrong one.
        """
        if (position[0], position[1]) not in self._places.get((order_id, token), ()):
            self._say([f"P6: {token} of {order_id} is run under the name of the one at {position}"])

    def disconnected(self, environment: str) -> None:
        self._connected[environment] -= 1

    def ended_undisturbed(self, invocation: str, checkpoint: str | None, problem: str) -> None:
        """An invocation ended that met no fault."""
        if checkpoint is not None:
            self._say([f"P5: {invocation} met no fault and did not finish {checkpoint}: {problem}"])

    def failed(self, what: str) -> None:
        """Something raised that never should have."""
        self._say([what])

    def settled(self) -> None:
        """The world is at rest, and nothing was wrong for long enough."""
        for number in self._in_bucket:
            self._say([f"P1: {number} is in the on-failure bucket, and nobody feeds it in"])
        for shard_id, landed in self._landed.items():
            for place, payload in landed:
                self._say([f"P1: {self._name(payload)} at {place} of {shard_id} is not finished"])
        for order_id, record in self._orders.items():
            if order_id is not None:
                self._say(promises.settled(order_id, record))
            for item in record.plan.items if record.plan is not None else ():
                if item.n in record.acknowledged:
                    self._say(promises.receipt(item, record, known=self._accounted_item(item)))

    def healed(self) -> None:
        """Every event could be applied, and everything that waited was tried."""
        for order_id, record in self._orders.items():
            if order_id is None or record.plan is None:
                continue
            self._say(promises.settled(order_id, record))
            by_version = record.plan.versioned and record.plan.proven_by_version()
            if by_version or not self._reordered:
                self._say(promises.healed(order_id, record))

    def _accounted(self, place: Place, payload: bytes) -> bool:
        if place[0] in self._in_bucket:
            return True
        item = self._by_payload.get(payload)
        if item is None or item.flavour == "garbled":
            return place in self._known_places
        return self._accounted_item(item)

    def _accounted_item(self, item: Item) -> bool:
        record = self._orders[item.order_id]
        if original(item) in record.applied or original(item) in record.skipped:
            return True
        same = self._same[item.order_id, original(item)]
        return any(self._parked.get(payload, 0) > 0 for payload in same)

    def _record(self, order_id: str | None) -> OrderRecord:
        found = self._orders.get(order_id)
        if found is None:
            found = self._orders[order_id] = OrderRecord(None)
        return found

    def _name(self, payload: bytes) -> str:
        item = self._by_payload.get(payload)
        return repr(payload[:30]) if item is None else f"{item.name} ({item.flavour})"

    def _say(self, wrong: Iterable[str]) -> None:
        if self.broken is None:
            self.broken = next(iter(wrong), None)
