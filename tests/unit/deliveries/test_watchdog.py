"""The watchdog cuts in time, and not after the work has ended."""

from threading import Event

import pytest

from consumer.watchdog import cuts, watching


class Connection:
    def __init__(self):
        self.times = 0
        self.twice = Event()

    def cut(self):
        self.times += 1
        if self.times == 2:
            self.twice.set()


def test_it_cuts_each_time():
    connection = Connection()
    with watching(connection, [0.0, 0.01]):
        assert connection.twice.wait(5)
    assert connection.times == 2


def test_it_leaves_alone_what_ends():
    connection = Connection()
    with watching(connection, [30.0]):
        pass
    assert connection.times == 0


@pytest.mark.parametrize(
    ("remaining", "expected"), [(60.0, [54.0, 59.5]), (10.0, [5.0, 9.5]), (1.0, [0.5, 0.75])]
)
def test_there_is_time_left_to_say_so(remaining, expected):
    assert cuts(remaining, reserve=1.0, connect=5.0) == expected
