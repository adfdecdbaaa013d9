"""Which LocalStack is used: the one that is named, or that is there, or none."""

import http.server
import threading

import pytest

from local.localstack.endpoint import LocalStackUnavailable, answers, find


@pytest.fixture
def page():
    """A server whose every page says what `page.text` does; `page.url`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.text)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.text = b'{"services": {"lambda": "available"}}'
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_the_endpoint_that_is_named_is_used(monkeypatch, page):
    monkeypatch.setenv("AWS_ENDPOINT_URL", page.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    found = find()
    assert (found.url, found.region) == (page.url, "eu-west-1")


def test_localstacks_own_variable_is_understood(monkeypatch, page):
    monkeypatch.setenv("LOCALSTACK_HOST", f"127.0.0.1:{page.server_port}")
    assert find().url == page.url


def test_one_that_is_named_and_not_there_is_not_replaced(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LocalStackUnavailable, match="AWS_ENDPOINT_URL names"):
        find()


def test_whatever_else_answers_is_no_localstack(page):
    page.text = b"<html>welcome</html>"
    assert not answers(page.url)
    page.text = b'{"services": {}}'
    assert answers(page.url)
    assert not answers("ftp://127.0.0.1")
