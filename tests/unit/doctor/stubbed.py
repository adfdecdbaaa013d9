"""AWS as botocore's Stubber plays it: every answer is checked against the service's own model."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber

from ops.doctor.looking import Clients
from ops.doctor.schema import shipped

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ACCOUNT = "111122223333"
SNS = f"arn:aws:sns:eu-west-1:{ACCOUNT}"
NESTED = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/shop-Observability-1/aaaa"
UUID = "0f1e2d3c-0000-4000-8000-000000000000"


def resource(logical: str, physical: str, kind: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": logical,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": NOW,
    }


def outputs(**given: str) -> list[dict[str, str]]:
    return [{"OutputKey": key, "OutputValue": value} for key, value in given.items()]


def function(name: str, *, reserved: int | None, alias: bool) -> list[tuple[str, Any]]:
    configuration = {
        "FunctionName": name,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Timeout": 60,
        "LoggingConfig": {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
            "LogGroup": f"/shop/{name}",
        },
        "Environment": {"Variables": {"STACK_NAME": "shop"}},
    }
    concurrency = {} if reserved is None else {"ReservedConcurrentExecutions": reserved}
    found = {"Name": "live", "FunctionVersion": "7"}
    return [
        ("get_function_configuration", configuration),
        ("get_function_concurrency", concurrency),
        ("get_alias", found if alias else ("ResourceNotFoundException", "no alias")),
    ]


def alarm(name: str) -> dict[str, Any]:
    topic = [f"{SNS}:alarms"]
    return {
        "AlarmName": name,
        "StateValue": "OK",
        "StateReason": "",
        "ActionsEnabled": True,
        "AlarmActions": topic,
    }


def shop() -> dict[str, list[tuple[str, Any]]]:
    """For each service the calls that are made of it, in their order, and AWS's answers."""
    stack = {
        "StackName": "shop",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": NOW,
        "EnableTerminationProtection": True,
        "Parameters": [
            {"ParameterKey": "Environment", "ParameterValue": "prod"},
            {"ParameterKey": "StreamRetentionHours", "ParameterValue": "168"},
            {"ParameterKey": "DatabaseMode", "ParameterValue": "aurora"},
        ],
        "Outputs": outputs(
            StreamName="shop-stream",
            ConsumerMappingId=UUID,
            ProducerFunctionName="shop-producer",
            ConsumerFunctionName="shop-consumer",
            RedriveFunctionName="shop-redrive",
            OnFailureBucketName="shop-failed",
            ProxyName="shop-proxy",
            ClusterId="shop-cluster",
            SchemaVersion=max(shipped()),
            AlarmTopicArn=f"{SNS}:alarms",
        ),
    }
    root = [
        resource("Observability", NESTED, "AWS::CloudFormation::Stack"),
        resource("EventStream", "shop-stream", "AWS::Kinesis::Stream"),
    ]
    watching = [
        resource("LagLong", "shop-LagLong", "AWS::CloudWatch::Alarm"),
        resource("DataAtRisk", "shop-DataAtRisk", "AWS::CloudWatch::CompositeAlarm"),
        resource("Dashboard", "shop-eu-west-1", "AWS::CloudWatch::Dashboard"),
        resource("AlarmTopic", f"{SNS}:alarms", "AWS::SNS::Topic"),
    ]
    mapping = {
        "UUID": UUID,
        "State": "Enabled",
        "StateTransitionReason": "User action",
        "LastProcessingResult": "OK",
        "FunctionArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:shop-consumer:live",
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 500,
        "MaximumBatchingWindowInSeconds": 1,
        "ParallelizationFactor": 2,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "TumblingWindowInSeconds": 0,
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::shop-failed"}},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    summary = {
        "StreamName": "shop-stream",
        "StreamARN": f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/shop-stream",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": 168,
        "StreamCreationTimestamp": NOW,
        "EnhancedMonitoring": [],
        "EncryptionType": "KMS",
        "OpenShardCount": 4,
    }
    tracked = {"Type": "TRACKED_CLUSTER", "RdsResourceId": "shop-cluster"}
    instance = {
        "Type": "RDS_INSTANCE",
        "RdsResourceId": "shop-1",
        "Role": "READ_WRITE",
        "TargetHealth": {"State": "AVAILABLE"},
    }
    proxy = {
        "DBProxyName": "shop-proxy",
        "Status": "available",
        "EngineFamily": "POSTGRESQL",
        "DefaultAuthScheme": "IAM_AUTH",
        "Auth": [],
        "RequireTLS": True,
        "DebugLogging": False,
    }
    cluster = {
        "DBClusterIdentifier": "shop-cluster",
        "Status": "available",
        "Engine": "aurora-postgresql",
        "EngineVersion": "17.7",
        "IAMDatabaseAuthenticationEnabled": True,
        "DeletionProtection": True,
        "BackupRetentionPeriod": 14,
        "StorageEncrypted": True,
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 16.0},
        "DBClusterMembers": [
            {"DBInstanceIdentifier": "shop-1", "IsClusterWriter": True},
            {"DBInstanceIdentifier": "shop-2", "IsClusterWriter": False},
        ],
    }
    points = [
        {"Timestamp": NOW, "Sum": 40.0, "Unit": "Count"},
        {"Timestamp": NOW, "Sum": 50.0, "Unit": "Count"},
    ]
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
    groups = [{"logGroupName": f"/shop/shop-{name}", "retentionInDays": 30} for name in NAMES]
    return {
        "cloudformation": [
            ("describe_stacks", {"Stacks": [stack]}),
            ("list_stack_resources", {"StackResourceSummaries": root}),
            ("list_stack_resources", {"StackResourceSummaries": watching}),
        ],
        "lambda": [
            ("get_event_source_mapping", mapping),
            *function("shop-producer", reserved=None, alias=True),
            *function("shop-consumer", reserved=8, alias=True),
            *function("shop-redrive", reserved=2, alias=False),
        ],
        "logs": [("describe_log_groups", {"logGroups": [group]}) for group in groups],
        "kinesis": [
            ("describe_stream_summary", {"StreamDescriptionSummary": summary}),
            (
                "list_tags_for_stream",
                {"Tags": [{"Key": "inorder-mode", "Value": "order"}], "HasMoreTags": False},
            ),
        ],
        "s3": [
            (
                "get_public_access_block",
                {"PublicAccessBlockConfiguration": dict.fromkeys(closed, True)},
            ),
            ("get_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": rules}}),
            ("get_bucket_versioning", {"Status": "Enabled"}),
        ],
        "rds": [
            ("describe_db_proxies", {"DBProxies": [proxy]}),
            (
                "describe_db_proxy_target_groups",
                {"TargetGroups": [{"ConnectionPoolConfig": {"ConnectionBorrowTimeout": 10}}]},
            ),
            ("describe_db_proxy_targets", {"Targets": [tracked, instance]}),
            ("describe_db_clusters", {"DBClusters": [cluster]}),
        ],
        "cloudwatch": [
            ("get_metric_statistics", {"Label": "pinned", "Datapoints": []}),
            ("get_metric_statistics", {"Label": "allowed", "Datapoints": points}),
            (
                "describe_alarms",
                {
                    "MetricAlarms": [alarm("shop-LagLong")],
                    "CompositeAlarms": [alarm("shop-DataAtRisk")],
                },
            ),
        ],
        "sns": [
            (
                "get_topic_attributes",
                {"Attributes": {"SubscriptionsConfirmed": "1", "SubscriptionsPending": "0"}},
            ),
        ],
    }


NAMES = ("producer", "consumer", "redrive")


@contextmanager
def playing(answers: Mapping[str, list[tuple[str, Any]]]) -> Iterator[Clients]:
    """Clients that get these answers; a pair of texts is an error's code and message."""
    clients = {
        service: boto3.client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - nothing is sent
        )
        for service in answers
    }
    with ExitStack() as stack:
        for service, calls in answers.items():
            stub = Stubber(clients[service])
            for method, answer in calls:
                if isinstance(answer, tuple):
                    code, message = answer
                    stub.add_client_error(method, code, message)
                else:
                    stub.add_response(method, answer)
            stack.enter_context(stub)
        yield clients.__getitem__
