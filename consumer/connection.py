"""The consumer's connection: it knows how long it was waited for, and need not be waited for."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, Cursor
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.generators import fetch_many, send
from psycopg.pq import PipelineStatus, TransactionStatus


class Timed(Connection[Any]):
    """A connection that knows how often, and for how many seconds, it was waited for, and to which
    a statement can be posted: the server works at it while the client goes on.
    """

    waited = 0.0
    asked = 0
    refused: psycopg.Error | None = None
    """What became of a statement that was posted, if that is an error: whoever talked to the server
    next was told so, and is not to blame for it. The next transaction begins without.
    """
    _posted: "_Posted | None" = None

    def post(self, statement: LiteralString, parameters: Mapping[str, Any]) -> None:
        """Send a statement without waiting for its answer, which `settle` does, or whatever talks
        to the server next. In a pipeline it is a statement as any other.
        """
        posted = _Posted(self)
        if self.pgconn.pipeline_status != PipelineStatus.OFF:
            posted.execute(statement, parameters)
            return
        posted.pack(statement, parameters)
        self.wait(posted.sent())
        self._posted = posted

    def settle(self) -> None:
        """Wait for the statement that was posted, if one was; raises what became of it."""
        posted, self._posted = self._posted, None
        if posted is not None:
            try:
                self.wait(posted.answered())
            except psycopg.Error as error:
                self.refused = error
                raise

    def check_alive(self) -> None:
        """Raise if a statement of this transaction has failed and somebody has swallowed it: the
        commit would roll back without a word.
        """
        if self.pgconn.transaction_status == TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction("a statement has failed, nobody said so")

    @contextmanager
    def transaction(self, *args: Any, **kwargs: Any) -> Iterator[psycopg.Transaction]:
        """As psycopg's, which would take a savepoint for set, and lose count of them, if what was
        posted failed just then.
        """
        self.settle()
        with super().transaction(*args, **kwargs) as transaction:
            yield transaction

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Everything that waits for the server comes through here, a pipeline too."""
        self.settle()
        began = time.perf_counter()
        self.asked += 1
        try:
            return super().wait(*args, **kwargs)
        finally:
            self.asked += 1
            self.waited += time.perf_counter() - began


class _Posted(Cursor[Any]):
    """One statement, in the three steps that `Cursor.execute` takes at once."""

    def pack(self, statement: LiteralString, parameters: Mapping[str, Any]) -> None:
        self._tx = Transformer(self)
        self._packed = self._convert_query(statement, parameters)

    def sent(self) -> PQGen[None]:
        self._execute_send(self._packed)
        yield from send(self._pgconn)

    def answered(self) -> PQGen[None]:
        results = yield from fetch_many(self._pgconn)
        self._check_results(results)
