"""The roles as a deployment makes them, on a server whose master is no superuser."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from migrations.migrate import MigrationFailed
from migrations.roles import Role, Work, prepare
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.journal import SCHEMA

PASSWORD = "p'ä%s\\"  # noqa: S105 - of a test
APPLICATION = Role(name="inorder_app", work=Work.APPLICATION, password=PASSWORD)
NEITHER = Role(name="inorder_app", work=Work.APPLICATION)
WITH_IAM = Role(name="inorder_app", work=Work.APPLICATION, iam=True)


def as_application(managed) -> str:
    return make_conninfo(managed.root_url, user="inorder_app", password=PASSWORD)


def test_the_consumer_works_as_the_role(migrated):
    with psycopg.connect(migrated.url, autocommit=True) as sql:
        sql.execute(SCHEMA)
    prepare(migrated.url, [APPLICATION])
    with environment(as_application(migrated)) as invoke:
        assert invoke(batch_of([make_event(1), make_event(2)])) == FINISHED
    with psycopg.connect(migrated.url) as sql:
        assert sql.execute("select count(*) from inorder.ledger").fetchone() == (2,)


def test_its_time_outs_are_its_defaults(migrated):
    prepare(migrated.url, [APPLICATION])
    with psycopg.connect(as_application(migrated)) as sql:
        shown = {
            name: sql.execute(f"show {name}").fetchone()[0]
            for name in (
                "lock_timeout",
                "statement_timeout",
                "idle_in_transaction_session_timeout",
                "default_transaction_isolation",
            )
        }
    assert shown == {
        "lock_timeout": "10s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "1min",
        "default_transaction_isolation": "read committed",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "create table inorder.own (id int)",
        "alter table inorder.head add column own int",
        "delete from inorder.ledger",
        "delete from inorder.head",
        "insert into inorder.decision (action, decided_by, because) values ('skip', 'x', 'y')",
        "select * from public._yoyo_migration",
        "delete from public._yoyo_migration",
        "create role another",
        "set role master",
    ],
)
def test_it_may_do_nothing_else(migrated, statement):
    prepare(migrated.url, [APPLICATION])
    with (
        psycopg.connect(as_application(migrated)) as sql,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        sql.execute(statement)


def test_the_tables_and_counters_of_ones_own_projection(migrated):
    with psycopg.connect(migrated.url, autocommit=True) as sql:
        sql.execute("create schema shop; create table shop.parcel (id serial, name text)")
    with psycopg.connect(migrated.root_url, autocommit=True) as root:
        root.execute("create table public.somebody_elses (id int)")
    prepare(migrated.url, [APPLICATION])
    with psycopg.connect(as_application(migrated), autocommit=True) as sql:
        sql.execute("insert into shop.parcel (name) values ('teapot')")
        sql.execute("insert into orders (order_id) select 'x' where false")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql.execute("select * from public.somebody_elses")


def test_twice_is_as_good_as_once_and_new_tables_are_added(migrated):
    prepare(migrated.url, [APPLICATION])
    with psycopg.connect(migrated.url, autocommit=True) as sql:
        sql.execute("create table later (id int)")
    prepare(migrated.url, [APPLICATION])
    with psycopg.connect(as_application(migrated)) as sql:
        sql.execute("insert into later values (1)")


def memberships(managed) -> set[str]:
    with psycopg.connect(managed.root_url) as root:
        return {
            name
            for (name,) in root.execute(
                "select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid"
                " join pg_roles r on r.oid = m.member where r.rolname = 'inorder_app'"
            )
        }


def test_iam_or_a_password_never_both(migrated):
    """With rds_iam a password is not even looked at, so whoever changes to one loses it."""
    prepare(migrated.url, [WITH_IAM])
    assert memberships(migrated) == {"rds_iam"}
    prepare(migrated.url, [APPLICATION])
    assert memberships(migrated) == set()
    prepare(migrated.url, [NEITHER])
    assert memberships(migrated) == set()
    psycopg.connect(as_application(migrated)).close()


def test_no_password_is_in_the_servers_log(migrated, managed_server):
    with psycopg.connect(managed_server.url, autocommit=True) as root:
        root.execute("alter role master set log_statement = 'all'")
    try:
        prepare(migrated.url, [Role(name="logged", work=Work.APPLICATION, password="hunter2")])  # noqa: S106 - to be looked for
    finally:
        with psycopg.connect(managed_server.url, autocommit=True) as root:
            root.execute("alter role master reset log_statement")
            root.execute("reassign owned by logged to postgres")
    log = managed_server.log.read_text()
    assert 'alter role "logged" password' in log
    assert "hunter2" not in log


def test_an_operators_role_decides_and_redrives(migrated):
    prepare(migrated.url, [Role(name="people", work=Work.OPERATOR, password=PASSWORD)])
    people = make_conninfo(migrated.root_url, user="people", password=PASSWORD)
    with psycopg.connect(people) as sql:
        sql.execute(
            "insert into inorder.decision (action, decided_by, because) values ('skip', 'x', 'y')"
        )
        sql.execute("select from orders for update")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql.execute("delete from inorder.decision")


def test_a_role_that_somebody_else_made_is_named(migrated):
    with psycopg.connect(migrated.root_url, autocommit=True) as root:
        root.execute("create role inorder_app login")
    with pytest.raises(MigrationFailed) as caught:
        prepare(migrated.url, [APPLICATION])
    assert str(caught.value).startswith("role inorder_app: ")
    assert "ADMIN OPTION" in str(caught.value)


def test_two_at_once(migrated):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: prepare(migrated.url, [APPLICATION]), range(4)))
    psycopg.connect(as_application(migrated)).close()
