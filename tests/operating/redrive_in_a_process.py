"""Redrives one order in this process and says how much memory that took."""

import resource
import sys

from consumer.attempts import Attempts
from consumer.database import Database
from consumer.delivery import Unmarked
from consumer.redrive.orders import redrive_order
from consumer.redrive.replay import Means
from consumer.settings import Settings
from tests.operating.notes import Notes


class Last(Notes):
    """Keeps the last name only: the state of this order is not what is measured."""

    def apply(self, state, event):
        return super().apply(None, event)


def main() -> None:
    """Arguments: database URL, order ID. Prints events applied, and kB before and at the peak."""
    url, order_id = sys.argv[1:]
    projection = Last()
    projection.refuses = set()
    database = Database(Settings(database_url=url))
    database.open()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attempts = Attempts(database, projection, lambda: 1e9, 0.0)
    done = redrive_order(Means(attempts, Unmarked(attempts)), order_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(done.applied, before, peak)  # noqa: T201 - the answer
