"""Is the endpoint as far away as it says, and faster than anybody who is measured against it?"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

import msgspec

from bench.producer.endpoint import MOST_RECORDS, Setup, endpoint
from bench.producer.ways import CONNECTIONS
from bench.workload import Workload

_HEADERS = {"x-amz-target": "Kinesis_20131202.PutRecords"}


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What a client that only reads and writes bytes gets out of the endpoint, limits off.

    `latency_ms` is the median of one small request, `setting_ms` what it was set to for that;
    `records_per_second` is of full requests on the connections that everybody has.
    """

    wanted_ms: float
    latency_ms: float
    setting_ms: float
    records_per_second: float


@contextmanager
def calibrated(
    setup: Setup, stream: str, *, attempts: int = 6
) -> Iterator[tuple[str, Calibration]]:
    """The endpoint, its latency corrected until a request takes what was asked for, or as nearly
    as so many attempts allow.
    """
    wanted = setting = setup.latency_ms
    tried: list[Calibration] = []
    while len(tried) < attempts and not (tried and _error(tried[-1]) <= 0.02 * wanted):
        with endpoint(msgspec.structs.replace(setup, latency_ms=setting, limited=False)) as url:
            found = Calibration(
                wanted_ms=wanted,
                latency_ms=_latency(url, stream),
                setting_ms=setting,
                records_per_second=_throughput(url, stream),
            )
        tried.append(found)
        setting = max(0.0, setting - (found.latency_ms - wanted))
    best = min(tried, key=_error)
    with endpoint(msgspec.structs.replace(setup, latency_ms=best.setting_ms)) as url:
        yield url, best


def _error(found: Calibration) -> float:
    return abs(found.latency_ms - found.wanted_ms)


def _latency(url: str, stream: str, times: int = 100) -> float:
    connection, body = _connection(url), _body(stream, 1)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        _put(connection, body)
        took.append(1_000 * (time.perf_counter() - began))
    connection.close()
    return median(took)


def _throughput(url: str, stream: str, requests: int = 60) -> float:
    body = _body(stream, MOST_RECORDS)

    def put_all() -> None:
        connection = _connection(url)
        for _ in range(requests):
            _put(connection, body)
        connection.close()

    threads = [threading.Thread(target=put_all) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CONNECTIONS * requests * MOST_RECORDS / (time.perf_counter() - began)


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return HTTPConnection(parts.hostname or "", parts.port)


def _put(connection: HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/", body, _HEADERS)
    connection.getresponse().read()


def _body(stream: str, records: int) -> bytes:
    batch = next(Workload().batches(records))
    entries = [{"Data": event.data, "PartitionKey": event.order_id} for event in batch]
    return msgspec.json.encode({"Records": entries, "StreamName": stream})
