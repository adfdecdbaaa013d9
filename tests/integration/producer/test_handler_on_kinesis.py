"""The Lambda entry point with a real stream behind it: what callers are told, and its truth."""

import base64
import io
import json
import threading
from time import monotonic

import pytest

from contract.event import MAX_EVENT_BYTES
from producer import InvalidSetting
from producer import handler as entry
from tests.integration.producer import faulty_front as faults
from tests.integration.producer.orders import event, first_appearances, numbers


class Context:
    """A Lambda context with so many seconds left."""

    function_name = "producer"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:producer"
    aws_request_id = "request-1"

    def __init__(self, seconds: float = 29.0) -> None:
        self._end = monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - monotonic()) * 1000))


@pytest.fixture(autouse=True)
def cold(monkeypatch, front, stream):
    """A function that has not run yet, its environment as the template sets it."""
    environment = {
        "STREAM_NAME": stream,
        "AWS_ENDPOINT_URL_KINESIS": front.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PRODUCER_READ_TIMEOUT": "0.3",
        "PRODUCER_CONNECT_TIMEOUT": "0.3",
        "PRODUCER_ANSWER_MARGIN": "0.2",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    entry.configuration.cache_clear()
    entry.open_stream.cache_clear()


@pytest.fixture
def warm(cold):
    """A function that has run before: all of its time is for putting."""
    entry.open_stream()


def invoke(body, *, seconds: float = 5.0, **request):
    """Call the handler as API Gateway does; its status, its answer, and its headers."""
    text = body if isinstance(body, str) else body.decode()
    answer = entry.handler({"version": "2.0", "body": text, **request}, Context(seconds))
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def listed(*events: bytes) -> bytes:
    return b"[" + b",".join(events) + b"]"


def test_one_event_is_answered_with_its_receipt(stream, read_stream):
    status, answer, _ = invoke(event("a", 1))
    assert status == 202
    ((number, events),) = read_stream(stream)["a"]
    assert events == [event("a", 1)]
    (receipt,) = answer["receipts"]
    assert receipt == {
        "id": json.loads(event("a", 1))["id"],
        "order_id": "a",
        "shard_id": receipt["shard_id"],
        "sequence_number": str(number),
        "sub_sequence_number": 0,
    }


def test_a_list_is_answered_with_receipts_in_its_order(stream, read_stream):
    sent = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)]
    status, answer, _ = invoke(listed(*(event(*one) for one in sent)))
    assert status == 202
    assert [r["order_id"] for r in answer["receipts"]] == ["a", "b", "a", "c", "a"]
    assert [r["sub_sequence_number"] for r in answer["receipts"]] == [0, 0, 1, 0, 2]
    assert numbers(read_stream(stream)["a"]) == [1, 3, 5]


def test_base64_bodies_and_the_older_payload_format(stream, read_stream):
    encoded = base64.b64encode(event("a", 1)).decode()
    assert invoke(encoded, isBase64Encoded=True)[0] == 202
    answer = entry.handler(
        {"resource": "/events", "httpMethod": "POST", "body": event("a", 2).decode()}, Context()
    )
    assert answer["statusCode"] == 202
    assert numbers(read_stream(stream)["a"]) == [1, 2]


@pytest.mark.parametrize(
    ("body", "index", "field"),
    [
        (event("", 1), 0, "order_id"),
        (listed(event("a", 1), event("a", 2, time="yesterday")), 1, "time"),
        (listed(event("a", 1), event("a", 2, versoin=1)), 1, "versoin"),
        (b"[1]", 0, "event"),
        (b"{", 0, "event"),
        (b"\xed\xa0\x80".decode("utf-8", "surrogatepass"), 0, "event"),
        (b"[{]", None, "body"),
        (b"[]", None, "body"),
        (b"", None, "body"),
    ],
)
def test_a_wrong_body_names_event_and_field_and_nothing_is_sent(front, body, index, field):
    status, answer, _ = invoke(body)
    assert status == 400
    problem = answer["problems"][0]
    assert (problem.get("index"), problem["field"]) == (index, field)
    assert problem["problem"]
    assert front.calls == []


def test_every_wrong_event_is_named():
    status, answer, _ = invoke(listed(event("", 1), event("a", 2), event("b", 3, type=7)))
    assert status == 400
    assert [(p["index"], p["field"]) for p in answer["problems"]] == [(0, "order_id"), (2, "type")]


def test_a_body_that_is_not_base64_is_said_to_be_so():
    status, answer, _ = invoke("%%%", isBase64Encoded=True)
    assert (status, answer["problems"][0]["problem"]) == (400, "is not Base64")


def test_too_large_a_body_and_too_large_an_event(front, monkeypatch):
    large = event("a", 1, data={"text": "x" * MAX_EVENT_BYTES})
    status, answer, _ = invoke(listed(event("b", 1), large))
    assert (status, answer["problems"][0]["index"]) == (413, 1)
    monkeypatch.setenv("PRODUCER_MAX_BODY_BYTES", "1000")
    entry.configuration.cache_clear()
    status, answer, _ = invoke(listed(*(event("a", n) for n in range(10))))
    assert (status, answer["problems"][0]["field"]) == (413, "body")
    assert front.calls == []


