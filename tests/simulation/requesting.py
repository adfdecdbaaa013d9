"""Callers of the producer's Lambda: each request is `producer.delivery.deliver`, nothing is kept.

A caller does what the answers ask of it (`producer.answers`): events without a receipt are sent
again, the same ids in the same order, before any later event of their orders.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from contract.keys import KeyStrategy, OrderKeys
from producer.delivery import Result, deliver
from producer.errors import NotSent
from producer.kinesis import Stream
from producer.receipts import Receipt
from producer.settings import ProducerSettings
from tests.simulation.dice import Dice
from tests.simulation.loop import Loop, Task
from tests.simulation.producing import Buckets, Line
from tests.simulation.scenario import Item, OrderPlan
from tests.simulation.stream.client import Client


class Requesting:
    """One application that has one request under way at a time."""

    def __init__(
        self,
        *,
        loop: Loop,
        dice: Dice,
        client: Client,
        plans: list[OrderPlan],
        buckets: bool,
        checker: Any,
        log: Callable[..., None],
    ) -> None:
        self._loop = loop
        self._dice = dice
        self._client = client
        self._strategy: KeyStrategy = Buckets() if buckets else OrderKeys()
        self._checker = checker
        self._log = log
        self._due: dict[str, list[Item]] = {plan.order_id: [] for plan in plans}
        self._tried: set[str] = set()
        self._requests = 0
        self._task: Task | None = None
        for plan in plans:
            at = 0
            for item in plan.sending():
                at += item.pause_ms
                loop.at(at, lambda item=item: self._comes_due(item))  # type: ignore[misc]

    def crash(self) -> None:
        """The Lambda's process is gone in the middle of a request; its caller hears nothing."""
        if self._task is not None and not self._task.done:
            self._log("a request dies")
            task, self._task = self._task, None
            task.kill()
            self._loop.after(self._dice.between(100, 5_000), self._request)

    def _comes_due(self, item: Item) -> None:
        self._due[item.order_id].append(item)
        self._request()

    def _request(self) -> None:
        """Send the first events of each order, unless a request is under way."""
        most = self._dice.pick((1, 2, 5))
        items = [item for due in self._due.values() for item in due[:most]]
        if self._task is not None or not items:
            return
        self._requests += 1
        fresh = {item.name for item in items if item.equals is None} - self._tried
        self._tried.update(item.name for item in items)
        self._client.process = f"{''.join(self._due)} request {self._requests}"
        settings = ProducerSettings(
            guards=False, max_record_bytes=self._dice.pick((700, 256 * 1024))
        )
        seconds = self._dice.pick((1.0, 5.0, 20.0))
        self._log("request", *(item.name for item in items))
        events = [
            (SimpleNamespace(id=Line.ticket(item), order_id=item.order_id), item.payload)
            for item in items
        ]

        def send() -> list[Result]:
            return deliver(
                events,  # type: ignore[arg-type] # garbled ones are no events, and have names all the same
                stream=Stream("orders", self._client),
                strategy=self._strategy,
                settings=settings,
                seconds=seconds,
                clock=lambda: self._loop.now / 1_000,
                pause=lambda s: self._loop.sleep(int(s * 1_000) + 1),
                jitter=self._dice.random,
            )

        self._task = self._loop.spawn(send, lambda task: self._answered(items, fresh, task))

    def _answered(self, items: list[Item], fresh: set[str], task: Task) -> None:
        if self._task is not task:
            return
        self._task = None
        if task.error is not None:
            raise task.error
        for item, result in zip(items, task.result, strict=True):
            if isinstance(result, Receipt):
                self._log("acknowledged", item.name)
                self._due[item.order_id].remove(item)
                self._checker.acknowledged(item)
            else:
                self._log(type(result).__name__, item.name, result.code)
                if type(result) is NotSent and item.name in fresh:
                    self._checker.not_sent(item, dropped=False)
        self._loop.after(self._dice.between(1, 2_000), self._request)
