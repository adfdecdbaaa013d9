"""The checker of `make test-pooled` has to notice, or what it lets through proves nothing."""

import pytest

from tests.pooled.pinning import LARGEST_TEXT, problems, text_of

START = b"\0\3\0\0"
PINS = [
    ("set lock_timeout = '1s'", "SET or RESET"),
    ("Set Local lock_timeout = '1s'", "SET or RESET"),
    ("set session characteristics as transaction read only", "SET or RESET"),
    ("set transaction isolation level serializable", "SET or RESET"),
    ("begin; set role somebody; commit", "SET or RESET"),
    ("reset all", "SET or RESET"),
    ("select set_config('a.b', 'c', true)", "set_config"),
    ("select 1 where pg_catalog . set_config('a.b', 'c', true) = 'c'", "set_config"),
    ("prepare p as select 1", "PREPARE"),
    ("execute p", "EXECUTE"),
    ("deallocate all", "DEALLOCATE"),
    ("discard plans", "DISCARD"),
    ("create temp table t (a int)", "a temporary table, view or sequence"),
    ("create temporary sequence s", "a temporary table, view or sequence"),
    ("create temp view v as select 1", "a temporary table, view or sequence"),
    ("create temp table t as select 1", "a temporary table, view or sequence"),
    ("select 1 as a into temp t", "a temporary table, view or sequence"),
    ("create table pg_temp.t (a int)", "a temporary table, view or sequence"),
    ("declare c cursor with hold for select 1", "a cursor"),
    ("fetch 10 from c", "a cursor"),
    ("listen channel", "LISTEN"),
    ("unlisten *", "LISTEN"),
    ("load 'auto_explain'", "LOAD"),
    ("select nextval('s')", "a sequence's function"),
    (
        "with a as (insert into t values (setval('s', 1)) returning 1) table a",
        "a sequence's function",
    ),
    ("select pg_advisory_lock(1)", "an advisory lock of the session"),
    ("select * from t where pg_try_advisory_lock_shared(1, 2)", "an advisory lock of the session"),
    ("select pg_advisory_unlock_all()", "an advisory lock of the session"),
    ("do $$ begin perform 1; end $$", "DO, whose body nobody has read"),
]
FREE = [
    "",
    "begin isolation level repeatable read",
    "commit",
    "select 'set a = 1; listen b' -- discard all",
    "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)",
    "select nextval from t",
    "insert into t select * from unnest($1::text[]) on conflict do update set a = excluded.a",
    "update t set listen = $1 where prepare = $2",
    "notify channel",
    "select a_function_of_ours($1)",
]


def query(text):
    return problems(b"Q", text.encode() + b"\0")


def parse(text, name=b""):
    return problems(b"P", name + b"\0" + text.encode() + b"\0\0\0")


@pytest.mark.parametrize(("text", "why"), PINS)
def test_what_pins_is_noticed(text, why):
    assert query(text) == (why,)
    assert parse(text) == (why,)


@pytest.mark.parametrize("text", FREE)
def test_what_does_not_pin_is_let_through(text):
    assert query(text) == parse(text) == ()


def test_a_text_of_16_kb_is_the_largest():
    text = "select 1" + " " * (LARGEST_TEXT - 8)
    assert query(text) == ()
    assert query(text + " ") == (f"{LARGEST_TEXT + 1} bytes of text",)


def test_sql_that_nobody_can_read_is_not_let_through():
    (found,) = query("selec 1")
    assert found.startswith("cannot be read")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"P", b"name\0select 1\0\0\0"),
        (b"B", b"portal\0\0\0\0\0\0\0\0"),
        (b"B", b"\0name\0\0\0\0\0\0\0"),
        (b"D", b"Sname\0"),
        (b"D", b"Pportal\0"),
        (b"C", b"Sname\0"),
        (b"E", b"portal\0\0\0\0\0"),
    ],
)
def test_names_in_the_extended_protocol_are_noticed(kind, body):
    assert problems(kind, body) == ("a named statement or portal",)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"P", b"\0select 1\0\0\0"),
        (b"B", b"\0\0\0\0\0\0\0\0"),
        (b"D", b"P\0"),
        (b"D", b"S\0"),
        (b"E", b"\0\0\0\0\0"),
        (b"S", b""),
        (b"X", b""),
        (b"p", b"secret\0"),
    ],
)
def test_messages_without_names_are_let_through(kind, body):
    assert problems(kind, body) == ()


def test_a_function_called_by_its_number_is_noticed():
    assert problems(b"F", b"\0\0\0\1\0\0\0\0\0\0") != ()


def test_start_up_parameters_are_those_that_the_proxy_takes():
    assert problems(b"", START + b"user\0a\0database\0b\0application_name\0c\0\0") == ()
    refused = problems(b"", START + b"user\0a\0options\0-c lock_timeout=1\0\0")
    assert refused == ("the start-up parameter options",)


def test_a_password_has_no_text():
    assert text_of(b"p", b"secret\0") is None
    assert text_of(b"P", b"\0select 1\0\0\0") == text_of(b"Q", b"select 1\0") == "select 1"
