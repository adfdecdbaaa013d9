"""Every function of the template answers `sam local invoke` in a container, as README shows it."""

import json
import re

import psycopg
import pytest

from tests.events.generate import HERE as EVENTS
from tests.events.places import BUCKET, OBJECT_KEY
from tests.operating import mapped, s3
from tests.sam_local.conftest import ENVIRONMENT, ROOT

INVOKED = {"Producer", "Consumer", "Redrive", "Auditor", "Controller", "Migrator", "Settings"}


@pytest.fixture
def sql(database):
    with psycopg.connect(f"{database.url}?dbname=inorder", autocommit=True) as connection:
        yield connection


@pytest.fixture
def bucket(services):
    client = s3.client(services["S3_HERE"])
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    body = (EVENTS / "bucket-object.json").read_bytes()
    client.put_object(Bucket=BUCKET, Key=OBJECT_KEY, Body=body)
    return client


def test_none_is_left_out():
    text = (ROOT / "template.yaml").read_text()
    functions = re.findall(r"(?m)^  (\w+)Function:\n    Type: AWS::Serverless::Function", text)
    assert set(functions) == INVOKED
    assert set(json.loads(ENVIRONMENT.read_text())) == {f"{name}Function" for name in INVOKED}


def test_the_producer_gives_a_receipt(invoke):
    answer = invoke("ProducerFunction", EVENTS / "api-one.json")
    assert answer["statusCode"] == 202, answer
    assert json.loads(answer["body"])["receipts"][0]["order_id"] == "teapot"


def test_the_consumer_applies_a_batch_and_the_auditor_finds_it_sound(invoke, sql):
    assert invoke("ConsumerFunction", EVENTS / "kinesis-plain.json") == {"batchItemFailures": []}
    statuses = sql.execute("select order_id, status from orders").fetchall()
    assert dict(statuses) == {"teapot": "placed", "kettle": "canceled"}
    answer = invoke("AuditorFunction", EVENTS / "schedule.json")
    assert (answer["finished"], answer["faults"]) == (True, 0), answer


def test_redrive_feeds_in_what_is_in_the_bucket(invoke, bucket):
    answer = invoke("RedriveFunction", EVENTS / "schedule.json")
    assert answer["counts"]["ObjectsFedIn"] == 1, answer
    tags = bucket.get_object_tagging(Bucket=BUCKET, Key=OBJECT_KEY)["TagSet"]
    assert {"Key": "inorder", "Value": "done"} in tags


@pytest.mark.parametrize("function", ["Migrator", "Settings"])
def test_custom_resources_answer_by_way_of_s3(invoke, services, tmp_path, function):
    """A request to delete, which either answers without doing anything."""
    client = s3.client(services["S3_HERE"])
    name = f"answers-{function.lower()}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    url = client.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "answer"})
    request = json.loads((EVENTS / "custom-resource-delete.json").read_text())
    there = services["AWS_ENDPOINT_URL"]
    request["ResponseURL"] = url.replace(services["S3_HERE"], there)
    event = tmp_path / "request.json"
    event.write_text(json.dumps(request))
    invoke(f"{function}Function", event)
    answer = json.loads(client.get_object(Bucket=name, Key="answer")["Body"].read())
    assert answer["Status"] == "SUCCESS", answer


def test_the_controller_takes_a_turn(invoke, services):
    """At second 20 of a minute, as in AWS: this may take one."""
    connect = mapped.connecting(services["S3_HERE"])
    parameters = {"STATE_PARAMETER": "/inorder/state", "HAND_PARAMETER": "/inorder/hand"}
    for name in parameters.values():
        connect("ssm").put_parameter(Name=name, Value="{}", Type="String")
    mapping = mapped.make_mapping(connect)
    variables = parameters | {"MAPPING_ID": mapping}
    answer = invoke("ControllerFunction", EVENTS / "schedule.json", **variables)
    assert (answer["factor"], answer["shards"], answer["acts"]) == (1, 1, False), answer
    assert answer["change"] == {"MaximumBatchingWindowInSeconds": 1}, "the template's window"
    real = connect("lambda").get_event_source_mapping(UUID=mapping)
    assert real.get("MaximumBatchingWindowInSeconds", 0) == 0, "it only says what it would change"
    state = connect("ssm").get_parameter(Name="/inorder/state")["Parameter"]["Value"]
    assert json.loads(state)["shards"] == 1
