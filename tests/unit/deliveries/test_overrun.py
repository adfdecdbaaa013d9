"""What ends a process: a projection that stands still, or asks for ever; and what does not."""

import pytest

from consumer import overrun
from consumer.overrun import QUESTIONS, TICK, Overrun, Watched
from consumer.watchdog import watching
from tests.consuming.journal import Journal

LONGEST = 1.0
LOOKS = round(LONGEST / TICK)


class Server:
    asked = 0


class Ended(BaseException):
    pass


@pytest.fixture
def watched(monkeypatch):
    def end(status):
        raise Ended(status)

    monkeypatch.setattr(overrun.os, "_exit", end)
    return Watched(Journal())


@pytest.fixture
def looked(watched):
    """Look as often as it takes, with something happening between the looks."""
    made = []

    def look(between, *, apart=False, looks=LOOKS + 1):
        server = Server()
        made.append(Overrun(watched, server, LONGEST, apart=apart))
        for _ in range(looks):
            made[-1].look()
            between(server)
        return made[-1]

    yield look
    for one in made:
        one.disarm()


def asks(times):
    def between(server):
        server.asked += 2 * times

    return between


MANY = asks(QUESTIONS // LOOKS + 1)


def test_code_that_stands_still_is_ended(watched, looked):
    watched.calls = 1
    with pytest.raises(Ended):
        looked(asks(0))


def test_waiting_for_the_database_is_nobodys_fault(watched, looked):
    def waits(server):
        server.asked = 1

    watched.calls = 1
    looked(waits, apart=True).end_if_pestering()


def test_what_is_not_the_projection_may_ask(watched, looked):
    watched.calls = 2
    looked(MANY, apart=True).end_if_pestering()


def test_a_call_that_asks_for_ever_is_ended_apart(watched, looked):
    watched.calls = 1
    with pytest.raises(Ended):
        looked(MANY, apart=True, looks=LOOKS + 2)


def test_and_in_an_invocation_only_when_its_time_is_up(watched, looked):
    watched.calls = 1
    called = looked(MANY, looks=LOOKS + 2)
    with pytest.raises(Ended):
        called.end_if_pestering()


def test_a_slow_database_answers_less(watched, looked):
    watched.calls = 1
    looked(asks(QUESTIONS // (2 * LOOKS)), apart=True).end_if_pestering()


def test_many_calls_may_ask_as_much_as_they_like(watched, looked):
    def calls(server):
        MANY(server)
        watched.calls += 2

    watched.calls = 1
    looked(calls, apart=True, looks=3 * LOOKS).end_if_pestering()


def test_a_cut_asks_first_whose_fault_it_is():
    happened = []

    class Asked:
        arm = look = disarm = lambda self: None

        def end_if_pestering(self):
            happened.append("asked")

    class Connection:
        def cut(self):
            happened.append("cut")

    with watching(Connection(), [0.0], Asked()) as _:
        while "cut" not in happened:
            pass
    assert happened == ["asked", "cut"]
