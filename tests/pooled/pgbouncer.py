"""Debian's pgbouncer in front of a PostgreSQL: transaction pooling over two server connections."""

import os
import shutil
import time
from pathlib import Path

import psycopg

from local import tether
from local.ports import free_port

SERVER_CONNECTIONS = 2

_USER = "nobody" if os.geteuid() == 0 else ""
_CONSOLE = "console"
_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
admin_users = {console}
pool_mode = transaction
default_pool_size = {connections}
max_db_connections = {connections}
max_client_conn = 200
server_login_retry = 0.1
query_wait_timeout = 60
server_check_query =
"""
"""A server that is down is asked again at once. Nothing is ignored of a start-up message: what RDS
Proxy would refuse is refused here as well."""


def executable() -> str | None:
    """Where pgbouncer is: Debian keeps it where a user without rights does not look."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class PgBouncer:
    """One pooler, until `stop`. Users log in to it without a password; it has theirs for the
    server, once `admit` was told.
    """

    def __init__(self, folder: Path, server_port: int) -> None:
        self.port = free_port()
        self._users: dict[str, str] = {_CONSOLE: ""}
        self._file = folder / f"users-{self.port}"
        self._write_users()
        settings = folder / f"pgbouncer-{self.port}.ini"
        settings.write_text(
            _SETTINGS.format(
                server_port=server_port,
                port=self.port,
                users=self._file,
                console=_CONSOLE,
                connections=SERVER_CONNECTIONS,
            )
        )
        command = executable()
        if command is None:
            raise FileNotFoundError("pgbouncer")
        self._process = tether.start(
            [command, settings],
            log=folder / f"pgbouncer-{self.port}.log",
            env={"PATH": os.environ.get("PATH", "")},
            cwd=folder,
            user=_USER,
        )
        self._wait()

    def admit(self, user: str, password: str) -> None:
        """Let this user through; at once, since the console answers when it has read the file."""
        if self._users.get(user) == password:
            return
        self._users[user] = password
        self._write_users()
        self._ask("reload")

    def stop(self) -> None:
        tether.release(self._process)

    def _write_users(self) -> None:
        """Names and passwords of servers that live as long as a test."""
        lines = (f'"{user}" "{password}"\n' for user, password in self._users.items())
        self._file.write_text("".join(lines))
        self._file.chmod(0o644)

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._ask("show version")
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def _ask(self, command: str) -> None:
        where = f"host=127.0.0.1 port={self.port} user={_CONSOLE} dbname=pgbouncer"
        with psycopg.connect(f"{where} sslmode=disable", autocommit=True) as console:
            console.execute(command, prepare=False)
