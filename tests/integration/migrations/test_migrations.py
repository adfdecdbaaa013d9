"""Migrations: twice, twice at once, on every PostgreSQL that is here; and errors that say where."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

import migrations
from local.postgres import Postgres, installed, temporary_folder
from migrations.digests import MigrationEdited
from migrations.migrate import HERE, INORDER, ORDERS, MigrationFailed
from tests.consuming.batches import batch, batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.journal import SCHEMA
from tests.consuming.tables import read_tables

OURS = [file.stem for file in sorted(INORDER.glob("*.sql"))]
NAMES = OURS + [file.stem for file in sorted(ORDERS.glob("*.sql"))]


@pytest.fixture(scope="module", params=sorted(installed()), ids="PostgreSQL {}".format)
def server(request) -> Iterator[Postgres]:
    """Each of them in turn."""
    with temporary_folder() as folder, Postgres(Path(folder), major=request.param) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield server


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database on the server of the test run."""
    yield from _empty_on(postgres)


@pytest.fixture
def empty_on_each(server: Postgres) -> Iterator[str]:
    """The URL of an empty database on each server."""
    yield from _empty_on(server)


def _empty_on(server: Postgres) -> Iterator[str]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create database empty")
        yield f"{server.url}?dbname=empty"
        connection.execute("drop database empty with (force)")


def test_the_servers_of_the_wheel_are_here():
    assert {16, 18} <= installed().keys()


def test_once_and_twice(empty_on_each):
    assert migrations.apply(empty_on_each, [INORDER, ORDERS]) == NAMES
    assert migrations.apply(empty_on_each, [INORDER, ORDERS]) == []


def test_several_at_once(empty_on_each):
    with ThreadPoolExecutor(4) as threads:
        results = list(
            threads.map(lambda _: migrations.apply(empty_on_each, [INORDER, ORDERS]), range(4))
        )
    assert sorted(results, key=len) == [[], [], [], NAMES]


class TestEdited:
    """A file that changes after it was applied."""

    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        """Two migrations of somebody's projection."""
        folder = tmp_path / "shop"
        folder.mkdir()
        (folder / "0001.shop.sql").write_text("create table shop (n int);\n")
        (folder / "0002.more.sql").write_text("create table more (n int);\n")
        return folder

    @pytest.fixture
    def tables(self, empty):
        def known() -> set[str]:
            with psycopg.connect(empty) as connection:
                asked = "select tablename from pg_tables where schemaname = 'public'"
                found = {name for (name,) in connection.execute(asked)}
                return {name for name in found if "yoyo" not in name and name[0] != "_"}

        return known

    def test_it_is_named_and_nothing_new_is_applied(self, empty, folder, tables):
        migrations.apply(empty, [folder], up_to={folder: "0001.shop"})
        (folder / "0001.shop.sql").write_text("create table shop (n int, m int);\n")
        with pytest.raises(MigrationEdited, match=r"0001\.shop\.sql was changed after"):
            migrations.apply(empty, [folder])
        assert tables() == {"shop"}
        (folder / "0001.shop.sql").write_text("create table shop (n int);\r\n")
        assert migrations.apply(empty, [folder]) == ["0002.more"], "another system's line ends"
        assert tables() == {"shop", "more"}

    def test_one_that_is_not_wanted_is_nobodys_business(self, empty, folder):
        migrations.apply(empty, [folder])
        (folder / "0002.more.sql").write_text("select 1;\n")
        assert migrations.apply(empty, [folder], up_to={folder: "0001.shop"}) == []

    def test_what_was_applied_before_digests_were_kept_is_taken_as_it_is(self, empty, folder):
        migrations.apply(empty, [folder], up_to={folder: "0001.shop"})
        with psycopg.connect(empty) as connection:
            connection.execute("drop table _inorder_migration_file")
        assert migrations.apply(empty, [folder]) == ["0002.more"]
        (folder / "0001.shop.sql").write_text("select 1;\n")
        with pytest.raises(MigrationEdited):
            migrations.apply(empty, [folder])


def test_the_consumer_works_on_what_they_make(empty_on_each):
    migrations.apply(empty_on_each, [INORDER])
    sent = [make_event(1), make_event(3), make_event(1, order_id="B", type=REFUSED)]
    with psycopg.connect(empty_on_each, autocommit=True) as sql:
        sql.execute(SCHEMA)
        with environment(empty_on_each) as invoke:
            assert invoke(batch_of(sent)) == FINISHED
            assert invoke(batch_of([make_event(2), make_event(2)], start=10)) == FINISHED
            assert invoke(batch(("", b"x"), ("", b"x"), ("C", b"x"), start=20)) == FINISHED
        tables = read_tables(sql)
    assert tables.heads == {
        "A": (True, 3, "open"),
        "B": (True, 0, "parked"),
        "C": (None, 0, "parked"),
    }
    assert {o: [e.kind for e in lot] for o, lot in tables.lot.items()} == {
        "B": ["blocker"],
        "C": ["blocker"],
        None: ["stray", "stray"],
    }


