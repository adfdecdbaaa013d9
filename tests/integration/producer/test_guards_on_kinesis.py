"""May this producer write here? Asked of a real endpoint, and of answers that it cannot give."""

import pytest
from botocore.stub import Stubber

from contract.keys import MODE_TAG
from producer import Producer, ProducerSettings, StreamUnusable, kinesis_client
from producer.guards import guard, objection
from tests.integration.producer.conftest import CREDENTIALS


@pytest.fixture
def client(kinesis_url):
    return kinesis_client(ProducerSettings(), endpoint_url=kinesis_url, **CREDENTIALS)


def tags(admin, stream) -> dict[str, str]:
    answer = admin.list_tags_for_stream(StreamName=stream)
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def test_an_unmarked_stream_is_marked_with_the_mode(client, admin, stream):
    guard(client, stream, mode="order")
    assert tags(admin, stream)[MODE_TAG] == "order"
    guard(client, stream, mode="order")


def test_a_stream_that_another_mode_writes_to_is_refused(client, admin, stream):
    admin.add_tags_to_stream(StreamName=stream, Tags={MODE_TAG: "bucket"})
    with pytest.raises(StreamUnusable, match="tagged inorder-mode=bucket"):
        Producer(stream, client)
    assert tags(admin, stream)[MODE_TAG] == "bucket"


def test_a_stream_that_does_not_exist_is_refused_in_so_many_words(client):
    with pytest.raises(StreamUnusable, match="stream nowhere: does not exist"):
        Producer("nowhere", client)


def test_the_guards_can_be_switched_off(client, admin, stream):
    admin.add_tags_to_stream(StreamName=stream, Tags={MODE_TAG: "bucket"})
    Producer(stream, client, settings=ProducerSettings(guards=False)).close()


def test_an_endpoint_that_cannot_be_reached(stream):
    nowhere = kinesis_client(ProducerSettings(), endpoint_url="http://127.0.0.1:9", **CREDENTIALS)
    with pytest.raises(StreamUnusable, match="cannot be reached"):
        guard(nowhere, stream, mode="order")


@pytest.mark.parametrize(
    ("summary", "written_by", "says"),
    [
        ({"StreamStatus": "ACTIVE", "RecordDistributionStrategy": "AUTO"}, None, "AUTO"),
        ({"StreamStatus": "ACTIVE"}, "bucket", "bucket"),
        ({"StreamStatus": "CREATING"}, None, "CREATING"),
        ({"StreamStatus": "DELETING"}, "order", "DELETING"),
    ],
)
def test_objections(summary, written_by, says):
    assert says in objection(summary, written_by=written_by, mode="order")


@pytest.mark.parametrize(
    "summary",
    [
        {"StreamStatus": "ACTIVE", "RecordDistributionStrategy": "USER_PARTITION_KEY"},
        {"StreamStatus": "UPDATING"},
    ],
)
@pytest.mark.parametrize("written_by", [None, "order"])
def test_no_objection(summary, written_by):
    assert objection(summary, written_by=written_by, mode="order") is None


SUMMARY = {
    "StreamName": "s",
    "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
    "StreamStatus": "ACTIVE",
    "RetentionPeriodHours": 24,
    "StreamCreationTimestamp": 0,
    "EnhancedMonitoring": [],
    "OpenShardCount": 1,
}


def test_auto_distribution_is_read_from_the_answer_that_this_botocore_knows(client):
    """No local endpoint has the field: that botocore hands it on is what this shows."""
    with Stubber(client) as answers:
        summary = SUMMARY | {"RecordDistributionStrategy": "AUTO"}
        answers.add_response("describe_stream_summary", {"StreamDescriptionSummary": summary})
        answers.add_response("list_tags_for_stream", {"Tags": [], "HasMoreTags": False})
        with pytest.raises(StreamUnusable, match="AUTO, which ignores partition keys"):
            guard(client, "s", mode="order")


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        ("list_tags_for_stream", "LimitExceededException", "asked too often"),
        ("list_tags_for_stream", "AccessDeniedException", "switch the guards off"),
        ("list_tags_for_stream", "UnknownOperationException", "switch the guards off"),
        ("add_tags_to_stream", "AccessDeniedException", "tag it inorder-mode=order"),
    ],
)
def test_a_guard_that_cannot_ask_says_what_to_do(client, call, code, says):
    with Stubber(client) as answers:
        answers.add_response("describe_stream_summary", {"StreamDescriptionSummary": SUMMARY})
        if call == "add_tags_to_stream":
            answers.add_response("list_tags_for_stream", {"Tags": [], "HasMoreTags": False})
        answers.add_client_error(call, code)
        with pytest.raises(StreamUnusable, match=says):
            guard(client, "s", mode="order")
