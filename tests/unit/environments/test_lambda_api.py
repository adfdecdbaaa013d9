"""What Lambda's API answers, in the words of an execution environment."""

import io
import json

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local.environments.environment import Ending, InvocationResult
from local.environments.lambda_api import LambdaApi

ASKED = {"FunctionName": "consumer:live", "Payload": b"{}"}


@pytest.fixture
def service():
    client = boto3.client(
        "lambda",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - nobody is asked
    )
    with Stubber(client) as stubber:
        stubber.environment = LambdaApi(client, "consumer:live")
        yield stubber


def answers(service, payload, **more):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    stream = StreamingBody(io.BytesIO(body), len(body))
    service.add_response("invoke", {"StatusCode": 200, "Payload": stream, **more}, ASKED)
    return service.environment.invoke(b"{}")


def test_what_the_handler_returned(service):
    result = answers(service, {"batchItemFailures": []})
    assert result == InvocationResult(ending=Ending.ANSWERED, answer={"batchItemFailures": []})


def test_nothing_returned(service):
    assert answers(service, b"").answer is None


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        ({"errorType": "KeyError", "errorMessage": "'a'"}, Ending.FAILED),
        ({"errorType": "Runtime.ExitError", "errorMessage": "exit status 9"}, Ending.CRASHED),
        ({"errorType": "Runtime.OutOfMemory", "errorMessage": "signal: killed"}, Ending.CRASHED),
        (
            {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 3.00 seconds"},
            Ending.TIMED_OUT,
        ),
        (
            {"errorMessage": "2026-01-01T00:00Z x Task timed out after 3.00 seconds"},
            Ending.TIMED_OUT,
        ),
    ],
)
def test_how_it_failed(service, error, ending):
    assert answers(service, error, FunctionError="Unhandled").ending is ending


def test_a_throttle_is_no_failure(service):
    service.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
    assert service.environment.invoke(b"{}").ending is Ending.THROTTLED


def test_a_service_that_is_ill_failed_the_invocation(service):
    service.add_client_error("invoke", "ServiceException", http_status_code=500)
    result = service.environment.invoke(b"{}")
    assert (result.ending, result.error_type) == (Ending.FAILED, "ServiceException")
