"""An HTTP front before a real Kinesis endpoint that spoils PutRecords as a test tells it to.

A fault is a function from a `Call` to nothing: it forwards the call or not, and answers it or not.
So the real client meets what the real network does: partial failures, throttles, answers that never
come though the records were stored, connections reset before or after, puts that land late.
"""

import base64
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class Call:
    """One request on its way through."""

    def __init__(self, front: "FaultyFront", handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self._front = front
        self._handler = handler
        self.document = json.loads(body)

    @property
    def records(self) -> list[tuple[str, bytes]]:
        """Partition key and data of each record."""
        return [
            (record["PartitionKey"], base64.b64decode(record["Data"]))
            for record in self.document["Records"]
        ]

    def forward(self, only: list[int] | None = None) -> dict:
        """Let the stream have the records, or those at some places; returns its answer."""
        records = self.document["Records"]
        chosen = records if only is None else [records[place] for place in only]
        _, answer = self._front.ask(
            self._handler.headers, json.dumps(self.document | {"Records": chosen}).encode()
        )
        return json.loads(answer)

    def answer(self, document: dict, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self._handler.send_response(status)
        self._handler.send_header("content-type", "application/x-amz-json-1.1")
        self._handler.send_header("content-length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def fail(self, code: str, status: int = 400) -> None:
        self.answer({"__type": code, "message": f"told to answer {code}"}, status)

    def say_nothing(self) -> None:
        """Keep the client waiting until it gives up."""
        self._handler.close_connection = True
        self._handler.connection.recv(1)  # returns when the client hangs up

    def reset(self) -> None:
        """Close the connection the hard way."""
        linger_none = struct.pack("ii", 1, 0)
        self._handler.close_connection = True
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        self._handler.connection.close()


Fault = Callable[[Call], None]


class FaultyFront:
    """The front itself; `script` has a fault for each coming PutRecords, `rule` for all others."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.script: deque[Fault | None] = deque()
        self.rule: Callable[[Call], Fault | None] = lambda _: None
        self.calls: list[Call] = []
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ask(self, headers, body: bytes) -> tuple[int, bytes]:
        """Pass a request on to the real endpoint."""
        connection = HTTPConnection(self._target.hostname, self._target.port, timeout=10)
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower().startswith(("x-amz-", "content-type", "authorization"))
        }
        connection.request("POST", "/", body, kept)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def fault_for(self, call: Call) -> Fault | None:
        self.calls.append(call)
        return self.script.popleft() if self.script else self.rule(call)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """Broken connections are this server's trade: nothing to report."""


def _handler_of(front: FaultyFront) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("x-amz-target", "").endswith(".PutRecords"):
                call = Call(front, self, body)
                fault = front.fault_for(call)
                if fault is not None:
                    fault(call)
                else:
                    call.answer(call.forward())
                return
            status, answer = front.ask(self.headers, body)
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def throttled(call: Call) -> None:
    """The whole request is refused; nothing is stored."""
    call.fail("ProvisionedThroughputExceededException")


def internal_failure_after_storing(call: Call) -> None:
    call.forward()
    call.fail("InternalFailure", status=500)


def no_answer_after_storing(call: Call) -> None:
    call.forward()
    call.say_nothing()


def no_answer(call: Call) -> None:
    call.say_nothing()


def reset_before(call: Call) -> None:
    call.reset()


def reset_after_storing(call: Call) -> None:
    call.forward()
    call.reset()


def partial(*failing: int, code: str = "ProvisionedThroughputExceededException") -> Fault:
    """The records at these places fail, the others are stored."""

    def fault(call: Call) -> None:
        places = [n for n in range(len(call.document["Records"])) if n not in failing]
        stored = iter(call.forward(places)["Records"] if places else [])
        entries = [
            next(stored)
            if place in places
            else {"ErrorCode": code, "ErrorMessage": "told to fail this one"}
            for place in range(len(call.document["Records"]))
        ]
        call.answer({"FailedRecordCount": len(entries) - len(places), "Records": entries})

    return fault


class LandsLate:
    """The answer never comes, and the records arrive when `land` is called."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __call__(self, call: Call) -> None:
        self._calls.append(call)
        call.say_nothing()

    def land(self) -> None:
        for call in self._calls:
            call.forward()
