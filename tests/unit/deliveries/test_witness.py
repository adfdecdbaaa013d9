"""Processes apart: only what a living witness has seen blames an event."""

import pytest

from consumer.apart.evidence import At, Evidence
from consumer.apart.witness import Ended, Witness
from consumer.attempts import Interrupted
from consumer.faults import Fault
from contract import Position

HERE = Position(15, 2)
IN_ORDER = Ended(said=["done"])


def died(at):
    return Ended(said=[], at=at, death="signal SIGKILL")


class Stage:
    """Processes that end as they are told, and an invocation whose seconds are counted."""

    def __init__(self, *endings, left=60.0, reserve=1.0):
        self.endings = list(endings)
        self.evidence = []
        self.longest = []
        self.left = left
        self.reserve = reserve

    def step_aside(self):
        if self.left < self.reserve:
            raise Interrupted(None, "no time")
        return self.left - self.reserve

    def __call__(self, work, seconds, longest):
        self.left -= 1
        self.longest.append(longest)
        self.evidence.append(work)
        return self.endings.pop(0)

    def see_to(self, deaths=3):
        return list(Witness(self, self, deaths, 5.0).see_to(lambda evidence: evidence))


def test_one_that_ends_in_order_is_enough():
    stage = Stage(IN_ORDER)
    assert stage.see_to() == ["done"]
    assert stage.evidence == [Evidence()]


def test_each_death_is_known_to_the_next():
    stage = Stage(
        died(At()), died(At("A")), died(At("A", HERE)), died(At("A", HERE)), died(At("B")), IN_ORDER
    )
    assert stage.see_to() == ["done"]
    last = stage.evidence[-1]
    assert last.everything
    assert last.orders == {"A", "B"}
    assert last.deaths == {("A", HERE): 2}
    assert [bool(evidence) for evidence in stage.evidence] == [False, *[True] * 5]


def test_what_was_said_before_a_death_stays_said():
    stage = Stage(Ended(said=["first"], at=At("A"), death="exit status 9"), IN_ORDER)
    assert stage.see_to() == ["first", "done"]


@pytest.mark.parametrize("at", [None, At(), At("A"), At("A", HERE)])
def test_an_end_in_order_is_no_death_whatever_it_is_of(at):
    """The database is away, a lock is held, the version is stopped, the time is up."""
    problem = Interrupted(Fault.TRANSIENT, "connecting: refused")
    stage = Stage(Ended(said=["half"], at=at, problem=problem))
    seen = Witness(stage, stage, 3, 5.0).see_to(lambda evidence: evidence)
    assert next(seen) == "half"
    with pytest.raises(Interrupted, match="refused"):
        next(seen)
    assert stage.evidence == [Evidence()]


def test_processes_that_never_come_to_life_blame_nobody():
    with pytest.raises(Interrupted, match="3 processes apart died before they began") as raised:
        Stage(*[died(None)] * 3).see_to()
    assert raised.value.fault is Fault.STOP


@pytest.mark.parametrize(("left", "longest"), [(900.0, 5.0), (61.0, 5.0), (11.0, 1.0)])
def test_as_many_deaths_as_it_takes_fit_into_one_invocation(left, longest):
    stage = Stage(died(At("A")), died(At("A", HERE)), IN_ORDER, left=left)
    stage.see_to()
    assert stage.longest == [longest] * 3


def test_without_time_nothing_is_started():
    stage = Stage(died(At("A", HERE)), left=1.5)
    with pytest.raises(Interrupted, match="no time"):
        stage.see_to()
    assert len(stage.evidence) == 1
