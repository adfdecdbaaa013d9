"""Stream, event source mapping and what may run at once, held against the design. Pure."""

from collections.abc import Iterator

from contract.keys import MODE_TAG
from ops.doctor.facts import (
    BucketFacts,
    Facts,
    FunctionFacts,
    MappingFacts,
    ProxyFacts,
    StreamFacts,
)
from ops.doctor.findings import Finding, Judge

REDEPLOY = "deploy the stack again (sam deploy): the template says otherwise"
ALIAS = ":live"
WEEK = 168
BESIDE = 3
"""Connections of redrive (2) and auditor (1)."""


def check(facts: Facts) -> Iterator[Finding]:
    """Everything about the way from the stream to the function."""
    yield from Judge("stream").seen(facts.stream, lambda stream: _stream(facts, stream))
    yield from Judge("mapping").seen(
        facts.mapping,
        lambda mapping: _mapping(facts, mapping),
        why="nothing reads the stream; events expire after its retention",
    )
    yield from Judge("on-failure bucket").seen(facts.bucket, _bucket)
    yield from _at_once(facts)


def _stream(facts: Facts, stream: StreamFacts) -> Iterator[Finding]:
    judge = Judge("stream")
    name = stream.name
    if stream.status not in {"ACTIVE", "UPDATING"}:
        yield judge.wrong(
            f"is {stream.status}",
            why="nothing can be put or read",
            fix="wait, or look at the stack",
        )
    if stream.distribution not in {"", "USER_PARTITION_KEY"}:
        yield judge.wrong(
            f"distributes records by {stream.distribution}",
            why="it ignores the partition key, and with it the order of every order",
            fix=REDEPLOY + "; producers refuse this stream until then",
        )
    wanted = facts.stack.parameters.get("StreamRetentionHours", "")
    if wanted.isdigit() and int(wanted) != stream.retention_hours:
        yield judge.warning(
            f"keeps events for {stream.retention_hours} h, and the stack says {wanted} h",
            why="the next deploy sets it back, and what is older is gone then",
            fix=f"sam deploy with StreamRetentionHours={stream.retention_hours} if that is meant",
        )
    if facts.stack.is_production and stream.retention_hours < WEEK:
        yield judge.wrong(
            f"keeps events for {stream.retention_hours} h only",
            why="an outage that outlasts it loses events",
            fix=f"aws kinesis increase-stream-retention-period --stream-name {name}"
            f" --retention-period-hours {WEEK}",
        )
    if stream.encryption != "KMS":
        yield judge.wrong(
            "is not encrypted", why="events lie on AWS's disks in the clear", fix=REDEPLOY
        )
    if MODE_TAG not in stream.tags:
        yield judge.warning(
            f"has no tag {MODE_TAG}",
            why="a producer of another mode could write to it, and orders would have two keys",
            fix=f"aws kinesis add-tags-to-stream --stream-name {name} --tags {MODE_TAG}=order",
        )
    elif facts.stack.parameters.get("ProducerMode", "order") != stream.tags[MODE_TAG]:
        yield judge.wrong(
            f"is tagged {MODE_TAG}={stream.tags[MODE_TAG]}, and the stack writes otherwise",
            why="producers refuse it; without that, orders would have two partition keys",
            fix="sam deploy with the ProducerMode it was begun with, or another stream",
        )


def _mapping(facts: Facts, mapping: MappingFacts) -> Iterator[Finding]:
    yield from _mapping_keeps_order(mapping)
    yield from _mapping_runs(mapping)
    judge = Judge("mapping")
    bucket = facts.bucket.name if isinstance(facts.bucket, BucketFacts) else ""
    if mapping.destination.split(":")[2:3] != ["s3"]:
        yield judge.wrong(
            "has no bucket for what it gives up on",
            why="what it gives up on all the same would be a pointer that expires, or nothing",
            fix=REDEPLOY,
        )
    elif bucket and not mapping.destination.endswith(f":::{bucket}"):
        yield judge.wrong(
            f"writes what it gives up on to {mapping.destination}",
            why=f"redrive looks into {bucket} only",
            fix=REDEPLOY,
        )


