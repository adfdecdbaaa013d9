"""Redrives one order in this process, which an event of type `deadly` ends."""

import os
import sys
from uuid import uuid4

from consumer.attempts import Attempts
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.redrive.orders import redrive_order
from consumer.redrive.replay import Means
from consumer.settings import Settings
from contract import Event
from tests.operating.notes import Notes

DEADLY = 9


class Deadly(Notes):
    """Ends the process, as running out of memory would."""

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if event.type == "deadly":
            os._exit(DEADLY)
        return super().apply(state, event)


def main() -> None:
    """Arguments: database URL, order ID."""
    url, order_id = sys.argv[1:]
    projection = Deadly()
    projection.refuses = set()
    database = Database(Settings(database_url=url))
    attempts = Attempts(database, projection, lambda: 0.05, 0.0)
    redrive_order(Means(attempts, Delivery(attempts, environment=uuid4())), order_id)