def test_one_folder_after_the_other(empty):
    assert migrations.apply(empty, [INORDER]) == OURS
    assert migrations.apply(empty, [INORDER, ORDERS]) == NAMES[len(OURS) :]


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('__', '.')}.sql").write_text(text)
    return folder


def test_ones_own_folder_beside_ours(empty, tmp_path):
    own = written(tmp_path / "own", **{"0001__shop": "create table shop (id int);"})
    assert migrations.apply(empty, [INORDER, own])[-1] == "0001.shop"
    written(own, **{"0002__more": "alter table shop add column name text;"})
    assert migrations.apply(empty, [INORDER, own]) == ["0002.more"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("create table shop (id int;", "syntax error"),
        ("create table shop (id int); create table shop (id int);", "already exists"),
        ("select 1 / 0;", "division by zero"),
        ("insert into missing values (1);", "does not exist"),
    ],
)
def test_a_bad_file_is_named_and_leaves_nothing_behind(empty, tmp_path, text, says):
    own = written(
        tmp_path / "own", **{"0001__good": "create table good (id int);", "0002__bad": text}
    )
    with pytest.raises(MigrationFailed) as caught:
        migrations.apply(empty, [own])
    assert str(caught.value).startswith("0002.bad.sql: ")
    assert says in str(caught.value)
    with psycopg.connect(empty) as sql:
        found = sql.execute("select to_regclass('good'), to_regclass('shop')").fetchone()
    assert found == ("good", None)
    written(own, **{"0002__bad": "create table shop (id int);"})
    assert migrations.apply(empty, [own]) == ["0002.bad"]


def test_two_migrations_of_one_name_are_refused_before_anything_is_done(empty, tmp_path):
    first = written(tmp_path / "first", **{"0001__shop": "create table a (id int);"})
    second = written(tmp_path / "second", **{"0001__shop": "create table b (id int);"})
    with pytest.raises(
        MigrationFailed, match=r"two folders hold a migration named 0001\.shop\.sql"
    ):
        migrations.apply(empty, [first, second])
    with psycopg.connect(empty) as sql:
        assert sql.execute("select to_regclass('a')").fetchone() == (None,)


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_migrations_is_named(empty, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MigrationFailed, match=f"{name} holds no migration"):
        migrations.apply(empty, [tmp_path / name])


def test_a_migrator_that_died_does_not_lock_out_the_next(empty):
    migrations.apply(empty, [INORDER])
    with psycopg.connect(empty, autocommit=True) as sql:
        sql.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 1)")
    assert migrations.apply(empty, [INORDER, ORDERS]) == NAMES[len(OURS) :]


@pytest.mark.parametrize("password", ["p@ss/w:rd?&#%41", "ü €", "plain"])
def test_a_password_of_any_characters(empty, password):
    with psycopg.connect(empty, autocommit=True) as sql:
        sql.execute(f"create role migrator login superuser password '{password}'")
    try:
        credentials, _, rest = empty.partition("@")
        assert credentials.startswith("postgresql://postgres:")
        url = f"postgresql://migrator:{quote(password, safe='')}@{rest}"
        assert migrations.apply(url, [INORDER, ORDERS]) == NAMES
    finally:
        with psycopg.connect(empty, autocommit=True) as sql:
            sql.execute("reassign owned by migrator to postgres")
            sql.execute("drop role migrator")


def test_a_connection_string_of_keywords_is_as_good_as_a_url(empty):
    given = psycopg.conninfo.conninfo_to_dict(empty)
    assert migrations.apply(psycopg.conninfo.make_conninfo(**given), [INORDER]) == OURS


def test_every_table_and_most_columns_say_what_they_are(empty):
    migrations.apply(empty, [INORDER, ORDERS])
    with psycopg.connect(empty) as sql:
        silent = sql.execute(
            "select relname from pg_class where relkind = 'r' and obj_description(oid) is null"
            " and relnamespace in ('inorder'::regnamespace, 'public'::regnamespace)"
            " and relname !~ 'yoyo'"
        ).fetchall()
    assert silent == []


def test_the_files_are_numbered_without_holes():
    for folder in (INORDER, ORDERS):
        numbers = [int(file.name[:4]) for file in sorted(folder.glob("*.sql"))]
        assert numbers == list(range(1, len(numbers) + 1)), folder.relative_to(HERE)
