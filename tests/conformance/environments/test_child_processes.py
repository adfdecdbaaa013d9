"""What a `process` environment promises beyond the others: memory, signals and orphans."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from local.environments.environment import Ending
from local.environments.process import ChildProcess

PROJECT = Path(__file__).parents[3]


def event(do, **arguments):
    return json.dumps({"do": do, **arguments}).encode()


@pytest.fixture
def environment(function, log, started):
    child = ChildProcess(function, log=log)
    started.append(child)
    return child


def is_gone(pid, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and _state(pid) == "Z":
            return True  # dead, and waits only for its new parent to notice
        time.sleep(0.01)
    return False


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_killed_process_is_a_crash_that_names_the_signal(environment, tmp_path, until_exists):
    mark = tmp_path / "at-work"
    with ThreadPoolExecutor(1) as threads:
        invocation = threads.submit(environment.invoke, event("sleep", seconds=9, mark=str(mark)))
        until_exists(mark)
        os.kill(*environment.pids, signal.SIGKILL)
        result = invocation.result(timeout=5)
    assert result.ending is Ending.CRASHED
    assert result.error_message == "Runtime exited with error: signal: kill"
    assert environment.invoke(event("answer", answer=1)).answer == 1


def test_a_process_killed_while_it_was_idle_is_replaced_unnoticed(environment):
    environment.invoke(event("pid"))
    (pid,) = environment.pids
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while environment.pids:  # it is gone for its parent a moment after it is for /proc
        assert time.monotonic() < until
        time.sleep(0.01)
    assert environment.invoke(event("answer", answer=1)).answer == 1


def test_the_terminals_interrupt_does_not_reach_it(environment):
    environment.invoke(event("pid"))
    (pid,) = environment.pids
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGINT)
    assert environment.invoke(event("pid")).answer == pid


def test_a_function_that_outgrows_its_memory_is_killed(function, log, started):
    small = msgspec.structs.replace(function, memory_mb=128)
    environment = ChildProcess(small, log=log, limit_memory=True)
    started.append(environment)
    result = environment.invoke(event("take_memory", bytes=400 * 1024 * 1024))
    assert (result.ending, result.error_type) == (Ending.CRASHED, "Runtime.ExitError")
    assert environment.invoke(event("answer", answer=1)).answer == 1


PARENT = """
import json, sys, threading
from pathlib import Path

sys.path.insert(0, {project!r})
from local.environments.function import Function
from local.environments.process import ChildProcess

code = Path({code!r})
function = Function(name="f", handler="environment_handler.handler", timeout_seconds=60, code=code)
environment = ChildProcess(function)
environment.invoke(b'{{"do": "count"}}')
work = json.dumps({{"do": {do!r}, "seconds": 60, "mark": {mark!r}}}).encode()
threading.Thread(target=environment.invoke, args=(work,), daemon=True).start()
print(environment.pids[0], flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("do", ["sleep", "spin"])
def test_it_dies_with_a_parent_that_was_killed(tmp_path, until_exists, do):
    """Also in the middle of a handler, and of one that never lets go of the interpreter."""
    mark = tmp_path / "at-work"
    code = str(Path(__file__).parent / "code")
    script = PARENT.format(project=str(PROJECT), code=code, do=do, mark=str(mark))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        until_exists(mark)
        assert not is_gone(pid, seconds=0.1)
        parent.kill()
    assert is_gone(pid)
