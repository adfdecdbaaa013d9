"""What there is to know of a deployed stack. Values only."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from contract import InorderError

T = TypeVar("T")


class NoAws(InorderError):
    """AWS cannot be asked: no credentials, no region, or no way to it."""


class NoStack(InorderError):
    """There is no such stack in this region, or it may not be looked at."""


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """Nobody could look; `why` is AWS's own word for it."""

    why: str


class Missing(msgspec.Struct, frozen=True, tag=True):
    """Somebody has looked, and it is not there."""


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Common to all facts: keyword-only, and named by its kind in JSON."""


class StackFacts(_Fact, frozen=True, kw_only=True):
    """`resources` are physical ids by logical ones, nested stacks' as `Nested/Logical`."""

    name: str
    status: str
    protected: bool
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str] = {}

    @property
    def is_production(self) -> bool:
        return self.parameters.get("Environment") == "prod"


class MappingFacts(_Fact, frozen=True, kw_only=True):
    """The event source mapping as Lambda runs it. `destination` is an ARN."""

    uuid: str
    state: str
    reason: str
    last_result: str
    function_arn: str
    starting_position: str
    batch_size: int
    window_seconds: int
    factor: int
    bisects: bool
    reports_items: bool
    retries: int
    record_age: int
    tumbling_seconds: int
    filters: int
    destination: str
    counts_events: bool


class StreamFacts(_Fact, frozen=True, kw_only=True):
    """`distribution` is empty where the stream has no such setting, and goes by partition key."""

    name: str
    status: str
    mode: str
    shards: int
    retention_hours: int
    encryption: str
    distribution: str
    tags: Mapping[str, str]


class FunctionFacts(_Fact, frozen=True, kw_only=True):
    """`reserved` is its reserved concurrency, None without one; `alias_version` is empty where
    there is no alias `live`; `shifting` is how much of it goes to another version.
    """

    name: str
    state: str
    state_reason: str
    update_status: str
    timeout_seconds: int
    log_format: str
    application_level: str
    system_level: str
    log_group: str
    log_days: int | None
    stack_name: str
    reserved: int | None
    alias_version: str
    shifting: float


class TargetFacts(_Fact, frozen=True, kw_only=True):
    """A database behind the proxy, as the proxy sees it."""

    name: str
    role: str
    state: str
    reason: str


class ProxyFacts(_Fact, frozen=True, kw_only=True):
    """`pinned` sessions are the most of the last quarter of an hour, and `allowed` connections the
    last number; None where CloudWatch has none.
    """

    name: str
    status: str
    requires_tls: bool
    auth: str
    logs_statements: bool
    borrow_seconds: int
    targets: tuple[TargetFacts, ...]
    pinned: int | None
    allowed: int | None


class ClusterFacts(_Fact, frozen=True, kw_only=True):
    """`capacity` is Serverless v2's least and greatest, in ACU."""

    name: str
    status: str
    engine: str
    version: str
    takes_iam: bool
    protected: bool
    backup_days: int
    encrypted: bool
    capacity: tuple[float, float]
    writers: int
    readers: int


class BucketFacts(_Fact, frozen=True, kw_only=True):
    """The bucket for what the mapping gave up on."""

    name: str
    private: bool
    encrypted: bool
    versioned: bool


class AlarmFacts(_Fact, frozen=True, kw_only=True):
    """`speaks`: it is enabled and has an action."""

    name: str
    state: str
    reason: str
    speaks: bool


class TopicFacts(_Fact, frozen=True, kw_only=True):
    """Who listens: confirmed subscriptions, and those that nobody has confirmed."""

    name: str
    listening: int
    pending: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at. `schema` is the version that was migrated to, `ships` the one
    that this checkout has. `proxy` and `cluster` are Missing where the database is external.
    """

    stack: StackFacts
    mapping: MappingFacts | Missing | Unknown
    stream: StreamFacts | Missing | Unknown
    functions: Mapping[str, FunctionFacts | Missing | Unknown]
    bucket: BucketFacts | Missing | Unknown
    proxy: ProxyFacts | Missing | Unknown
    cluster: ClusterFacts | Missing | Unknown
    schema: str | Missing | Unknown
    ships: str
    alarms: Mapping[str, AlarmFacts | Missing | Unknown]
    topics: Mapping[str, TopicFacts | Missing | Unknown]
