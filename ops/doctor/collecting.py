"""Collects the facts of a stack: which questions to ask AWS, and about what."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.doctor import answers, schema
from ops.doctor.facts import (
    AlarmFacts,
    BucketFacts,
    ClusterFacts,
    Facts,
    FunctionFacts,
    MappingFacts,
    Missing,
    NoStack,
    ProxyFacts,
    StackFacts,
    StreamFacts,
    TopicFacts,
    Unknown,
)
from ops.doctor.looking import NOT_SET, Clients, look, or_else, resources_of

FUNCTIONS = ("Producer", "Consumer", "Redrive", "Auditor", "Controller", "Migrator", "Settings")
_AT_ONCE = 100
_QUARTER = timedelta(minutes=15)


def collect(clients: Clients, name: str) -> Facts:
    """Everything there is to know about a stack; raises `NoStack`, `BotoCoreError`."""
    return _Stack(clients, name).facts()


class _Stack:
    """One stack and the clients to look at it with."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self.stack = self._look_at_stack(name)

    def facts(self) -> Facts:
        stack = self.stack
        return Facts(
            stack=stack,
            mapping=self._mapping(),
            stream=self._stream(),
            functions=self._functions(),
            bucket=self._bucket(),
            proxy=self._proxy(),
            cluster=self._cluster(),
            schema=stack.outputs.get("SchemaVersion") or schema.applied(),
            ships=max(schema.shipped()),
            alarms=self._alarms(),
            topics={
                output: self._topic(stack.outputs[output])
                for output in ("AlarmTopicArn", "PageTopicArn")
                if output in stack.outputs
            },
        )

    def _look_at_stack(self, name: str) -> StackFacts:
        cloudformation = self._clients("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            said = error.response.get("Error", {}).get("Message", "")
            raise NoStack(f"stack {name!r}: {said or error}") from error
        resources = look(lambda: resources_of(cloudformation, name))
        return answers.stack_of(stack, resources if isinstance(resources, dict) else {})

    def _id(self, output: str, logical: str) -> str:
        """A physical id, from an output or else the resource; empty where there is neither."""
        return self.stack.outputs.get(output) or self.stack.resources.get(logical, "")

    def _mapping(self) -> MappingFacts | Missing | Unknown:
        uuid = self._id("ConsumerMappingId", "ConsumerFunctionStream")
        if not uuid:
            return Missing()
        client = self._clients("lambda")
        return look(lambda: answers.mapping_of(client.get_event_source_mapping(UUID=uuid)))

    def _stream(self) -> StreamFacts | Missing | Unknown:
        name = self._id("StreamName", "EventStream")
        if not name:
            return Missing()
        client = self._clients("kinesis")
        return look(
            lambda: answers.stream_of(
                client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
                client.list_tags_for_stream(StreamName=name)["Tags"],
            )
        )

    def _functions(self) -> dict[str, FunctionFacts | Missing | Unknown]:
        """Those that the stack has; each under its name in lower case."""
        found = {}
        for kind in FUNCTIONS:
            name = self._id(f"{kind}FunctionName", f"{kind}Function")
            if name:
                found[kind.lower()] = look(partial(self._function, name))
        return found

    def _function(self, name: str) -> FunctionFacts:
        client = self._clients("lambda")
        configuration = client.get_function_configuration(FunctionName=name)
        group = configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        concurrency = client.get_function_concurrency(FunctionName=name)
        none: Mapping[str, Any] = {}
        alias = or_else(
            lambda: client.get_alias(FunctionName=name, Name="live"),
            none,
            "ResourceNotFoundException",
        )
        return answers.function_of(
            configuration,
            reserved=concurrency.get("ReservedConcurrentExecutions"),
            alias=alias,
            log_days=self._log_days(group),
        )

    def _log_days(self, group: str) -> int | None:
        groups = self._clients("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        days = [one.get("retentionInDays") for one in groups if one["logGroupName"] == group]
        return days[0] if days else None

    def _bucket(self) -> BucketFacts | Missing | Unknown:
        name = self._id("OnFailureBucketName", "OnFailureBucket")
        if not name:
            return Missing()
        s3 = self._clients("s3")
        block, encryption = "PublicAccessBlockConfiguration", "ServerSideEncryptionConfiguration"

        def see() -> BucketFacts:
            nothing: Mapping[str, Any] = {block: {}, encryption: {}}
            blocked = or_else(lambda: s3.get_public_access_block(Bucket=name), nothing, *NOT_SET)
            encrypted = or_else(lambda: s3.get_bucket_encryption(Bucket=name), nothing, *NOT_SET)
            versioning = s3.get_bucket_versioning(Bucket=name)
            return answers.bucket_of(name, blocked[block], encrypted[encryption], versioning)

        return look(see)

    def _proxy(self) -> ProxyFacts | Missing | Unknown:
        name = self._id("ProxyName", "Proxy/Proxy")
        if not name:
            return Missing()
        rds = self._clients("rds")

        def see() -> ProxyFacts:
            (proxy,) = rds.describe_db_proxies(DBProxyName=name)["DBProxies"]
            groups = rds.describe_db_proxy_target_groups(DBProxyName=name)["TargetGroups"]
            return answers.proxy_of(
                proxy,
                groups[0] if groups else {},
                rds.describe_db_proxy_targets(DBProxyName=name)["Targets"],
                pinned=self._most(name, "DatabaseConnectionsCurrentlySessionPinned"),
                allowed=self._most(name, "MaxDatabaseConnectionsAllowed"),
            )

        return look(see)

    def _most(self, proxy: str, metric: str) -> int | None:
        """The most of a metric of the proxy's in the last quarter of an hour: the sum over its
        hosts, minute by minute (Aurora User Guide, "Monitoring RDS Proxy metrics").
        """
        now = datetime.now(UTC)
        points = look(
            lambda: self._clients("cloudwatch").get_metric_statistics(
                Namespace="AWS/RDS",
                MetricName=metric,
                Dimensions=[{"Name": "ProxyName", "Value": proxy}],
                StartTime=now - _QUARTER,
                EndTime=now,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
        )
        if not isinstance(points, list) or not points:
            return None
        return int(max(point["Sum"] for point in points))

    def _cluster(self) -> ClusterFacts | Missing | Unknown:
        name = self._id("ClusterId", "Database/Cluster")
        if not name:
            return Missing()
        rds = self._clients("rds")
        return look(
            lambda: answers.cluster_of(
                rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
            )
        )

    def _alarms(self) -> dict[str, AlarmFacts | Missing | Unknown]:
        """The alarms that the nested stack made, whether they are still there or not."""
        prefix = f"{self.stack.name}-"
        names = sorted(
            physical
            for logical, physical in self.stack.resources.items()
            if logical.startswith("Observability/")
            and physical.startswith(prefix)
            # the dashboard is named like them
            and not logical.endswith("/Dashboard")
        )
        found = look(lambda: self._described(names))
        if not isinstance(found, dict):
            return dict.fromkeys(names, found)
        return {name: found.get(name, Missing()) for name in names}

    def _described(self, names: list[str]) -> dict[str, AlarmFacts]:
        cloudwatch = self._clients("cloudwatch")
        found: dict[str, AlarmFacts] = {}
        for start in range(0, len(names), _AT_ONCE):
            answer = cloudwatch.describe_alarms(
                AlarmNames=names[start : start + _AT_ONCE],
                AlarmTypes=["CompositeAlarm", "MetricAlarm"],
                MaxRecords=_AT_ONCE,
            )
            for kind in ("CompositeAlarms", "MetricAlarms"):
                found |= {one["AlarmName"]: answers.alarm_of(one) for one in answer.get(kind, ())}
        return found

    def _topic(self, arn: str) -> TopicFacts | Missing | Unknown:
        sns = self._clients("sns")
        return look(
            lambda: answers.topic_of(arn, sns.get_topic_attributes(TopicArn=arn)["Attributes"])
        )
