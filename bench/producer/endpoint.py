"""A Kinesis endpoint ten milliseconds away whose shards have limits, before the embedded one.

It runs in a process of its own. PutRecord and PutRecords pass through the limits; what they admit
goes on to the embedded endpoint and is stored there (or, `stored=False`, is only answered, where
the embedded endpoint would be slower than the producers), what they do not is refused record by
record, as Kinesis does. Either answer leaves no sooner than the latency after the request arrived.
All other calls pass through as they are, and two of its own (`Bench.Empty`, `Bench.Count`) empty
and read the counts of a stream.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.producer.limits import Counts, ShardLimits

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"\r\nx-amz-target: *[^.\r]+\.(\w+)", re.IGNORECASE)
MOST_RECORDS = 500
_TOO_MANY = {
    "__type": "ValidationException",
    "message": "Value at 'records' failed to satisfy constraint: "
    "Member must have length less than or equal to 500",
}
_THROTTLED = "ProvisionedThroughputExceededException"


class Put(msgspec.Struct, rename="pascal"):
    """A record of PutRecords, or the whole of PutRecord. `data` is Base64."""

    data: str
    partition_key: str
    explicit_hash_key: str | None = None
    stream_name: str = ""

    @property
    def size(self) -> int:
        """Bytes that count: of the data, and of the partition key."""
        padding = self.data.endswith("=") + self.data.endswith("==")
        return len(self.data) * 3 // 4 - padding + len(self.partition_key.encode())


class Puts(msgspec.Struct, rename="pascal"):
    """A PutRecords request."""

    records: list[Put]
    stream_name: str


class Named(msgspec.Struct, rename="pascal"):
    """Any request that names a stream."""

    stream_name: str = ""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is the embedded endpoint, `shards` how many each stream has there."""

    target: str
    shards: int
    latency_ms: float = 10.0
    limited: bool = True
    stored: bool = True


