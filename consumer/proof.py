"""Whether an event is already known: skipping asks for proof, and so does calling it a conflict."""

from collections.abc import Iterable
from uuid import UUID

from consumer.arrivals import Arrival
from consumer.order import Fact, Failure, Reason
from contract import Event, Position

_NOTHING: list[Fact] = []


class Proof:
    """What ledger and lot hold under the ids and versions of one lane; it grows along the lane.

    `settled` are events as they came that an operator has skipped or edited: they prove a
    duplicate, but contradict nothing, since the same id may well come again with other content.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        positions: Iterable[Position],
        settled: Iterable[Fact] = (),
    ) -> None:
        self._by_id: dict[UUID, list[Fact]] = {}
        self._by_version: dict[int, list[Fact]] = {}
        self._positions = set(positions)
        for fact in facts:
            self._know(fact)
        known = tuple(settled)
        self._settled_ids = {(fact.id, fact.version, fact.digest) for fact in known}
        self._settled_versions = {(fact.version, fact.digest) for fact in known if fact.version}

    def add(self, arrival: Arrival) -> None:
        """From now on this event is known, applied or parked."""
        event = arrival.event
        if event is None:
            self._positions.add(arrival.position)
        else:
            self._know(Fact(event.id, event.version, arrival.digest))

    def duplicate(self, arrival: Arrival) -> bool:
        """Proven: the same content under the same id, or under the same version with a new id.

        Bytes that cannot be read have no identity but their place on the stream.
        """
        event = arrival.event
        if event is None:
            return arrival.position in self._positions
        known = self._under(event)
        if known and any(
            fact.digest == arrival.digest and fact.version == event.version for fact in known
        ):
            return True
        return bool(self._settled_ids) and self._settled(event, arrival.digest)

    def conflict(self, arrival: Arrival) -> Failure | None:
        """The id or the version is known, but for something else. Ask after `duplicate`."""
        event = arrival.event
        if event is None:
            return None
        for fact in self._under(event):
            if fact.digest is None:  # a version that an operator skipped: nothing to compare with
                continue
            if fact.version != event.version:
                known_as = (
                    "without a version" if fact.version is None else f"as version {fact.version}"
                )
                known = f"id {event.id} is already known {known_as}"
            elif fact.id == event.id:
                known = f"id {event.id} is already known with other content"
            else:
                known = f"version {event.version} is already known: id {fact.id}, other content"
            return Failure(Reason.CONFLICT, known)
        return None

    def _settled(self, event: Event, digest: int) -> bool:
        return (event.id, event.version, digest) in self._settled_ids or (
            event.version,
            digest,
        ) in self._settled_versions

    def _under(self, event: Event) -> list[Fact]:
        by_id = self._by_id.get(event.id, _NOTHING)
        if event.version is None:
            return by_id
        return by_id + self._by_version.get(event.version, _NOTHING)

    def _know(self, fact: Fact) -> None:
        if fact.id is not None:
            self._by_id.setdefault(fact.id, []).append(fact)
        if fact.version is not None:
            self._by_version.setdefault(fact.version, []).append(fact)
