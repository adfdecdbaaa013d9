"""The shipped projection on a machine that fails now and then, whatever the event."""

import os
from pathlib import Path

from consumer.orders import Orders, OrderState
from contract import Event

_MEGABYTE = 1 << 20


class Ailing(Orders):
    """Takes a file out of the folder `AILMENTS`, if there is one, and does what its name says in
    the middle of an order: each file is the end of one process, and of no event in particular.
    """

    def apply(self, state: OrderState | None, event: Event) -> OrderState:
        applied = super().apply(state, event)
        for ailment in Path(os.environ["AILMENTS"]).iterdir():
            try:
                ailment.unlink()
            except FileNotFoundError:
                continue  # another process has it
            _suffer(ailment.stem)
        return applied


def _suffer(ailment: str) -> None:
    if ailment == "loop":
        while True:
            pass
    kept = []
    while True:
        kept.append(b"x" * (4 * _MEGABYTE))
