"""Two transactions that fail at once cannot both park what only one of them may."""

import threading

from consumer.attempts import Attempts, Stopped
from consumer.database import Database
from consumer.deploys import Code
from consumer.lanes import lanes
from consumer.settings import read
from tests.consuming.events import make_event
from tests.consuming.killing import record

V1 = Code(version="v1", most=2)


class Failing:
    """Every event fails; the others are waited for before."""

    def __init__(self, together: threading.Barrier) -> None:
        self._together = together

    def load(self, cursor, order_ids):
        return {}

    def apply(self, state, event):
        self._together.wait(10)
        raise ZeroDivisionError

    def save(self, cursor, states):
        """Nothing is ever applied."""


def test_of_two_at_once_the_second_stops(sql, consumers, database_url):
    ends = []
    projection = Failing(threading.Barrier(2))

    def fail(order_id):
        database = Database(read({"DATABASE_URL": database_url}))
        attempts = Attempts(database, projection, lambda: 60.0, 1.0, V1)
        try:
            one = lanes([record(1, [make_event(1, order_id=order_id)])])
            ends.append(attempts.commit(one, drain=0).parked[0].arrival.order_id)
        except Stopped as stopped:
            ends.append(stopped)
        finally:
            database.close()

    threads = [threading.Thread(target=fail, args=(order_id,)) for order_id in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (parked,) = [end for end in ends if isinstance(end, str)]
    (stopped,) = [end for end in ends if isinstance(end, Stopped)]
    assert sorted(stopped.orders) == ["A", "B"]
    assert sql.execute("select order_id, code_version from inorder.parking_lot").fetchall() == [
        (parked, "v1")
    ]
    assert sql.execute("select failing_orders from inorder.deploy").fetchone() == ([parked],)
