"""A stack with nothing wrong, to be spoilt one fact at a time."""

from typing import Any

import msgspec

from ops.doctor.facts import (
    AlarmFacts,
    BucketFacts,
    ClusterFacts,
    Facts,
    FunctionFacts,
    MappingFacts,
    ProxyFacts,
    StackFacts,
    StreamFacts,
    TargetFacts,
    TopicFacts,
)

UUID = "0f1e2d3c-0000-4000-8000-000000000000"
LAMBDA = "arn:aws:lambda:eu-west-1:111122223333:function"


def function(name: str, **facts: Any) -> FunctionFacts:
    given: dict[str, Any] = {
        "name": f"shop-{name}",
        "state": "Active",
        "state_reason": "",
        "update_status": "Successful",
        "timeout_seconds": 60,
        "log_format": "JSON",
        "application_level": "INFO",
        "system_level": "INFO",
        "log_group": f"/shop/{name}",
        "log_days": 30,
        "stack_name": "shop",
        "reserved": None,
        "alias_version": "7" if name in ("producer", "consumer") else "",
        "shifting": 0.0,
    }
    return FunctionFacts(**given | facts)


SOUND = Facts(
    stack=StackFacts(
        name="shop",
        status="UPDATE_COMPLETE",
        protected=True,
        parameters={"Environment": "prod", "StreamRetentionHours": "168", "DatabaseMode": "aurora"},
        outputs={},
    ),
    mapping=MappingFacts(
        uuid=UUID,
        state="Enabled",
        reason="",
        last_result="OK",
        function_arn=f"{LAMBDA}:shop-consumer:live",
        starting_position="TRIM_HORIZON",
        batch_size=500,
        window_seconds=1,
        factor=2,
        bisects=True,
        reports_items=True,
        retries=-1,
        record_age=-1,
        tumbling_seconds=0,
        filters=0,
        destination="arn:aws:s3:::shop-failed",
        counts_events=True,
    ),
    stream=StreamFacts(
        name="shop-stream",
        status="ACTIVE",
        mode="PROVISIONED",
        shards=4,
        retention_hours=168,
        encryption="KMS",
        distribution="",
        tags={"inorder-mode": "order"},
    ),
    functions={
        "producer": function("producer"),
        "consumer": function("consumer", reserved=8),
        "redrive": function("redrive", reserved=2),
    },
    bucket=BucketFacts(name="shop-failed", private=True, encrypted=True, versioned=True),
    proxy=ProxyFacts(
        name="shop-proxy",
        status="available",
        requires_tls=True,
        auth="IAM_AUTH",
        logs_statements=False,
        borrow_seconds=10,
        targets=(
            TargetFacts(name="shop-1", role="READ_WRITE", state="AVAILABLE", reason=""),
            TargetFacts(name="shop-2", role="READ_ONLY", state="AVAILABLE", reason=""),
        ),
        pinned=0,
        allowed=100,
    ),
    cluster=ClusterFacts(
        name="shop-cluster",
        status="available",
        engine="aurora-postgresql",
        version="17.7",
        takes_iam=True,
        protected=True,
        backup_days=14,
        encrypted=True,
        capacity=(1.0, 16.0),
        writers=1,
        readers=1,
    ),
    schema="0004.audit",
    ships="0004.audit",
    alarms={
        "shop-LagLong": AlarmFacts(name="shop-LagLong", state="OK", reason="", speaks=True),
        "shop-AuditSilent": AlarmFacts(
            name="shop-AuditSilent", state="INSUFFICIENT_DATA", reason="", speaks=True
        ),
    },
    topics={"AlarmTopicArn": TopicFacts(name="alarms", listening=1, pending=0)},
)


def spoilt(part: str, **facts: Any) -> Facts:
    """The sound stack with these facts of one part changed; `functions.consumer` names a member."""
    part, _, member = part.partition(".")
    before = getattr(SOUND, part)
    if not member:
        return msgspec.structs.replace(SOUND, **{part: msgspec.structs.replace(before, **facts)})
    changed = before | {member: msgspec.structs.replace(before[member], **facts)}
    return msgspec.structs.replace(SOUND, **{part: changed})


def with_parameters(**parameters: str) -> Facts:
    return spoilt("stack", parameters={**SOUND.stack.parameters, **parameters})
