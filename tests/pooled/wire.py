"""Sends what consumer, redrive, auditor and operator say to a database past a recorder, and through
a pooler where there is one.

While this is installed, a connection that one of the packages under test makes goes to a relay
instead of the server it named, and one that the tests make themselves does not. A child process
whose environment has a `DATABASE_URL`, or whose command has such a URL, is given one that names the
relay, and so is a process apart in what it is told.
"""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consumer.apart.process import Processes
from consumer.deploys import Code
from consumer.settings import Settings
from tests.consuming.relay import Relay
from tests.pooled.pgbouncer import PgBouncer
from tests.pooled.pinning import problems, text_of

UNDER_TEST = ("consumer", "login", "ops")
_ENCRYPTED = ("require", "verify-ca", "verify-full")

_Conninfo = dict[str, Any]


class Said(msgspec.Struct, kw_only=True):
    """What was said to databases: on how many connections, each statement how often, and what is
    wrong with whom.
    """

    connections: int = 0
    statements: dict[str, int] = {}
    problems: dict[str, str] = {}

    def add(self, other: "Said") -> None:
        self.connections += other.connections
        self.statements = dict(Counter(self.statements) + Counter(other.statements))
        self.problems |= other.problems


class Wire:
    """Routes what is said, and writes it down."""

    def __init__(self, folder: Path, *, pooled: bool) -> None:
        self.pooled = pooled
        self.said = Said()
        self._folder = folder
        self._lock = threading.RLock()
        self._relays: dict[int, Relay] = {}
        self._poolers: dict[int, PgBouncer] = {}
        self._connect = psycopg.Connection.__dict__["connect"]
        self._start = subprocess.Popen.__init__
        self._apart = Processes.__init__

    def install(self) -> None:
        psycopg.Connection.connect = classmethod(self._routed(self._connect.__func__))
        psycopg.connect = psycopg.Connection.connect
        subprocess.Popen.__init__ = self._started(self._start)
        Processes.__init__ = self._told(self._apart)

    def remove(self) -> None:
        psycopg.Connection.connect = self._connect
        psycopg.connect = psycopg.Connection.connect
        subprocess.Popen.__init__ = self._start
        Processes.__init__ = self._apart
        for relay in self._relays.values():
            relay.__exit__(None, None, None)
        for pooler in self._poolers.values():
            pooler.stop()

    def through(self, conninfo: str) -> str:
        """The same database by way of the recorder."""
        given = conninfo_to_dict(conninfo)
        routed = self._route(given)
        return make_conninfo(conninfo, **routed) if routed else conninfo

    def _started(self, start: Callable[..., None]) -> Callable[..., None]:
        def start_past(process: Any, command: Any, *args: Any, **kwargs: Any) -> None:
            if isinstance(command, list):
                urls = ("postgres://", "postgresql://")
                command = [self.through(w) if str(w).startswith(urls) else w for w in command]
            env = kwargs.get("env")
            if env and env.get("DATABASE_URL"):
                kwargs["env"] = {**env, "DATABASE_URL": self.through(env["DATABASE_URL"])}
            start(process, command, *args, **kwargs)

        return start_past

    def _told(self, make: Callable[..., None]) -> Callable[..., None]:
        def make_past(processes: Any, settings: Settings, code: Code) -> None:
            url = settings.database_url and self.through(settings.database_url)
            make(processes, msgspec.structs.replace(settings, database_url=url), code)

        return make_past

    def _routed(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def connect_past(cls: Any, conninfo: str = "", **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
            if caller in UNDER_TEST:
                kwargs |= self._route({**conninfo_to_dict(conninfo), **kwargs})
            return connect(cls, conninfo, **kwargs)

        return connect_past

    def _route(self, given: _Conninfo) -> _Conninfo:
        """What to change of these connection parameters; nothing where it cannot be read."""
        port = given.get("port")
        if given.get("host") != "127.0.0.1" or port is None or given.get("sslmode") in _ENCRYPTED:
            return {}
        with self._lock:
            if self.pooled:
                pooler = self._pooler(int(port))
                pooler.admit(given.get("user", "postgres"), given.get("password", ""))
                port = pooler.port
            return {"port": self._relay(int(port)).port}

    def _pooler(self, port: int) -> PgBouncer:
        if port not in self._poolers:
            self._poolers[port] = PgBouncer(self._folder, port)
        return self._poolers[port]

    def _relay(self, port: int) -> Relay:
        if port not in self._relays:
            self._relays[port] = Relay(port, self._see).__enter__()
        return self._relays[port]

    def _see(self, kind: bytes, body: bytes) -> None:
        found = problems(kind, body)
        text = text_of(kind, body)
        with self._lock:
            self.said.connections += kind == b""
            if text is not None:
                self.said.statements[text] = self.said.statements.get(text, 0) + 1
            if found:
                self.said.problems[text or repr(body[:200])] = ", ".join(found)
