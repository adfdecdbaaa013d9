"""The password is asked for as botocore would, in bounded time, and never quoted."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from login import secret
from login.failures import SecretRefused, SecretUnavailable
from login.secret import password
from login.settings import BadSetting
from login.signing import Credentials, Scope

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!cluster-AbCdEf"
KEYS = Credentials("ASIAEXAMPLE", "secret/key+", "session/token==")


@contextmanager
def endpoint(status: int, answer: bytes, *, wait: float = 0):
    """An endpoint that answers so; gives its URL and the requests it got."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((dict(self.headers), body))
            time.sleep(wait)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


def secret_string(value) -> bytes:
    return json.dumps({"ARN": ARN, "SecretString": json.dumps(value)}).encode()


def ask(url: str, *, seconds: float = 5, arn: str = ARN) -> str:
    return password(arn, KEYS, seconds=seconds, environment={"AWS_ENDPOINT_URL": url})


def test_the_password_and_the_request():
    with endpoint(200, secret_string({"username": "u", "password": "pä$s"})) as (url, requests):
        assert ask(url) == "pä$s"
    ((headers, body),) = requests
    assert json.loads(body) == {"SecretId": ARN}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == KEYS.token
    assert "/eu-west-1/secretsmanager/aws4_request" in headers["authorization"]


@pytest.mark.parametrize("token", [None, "session/token=="])
def test_the_signature_is_botocores(token, monkeypatch):
    keys = KEYS._replace(token=token)
    body = json.dumps({"SecretId": ARN}).encode()
    scope = Scope("secretsmanager", "eu-west-1", secret._now())
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: scope.now)
    ours = secret._signed(urlsplit("https://secretsmanager.example"), body, scope, keys)
    unsigned = {
        name: value
        for name, value in ours.items()
        if name not in ("authorization", "host", "x-amz-date", "x-amz-security-token")
    }
    request = AWSRequest("POST", "https://secretsmanager.example/", unsigned, body)
    credentials = botocore.credentials.Credentials(*keys)
    SigV4Auth(credentials, "secretsmanager", "eu-west-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        (ARN, "secretsmanager.eu-west-1.amazonaws.com"),
        (
            "arn:aws-cn:secretsmanager:cn-north-1:1:secret:s",
            "secretsmanager.cn-north-1.amazonaws.com.cn",
        ),
        (
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:s",
            "secretsmanager.us-gov-west-1.amazonaws.com",
        ),
    ],
)
def test_the_endpoint_is_botocores(arn, host):
    partition, region = secret._place(arn)
    assert secret._endpoint(partition, region, {}).geturl() == f"https://{host}"
    session = botocore.session.Session()
    session.set_credentials(*KEYS)
    client = session.create_client("secretsmanager", region)
    assert client.meta.endpoint_url == f"https://{host}"


@pytest.mark.parametrize(
    ("status", "answer", "raised", "problem"),
    [
        (400, {"__type": "AccessDeniedException", "Message": "no"}, SecretRefused, "AccessDenied"),
        (400, {"__type": "a#ResourceNotFoundException"}, SecretRefused, "ResourceNotFound"),
        (400, {"__type": "ThrottlingException"}, SecretUnavailable, "Throttling"),
        (500, {"__type": "InternalServiceError"}, SecretUnavailable, "InternalService"),
        (503, "no JSON", SecretUnavailable, "HTTP 503"),
        (200, {"SecretString": "no JSON: hunter2"}, SecretRefused, 'JSON object with "password"'),
        (200, {"SecretString": '["hunter2"]'}, SecretRefused, 'JSON object with "password"'),
        (200, {"SecretString": '{"password": ""}'}, SecretRefused, 'JSON object with "password"'),
        (200, {"SecretBinary": "aHVudGVyMg=="}, SecretRefused, 'JSON object with "password"'),
    ],
)
def test_every_refusal_is_said_and_what_it_means_for_the_caller(status, answer, raised, problem):
    with (
        endpoint(status, json.dumps(answer).encode()) as (url, _),
        pytest.raises(raised, match=problem) as caught,
    ):
        ask(url)
    assert ARN in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert KEYS.secret_key not in str(caught.value)


def test_one_that_does_not_answer_is_not_waited_for():
    began = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SecretUnavailable, match="timed out"),
    ):
        ask(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)
    assert time.monotonic() - began < 3


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SecretUnavailable, match="refused"):
        ask(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("arn", ["", "my-secret", "arn:aws:s3:::bucket"])
def test_a_name_that_is_no_arn_is_refused(arn):
    with pytest.raises(BadSetting, match="expected the ARN of a secret"):
        ask("http://127.0.0.1:1", arn=arn)


def test_an_endpoint_that_is_no_url_is_refused():
    with pytest.raises(BadSetting, match="AWS_ENDPOINT_URL is 'ftp://x': expected a URL"):
        ask("ftp://x")
