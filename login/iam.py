"""The token that a role logs in with instead of a password."""

from datetime import UTC, datetime
from urllib.parse import quote

from login.signing import ALGORITHM, Credentials, Scope, sha256, signature

_SECONDS = 900
"""As long as a token may be used to log in; the connection lives on (Aurora User Guide, "IAM
database authentication")."""


def auth_token(
    *,
    host: str,
    port: int,
    user: str,
    region: str,
    credentials: Credentials,
    now: datetime | None = None,
) -> str:
    """A token for this role on this server, signed here: nothing is asked over the network.

    `host` has to be the endpoint's own name, no alias. `now` is in UTC. The string is what
    botocore's `generate_db_auth_token` returns.
    """
    scope = Scope("rds-db", region, now or datetime.now(UTC))
    query = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope.name}",
        "X-Amz-Date": scope.stamp,
        "X-Amz-Expires": str(_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        query["X-Amz-Security-Token"] = credentials.token
    parts = [f"{name}={quote(value, safe='-_.~')}" for name, value in query.items()]
    server = f"{host}:{port}"
    canonical = ("GET", "/", "&".join(sorted(parts)), f"host:{server}", "", "host", sha256(b""))
    signed = signature("\n".join(canonical), scope, credentials.secret_key)
    return f"{server}/?{'&'.join(parts)}&X-Amz-Signature={signed}"