def _mapping_keeps_order(mapping: MappingFacts) -> Iterator[Finding]:
    judge = Judge("mapping")
    if not mapping.reports_items:
        yield judge.wrong(
            "does not take partial answers (ReportBatchItemFailures)",
            why="a batch that is handed back counts as finished, and its events are lost",
            fix=_update(mapping, "--function-response-types ReportBatchItemFailures"),
        )
    if not mapping.bisects:
        yield judge.wrong(
            "does not bisect",
            why="an event that kills the process holds up its whole batch, for ever",
            fix=_update(mapping, "--bisect-batch-on-function-error"),
        )
    if mapping.retries != -1 or mapping.record_age != -1:
        yield judge.wrong(
            f"gives up after {_limit(mapping)}",
            why="giving up on a batch lets later events of its orders pass: order is broken",
            fix=_update(mapping, "--maximum-retry-attempts -1 --maximum-record-age-in-seconds -1"),
        )
    if mapping.starting_position != "TRIM_HORIZON":
        yield judge.wrong(
            f"starts at {mapping.starting_position}",
            why="made again, it would pass over what came in between",
            fix="starting positions cannot be changed: " + REDEPLOY,
        )
    if mapping.filters or mapping.tumbling_seconds:
        yield judge.wrong(
            "filters events, or gathers them in tumbling windows",
            why="what is filtered is gone without a trace, and a window's answer is another one",
            fix=REDEPLOY,
        )


def _mapping_runs(mapping: MappingFacts) -> Iterator[Finding]:
    judge = Judge("mapping")
    if mapping.state == "Disabled":
        yield judge.wrong(
            f"is disabled ({mapping.reason or 'no reason given'})",
            why="nothing is applied; the stream keeps events for its retention",
            fix=_update(mapping, "--enabled") + ", unless the breaker or somebody means it",
        )
    elif mapping.state != "Enabled":
        yield judge.warning(
            f"is {mapping.state}", why="a change is under way", fix="ask again in a minute"
        )
    if mapping.last_result.startswith("PROBLEM"):
        yield judge.wrong(
            mapping.last_result,
            why="Lambda cannot poll or invoke",
            fix="what it names: a permission, the key, or the function",
        )
    if not mapping.function_arn.endswith(ALIAS):
        yield judge.warning(
            "invokes the function without its alias",
            why="new code takes over at once, and no alarm takes it back",
            fix=REDEPLOY,
        )
    if not mapping.counts_events:
        yield judge.warning(
            "sends no event counts",
            why="the alarms on dropped and given up records see nothing",
            fix=_update(mapping, "--metrics-config Metrics=EventCount"),
        )


def _bucket(bucket: BucketFacts) -> Iterator[Finding]:
    judge = Judge("on-failure bucket")
    if not bucket.private:
        yield judge.wrong("is not closed to the public", why="it holds whole events", fix=REDEPLOY)
    if not bucket.encrypted:
        yield judge.wrong("is not encrypted", why="it holds whole events", fix=REDEPLOY)
    if not bucket.versioned:
        yield judge.warning(
            "keeps no versions", why="what is deleted by mistake is gone", fix=REDEPLOY
        )


def _at_once(facts: Facts) -> Iterator[Finding]:
    """Shards times factor, against what may run, against what the proxy may open (P7)."""
    judge = Judge("concurrency")
    consumer = facts.functions.get("consumer")
    if not (
        isinstance(consumer, FunctionFacts)
        and isinstance(facts.stream, StreamFacts)
        and isinstance(facts.mapping, MappingFacts)
    ):
        return
    wanted = facts.stream.shards * facts.mapping.factor
    sum_of = f"{facts.stream.shards} shards x {facts.mapping.factor}"
    if consumer.reserved is None:
        say = judge.wrong if facts.stack.is_production else judge.warning
        yield say(
            "the consumer has no reserved concurrency",
            why="only shards times factor caps the load on the database, and zombies exceed it",
            fix=f"sam deploy with ConsumerConcurrency={wanted}",
        )
    elif consumer.reserved < wanted:
        yield judge.warning(
            f"{sum_of} = {wanted} batches at once, and {consumer.reserved} may run",
            why="the rest is throttled: it waits, and some shards wait longer than others",
            fix=f"sam deploy with ConsumerConcurrency={wanted}, or a smaller factor",
        )
    allowed = _allowed(facts)
    most = (wanted if consumer.reserved is None else consumer.reserved) + BESIDE
    if allowed is not None and allowed < most:
        yield judge.wrong(
            f"{most} connections at once with redrive and auditor; there may be {allowed}",
            why="functions wait for a connection until they time out",
            fix="less at once, or more of ProxyConnectionsPercent or AuroraMaxCapacity",
        )


def _allowed(facts: Facts) -> int | None:
    """Connections that the proxy may open, or that an external database was said to admit."""
    if isinstance(facts.proxy, ProxyFacts):
        return facts.proxy.allowed
    said = facts.stack.parameters.get("DatabaseConnections", "")
    external = facts.stack.parameters.get("DatabaseMode") == "external"
    return int(said) if external and said.isdigit() else None


def _limit(mapping: MappingFacts) -> str:
    parts = []
    if mapping.retries != -1:
        parts.append(f"{mapping.retries} retries")
    if mapping.record_age != -1:
        parts.append(f"{mapping.record_age} s")
    return " or ".join(parts)


def _update(mapping: MappingFacts, options: str) -> str:
    return f"aws lambda update-event-source-mapping --uuid {mapping.uuid} {options}"
