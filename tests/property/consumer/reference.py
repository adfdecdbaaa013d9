"""The promise, told once more and as simply as possible: one event at a time, all in memory.

It knows nothing of batches, transactions, locks, bounds or SQL, and shares no code with what it is
compared with but the digest.
"""

from contract import content_digest
from tests.consuming.events import REFUSED
from tests.property.consumer.worlds import Sent


class ReferenceOrder:
    """One order after every event it was shown."""

    def __init__(self) -> None:
        self.versioned: bool | None = None
        self.applied: list[Sent] = []
        self.waiting: list[tuple[int, str, str, Sent]] = []
        self.highest = -1

    @property
    def state(self) -> str:
        if any(kind == "blocker" for _, kind, _, _ in self.waiting):
            return "parked"
        return "gap" if self.waiting else "open"

    def show(self, sent: Sent) -> None:
        if self._known(sent):
            return
        trouble = self._trouble(sent)
        version = sent.event.version if sent.event else None
        following = len(self.applied) + 1
        if trouble:
            self._wait(sent, "blocker", trouble)
        elif self.state == "parked":
            self._wait(sent, "follower", "follows")
        elif version is not None and version != following:
            self._wait(sent, "gap", "early")
        elif sent.event is not None and sent.event.type == REFUSED:
            self._wait(sent, "blocker", "rejected")
        else:
            self.applied.append(sent)
            self.highest = max(self.highest, sent.position)
            self._catch_up()

    def _catch_up(self) -> None:
        while self.waiting and self.waiting[0][0] == len(self.applied) + 1:
            rank, _, _, sent = self.waiting[0]
            if sent.event is not None and sent.event.type == REFUSED:
                self.waiting[0] = (rank, "blocker", "rejected", sent)
                return
            del self.waiting[0]
            self.applied.append(sent)

    def _seen(self) -> list[Sent]:
        return self.applied + [sent for _, _, _, sent in self.waiting]

    def _known(self, sent: Sent) -> bool:
        if sent.event is None:
            return any(known == sent for known in self._seen())
        return any(
            (known.event.id == sent.event.id or sent.event.version is not None)
            and known.event.version == sent.event.version
            and content_digest(known.event) == content_digest(sent.event)
            for known in self._seen()
            if known.event is not None
        )

    def _trouble(self, sent: Sent) -> str:
        event = sent.event
        if event is None:
            return "unreadable"
        if self.versioned is None:
            self.versioned = event.version is not None
        if self.versioned != (event.version is not None):
            return "wrong_kind"
        for known in self._seen():
            if known.event is None:
                continue
            if known.event.id == event.id:
                return "conflict"
            if event.version is not None and known.event.version == event.version:
                return "conflict"
        if event.version is None and sent.position < self.highest:
            return "overtaken"
        return ""

    def _wait(self, sent: Sent, kind: str, reason: str) -> None:
        last = max([len(self.applied), *(rank for rank, _, _, _ in self.waiting)])
        version = sent.event.version if sent.event else None
        rank = last + 1 if version is None or not self.versioned else version
        self.waiting.append((rank, kind, reason, sent))
        self.waiting.sort(key=lambda entry: entry[0])
        self.highest = max(self.highest, sent.position)
