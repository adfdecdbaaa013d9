"""The endpoints we start: on loopback only, gone with the block or with us."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.kinesis.endpoint import KinesisUnavailable, serve
from local.kinesis.ministack import ministack
from local.kinesis.open_endpoint import open_endpoint
from local.kinesis.resharding import is_installed, kinesalite

PROJECT = Path(__file__).parents[3]
STARTERS = {"ministack": ministack, "kinesalite": kinesalite}


@pytest.fixture(params=STARTERS)
def starter(request):
    if request.param == "kinesalite" and not is_installed():
        pytest.skip("kinesalite is not installed (make setup)")
    return request.param


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def is_answered(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def goes_away(port, seconds=10.0):
    deadline = time.monotonic() + seconds
    while is_answered(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_it_serves_for_the_length_of_the_block(starter):
    with STARTERS[starter]() as endpoint:
        arn = endpoint.create_stream("orders", 2)
        assert arn.endswith(":stream/orders")
        assert endpoint.create_stream("orders", 2) == arn, "one that is there stays"
        client = endpoint.client()
        put = client.put_record(StreamName="orders", Data=b"1", PartitionKey="a")
        again = client.put_record(StreamName="orders", Data=b"2", PartitionKey="a")
        assert int(put["SequenceNumber"]) < int(again["SequenceNumber"])
        port = port_of(endpoint.url)
    assert goes_away(port)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc/net (Linux)")
def test_it_listens_on_loopback_only(starter):
    with STARTERS[starter]() as endpoint:
        port = f"{port_of(endpoint.url):04X}"
        listening = [
            line.split()[1]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"
        ]
    assert listening == [f"0100007F:{port}"]


def test_it_does_not_outlive_a_parent_that_was_killed(starter):
    script = f"""
import sys
sys.path.insert(0, {str(PROJECT)!r})
from tests.integration.mapping.test_endpoints import STARTERS
with STARTERS[{starter!r}]() as endpoint:
    print(endpoint.url, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        port = port_of(parent.stdout.readline().strip())
        assert is_answered(port)
        os.kill(parent.pid, signal.SIGKILL)
    assert goes_away(port)


def test_a_server_that_ends_at_once_is_told_with_its_log(tmp_path):
    log = tmp_path / "log"
    with (
        pytest.raises(KinesisUnavailable, match="ended at once"),
        serve([sys.executable, "-c", "print('no')"], port=1, log=log, env=dict(os.environ)),
    ):
        pass
    assert log.read_text() == "no\n"


@pytest.mark.parametrize("starter", STARTERS.values())
def test_what_is_not_installed_is_said(starter, tmp_path):
    with pytest.raises(KinesisUnavailable, match="make setup"), starter(tools=tmp_path):
        pass


@pytest.mark.parametrize(
    ("given", "url"), [("http://localhost:4566", "http://localhost:4566"), ("aws", None)]
)
def test_a_given_endpoint_is_taken_as_it_is(given, url):
    with open_endpoint(given) as endpoint:
        assert endpoint.url == url


def credentials_of(endpoint):
    return endpoint.client()._request_signer._credentials.access_key


def test_a_remote_endpoint_gets_the_caller_s_own_credentials_and_region(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with open_endpoint("https://kinesis.example.com") as remote, open_endpoint("aws") as aws:
        assert credentials_of(remote) == credentials_of(aws) == "mine"
        assert remote.client().meta.region_name == aws.client().meta.region_name == "eu-west-1"
        assert aws.client().meta.endpoint_url == "https://kinesis.eu-west-1.amazonaws.com"
    with open_endpoint("http://localhost:4566") as local:
        assert credentials_of(local) == "local"
