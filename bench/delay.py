"""A TCP proxy that adds a round trip of so many milliseconds, and is calibrated to do so.

It runs in a process of its own and holds every chunk back for half the time in either direction,
each by its own clock, so that a long answer is late and not slow. Sleeping is never exact and a hop
through a proxy takes time of its own, so `calibrated` measures statements through it and without
it, and corrects the setting until the difference is what was asked for.
"""

import heapq
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg

_TRIES = 8
_EXACT = 0.03
_CHUNK = 1 << 18
_SPIN_SECONDS = 0.00015
"""How much of a wait is spent looking at the clock, since a sleep ends late by about as much."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of one `select 1`, medians, and what the proxy was set to."""

    wanted: float
    direct: float
    delayed: float
    setting: float

    @property
    def added(self) -> float:
        """What the proxy really adds."""
        return self.delayed - self.direct


@contextmanager
def calibrated(url: str, milliseconds: float) -> Iterator[tuple[str, Calibration]]:
    """A URL of the same server, a round trip of `milliseconds` further away."""
    setting, tried = milliseconds, []
    for _ in range(_TRIES):
        found = _measured(url, milliseconds, setting)
        tried.append(found)
        if abs(found.added - milliseconds) <= _EXACT * milliseconds:
            break
        setting = max(0.0, setting - (found.added - milliseconds))
    best = min(tried, key=lambda one: abs(one.added - milliseconds))
    with _proxy(url, best.setting) as through:
        yield through, best


def _measured(url: str, wanted: float, setting: float) -> Calibration:
    """A statement on either way in turn, so that a busy machine slows both."""
    with (
        _proxy(url, setting) as through,
        psycopg.connect(url, autocommit=True, prepare_threshold=None) as near,
        psycopg.connect(through, autocommit=True, prepare_threshold=None) as far,
    ):
        took = [(_milliseconds(near), _milliseconds(far)) for _ in range(300)]
    direct, delayed = (median(each) for each in zip(*took, strict=True))
    return Calibration(wanted=wanted, direct=direct, delayed=delayed, setting=setting)


def _milliseconds(connection: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    connection.execute("select 1").fetchone()
    return 1_000 * (time.perf_counter() - began)


@contextmanager
def _proxy(url: str, milliseconds: float) -> Iterator[str]:
    parts = urlsplit(url)
    target = (parts.hostname or "127.0.0.1", parts.port or 5432)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, target, milliseconds / 2_000), daemon=True
    )
    process.start()
    theirs.close()
    try:
        port = ours.recv()
        login = parts.netloc.rpartition("@")[0]
        through = parts._replace(netloc=f"{login}@127.0.0.1:{port}")
        yield urlunsplit(through)
    finally:
        ours.close()
        process.join(timeout=10)
        process.kill()


def _serve(pipe: Connection, target: tuple[str, int], seconds: float) -> None:
    """The proxy's process, until the other end of the pipe is gone."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    _Proxy(listener, pipe, target, seconds).run()


class _Proxy:
    """One loop over all connections, since two threads of one interpreter would wait for each
    other.
    """

    def __init__(
        self, listener: socket.socket, pipe: Connection, target: tuple[str, int], seconds: float
    ) -> None:
        self._listener = listener
        self._pipe = pipe
        self._target = target
        self._seconds = seconds
        self._peers: dict[socket.socket, socket.socket] = {}
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._count = 0

    def run(self) -> None:
        while True:
            wait = self._due[0][0] - time.perf_counter() - _SPIN_SECONDS if self._due else None
            watched: list[socket.socket | Connection] = [self._listener, self._pipe, *self._peers]
            ready, _, _ = select.select(watched, (), (), None if wait is None else max(0.0, wait))
            now = time.perf_counter()
            for each in ready:
                if each is self._pipe:
                    return
                if each is self._listener:
                    self._accept()
                elif each in self._peers:
                    self._take(each, now)
            self._hand_on()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        for each, peer in ((client, server), (server, client)):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[each] = peer

    def _take(self, source: socket.socket, now: float) -> None:
        chunk = b""
        with suppress(OSError):
            chunk = source.recv(_CHUNK)
        self._count += 1
        heapq.heappush(self._due, (now + self._seconds, self._count, self._peers[source], chunk))
        if not chunk:
            del self._peers[source]

    def _hand_on(self) -> None:
        while self._due and self._due[0][0] - time.perf_counter() <= _SPIN_SECONDS:
            due, _, sink, chunk = heapq.heappop(self._due)
            while time.perf_counter() < due:
                pass
            with suppress(OSError):
                if chunk:
                    sink.sendall(chunk)
                else:
                    sink.shutdown(socket.SHUT_WR)
