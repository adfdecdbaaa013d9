"""What every custom resource of CloudFormation owes it: one answer, in time, whatever happens.

A resource that is not answered keeps its stack waiting for an hour. The answer goes to a URL that
is good as a password: it is not logged, and only S3 gets it (CloudFormation User Guide, "Custom
resource request and response objects").
"""

import http.client
import json
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import psycopg

from contract.errors import InorderError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
"""Left of an invocation when the answer has to be on its way."""

_S3 = re.compile(r"([a-z0-9.-]+\.)?s3([.-][a-z0-9-]+)*\.amazonaws\.com(\.cn)?")
_THIS_MACHINE = {"localhost", "127.0.0.1", "localhost.localstack.cloud"}
_TRIES = 4
_LONGEST_REASON = 1_000
"""Characters; the whole answer may have 4,096 bytes."""


class UntrustedUrl(InorderError):
    """The answer is asked for where S3 is not: nothing was done, nothing was sent."""


class Context(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the process."""
        ...


def serve(
    event: Mapping[str, Any],
    context: Context,
    *,
    physical_id: str,
    work: Callable[[], Mapping[str, str]],
) -> None:
    """Do `work` for a Create or an Update, and answer with what it returns or why it failed.

    A Delete is answered without doing anything. `physical_id` never changes, or CloudFormation
    would delete the old one. An answer that says "out of time" is sent shortly before the time is
    up, though `work` still runs: bound it. Raises `UntrustedUrl`, and `OSError` where the answer
    cannot be delivered: Lambda then runs the event again.
    """
    answer = _Answer(event, physical_id)
    if event["RequestType"] == "Delete":
        answer.send()
        return
    seconds = context.get_remaining_time_in_millis() / 1_000 - ANSWER_SECONDS
    timer = threading.Timer(max(0.0, seconds), answer.send_late)
    timer.daemon = True
    timer.start()
    try:
        data = work()
    except Exception as error:
        log.exception("%s failed", event["RequestType"])
        answer.send(problem=_reason(error))
    else:
        answer.send(data=data)
    finally:
        timer.cancel()


def _reason(error: Exception) -> str:
    """What an operator reads in the stack's events: words meant for them, or where to look."""
    if isinstance(error, InorderError | psycopg.Error):
        return str(error).strip() or type(error).__name__
    return f"{type(error).__name__}: see the function's log"


class _Answer:
    """Sent once, from whichever thread comes first."""

    def __init__(self, event: Mapping[str, Any], physical_id: str) -> None:
        self._url = _trusted(str(event["ResponseURL"]), os.environ)
        self._identity = {
            "PhysicalResourceId": physical_id,
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        }
        self._lock = threading.Lock()
        self._sent = False

    def send(self, *, problem: str | None = None, data: Mapping[str, str] | None = None) -> None:
        with self._lock:
            if self._sent:
                log.warning("answered before, out of time: %s", problem or "success")
                return
            self._deliver(
                {
                    **self._identity,
                    "Status": "SUCCESS" if problem is None else "FAILED",
                    "Reason": (problem or "")[:_LONGEST_REASON],
                    "Data": dict(data or {}),
                }
            )
            self._sent = True

    def send_late(self) -> None:
        self.send(problem="out of time: what was not finished is rolled back; deploy again")

    def _deliver(self, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        for tries_left in reversed(range(_TRIES)):
            try:
                status = _put(self._url, body)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if status < http.client.MULTIPLE_CHOICES:
                    log.info("answered %s", answer["Status"])
                    return
                problem = f"HTTP {status}"
            log.warning("answering at %s: %s", self._url.netloc, problem)
            time.sleep(0.5 if tries_left else 0)
        raise ConnectionError(f"could not answer at {self._url.netloc}")


def _put(url: SplitResult, body: bytes) -> int:
    """One PUT that follows no redirect; the signature is for no content type."""
    host, port, seconds = url.hostname or "", url.port, ANSWER_SECONDS / 4
    connection = (
        http.client.HTTPConnection(host, port, timeout=seconds)
        if url.scheme == "http"
        else http.client.HTTPSConnection(
            host, port, timeout=seconds, context=ssl.create_default_context()
        )
    )
    with closing(connection):
        target = f"{url.path}?{url.query}" if url.query else url.path
        connection.request("PUT", target, body, {"content-type": ""})
        response = connection.getresponse()
        response.read(1024)
        return response.status


def _trusted(text: str, environment: Mapping[str, str]) -> SplitResult:
    """S3 over TLS, or the endpoint that stands in for AWS where the environment names one."""
    url = urlsplit(text)
    host = url.hostname or ""
    if url.scheme == "https" and url.port in (None, 443) and _S3.fullmatch(host):
        return url
    local = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if local and _same_endpoint(url, urlsplit(local)):
        return url
    raise UntrustedUrl(f"the answer would go to {url.scheme}://{url.netloc}, which is not S3")


def _same_endpoint(url: SplitResult, local: SplitResult) -> bool:
    names = {host.removeprefix("s3.") for host in (url.hostname or "", local.hostname or "")}
    return url.port == local.port and (len(names) == 1 or names <= _THIS_MACHINE)
