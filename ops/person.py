"""Who is at the keyboard, as far as this machine and AWS can tell."""

import getpass
import os
import socket
from collections.abc import Mapping

_AWS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")


def name(environment: Mapping[str, str] = os.environ) -> str:
    """`INORDER_OPERATOR`, or the operating system's user, with the AWS identity if there is one."""
    given = environment.get("INORDER_OPERATOR")
    if given:
        return given
    found = f"{_user()}@{socket.gethostname()}"
    identity = _aws_identity() if any(environment.get(variable) for variable in _AWS) else None
    return found if identity is None else f"{found} ({identity})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user ID without a name
        return f"uid {os.getuid()}"


def _aws_identity() -> str | None:
    """The caller's ARN; None where AWS cannot be asked, which is no reason not to decide."""
    import boto3  # noqa: PLC0415 - slow to import, and most databases are reached without
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    quick = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
    try:
        return str(boto3.client("sts", config=quick).get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return None