def test_a_stream_that_stays_throttled_is_429_and_nothing_is_uncertain(
    front, stream, read_stream, warm
):
    front.rule = lambda _: faults.throttled
    status, answer, headers = invoke(listed(event("a", 1), event("a", 2)), seconds=1.2)
    assert status == 429
    assert headers["retry-after"] == "1"
    assert [e["status"] for e in answer["events"]] == ["not_sent", "not_sent"]
    assert "same ids" in answer["message"]
    assert read_stream(stream) == {}


def test_part_of_a_request_can_have_been_sent(front, warm):
    front.rule = lambda call: faults.throttled if "a" in dict(call.records) else None
    front.script.append(faults.partial(0))
    status, answer, _ = invoke(listed(event("a", 1), event("b", 1)), seconds=1.2)
    assert status == 429
    assert [(e["index"], e["status"]) for e in answer["events"]] == [(0, "not_sent"), (1, "sent")]
    assert int(answer["events"][1]["sequence_number"]) > 0


def test_no_answer_from_the_stream_is_503_and_unknown(front, warm):
    front.rule = lambda _: faults.no_answer
    status, answer, headers = invoke(listed(event("a", 1), event("b", 1)), seconds=1.5)
    assert status == 503
    assert headers["retry-after"] == "1"
    assert {e["status"] for e in answer["events"]} == {"unknown"}
    assert answer["events"][0]["id"] == json.loads(event("a", 1))["id"]


def test_a_fault_that_passes_is_not_noticed_by_the_caller(front, stream, read_stream):
    front.script.extend([faults.throttled, faults.no_answer_after_storing, faults.reset_before])
    status, _, _ = invoke(listed(event("a", 1), event("a", 2)), seconds=10)
    assert status == 202
    assert first_appearances(numbers(read_stream(stream)["a"])) == [1, 2]


def test_an_event_that_the_stream_itself_refuses_is_400_and_the_others_went(front):
    front.rule = lambda call: (
        (lambda c: c.fail("ValidationException")) if "a" in dict(call.records) else None
    )
    status, answer, _ = invoke(listed(event("a", 1), event("b", 1)))
    assert status == 400
    assert [e["status"] for e in answer["events"]] == ["not_sent", "sent"]
    assert "ValidationException" in answer["events"][0]["problem"]


def test_trap_3_nothing_is_left_in_flight_and_the_repetition_keeps_the_order(
    front, stream, read_stream, warm
):
    """Trap 3: A answers 503 with e1 unresolved; the caller repeats e1, then sends e2; whatever of
    A's attempts lands late is a double. A itself sends nothing any more.
    """
    late = faults.LandsLate()
    front.rule = lambda _: late
    threads = threading.active_count()
    assert invoke(event("a", 1), seconds=1.2)[0] == 503
    assert threading.active_count() <= threads + len(front.calls), "a thread of its own is left"
    tried = len(front.calls)
    front.rule = lambda _: None
    assert invoke(listed(event("a", 1), event("a", 2)))[0] == 202
    assert len(front.calls) == tried + 1, "the first request went on after its answer"
    late.land()
    assert first_appearances(numbers(read_stream(stream)["a"])) == [1, 2]


def test_no_pause_outlives_the_request(front, warm):
    front.rule = lambda _: faults.throttled
    assert invoke(event("a", 1), seconds=1.2)[0] == 429
    front.rule = lambda _: None
    assert invoke(event("a", 1))[0] == 202


def test_too_little_time_left_is_503_without_an_attempt(front, warm):
    status, answer, _ = invoke(event("a", 1), seconds=0.5)
    assert (status, answer["events"][0]["status"]) == (503, "not_sent")
    assert front.calls == []


def test_the_last_attempt_ends_before_the_invocation_does(front, warm):
    front.rule = lambda _: faults.no_answer
    began = monotonic()
    assert invoke(event("a", 1), seconds=2.0)[0] == 503
    assert len(front.calls) > 1
    assert monotonic() - began < 2.0


def test_a_stream_that_must_not_be_written_to_is_503_and_says_why(admin, stream, front):
    admin.add_tags_to_stream(StreamName=stream, Tags={"inorder-mode": "bucket"})
    status, answer, _ = invoke(event("a", 1))
    assert status == 503
    assert "inorder-mode=bucket" in answer["events"][0]["problem"]
    assert front.calls == []
    admin.remove_tags_from_stream(StreamName=stream, TagKeys=["inorder-mode"])
    assert invoke(event("a", 1))[0] == 202


def test_a_missing_setting_is_named(monkeypatch):
    monkeypatch.delenv("STREAM_NAME")
    with pytest.raises(InvalidSetting, match="STREAM_NAME"):
        invoke(event("a", 1))


def test_logs_and_metrics_hold_no_payload(front, capsys, monkeypatch, warm):
    written = io.StringIO()
    monkeypatch.setattr(entry.logger.registered_handler, "stream", written)
    front.rule = lambda _: faults.throttled
    invoke(event("a", 1, data={"secret": "hunter2"}), seconds=1.2)
    (line,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (line["order_id"], line["failed"]) == ("a", 1)
    printed = capsys.readouterr().out
    assert "hunter2" not in written.getvalue() + printed
    metrics = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    assert metrics[0]["EventsNotSent"] == [1.0]
