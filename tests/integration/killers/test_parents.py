"""A process apart ends with its parent, also while nothing of Python's runs in it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consumer.apart.process import Processes
from consumer.attempts import Interrupted
from consumer.deploys import Code
from consumer.settings import Settings
from tests.consuming.stuck import Stuck

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/none",
    projection="tests.consuming.deadly:Deadly",
    reserve_seconds=0.1,
)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("hold", ["loop", "stuck"])
def test_it_is_killed_with_its_parent(hold, tmp_path):
    told = tmp_path / "pid"
    code = "from tests.consuming.stuck import begin; begin()"
    parent = subprocess.Popen([sys.executable, "-c", code, hold, str(told)], cwd=ROOT)
    try:
        until = time.monotonic() + 30
        while not (told.exists() and told.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        child = int(told.read_text())
        assert alive(child)
        parent.kill()
        parent.wait()
        until = time.monotonic() + 5
        while alive(child) and time.monotonic() < until:
            time.sleep(0.02)
        assert not alive(child)
    finally:
        parent.kill()
        parent.wait()


def test_what_is_given_up_for_want_of_time_did_not_die(tmp_path):
    """It is stopped all the same, and blames nobody."""
    told = tmp_path / "pid"
    run = Processes(SETTINGS, Code())
    ended = run(Stuck(kind="loop", told=str(told)), 2.5, 60.0)
    assert isinstance(ended.problem, Interrupted)
    assert not ended.death
    assert not alive(int(told.read_text()))


def test_one_that_cannot_be_loaded_says_so_by_dying():
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", projection="no.such:X")
    ended = Processes(settings, Code())(Stuck(kind="loop", told=os.devnull), 10.0, 1.0)
    assert (ended.death, ended.at) == ("exit status 1", None)
