"""`inorder send`: post events to a deployed HTTP API, signed as its IAM authorization asks."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from cyclopts import Parameter

from ops.decisions import Refused
from ops.doctor.facts import NoAws
from ops.output import complain, say

_ACCEPTED = 202
_SECONDS = 35
"""The API answers, or gives up, after 30."""


def send(
    file: Annotated[Path, Parameter(help="An event, or a list, as JSON; - is standard input")],
    /,
    *,
    url: Annotated[str | None, Parameter(help="The API: the stack's output ApiUrl")] = None,
    stack: Annotated[
        str | None, Parameter(env_var="INORDER_STACK", help="The stack whose output it is")
    ] = None,
    region: Annotated[str | None, Parameter(help="Its region, unless AWS_REGION says so")] = None,
) -> int:
    """Post events to the HTTP API with your AWS credentials, and show what it answers."""
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    session = boto3.Session(region_name=region)
    try:
        target = url or _url_of(session, stack)
        request = signed(session, target, body)
        answer = URLLib3Session(timeout=_SECONDS).send(request.prepare())
    except BotoCoreError as error:
        raise NoAws(f"AWS cannot be asked: {error}") from error
    say(f"{answer.status_code} {answer.text}")
    if answer.status_code != _ACCEPTED:
        complain("not accepted; after a 429 or 503 send the same ids again before later events")
    return int(answer.status_code != _ACCEPTED)


def signed(session: boto3.Session, url: str, body: bytes) -> AWSRequest:
    """The POST with an AWS Signature Version 4 for `execute-api`; raises `NoAws`, `Refused`."""
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None:
        raise NoAws("AWS cannot be asked: there are no credentials")
    if not region:
        raise NoAws("AWS cannot be asked: say --region, or set AWS_REGION")
    if urlsplit(url).scheme not in {"https", "http"}:
        raise Refused(f"{url}: expected an address that begins with https://")
    headers = {"content-type": "application/json"}
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return request


def _url_of(session: boto3.Session, stack: str | None) -> str:
    if stack is None:
        raise Refused("say --url, or --stack whose output ApiUrl it is")
    try:
        (found,) = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        raise Refused(f"stack {stack!r}: {error}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    if "ApiUrl" not in outputs:
        raise Refused(f"stack {stack!r} has no HTTP API (WithApi=false)")
    return str(outputs["ApiUrl"])
