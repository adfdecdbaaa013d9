"""Doctor over HTTP against moto, which keeps streams, mappings, alarms and databases, but makes no
stacks without its own extras: those are stubbed.
"""

import pytest

from ops.doctor.collecting import collect
from ops.doctor.command import examine
from ops.doctor.facts import ClusterFacts, MappingFacts, Missing, StreamFacts
from tests.operating import s3
from tests.operating.mapped import FUNCTION, STREAM, connecting, make_mapping
from tests.unit.doctor.stubbed import NESTED, NOW, outputs, playing, resource


@pytest.fixture(scope="module")
def connect(tmp_path_factory):
    """Gives a client of a service at the endpoint."""
    with s3.running(tmp_path_factory.mktemp("moto")) as url:
        yield connecting(url)


@pytest.fixture(scope="module")
def shop(connect):
    """What the template would have made, with some of it spoilt; the stack's outputs."""
    uuid = make_mapping(connect, STACK_NAME="shop")
    connect("lambda").put_function_concurrency(
        FunctionName=FUNCTION, ReservedConcurrentExecutions=4
    )
    connect("s3").create_bucket(
        Bucket="shop-failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    connect("rds").create_db_cluster(
        DBClusterIdentifier="shop-cluster",
        Engine="aurora-postgresql",
        MasterUsername="master",
        MasterUserPassword="not a secret here",
    )
    topic = connect("sns").create_topic(Name="alarms")["TopicArn"]
    connect("cloudwatch").put_metric_alarm(
        AlarmName="shop-LagLong",
        Namespace="AWS/Lambda",
        MetricName="IteratorAge",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    return outputs(
        StreamName=STREAM,
        ConsumerMappingId=uuid,
        ConsumerFunctionName=FUNCTION,
        OnFailureBucketName="shop-failed",
        ProxyName="shop-proxy",
        ClusterId="shop-cluster",
        SchemaVersion="0001.order-state",
        AlarmTopicArn=topic,
    )


@pytest.fixture(scope="module")
def facts(connect, shop):
    stack = {
        "StackName": "shop",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": NOW,
        "Parameters": [{"ParameterKey": "Environment", "ParameterValue": "prod"}],
        "Outputs": shop,
    }
    names = ("LagLong", "AuditSilent")
    watching = [resource(name, f"shop-{name}", "AWS::CloudWatch::Alarm") for name in names]
    nested = [resource("Observability", NESTED, "AWS::CloudFormation::Stack")]
    stacks = [
        ("describe_stacks", {"Stacks": [stack]}),
        ("list_stack_resources", {"StackResourceSummaries": nested}),
        ("list_stack_resources", {"StackResourceSummaries": watching}),
    ]
    with playing({"cloudformation": stacks}) as stubbed:
        clients = {"cloudformation": stubbed("cloudformation")}
        return collect(lambda service: clients.get(service) or connect(service), "shop")


def test_what_is_there_is_read(facts):
    assert isinstance(facts.stream, StreamFacts)
    assert (facts.stream.shards, facts.stream.tags) == (2, {"inorder-mode": "order"})
    assert isinstance(facts.mapping, MappingFacts)
    assert (facts.mapping.batch_size, facts.mapping.state) == (500, "Enabled")
    assert isinstance(facts.cluster, ClusterFacts)
    assert facts.functions["consumer"].reserved == 4
    assert facts.proxy == Missing()
    assert facts.alarms["shop-AuditSilent"] == Missing()
    assert facts.alarms["shop-LagLong"].speaks
    assert facts.topics["AlarmTopicArn"].listening == 0


def test_what_is_wrong_is_found(facts):
    """The mapping has the service's defaults, which are not ours."""
    found = {(one.subject, one.what) for one in examine(facts)}
    assert {
        ("mapping", "does not bisect"),
        ("mapping", "has no bucket for what it gives up on"),
        ("stream", "is not encrypted"),
        ("stream", "keeps events for 24 h only"),
        ("proxy", "is not there"),
        ("cluster", "is not encrypted"),
        ("cluster", "does not take IAM tokens"),
        ("alarm shop-AuditSilent", "is not there"),
    } <= found
    assert any(subject == "schema" and "0001.order-state" in what for subject, what in found)
