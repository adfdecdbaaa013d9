"""The pool: as many environments as concurrency allows, warm ones first, the rest throttled."""

import threading

import pytest

from local.environments.environment import Ending, InvocationResult
from local.environments.pool import EnvironmentPool


class Gate:
    """An environment whose invocations wait until the test lets them go."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.environments = []

    def start(self):
        environment = Gated(self, len(self.environments) + 1)
        self.environments.append(environment)
        return environment


class Gated:
    def __init__(self, gate, number):
        self.gate = gate
        self.pids = (number,)
        self.stopped = False

    def invoke(self, event):
        self.gate.entered.release()
        assert self.gate.leave.acquire(timeout=10)
        return InvocationResult(ending=Ending.ANSWERED, answer=self.pids[0])

    def stop(self):
        self.stopped = True
        self.gate.leave.release()


@pytest.fixture
def gate():
    return Gate()


def test_it_starts_no_more_environments_than_it_needs(gate):
    pool = EnvironmentPool(gate.start, concurrency=3)
    for _ in range(4):
        gate.leave.release()
        assert pool.invoke(b"{}").result(timeout=5).answer == 1
    assert pool.pids == (1,)
    pool.stop()


def test_beyond_its_concurrency_it_throttles_at_once(gate):
    pool = EnvironmentPool(gate.start, concurrency=2)
    running = [pool.invoke(b"{}") for _ in range(2)]
    for _ in running:
        assert gate.entered.acquire(timeout=5)
    assert pool.invoke(b"{}").result(timeout=0).ending is Ending.THROTTLED
    gate.leave.release(2)
    assert {future.result(timeout=5).ending for future in running} == {Ending.ANSWERED}
    gate.leave.release()
    assert pool.invoke(b"{}").result(timeout=5).ending is Ending.ANSWERED
    assert len(gate.environments) == 2
    pool.stop()


def test_stopping_ends_every_environment_and_invokes_no_more(gate):
    pool = EnvironmentPool(gate.start, concurrency=2)
    running = pool.invoke(b"{}")
    assert gate.entered.acquire(timeout=5)
    pool.stop()
    assert running.done()
    assert [environment.stopped for environment in gate.environments] == [True]
    assert pool.invoke(b"{}").result(timeout=0).ending is Ending.THROTTLED
