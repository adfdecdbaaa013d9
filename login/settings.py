"""What a function that connects is told by its environment."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from contract.errors import InorderError

T = TypeVar("T")

ROOTS = Path(__file__).with_name("roots.pem")
"""The roots of Amazon Trust Services, which an RDS Proxy's certificate ends in, and those of RDS,
which a cluster's own does (`make roots` writes it)."""

_VERIFIED = ("verify-full", "verify-ca")
_SSLMODES = (*_VERIFIED, "require", "prefer", "allow", "disable")


class BadSetting(InorderError):
    """A setting is missing or cannot be used; the message names the variable."""


class Auth(StrEnum):
    """What a role proves itself with."""

    IAM = "iam"
    """A token signed with the function's own credentials (AWS: `rds-db:connect`)."""

    SECRET = "secret"  # noqa: S105 - a word, not a password
    """The password in a Secrets Manager secret."""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The database is either `database_url` (a libpq URL, for local runs) or host, port, name and
    user. The password is never in a variable: `db_auth` says where it comes from, `db_secret_arn`
    names the secret; with neither, libpq finds its own or needs none. `connect_seconds` bounds
    every step of connecting.
    """

    database_url: str | None = None
    db_host: str | None = None
    db_port: int = 5432
    db_name: str = "inorder"
    db_user: str = "inorder_app"
    db_auth: Auth | None = None
    db_secret_arn: str | None = None
    db_sslmode: str = "verify-full"
    db_sslrootcert: str | None = None
    connect_seconds: int = 5


def read(environment: Mapping[str, str]) -> DatabaseSettings:
    """The settings in these variables; raises `BadSetting`."""
    return DatabaseSettings(**fields(environment))


def fields(environment: Mapping[str, str]) -> dict[str, Any]:
    """The same by name, for settings that hold more; raises `BadSetting`."""
    url, host = environment.get("DATABASE_URL"), environment.get("DB_HOST")
    if bool(url) is bool(host):
        raise BadSetting("set either DATABASE_URL or DB_HOST, so that the database is known")
    secret = environment.get("DB_SECRET_ARN") or None
    sslmode = _one_of(environment, "DB_SSLMODE", _SSLMODES) or "verify-full"
    auth = _one_of(environment, "DB_AUTH", list(Auth)) or (Auth.SECRET if secret else None)
    if host and auth == Auth.SECRET and not secret:
        raise BadSetting("DB_AUTH is secret: name the secret with DB_SECRET_ARN")
    if host and auth == Auth.IAM and sslmode != "verify-full":
        # A token logs in whoever holds it: only the server it is meant for may see it.
        raise BadSetting(f"DB_SSLMODE is {sslmode}: DB_AUTH=iam wants verify-full")
    return {
        "database_url": url or None,
        "db_host": host or None,
        "db_port": number(environment, "DB_PORT", int, 5432, low=1, high=65535),
        "db_name": environment.get("DB_NAME") or "inorder",
        "db_user": environment.get("DB_USER") or "inorder_app",
        "db_auth": None if auth is None else Auth(auth),
        "db_secret_arn": secret,
        "db_sslmode": sslmode,
        "db_sslrootcert": _roots(environment, sslmode) if host else None,
        "connect_seconds": number(environment, "CONNECT_SECONDS", int, 5, low=2, high=60),
    }


def number(
    environment: Mapping[str, str],
    name: str,
    parse: Callable[[str], T],
    default: T,
    *,
    low: float,
    high: float,
) -> T:
    """The number in a variable, `default` where it is not set; raises `BadSetting`."""
    text = environment.get(name)
    if not text:
        return default
    try:
        value = parse(text)
    except ValueError:
        raise BadSetting(f"{name} is {text!r}: expected a number") from None
    if not low <= value <= high:  # type: ignore[operator] # T is int or float
        raise BadSetting(f"{name} is {text}: expected {low:g} to {high:g}")
    return value


def _one_of(environment: Mapping[str, str], name: str, words: Any) -> str | None:
    text = environment.get(name)
    if text and text not in tuple(words):
        raise BadSetting(f"{name} is {text!r}: expected one of {', '.join(words)}")
    return text or None


def _roots(environment: Mapping[str, str], sslmode: str) -> str | None:
    """The file that is named; else the one that is shipped, where certificates are verified. What
    is not encrypted has none: the template names the file's place on Lambda, wherever it runs.
    """
    if sslmode == "disable":
        return None
    given = environment.get("DB_SSLROOTCERT")
    if given and not Path(given).is_file():
        raise BadSetting(f"DB_SSLROOTCERT: there is no file {given}")
    return given or (str(ROOTS) if sslmode in _VERIFIED else None)
