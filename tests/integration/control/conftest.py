"""Parameter Store, Lambda, Kinesis and CloudWatch as moto has them, and a mapping in them."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.operating import s3
from tests.operating.mapped import connecting, make_mapping

STACK = "shop"
STATE = f"/inorder/{STACK}/concurrency/state"
HAND = f"/inorder/{STACK}/concurrency/hand"


class Cloud(NamedTuple):
    """The endpoint, and the one mapping there."""

    url: str
    mapping: str

    def client(self, service: str) -> Any:
        return connecting(self.url)(service)

    def real(self) -> dict[str, Any]:
        return self.client("lambda").get_event_source_mapping(UUID=self.mapping)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.running(Path(tmp_path_factory.mktemp("moto"))) as url:
        yield url


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stream of two shards with a consumer's mapping, factor 2, and the two parameters."""
    reset = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")  # noqa: S310 - loopback
    urllib.request.urlopen(reset, timeout=30).close()  # noqa: S310 - as above
    for name, value in s3.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    connect = connecting(endpoint)
    mapping = make_mapping(connect)
    connect("lambda").update_event_source_mapping(
        UUID=mapping, ParallelizationFactor=2, MaximumBatchingWindowInSeconds=1
    )
    for parameter in (STATE, HAND):
        connect("ssm").put_parameter(Name=parameter, Value="{}", Type="String", Overwrite=True)
    return Cloud(endpoint, mapping)
