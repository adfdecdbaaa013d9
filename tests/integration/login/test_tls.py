"""Only the server that is meant gets the token: its certificate is verified, whole and by name."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
import trustme

from consumer.connecting import reach
from consumer.database import Database
from local.postgres import Postgres, installed, temporary_folder
from login.settings import ROOTS, DatabaseSettings, read
from tests.connecting.stub_server import StubServer

ACCEPTED = {
    *("user", "database", "application_name", "client_encoding"),
    *("DateStyle", "TimeZone", "extra_float_digits", "search_path"),
}
"""The startup parameters that RDS Proxy takes for PostgreSQL; another ends in "Feature not
supported" (Aurora User Guide, "Connecting to a database through RDS Proxy")."""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def roots(authority, tmp_path) -> Path:
    """The shipped roots and the test's own, in one file as a user would add one."""
    file = tmp_path / "roots.pem"
    file.write_bytes(ROOTS.read_bytes() + authority.cert_pem.bytes())
    return file


@pytest.fixture(autouse=True)
def function_credentials(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "first/session")


@contextmanager
def server_with(certificate: trustme.LeafCert) -> Iterator[StubServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    with StubServer(tls) as server:
        yield server


def settings(port: int, roots: Path, **variables: str) -> DatabaseSettings:
    return read(
        {
            "DB_HOST": "localhost",
            "DB_PORT": str(port),
            "DB_AUTH": "iam",
            "DB_SSLROOTCERT": str(roots),
            **variables,
        }
    )


def connect(given: DatabaseSettings) -> None:
    reach(given).close()


def test_the_right_server_gets_a_token_and_nothing_a_proxy_refuses(authority, roots):
    with server_with(authority.issue_cert("localhost")) as server:
        connect(settings(server.port, roots))
    assert server.startup is not None
    assert server.startup.keys() <= ACCEPTED
    assert (server.startup["user"], server.startup["database"]) == ("inorder_app", "inorder")
    assert server.password is not None
    assert server.password.startswith(f"localhost:{server.port}/?Action=connect&DBUser=inorder_app")


def test_credentials_are_read_at_every_connect(authority, roots, monkeypatch):
    with server_with(authority.issue_cert("localhost")) as server:
        given = settings(server.port, roots)
        connect(given)
        assert "first/session" in unquote(server.password or "")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "second/session")
        connect(given)
        assert "second/session" in unquote(server.password or "")


def test_another_servers_certificate_is_refused_and_no_token_is_sent(authority, roots):
    with server_with(authority.issue_cert("other.example")) as server:
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            connect(settings(server.port, roots))
        assert (server.startup, server.password) == (None, None)


def test_another_root_is_refused_and_no_token_is_sent(roots):
    with server_with(trustme.CA().issue_cert("localhost")) as server:
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(settings(server.port, roots))
        assert (server.startup, server.password) == (None, None)


def test_the_shipped_roots_are_the_default_and_do_not_know_the_tests(authority):
    with server_with(authority.issue_cert("localhost")) as server:
        given = read({"DB_HOST": "localhost", "DB_PORT": str(server.port), "DB_AUTH": "iam"})
        assert given.db_sslrootcert == str(ROOTS)
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(given)


def with_tls() -> list[int]:
    """The servers here that can speak TLS: Debian's can, those of the wheel cannot."""
    return sorted(major for major, folder in installed().items() if folder.is_relative_to("/usr"))


def test_a_real_server(authority, roots, tmp_path):
    for major in with_tls():
        certificate = authority.issue_cert("localhost")
        with temporary_folder() as folder, Postgres(Path(folder), major=major) as server:
            switch_tls_on(server, certificate)
            password = psycopg.conninfo.conninfo_to_dict(server.url)["password"]
            given = psycopg.conninfo.make_conninfo(
                f"host=localhost port={server.port} dbname=postgres user=postgres",
                password=password,
                sslmode="verify-full",
                sslrootcert=str(roots),
            )
            database = Database(DatabaseSettings(database_url=given))
            database.open()
            database.close()
            for refused, problem in (
                (given.replace("localhost", "127.0.0.1"), "does not match"),
                (given.replace(str(roots), str(ROOTS)), "certificate verify failed"),
            ):
                with pytest.raises(psycopg.OperationalError, match=problem):
                    Database(DatabaseSettings(database_url=refused)).open()


def switch_tls_on(server: Postgres, certificate: trustme.LeafCert) -> None:
    data = server.folder / "data"
    owner = data.stat()
    for name, blob in (
        ("server.crt", certificate.cert_chain_pems[0]),
        ("server.key", certificate.private_key_pem),
    ):
        file = data / name
        file.touch(mode=0o600)
        file.write_bytes(blob.bytes())
        os.chown(file, owner.st_uid, owner.st_gid)
    with psycopg.connect(server.url, autocommit=True) as sql:
        sql.execute("alter system set ssl = on")
    server.stop()
    server.start()
