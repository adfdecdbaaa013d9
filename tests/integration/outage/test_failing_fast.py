"""While the database does not answer, an environment hands batches back without asking it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from consumer import handler
from contract.metrics import Metric
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from


class Refusing:
    """A port that takes every connection and closes it, and counts them."""

    def __init__(self) -> None:
        self.met = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.met += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with closing(Refusing()) as server:
        yield server


def printed(capsys, metric: Metric) -> list[float]:
    lines = [json.loads(x) for x in capsys.readouterr().out.splitlines() if '"_aws"' in x]
    return [value for line in lines for value in line.get(metric, [])]


def test_the_second_batch_is_handed_back_untouched(refusing, capsys):
    url = f"postgresql://nobody@127.0.0.1:{refusing.port}/none"
    event = batch_of([make_event(1)], start=7)
    with environment(url, FUSE_SECONDS="1") as invoke:
        assert invoke(event) == unfinished_from(7)
        tried = refusing.met
        assert tried > 0
        capsys.readouterr()
        began = time.monotonic()
        assert invoke(event) == unfinished_from(7)
        assert refusing.met == tried, "the fuse let a connection through"
        assert time.monotonic() - began > 0.5, "handed back at once, it comes again at once"
        assert printed(capsys, Metric.BATCHES_REFUSED) == [1.0]
        assert invoke(event) == unfinished_from(7)
        assert refusing.met > tried, "after the pause one batch tries again"


def test_a_database_that_is_back_mends_the_fuse(database_url, capsys):
    with environment(database_url, FUSE_SECONDS="1", PROJECTION="consumer.orders:Orders") as invoke:
        handler.parts().fuse.met(time.monotonic() - 1.0, unreachable=True)
        assert invoke(batch_of([make_event(1)], start=7)) == FINISHED
        assert handler.parts().fuse.pause == 0.0
        (waited,) = printed(capsys, Metric.DATABASE_MILLISECONDS)
        assert 0.0 < waited < 30_000.0
