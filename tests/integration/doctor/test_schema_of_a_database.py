"""The migration that a database was brought to, where the stack does not know it."""

from ops.doctor.facts import Missing, Unknown
from ops.doctor.schema import applied, shipped


def test_the_newest_that_was_applied(database_url, sql, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert applied() == max(shipped())
    sql.execute("delete from _yoyo_migration where migration_id = %s", [max(shipped())])
    assert applied() == sorted(shipped())[-2]


def test_a_database_that_was_never_migrated(database_url, sql, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    sql.execute("drop table _yoyo_migration cascade")
    assert applied() == Missing()


def test_without_a_database_or_with_one_that_does_not_answer(monkeypatch):
    for name in ("DATABASE_URL", "DB_HOST"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(applied(), Unknown)
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:9/none")
    found = applied()
    assert isinstance(found, Unknown)
    assert "refused" in found.why
