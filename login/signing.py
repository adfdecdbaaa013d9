"""AWS Signature Version 4 out of the standard library: building an SDK client for one signature
costs a cold start ten times as much (docs/decisions/0013).

Source: IAM User Guide, "Create a signed AWS API request". Compared with botocore in the tests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from login.settings import BadSetting

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """What AWS gives a function in its environment, new ones from time to time."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key}, ...)"


def credentials(environment: Mapping[str, str]) -> Credentials:
    """Those in the environment, as Lambda sets them; raises `BadSetting`.

    Read them at every use, since they expire (Lambda Developer Guide, "Defined runtime environment
    variables").
    """
    access_key = environment.get("AWS_ACCESS_KEY_ID")
    secret_key = environment.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        missing = "AWS_SECRET_ACCESS_KEY" if access_key else "AWS_ACCESS_KEY_ID"
        raise BadSetting(
            f"{missing} is not set: Lambda sets it; elsewhere take it from a profile with "
            "`aws configure export-credentials --format env`"
        )
    return Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN") or None)


class Scope(NamedTuple):
    """What a signature is good for: one service in one region, from that second on."""

    service: str
    region: str
    now: datetime

    @property
    def stamp(self) -> str:
        return self.now.strftime("%Y%m%dT%H%M%SZ")

    @property
    def name(self) -> str:
        return f"{self.stamp[:8]}/{self.region}/{self.service}/aws4_request"


def signature(request: str, scope: Scope, secret_key: str) -> str:
    """The hexadecimal signature of a canonical request."""
    key = b"AWS4" + secret_key.encode()
    for part in scope.name.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signed = "\n".join((ALGORITHM, scope.stamp, scope.name, sha256(request.encode())))
    return hmac.digest(key, signed.encode(), "sha256").hex()


def sha256(payload: bytes) -> str:
    """The hexadecimal digest that canonical requests are made of."""
    return hashlib.sha256(payload).hexdigest()
