"""What each answer, or the lack of one, is taken for: through the real client and a real socket."""

import socket

import boto3
import pytest
from botocore.config import Config

from contract.keys import StreamKey
from producer import ProducerSettings, kinesis_client
from producer.kinesis import Stream
from producer.outcomes import Accepted, Refused, Suspect, Unanswered
from producer.records import Outgoing, Record, Request
from tests.integration.producer import faulty_front as faults
from tests.integration.producer.conftest import CREDENTIALS
from tests.unit.producer.driving import event_id

SETTINGS = ProducerSettings(read_timeout=0.3, connect_timeout=0.3)


def request_of(*keys: str, explicit_hash_key: str | None = None) -> Request:
    return Request(records=tuple(record_of(key, explicit_hash_key) for key in keys))


def record_of(key: str, explicit_hash_key: str | None) -> Record:
    event = Outgoing(event_id=event_id(key), order_id=key, payload=b"{}", deadline=0.0, ticket=None)
    return Record(
        key=StreamKey(key, explicit_hash_key),
        events=(event,),
        size=3,
        payload_bytes=2,
        deadline=0.0,
    )


@pytest.fixture
def target(stream, front) -> Stream:
    return Stream(stream, kinesis_client(SETTINGS, endpoint_url=front.url, **CREDENTIALS))


def test_accepted_says_shard_and_sequence_number(target, stream, read_stream):
    outcomes = target.put(request_of("a", "b"))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    found = read_stream(stream)
    assert [outcome.sequence_number for outcome in outcomes] == [
        found["a"][0][0],
        found["b"][0][0],
    ]


def test_an_explicit_hash_key_decides_the_shard(target, admin, stream):
    (outcome,) = target.put(request_of("a", explicit_hash_key=str(2**128 - 1)))
    last = max(shard["ShardId"] for shard in admin.list_shards(StreamName=stream)["Shards"])
    assert outcome.shard_id == last


def test_a_stream_may_be_given_by_its_arn(front, admin, stream):
    arn = admin.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    target = Stream(arn, kinesis_client(SETTINGS, endpoint_url=front.url, **CREDENTIALS))
    assert isinstance(target.put(request_of("a"))[0], Accepted)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ProvisionedThroughputExceededException", 400, Refused),
        ("LimitExceededException", 400, Refused),
        ("KMSThrottlingException", 400, Refused),
        ("ThrottlingException", 503, Refused),
        ("ResourceNotFoundException", 400, Refused),
        ("AccessDeniedException", 400, Refused),
        ("ExpiredTokenException", 403, Refused),
        ("KMSDisabledException", 400, Refused),
        ("ValidationException", 400, Suspect),
        ("InvalidArgumentException", 400, Suspect),
        ("SerializationException", 400, Suspect),
        ("InternalFailure", 500, Unanswered),
        ("ServiceUnavailable", 503, Unanswered),
        ("RequestTimeoutException", 408, Unanswered),
    ],
)
def test_an_error_answer_to_the_whole_request(target, front, code, status, kind):
    front.rule = lambda _: lambda call: call.fail(code, status)
    outcomes = target.put(request_of("a", "b"))
    assert [type(outcome) for outcome in outcomes] == [kind, kind]
    assert outcomes[0].code == code


def test_a_bare_413_means_one_of_the_records_is_too_large(target, front):
    front.rule = lambda _: lambda call: call.answer({}, status=413)
    assert isinstance(target.put(request_of("a"))[0], Suspect)


@pytest.mark.parametrize(
    "fault",
    [
        faults.no_answer,
        faults.reset_before,
        faults.reset_after_storing,
        faults.no_answer_after_storing,
    ],
)
def test_no_answer_is_unanswered(target, front, fault):
    front.rule = lambda _: fault
    assert isinstance(target.put(request_of("a"))[0], Unanswered)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", Refused),
        ("InternalFailure", Unanswered),
        ("InvalidArgumentException", Suspect),
        ("SomethingNew", Unanswered),
    ],
)
def test_an_error_entry_is_about_its_record_only(target, front, code, kind):
    front.rule = lambda _: faults.partial(1, code=code)
    first, second = target.put(request_of("a", "b"))
    assert isinstance(first, Accepted)
    assert type(second) is kind


@pytest.mark.parametrize(
    "document",
    [
        {"Records": []},
        {"Records": [{"ShardId": "shardId-0"}]},
        {"Records": [{"ShardId": "shardId-0", "SequenceNumber": "x"}]},
        {},
    ],
)
def test_an_answer_that_makes_no_sense_answers_nothing(target, front, document):
    front.rule = lambda _: lambda call: call.answer(document)
    assert isinstance(target.put(request_of("a"))[0], Unanswered)


def test_an_answer_cut_short_answers_nothing(target, front):
    def cut(call):
        call.forward()
        call._handler.send_response(200)
        call._handler.send_header("content-length", "1000")
        call._handler.end_headers()
        call._handler.wfile.write(b'{"Records": [')
        call._handler.close_connection = True

    front.rule = lambda _: cut
    assert isinstance(target.put(request_of("a"))[0], Unanswered)


def test_no_connection_is_a_refusal():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = kinesis_client(SETTINGS, endpoint_url=f"http://127.0.0.1:{port}", **CREDENTIALS)
    assert isinstance(Stream("s", client).put(request_of("a"))[0], Refused)


def test_a_record_that_the_client_itself_refuses_is_suspect(stream, front):
    """A client of the caller's own checks its parameters, unlike the one we make."""
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client("kinesis", endpoint_url=front.url, config=config, **CREDENTIALS)
    outcomes = Stream(stream, client).put(request_of("a", ""))
    assert front.calls == []
    assert [type(outcome) for outcome in outcomes] == [Suspect, Suspect]


def test_a_put_is_one_request_on_the_wire_whatever_happens(target, front):
    front.rule = lambda _: lambda call: call.fail("InternalFailure", 500)
    target.put(request_of("a"))
    assert len(front.calls) == 1, "the client repeats by itself"