@contextmanager
def endpoint(setup: Setup) -> Iterator[str]:
    """The URL of such an endpoint, for the length of the block."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setup), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.close()
        process.join(timeout=10)
        process.kill()


def _serve(pipe: Connection, setup: Setup) -> None:
    asyncio.run(_until_closed(pipe, setup))


async def _until_closed(pipe: Connection, setup: Setup) -> None:
    loop = asyncio.get_running_loop()
    front = Front(setup, loop)
    server = await loop.create_server(lambda: _Caller(front), "127.0.0.1", 0)
    gone = asyncio.Event()
    loop.add_reader(pipe.fileno(), gone.set)
    pipe.send(server.sockets[0].getsockname()[1])
    await gone.wait()


class Front:
    """What is done with a request."""

    def __init__(self, setup: Setup, loop: asyncio.AbstractEventLoop) -> None:
        self._setup = setup
        self._loop = loop
        self._upstream = _Upstream(setup.target)
        self._streams: dict[str, ShardLimits] = {}
        self._number = 10**55
        self._puts = msgspec.json.Decoder(Puts)
        self._put = msgspec.json.Decoder(Put)

    async def answer(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a request; `head` is its first line and headers."""
        arrived = self._loop.time()
        target = _TARGET.search(head)
        call = target[1] if target else b""
        if call in (b"Empty", b"Count"):
            limits = self._limits(msgspec.json.decode(body, type=Named).stream_name)
            counts = limits.count(arrived)
            if call == b"Empty":
                limits.empty(arrived)
            return 200, msgspec.json.encode(counts)
        if call == b"PutRecords":
            answered = await self._put_records(head, body)
        elif call == b"PutRecord":
            answered = await self._put_record(head, body)
        else:
            return await self._upstream.ask(head, body)
        left = arrived + self._setup.latency_ms / 1_000 - self._loop.time()
        if left > 0:
            await asyncio.sleep(left)
        return answered

    async def _put_records(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        request = self._puts.decode(body)
        if len(request.records) > MOST_RECORDS:
            return 400, msgspec.json.encode(_TOO_MANY)
        limits = self._limits(request.stream_name)
        shards = [limits.shard_of(r.partition_key, r.explicit_hash_key) for r in request.records]
        sizes = [record.size for record in request.records]
        taken = limits.admit(list(zip(shards, sizes, strict=True)), self._loop.time())
        if not self._setup.stored:
            stored: Iterator[Any] = map(self._entry, shards)
        elif not any(taken):
            stored = iter(())
        else:
            if not all(taken):
                request.records = [r for r, t in zip(request.records, taken, strict=True) if t]
                body = msgspec.json.encode(request)
            status, answer = await self._upstream.ask(head, body)
            if status != 200 or all(taken):  # noqa: PLR2004 - HTTP
                return status, answer
            stored = iter(msgspec.json.decode(answer)["Records"])
        entries = [
            _refusal(shard) if not took else next(stored)
            for shard, took in zip(shards, taken, strict=True)
        ]
        failed = len(taken) - sum(taken)
        return 200, msgspec.json.encode({"FailedRecordCount": failed, "Records": entries})

    async def _put_record(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        record = self._put.decode(body)
        limits = self._limits(record.stream_name)
        shard = limits.shard_of(record.partition_key, record.explicit_hash_key)
        (taken,) = limits.admit([(shard, record.size)], self._loop.time())
        if not taken:
            refusal = _refusal(shard)
            error = {"__type": refusal["ErrorCode"], "message": refusal["ErrorMessage"]}
            return 400, msgspec.json.encode(error)
        if self._setup.stored:
            return await self._upstream.ask(head, body)
        return 200, msgspec.json.encode(self._entry(shard))

    def _limits(self, stream: str) -> ShardLimits:
        if stream not in self._streams:
            setup, now = self._setup, self._loop.time()
            self._streams[stream] = ShardLimits(setup.shards, now, limited=setup.limited)
        return self._streams[stream]

    def _entry(self, shard: int) -> dict[str, str]:
        self._number += 1
        return {"SequenceNumber": str(self._number), "ShardId": f"shardId-{shard:012d}"}


def _refusal(shard: int) -> dict[str, str]:
    return {
        "ErrorCode": _THROTTLED,
        "ErrorMessage": f"Rate exceeded for shard shardId-{shard:012d}",
    }


class _Caller(asyncio.Protocol):
    """A client's connection: requests one after the other, as HTTP/1.1 has them."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._received = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (message := _message(self._received)) is not None:
            task = asyncio.ensure_future(self._answer(*message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, head: bytes, body: bytes) -> None:
        status, answer = await self._front.answer(head, body)
        first = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}\r\n"  # noqa: PLR2004 - HTTP
        headers = f"content-type: application/x-amz-json-1.1\r\ncontent-length: {len(answer)}\r\n"
        self._transport.write((first + headers + "\r\n").encode() + answer)


class _Upstream:
    """Connections to the embedded endpoint, each used by one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Pass a request on, with the length of this body; status and body of the answer."""
        reader, writer = await self._connection()
        lines = [line for line in head.split(b"\r\n") if _is_passed_on(line)]
        lines.append(b"content-length: %d" % len(body))
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answered = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answered)
        answer = await reader.readexactly(int(length[1]) if length else 0)
        self._free.append((reader, writer))
        return int(answered[9:12]), answer

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A free one that the endpoint has not closed for being idle, or a new one."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._address, limit=1 << 24)


def _is_passed_on(line: bytes) -> bool:
    return bool(line) and not line.lower().startswith((b"content-length:", b"expect:"))


def _message(received: bytearray) -> tuple[bytes, bytes] | None:
    """The first whole request in what was received, taken out of it."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    length = _LENGTH.search(head)
    whole = end + 4 + (int(length[1]) if length else 0)
    if len(received) < whole:
        return None
    body = bytes(received[end + 4 : whole])
    del received[:whole]
    return head, body


def empty(url: str, stream: str) -> None:
    """Empty a stream's counts, and the tokens of its shards."""
    _own_call(url, "Empty", stream)


def count(url: str, stream: str) -> Counts:
    """What a stream has taken since."""
    return msgspec.json.decode(_own_call(url, "Count", stream), type=Counts)


def _own_call(url: str, call: str, stream: str) -> bytes:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port)
    headers = {"x-amz-target": f"Bench.{call}"}
    body = msgspec.json.encode({"StreamName": stream})
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse().read()
    connection.close()
    return answer
