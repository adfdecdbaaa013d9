"""A server whose processor is limited: it gets its share and no more, and all of it afterwards."""

import os
import signal
import threading
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from local.control.processor import Processor, Unlimited, can_be_limited

BUSY = "select sum(sqrt(n)) from generate_series(1, 2000) n"


def busy_share(url: str, seconds: float) -> float:
    """Which share of a core a session gets that never stops asking."""
    with psycopg.connect(url, autocommit=True) as connection:
        pid = connection.info.backend_pid
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                connection.execute(BUSY)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(1.0)  # until it is found, and what it may use at once is used
        clock = (~pid << 3) | 2
        began, before = time.monotonic(), time.clock_gettime(clock)
        time.sleep(seconds)
        share = (time.clock_gettime(clock) - before) / (time.monotonic() - began)
        ended.set()
        thread.join()
        return share


@pytest.mark.skipif(not can_be_limited(), reason="needs Linux: limits the server's processor")
def test_a_busy_session_gets_its_share_and_no_more(database_url):
    processor = Processor(0.05)
    with processor.limited(database_url):
        little = busy_share(database_url, 2.0)
        processor.set(0.15)
        more = busy_share(database_url, 2.0)
    free = busy_share(database_url, 1.0)
    assert 0 < little < 0.1
    assert little < more < 0.25
    assert free > more


@pytest.mark.skipif(not can_be_limited(), reason="needs Linux: limits the server's processor")
def test_a_stopped_session_may_hold_what_is_needed_to_look_for_sessions(database_url):
    """The keeper of the quota asks the server who is there, which waits for this very session."""
    with Processor(0.02).limited(database_url), psycopg.connect(database_url) as connection:
        busy(connection, 3)  # by then it is found, and stopped most of the time
        connection.execute("lock table pg_catalog.pg_database in access exclusive mode")
        answered = threading.Event()

        def go_on() -> None:
            busy(connection, 3)
            answered.set()

        threading.Thread(target=go_on, daemon=True).start()
        goes_on = answered.wait(20)
        os.kill(connection.info.backend_pid, signal.SIGCONT)
        assert answered.wait(20)
    assert goes_on, "nobody let it go on"


@pytest.mark.skipif(not can_be_limited(), reason="needs Linux: limits the server's processor")
def test_a_run_that_is_not_limited_is_none(database_url):
    def nobody_keeps_it() -> None:
        with Processor(0.1).limited(make_conninfo(database_url, port=1)):
            pytest.fail("it began without its limit")

    with pytest.raises(Unlimited, match="not limited"):
        nobody_keeps_it()


@pytest.mark.skipif(not can_be_limited(), reason="needs Linux: limits the server's processor")
def test_a_keeper_that_is_lost_on_the_way_is_noticed(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:

        def lost() -> None:
            with Processor(0.9).limited(database_url):
                time.sleep(1)
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
                time.sleep(1)

        with pytest.raises(Unlimited, match="not limited"):
            lost()


def busy(connection: psycopg.Connection, seconds: float) -> None:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        connection.execute(BUSY)
