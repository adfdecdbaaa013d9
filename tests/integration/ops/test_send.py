"""`inorder send`: what reaches the API is signed as AWS checks it, and whole."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ops.cli import run

EVENT = {"id": "e", "data": {"note": "käse"}}
SECRET = "not a secret here"  # noqa: S105


class _Api(BaseHTTPRequestHandler):
    """Takes what is signed with the one key it knows."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        genuine = signature_of(self.server.url, dict(self.headers), body)
        given = self.headers["authorization"].rpartition("Signature=")[2]
        self.send_response(self.server.status if given == genuine else 403)
        self.end_headers()
        self.wfile.write(b'{"message":"said"}')

    def log_message(self, *_):
        pass


def signature_of(url, headers, body):
    """The signature that these headers have to carry (Signature Version 4, "execute-api")."""
    lower = {name.lower(): value for name, value in headers.items()}
    scope = re.search(
        r"Credential=AKID/\d{8}/([^/]+)/execute-api/aws4_request", lower["authorization"]
    )
    named = re.search(r"SignedHeaders=([^,]+)", lower["authorization"])[1].split(";")
    assert {"host", "x-amz-date", "content-type"} <= set(named)
    request = AWSRequest(
        method="POST", url=url, data=body, headers={name: lower[name] for name in named}
    )
    request.context["timestamp"] = lower["x-amz-date"]
    auth = SigV4Auth(Credentials("AKID", SECRET), "execute-api", scope[1])
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    server = HTTPServer(("127.0.0.1", 0), _Api)
    server.url = f"http://127.0.0.1:{server.server_port}/events"
    server.bodies, server.status = [], 202
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def event(tmp_path):
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT, ensure_ascii=False))
    return file


def test_it_is_signed_and_whole(api, event, capsys):
    assert run(["send", str(event), "--url", api.url, "--region", "eu-west-1"]) == 0
    assert [json.loads(body) for body in api.bodies] == [EVENT]
    assert capsys.readouterr().out.strip() == '202 {"message":"said"}'


def test_with_another_key_it_is_not_let_in(api, event, capsys, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert run(["send", str(event), "--url", api.url, "--region", "eu-west-1"]) == 1
    assert "403" in capsys.readouterr().out


def test_a_refusal_says_what_to_do(api, event, capsys):
    api.status = 503
    assert run(["send", str(event), "--url", api.url, "--region", "eu-west-1"]) == 1
    assert "same ids" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--url", "ftp://x", "--region", "eu-west-1"], 2, "https://"),
        (["--region", "eu-west-1"], 2, "--url"),
        (["--url", "https://x"], 3, "--region"),
    ],
)
def test_what_it_cannot_do_it_says(api, event, capsys, monkeypatch, arguments, code, word):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "INORDER_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert run(["send", str(event), *arguments]) == code
    assert word in capsys.readouterr().err
    assert api.bodies == []
