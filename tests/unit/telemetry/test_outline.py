"""What a log line may say of an error: never a value that came with an event."""

import psycopg
import pytest

from consumer.faults import Fault, Phase, describe, outline
from consumer.transaction import TransactionFailed

CANARY = "canary-4711"


def refused(sql, statement):
    with pytest.raises(psycopg.Error) as raised:
        sql.execute(statement)
    return raised.value


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"select '{CANARY}'::integer", "22P02: InvalidTextRepresentation"),
        (f"select '{CANARY}'::date", "22007: InvalidDatetimeFormat"),
        (f"do $$ begin raise exception '{CANARY}'; end $$", "P0001: RaiseException"),
        (
            f"create temp table t (n text check (n='')); insert into t values ('{CANARY}')",
            "23514: CheckViolation t t_n_check",
        ),
    ],
)
def test_what_quotes_values_is_named_only(sql, statement, said):
    error = refused(sql, statement)
    assert outline(error) == said
    assert CANARY in describe(error) or "23514" in describe(error), "an operator is told"


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("select * from nowhere", "nowhere"),
        ("set statement_timeout = 1; select pg_sleep(1)", "statement timeout"),
    ],
)
def test_what_quotes_none_is_said_whole(sql, statement, word):
    error = refused(sql, statement)
    assert outline(error) == describe(error)
    assert word in outline(error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(CANARY), "ValueError"),
        (psycopg.DataError(CANARY), "DataError"),
        (psycopg.ProgrammingError(CANARY), "ProgrammingError"),
        (OSError(111, "Connection refused", CANARY), "ConnectionRefusedError: Connection refused"),
        (psycopg.OperationalError("server closed"), "OperationalError: server closed"),
    ],
)
def test_without_an_sqlstate(error, said):
    assert outline(error) == said


def test_a_failed_transaction_says_no_more():
    failed = TransactionFailed(Fault.DATA, Phase.SAVE, ValueError(CANARY))
    assert str(failed) == "in save: ValueError"
