"""From settings to the parameters of a connection."""

import os
from collections.abc import Mapping
from typing import Any

from login.settings import Auth, BadSetting, DatabaseSettings
from login.signing import credentials

_MILLISECONDS = 1_000


def parameters(
    settings: DatabaseSettings, environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """What `psycopg.connect` is to be given, the database and how long to wait for it.

    Ask at every connect: a token is good for 15 minutes, credentials expire, secrets rotate.
    Nothing in it is a startup parameter that an RDS Proxy refuses (Aurora User Guide, "Connecting
    to a database through RDS Proxy"). Raises `BadSetting`, `SecretUnavailable`, `SecretRefused`.
    """
    given = (
        {"conninfo": settings.database_url}
        if settings.database_url
        else _server(settings, environment)
    )
    return {
        **given,
        "connect_timeout": settings.connect_seconds,
        "tcp_user_timeout": settings.connect_seconds * _MILLISECONDS,
        "keepalives_idle": settings.connect_seconds,
        "keepalives_interval": settings.connect_seconds,
        "keepalives_count": 2,
    }


def _server(settings: DatabaseSettings, environment: Mapping[str, str]) -> dict[str, Any]:
    given = {
        "host": settings.db_host,
        "port": settings.db_port,
        "dbname": settings.db_name,
        "user": settings.db_user,
        "password": _proof(settings, environment),
        "sslmode": settings.db_sslmode,
        "sslrootcert": settings.db_sslrootcert,
        "gssencmode": "disable",
    }
    return {name: value for name, value in given.items() if value is not None}


def _proof(settings: DatabaseSettings, environment: Mapping[str, str]) -> str | None:
    """Each way imports what it needs, which would slow every cold start of the other."""
    if settings.db_auth is Auth.IAM:
        from login.iam import auth_token  # noqa: PLC0415

        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            raise BadSetting("AWS_REGION is not set: DB_AUTH=iam signs for the database's region")
        return auth_token(
            host=settings.db_host or "",
            port=settings.db_port,
            user=settings.db_user,
            region=region,
            credentials=credentials(environment),
        )
    if settings.db_auth is Auth.SECRET:
        from login.secret import password  # noqa: PLC0415

        return password(
            settings.db_secret_arn or "",
            credentials(environment),
            seconds=settings.connect_seconds,
            environment=environment,
        )
    return None
