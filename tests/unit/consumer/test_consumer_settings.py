"""Settings are refused loudly, by the variable's name."""

import pytest

from consumer.settings import BadSetting, Settings, read
from login.settings import Auth

URL = {"DATABASE_URL": "postgresql://127.0.0.1/orders"}


def test_a_url_is_enough():
    assert read(URL) == Settings(database_url="postgresql://127.0.0.1/orders")


def test_a_host_is_enough():
    given = read({"DB_HOST": "proxy.example"})
    assert (given.db_host, given.db_port, given.db_name, given.db_user, given.db_sslmode) == (
        "proxy.example",
        5432,
        "inorder",
        "inorder_app",
        "verify-full",
    )


def test_everything_can_be_told(tmp_path):
    roots = tmp_path / "roots.pem"
    roots.touch()
    given = read(
        {
            "PROJECTION": "package.module:Name",
            "DB_HOST": "proxy.example",
            "DB_PORT": "6432",
            "DB_NAME": "shop",
            "DB_USER": "writer",
            "DB_AUTH": "secret",
            "DB_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s",
            "DB_SSLMODE": "require",
            "DB_SSLROOTCERT": str(roots),
            "CONNECT_SECONDS": "3",
            "CHUNK_EVENTS": "500",
            "DRAIN_ENTRIES": "7",
            "RESERVE_SECONDS": "2.5",
            "KILLER_DEATHS": "2",
            "FAILING_ORDERS": "9",
            "CODE_VERSION": "v7",
        }
    )
    assert given == Settings(
        projection="package.module:Name",
        db_host="proxy.example",
        db_port=6432,
        db_name="shop",
        db_user="writer",
        db_auth=Auth.SECRET,
        db_secret_arn="arn:aws:secretsmanager:eu-west-1:111122223333:secret:s",  # noqa: S106 - a name
        db_sslmode="require",
        db_sslrootcert=str(roots),
        connect_seconds=3,
        chunk_events=500,
        drain_entries=7,
        reserve_seconds=2.5,
        killer_deaths=2,
        failing_orders=9,
        code_version="v7",
    )


@pytest.mark.parametrize(
    "name",
    [
        "PROJECTION",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
        "DB_SECRET_ARN",
        "DB_SSLMODE",
        "DB_SSLROOTCERT",
        "CONNECT_SECONDS",
        "CHUNK_EVENTS",
        "DRAIN_ENTRIES",
        "RESERVE_SECONDS",
        "KILLER_DEATHS",
        "FAILING_ORDERS",
        "CODE_VERSION",
    ],
)
def test_an_empty_variable_is_as_good_as_none(name):
    assert read(URL | {name: ""}) == read(URL)


@pytest.mark.parametrize(
    "environment", [{}, URL | {"DB_HOST": "x"}, {"DATABASE_URL": "", "DB_HOST": ""}]
)
def test_the_database_has_to_be_known(environment):
    with pytest.raises(BadSetting, match="either DATABASE_URL or DB_HOST"):
        read(environment)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DB_PORT", "http", "DB_PORT is 'http': expected a number"),
        ("DB_PORT", "0", "DB_PORT is 0: expected 1 to 65535"),
        ("DB_PORT", "65536", "DB_PORT is 65536"),
        ("CONNECT_SECONDS", "1", "CONNECT_SECONDS is 1: expected 2 to 60"),
        ("CONNECT_SECONDS", "2.5", "CONNECT_SECONDS is '2.5'"),
        ("CHUNK_EVENTS", "0", "CHUNK_EVENTS is 0"),
        ("DRAIN_ENTRIES", "0", "DRAIN_ENTRIES is 0"),
        ("DRAIN_ENTRIES", "-5", "DRAIN_ENTRIES is -5"),
        ("RESERVE_SECONDS", "nan", "RESERVE_SECONDS is nan"),
        ("RESERVE_SECONDS", "-0.1", "RESERVE_SECONDS is -0.1"),
        ("KILLER_DEATHS", "0", "KILLER_DEATHS is 0: expected 1 to 100"),
        ("FAILING_ORDERS", "0", "FAILING_ORDERS is 0: expected 1 to 1000"),
    ],
)
def test_what_cannot_be_used_is_named(name, value, problem):
    with pytest.raises(BadSetting) as caught:
        read(URL | {name: value})
    assert problem in str(caught.value)


def test_the_roots_of_a_host_have_to_be_there():
    with pytest.raises(BadSetting, match="DB_SSLROOTCERT: there is no file /nowhere"):
        read({"DB_HOST": "proxy.example", "DB_SSLROOTCERT": "/nowhere/roots.pem"})


def test_a_url_says_itself_where_its_roots_are():
    assert read(URL | {"DB_SSLROOTCERT": "/nowhere/roots.pem"}).database_url
