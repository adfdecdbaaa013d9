"""Looks at AWS. It changes nothing, and what it may not see is `Unknown`, not an error."""

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ops.doctor.facts import Missing, Unknown

T = TypeVar("T")
Clients = Callable[[str], Any]
"""Gives the client of a service by boto3's name of it."""

_GONE = (
    *("ResourceNotFoundException", "ResourceNotFound", "NotFoundException", "NotFound"),
    *("DBProxyNotFoundFault", "DBProxyTargetGroupNotFoundFault", "DBClusterNotFoundFault"),
    *("NoSuchBucket", "404"),
)
NOT_SET = ("NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError")
"""How S3 says that something of a bucket is as it was made."""


def look(at: Callable[[], T]) -> T | Missing | Unknown:
    """What `at` sees; Missing where AWS says so, Unknown for any other of its refusals."""
    try:
        return at()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _GONE:
            return Missing()
        return Unknown(_said(error, code))
    except BotoCoreError as error:
        return Unknown(str(error))


def or_else(at: Callable[[], T], default: T, *codes: str) -> T:
    """What `at` sees, `default` where AWS answers with one of these codes; raises the others."""
    try:
        return at()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code", "") in codes:
            return default
        raise


def resources_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """Physical ids by logical ones; those of nested stacks as `Nested/Logical`."""
    found: dict[str, str] = {}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for one in page["StackResourceSummaries"]:
            name, physical = one["LogicalResourceId"], one.get("PhysicalResourceId", "")
            if one["ResourceStatus"].startswith("DELETE") or not physical:
                continue
            found[name] = physical
            if one["ResourceType"] == "AWS::CloudFormation::Stack":
                nested = resources_of(cloudformation, physical)
                found |= {f"{name}/{inner}": value for inner, value in nested.items()}
    return found


def _said(error: ClientError, code: str) -> str:
    if "AccessDenied" in code or code in ("UnauthorizedOperation", "AuthorizationError"):
        return f"not allowed to ask {error.operation_name}"
    return f"{error.operation_name}: {code}"
