"""The password in a Secrets Manager secret, asked for by one signed request of bounded time."""

import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from contract.errors import InorderError
from login.failures import SecretRefused, SecretUnavailable
from login.settings import BadSetting
from login.signing import ALGORITHM, Credentials, Scope, sha256, signature

_TARGET = "secretsmanager.GetSecretValue"
_TYPE = "application/x-amz-json-1.1"
_MOST_BYTES = 256 * 1024
"""A secret has 64 KB at most (Secrets Manager User Guide, quotas); JSON may escape it."""

_PASSING = ("Throttling", "RequestLimitExceeded", "InternalService", "ServiceUnavailable")


def password(
    secret_arn: str,
    credentials: Credentials,
    *,
    seconds: float,
    environment: Mapping[str, str],
) -> str:
    """The password in a secret of the form RDS writes: JSON with `password`.

    Ask at every connect, since secrets rotate. Every step on the network takes `seconds` at most.
    Asked is the region of the ARN, or the endpoint that `AWS_ENDPOINT_URL_SECRETS_MANAGER` or
    `AWS_ENDPOINT_URL` names, as the SDKs do. Raises `BadSetting`, `SecretUnavailable`,
    `SecretRefused`.
    """
    partition, region = _place(secret_arn)
    endpoint = _endpoint(partition, region, environment)
    body = json.dumps({"SecretId": secret_arn}).encode()
    headers = _signed(endpoint, body, Scope("secretsmanager", region, _now()), credentials)
    try:
        status, answer = _post(endpoint, body, headers, seconds)
    except (OSError, http.client.HTTPException) as error:
        problem = str(error) or type(error).__name__
        raise SecretUnavailable(f"Secrets Manager at {endpoint.netloc}: {problem}") from error
    if status != http.client.OK:
        raise _refusal(status, answer, secret_arn)
    return _password_in(answer, secret_arn)


def _now() -> datetime:
    return datetime.now(UTC)


def _place(secret_arn: str) -> tuple[str, str]:
    parts = secret_arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "secretsmanager" or not parts[3]:  # noqa: PLR2004 - arn:partition:secretsmanager:region:account:secret:name
        raise BadSetting(f"DB_SECRET_ARN is {secret_arn!r}: expected the ARN of a secret")
    return parts[1], parts[3]


def _endpoint(partition: str, region: str, environment: Mapping[str, str]) -> SplitResult:
    for name in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
        if given := environment.get(name):
            endpoint = urlsplit(given)
            if endpoint.scheme not in ("http", "https") or not endpoint.hostname:
                raise BadSetting(f"{name} is {given!r}: expected a URL")
            return endpoint
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return urlsplit(f"https://secretsmanager.{region}.{suffix}")


def _signed(
    endpoint: SplitResult, body: bytes, scope: Scope, credentials: Credentials
) -> dict[str, str]:
    headers = {
        "content-type": _TYPE,
        "host": endpoint.netloc,
        "x-amz-date": scope.stamp,
        "x-amz-target": _TARGET,
    }
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", "/", "", lines, names, sha256(body)))
    signed = signature(request, scope, credentials.secret_key)
    headers["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope.name}, "
        f"SignedHeaders={names}, Signature={signed}"
    )
    return headers


def _post(
    endpoint: SplitResult, body: bytes, headers: dict[str, str], seconds: float
) -> tuple[int, bytes]:
    with closing(_connection(endpoint, seconds)) as connection:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, response.read(_MOST_BYTES)


def _connection(endpoint: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host, port = endpoint.hostname or "", endpoint.port
    if endpoint.scheme == "http":  # a local endpoint: AWS has no other than https
        return http.client.HTTPConnection(host, port, timeout=seconds)
    trusted = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=trusted)


def _refusal(status: int, answer: bytes, secret_arn: str) -> InorderError:
    given = _json(answer)
    kind = str(given.get("__type", "")).rpartition("#")[2] or f"HTTP {status}"
    said = str(given.get("message") or given.get("Message") or "")
    problem = f"secret {secret_arn}: {kind}: {said}".rstrip(": ")
    if status >= http.client.INTERNAL_SERVER_ERROR or kind.startswith(_PASSING):
        return SecretUnavailable(problem)
    return SecretRefused(problem)


def _password_in(answer: bytes, secret_arn: str) -> str:
    text = _json(answer).get("SecretString")
    found = _json(text.encode()).get("password") if isinstance(text, str) else None
    if not isinstance(found, str) or not found:
        raise SecretRefused(f'secret {secret_arn}: expected a JSON object with "password"')
    return found


def _json(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
