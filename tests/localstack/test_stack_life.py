"""Update and delete of the stack; last in the alphabet, since the others use what it deletes."""

import pytest
from botocore.exceptions import ClientError

from producer import Producer
from tests.consuming.tables import read_tables
from tests.consuming.waiting import until
from tests.events.generate import order_event
from tests.localstack import deployed

KINDS = ("OrderPlaced", "OrderApproved", "OrderShipped", "OrderDelivered")


def test_an_update_keeps_mapping_and_stream_and_events_flow_on(
    stack, localstack, built, parameters, endpoint, sql
):
    def send(*versions):
        with Producer(stack.outputs["StreamName"], endpoint.client()) as producer:
            return [producer.send(order_event("updated", v, KINDS[v - 1])) for v in versions]

    def applied():
        return [row.ordinal for row in read_tables(sql).ledger.get("updated", ())]

    send(1, 2)
    until(lambda: applied() == [1, 2], seconds=60)
    changed = parameters | {"BatchSize": "77", "KillerDeaths": "4", "LogRetentionDays": "7"}
    after = deployed.deploy(localstack, built, changed)
    assert after.outputs == stack.outputs, "nothing was replaced"
    client = stack.client("lambda")
    mapping = client.get_event_source_mapping(UUID=stack.outputs["ConsumerMappingId"])
    assert mapping["BatchSize"] == 77
    name = stack.outputs["ConsumerFunctionName"]
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert variables["KILLER_DEATHS"] == "4"
    send(3, 4)
    until(lambda: applied() == [1, 2, 3, 4], seconds=60)
    # LocalStack's mapping begins again at the stream's beginning: all of it is recognised.
    assert read_tables(sql).heads["updated"] == (True, 4, "open")


def test_a_deleted_stack_leaves_no_function_and_no_mapping(stack, localstack):
    """LocalStack keeps no stream and no bucket, whatever their deletion policy says."""
    _empty(stack.client("s3"), stack.outputs["OnFailureBucketName"])
    deployed.delete(localstack)
    with pytest.raises(ClientError, match="does not exist"):
        deployed.described(localstack)
    client = stack.client("lambda")
    names = [function["FunctionName"] for function in client.list_functions()["Functions"]]
    assert not [name for name in names if name.startswith(deployed.NAME)]
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def _empty(s3, bucket):
    """An object that waits for redrive would hold the bucket, and on AWS keeps it for good."""
    found = s3.list_object_versions(Bucket=bucket)
    for entry in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])
