"""async-kinesis as a contestant. It pins another botocore than ours, so it lives in a virtual
environment of its own (`.tools/peers`) and is given its events through a pipe.

Its producer is used as its README has it: `put` with a partition key, and a flush at the end. It
counts records and bytes itself to stay below the shards' limits, and puts one request at a time.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.producer.endpoint import empty
from bench.producer.ways import Course, Way
from bench.workload import Sent
from contract import InorderError

PYTHON = Path(__file__).parents[2] / ".tools" / "peers" / "bin" / "python"

_PROGRAM = """
import asyncio, json, logging, sys
from kinesis import Producer
from kinesis.processors import StringProcessor

logging.disable(logging.CRITICAL)

async def main():
    url, stream = sys.argv[1:]
    async with Producer(stream, endpoint_url=url, region_name="us-east-1",
                        processor=StringProcessor()) as producer:
        for line in sys.stdin:
            events = json.loads(line)
            print("ready", flush=True)
            sys.stdin.readline()
            for order_id, data in events:
                await producer.put(data, partition_key=order_id)
            await producer.flush()
            while producer.overflow or producer.queue.qsize():
                await producer.flush()
            print("done", flush=True)

asyncio.run(main())
"""


class PeerFailed(InorderError):
    """async-kinesis did not do what it was asked to."""


class AsyncKinesis(Way):
    """The other process, from here."""

    def __init__(self, course: Course, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(course)
        self._process = process

    def prepare(self, turn: int) -> list[Sent]:
        """The next events, which the other process has by then."""
        events = super().prepare(turn)
        pairs = [(event.order_id, event.data.decode()) for event in events]
        self._tell(msgspec.json.encode(pairs), "ready")
        empty(self._course.url, self._course.stream)
        return events

    def work(self, events: list[Sent], /) -> int:
        self._tell(b"go", "done")
        return len(events)

    def _tell(self, line: bytes, expected: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was made with pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline().decode().strip()
        if said != expected:
            raise PeerFailed(f"async-kinesis said {said!r} instead of {expected!r}")


@contextmanager
def async_kinesis(course: Course) -> Iterator[AsyncKinesis]:
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    process = subprocess.Popen(  # noqa: S603 - our own program
        [PYTHON, "-c", _PROGRAM, course.url, course.stream],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), **credentials},
    )
    try:
        yield AsyncKinesis(course, process)
    finally:
        process.kill()
        process.communicate()
