"""Redrives one order in this process, which an event of type `deadly` ends."""

import os
import sys
from uuid import uuid4

from consumer.apart.process import Processes
from consumer.apart.witness import Witness
from consumer.attempts import Attempts
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.redrive.orders import redrive_order
from consumer.redrive.replay import Means
from consumer.settings import Settings
from contract import Event
from tests.operating.notes import Notes

DEADLY = 9


class Deadly(Notes):
    """Ends the process, as running out of memory would."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = set()

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if event.type == "deadly":
            os._exit(DEADLY)
        return super().apply(state, event)


PROJECTION = "tests.operating.redrive_and_die:Deadly"


def main() -> None:
    """Arguments: database URL, order ID."""
    url, order_id = sys.argv[1:]
    settings = Settings(database_url=url, projection=PROJECTION)
    database = Database(settings)
    attempts = Attempts(database, Deadly(), lambda: 20.0, 0.0)
    witness = Witness(attempts, Processes(settings, Code()), 3, 1.0)
    delivery = Delivery(attempts, environment=uuid4())
    redrive_order(Means(attempts, delivery, witness=witness), order_id)
