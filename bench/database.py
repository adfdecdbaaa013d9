"""The server that a benchmark runs on, and fresh databases on it, migrated as the deployed one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

import migrations
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS


class Server:
    """A PostgreSQL server with stock settings: every commit waits for the disk."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._names: list[str] = []
        self._template = ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 5432

    @property
    def version(self) -> str:
        with psycopg.connect(self.url) as connection:
            return str(connection.execute("show server_version").fetchone()[0])  # type: ignore[index] # SHOW returns a row

    def fresh(self) -> str:
        """The URL of a migrated database without a row in it."""
        if not self._template:
            self._template = self._create("template1")
            migrations.apply(self._url_of(self._template), [INORDER, ORDERS])
        return self._url_of(self._create(self._template))

    def drop(self) -> None:
        """Drop every database made here, and write what is left to the disk: the next repeat
        begins as the first did.
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            for name in self._names:
                connection.execute(f'drop database "{name}" with (force)'.encode())
        self.checkpoint()
        self._names, self._template = [], ""

    def checkpoint(self) -> None:
        """Write to the disk what is not there yet."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("checkpoint")

    def _create(self, template: str) -> str:
        name = f"inorder_bench_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'create database "{name}" template "{template}"'.encode())
        self._names.append(name)
        return name

    def _url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


@contextmanager
def server(url: str | None) -> Iterator[Server]:
    """The server at this URL, whose role may create databases; an embedded one without a URL."""
    if url is not None:
        given = Server(url)
        try:
            yield given
        finally:
            given.drop()
        return
    with temporary_folder() as folder, Postgres(Path(folder)) as postgres:
        yield Server(postgres.url)
