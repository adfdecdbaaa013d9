"""AWS's answers read as facts. Pure; a field that AWS leaves out is what its documentation says."""

from collections.abc import Iterable, Mapping
from typing import Any

from ops.doctor.facts import (
    AlarmFacts,
    BucketFacts,
    ClusterFacts,
    FunctionFacts,
    MappingFacts,
    ProxyFacts,
    StackFacts,
    StreamFacts,
    TargetFacts,
    TopicFacts,
)

Answer = Mapping[str, Any]


def stack_of(stack: Answer, resources: Mapping[str, str]) -> StackFacts:
    """`describe_stacks`, and the physical ids of its resources."""
    return StackFacts(
        name=stack["StackName"],
        status=stack["StackStatus"],
        protected=stack.get("EnableTerminationProtection", False),
        parameters={
            one["ParameterKey"]: one.get("ParameterValue", "")
            for one in stack.get("Parameters", ())
        },
        outputs={one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())},
        resources=resources,
    )


def mapping_of(answer: Answer) -> MappingFacts:
    """`get_event_source_mapping`."""
    failed = answer.get("DestinationConfig", {}).get("OnFailure", {})
    return MappingFacts(
        uuid=answer["UUID"],
        state=answer.get("State", "Unknown"),
        reason=answer.get("StateTransitionReason", ""),
        last_result=answer.get("LastProcessingResult", ""),
        function_arn=answer.get("FunctionArn", ""),
        starting_position=answer.get("StartingPosition", "TRIM_HORIZON"),
        batch_size=answer.get("BatchSize", 100),
        window_seconds=answer.get("MaximumBatchingWindowInSeconds", 0),
        factor=answer.get("ParallelizationFactor", 1),
        bisects=answer.get("BisectBatchOnFunctionError", False),
        reports_items="ReportBatchItemFailures" in answer.get("FunctionResponseTypes", ()),
        retries=answer.get("MaximumRetryAttempts", -1),
        record_age=answer.get("MaximumRecordAgeInSeconds", -1),
        tumbling_seconds=answer.get("TumblingWindowInSeconds", 0),
        filters=len(answer.get("FilterCriteria", {}).get("Filters", ())),
        destination=failed.get("Destination", ""),
        counts_events="EventCount" in answer.get("MetricsConfig", {}).get("Metrics", ()),
    )


def stream_of(summary: Answer, tags: Iterable[Answer]) -> StreamFacts:
    """`describe_stream_summary` and `list_tags_for_stream`."""
    return StreamFacts(
        name=summary["StreamName"],
        status=summary["StreamStatus"],
        mode=summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED"),
        shards=summary["OpenShardCount"],
        retention_hours=summary["RetentionPeriodHours"],
        encryption=summary.get("EncryptionType", "NONE"),
        distribution=summary.get("RecordDistributionStrategy", ""),
        tags={tag["Key"]: tag.get("Value", "") for tag in tags},
    )


def function_of(
    configuration: Answer, *, reserved: int | None, alias: Answer, log_days: int | None
) -> FunctionFacts:
    """`get_function_configuration`, its reserved concurrency, `get_alias` (empty where there is
    none) and its log group's retention.
    """
    logs = configuration.get("LoggingConfig", {})
    shifted = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    variables = configuration.get("Environment", {}).get("Variables", {})
    return FunctionFacts(
        name=configuration["FunctionName"],
        state=configuration.get("State", "Active"),
        state_reason=configuration.get("StateReason", ""),
        update_status=configuration.get("LastUpdateStatus", "Successful"),
        timeout_seconds=configuration.get("Timeout", 3),
        log_format=logs.get("LogFormat", "Text"),
        application_level=logs.get("ApplicationLogLevel", ""),
        system_level=logs.get("SystemLogLevel", ""),
        log_group=logs.get("LogGroup", f"/aws/lambda/{configuration['FunctionName']}"),
        log_days=log_days,
        stack_name=variables.get("STACK_NAME", ""),
        reserved=reserved,
        alias_version=alias.get("FunctionVersion", ""),
        shifting=sum(shifted.values()),
    )


def proxy_of(
    proxy: Answer,
    group: Answer,
    targets: Iterable[Answer],
    *,
    pinned: int | None,
    allowed: int | None,
) -> ProxyFacts:
    """`describe_db_proxies`, its target group's settings, its targets, and two of its metrics.

    The targets are instances; the cluster that is tracked has no health of its own.
    """
    pool = group.get("ConnectionPoolConfig", {})
    return ProxyFacts(
        name=proxy["DBProxyName"],
        status=proxy["Status"],
        requires_tls=proxy.get("RequireTLS", False),
        auth=_auth_of(proxy),
        logs_statements=proxy.get("DebugLogging", False),
        borrow_seconds=pool.get("ConnectionBorrowTimeout", 120),
        targets=tuple(
            _target_of(target) for target in targets if target.get("Type") != "TRACKED_CLUSTER"
        ),
        pinned=pinned,
        allowed=allowed,
    )


def cluster_of(cluster: Answer) -> ClusterFacts:
    """`describe_db_clusters`."""
    members = [member["IsClusterWriter"] for member in cluster.get("DBClusterMembers", ())]
    scaling = cluster.get("ServerlessV2ScalingConfiguration", {})
    return ClusterFacts(
        name=cluster["DBClusterIdentifier"],
        status=cluster.get("Status", ""),
        engine=cluster.get("Engine", ""),
        version=cluster.get("EngineVersion", ""),
        takes_iam=cluster.get("IAMDatabaseAuthenticationEnabled", False),
        protected=cluster.get("DeletionProtection", False),
        backup_days=cluster.get("BackupRetentionPeriod", 0),
        encrypted=cluster.get("StorageEncrypted", False),
        capacity=(scaling.get("MinCapacity", 0.0), scaling.get("MaxCapacity", 0.0)),
        writers=sum(members),
        readers=len(members) - sum(members),
    )


def bucket_of(name: str, block: Answer, encryption: Answer, versioning: Answer) -> BucketFacts:
    """The public access block, the encryption's rules and the versioning; empty where not set."""
    return BucketFacts(
        name=name,
        private=bool(block) and all(block.values()),
        encrypted=bool(encryption.get("Rules")),
        versioned=versioning.get("Status") == "Enabled",
    )


def alarm_of(alarm: Answer) -> AlarmFacts:
    """One of `describe_alarms`, of a metric or composite."""
    return AlarmFacts(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        reason=alarm.get("StateReason", ""),
        speaks=bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions")),
    )


def topic_of(arn: str, attributes: Answer) -> TopicFacts:
    """`get_topic_attributes`, whose numbers are text."""
    return TopicFacts(
        name=arn.rpartition(":")[2],
        listening=int(attributes.get("SubscriptionsConfirmed", 0)),
        pending=int(attributes.get("SubscriptionsPending", 0)),
    )


def _auth_of(proxy: Answer) -> str:
    default: str = proxy.get("DefaultAuthScheme", "NONE")
    if default != "NONE":
        return default
    required = {one.get("IAMAuth", "DISABLED") for one in proxy.get("Auth", ())}
    return "secrets behind IAM" if required == {"REQUIRED"} else "secrets"


def _target_of(target: Answer) -> TargetFacts:
    health = target.get("TargetHealth", {})
    said = (health.get("Reason", ""), health.get("Description", ""))
    return TargetFacts(
        name=target.get("RdsResourceId", "?"),
        role=target.get("Role", "UNKNOWN"),
        state=health.get("State", "UNKNOWN"),
        reason=" ".join(part for part in said if part),
    )
