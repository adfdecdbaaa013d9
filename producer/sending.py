"""An event on its way, as the caller holds it: a future that is cheap until somebody waits for it.

A `concurrent.futures.Future` brings a condition, a lock and two lists, a dozen objects that the
garbage collector then visits again and again; for a producer that was more than half of what an
event cost. Most futures have their result before anybody asks, or are dropped by a caller that
only flushes. So the condition is made when somebody meets the future first: `result` before it is
there, `wait`, `as_completed`, `add_done_callback`, `asyncio.wrap_future`.

It stands on five private names of `Future` (`_condition`, `_state`, `_result`, `_waiters`,
`_done_callbacks`), which have been the same from Python 3.2 to 3.14; `tests/unit/producer` holds it
to everything a caller can do with a future.
"""

import threading
from concurrent.futures import Future
from concurrent.futures._base import FINISHED, PENDING
from typing import Any

from producer.receipts import Receipt

_meeting = threading.Lock()
"""Held while a future meets its first waiter, or gets its result: which of the two came first?"""


class _MadeWhenMet:
    """`Future._condition`: looked up here until the instance has its own."""

    def __get__(self, sending: "Sending", _: type) -> threading.Condition:
        with _meeting:
            if not sending.met:
                sending.__dict__.update(
                    _condition=threading.Condition(), _waiters=[], _done_callbacks=[], met=True
                )
        condition: threading.Condition = sending.__dict__["_condition"]
        return condition


class Sending(Future[Receipt]):
    """An event on its way. It cannot be cancelled: nobody can say that it has not left."""

    met = False
    _condition: Any = _MadeWhenMet()
    _state = PENDING
    _result = _exception = None
    _waiters: Any = ()
    _done_callbacks: Any = ()

    def __init__(self) -> None:
        """Make nothing: what `Future` would make is above, or made when met."""

    def cancel(self) -> bool:
        """Refuse, as a running future does."""
        return False

    def done(self) -> bool:
        return self._state == FINISHED

    def result(self, timeout: float | None = None) -> Receipt:
        receipt: Receipt | None = self._result
        return super().result(timeout) if receipt is None else receipt

    def set_result(self, result: Receipt) -> None:
        with _meeting:
            alone = not self.met and self._state == PENDING
            if alone:
                self._result = result
                self._state = FINISHED
        if not alone:
            super().set_result(result)
