"""Facts in, findings out: each thing that can be wrong is named, alone, and says what to do."""

import msgspec
import pytest

from ops.doctor.command import examine
from ops.doctor.facts import Missing, TargetFacts, Unknown
from ops.doctor.findings import Level, exit_code
from tests.operating.aws_commands import check_aws
from tests.unit.doctor.sound import SOUND, UUID, spoilt, with_parameters

WRONG, WARNING, UNKNOWN = Level.WRONG, Level.WARNING, Level.UNKNOWN

DEAD = TargetFacts(name="shop-1", role="UNKNOWN", state="UNAVAILABLE", reason="AUTH_FAILURE no")
FAR = TargetFacts(name="shop-1", role="UNKNOWN", state="UNAVAILABLE", reason="UNREACHABLE")

CASES = [
    ("mapping", {"bisects": False}, WRONG, "bisect"),
    ("mapping", {"reports_items": False}, WRONG, "ReportBatchItemFailures"),
    ("mapping", {"retries": 10}, WRONG, "10 retries"),
    ("mapping", {"record_age": 3600}, WRONG, "3600 s"),
    ("mapping", {"retries": 3, "record_age": 60}, WRONG, "3 retries or 60 s"),
    ("mapping", {"starting_position": "LATEST"}, WRONG, "LATEST"),
    ("mapping", {"filters": 1}, WRONG, "filters"),
    ("mapping", {"tumbling_seconds": 30}, WRONG, "tumbling"),
    ("mapping", {"destination": ""}, WRONG, "no bucket"),
    ("mapping", {"destination": "arn:aws:sqs:eu-west-1:1:q"}, WRONG, "no bucket"),
    ("mapping", {"destination": "arn:aws:s3:::other"}, WRONG, "other"),
    ("mapping", {"state": "Disabled", "reason": "User action"}, WRONG, "User action"),
    ("mapping", {"state": "Updating"}, WARNING, "Updating"),
    ("mapping", {"last_result": "PROBLEM: Function call failed"}, WRONG, "Function call failed"),
    ("mapping", {"last_result": "No records processed"}, None, ""),
    ("mapping", {"function_arn": "arn:aws:lambda:eu-west-1:1:function:f"}, WARNING, "alias"),
    ("mapping", {"counts_events": False}, WARNING, "event counts"),
    ("stream", {"distribution": "AUTO"}, WRONG, "AUTO"),
    ("stream", {"distribution": "USER_PARTITION_KEY"}, None, ""),
    ("stream", {"status": "DELETING"}, WRONG, "DELETING"),
    ("stream", {"status": "UPDATING"}, None, ""),
    ("stream", {"retention_hours": 336}, WARNING, "336 h"),
    ("stream", {"encryption": "NONE"}, WRONG, "not encrypted"),
    ("stream", {"tags": {}}, WARNING, "inorder-mode"),
    ("stream", {"tags": {"inorder-mode": "bucket"}}, WRONG, "inorder-mode=bucket"),
    ("stream", {"shards": 8}, WARNING, "8 shards x 2 = 16"),
    ("mapping", {"factor": 10}, WARNING, "4 shards x 10 = 40"),
    ("functions.consumer", {"reserved": None}, WRONG, "no reserved concurrency"),
    ("functions.consumer", {"state": "Inactive", "state_reason": "idle"}, WRONG, "Inactive idle"),
    ("functions.consumer", {"update_status": "Failed"}, WRONG, "updated"),
    ("functions.consumer", {"log_format": "Text"}, WRONG, "Text"),
    ("functions.producer", {"application_level": "WARN"}, WRONG, "WARN"),
    ("functions.producer", {"application_level": "DEBUG"}, None, ""),
    ("functions.redrive", {"system_level": "WARN"}, WARNING, "platform"),
    ("functions.redrive", {"stack_name": ""}, WRONG, "STACK_NAME"),
    ("functions.redrive", {"log_days": None}, WARNING, "for ever"),
    ("functions.redrive", {"alias_version": ""}, None, ""),
    ("functions.producer", {"alias_version": ""}, WARNING, "alias live"),
    ("functions.consumer", {"shifting": 0.1}, WARNING, "10%"),
    ("functions.consumer", {"timeout_seconds": 10}, WARNING, "wait 10 s"),
    ("bucket", {"private": False}, WRONG, "public"),
    ("bucket", {"encrypted": False}, WRONG, "not encrypted"),
    ("bucket", {"versioned": False}, WARNING, "versions"),
    ("proxy", {"status": "modifying"}, WRONG, "modifying"),
    ("proxy", {"requires_tls": False}, WRONG, "TLS"),
    ("proxy", {"auth": "secrets"}, WARNING, "secrets"),
    ("proxy", {"logs_statements": True}, WARNING, "debug"),
    ("proxy", {"targets": ()}, WRONG, "no target"),
    ("proxy", {"targets": (DEAD,)}, WRONG, "AUTH_FAILURE"),
    ("proxy", {"targets": (FAR,)}, WRONG, "UNREACHABLE"),
    ("proxy", {"pinned": 3}, WRONG, "3 pinned"),
    ("proxy", {"pinned": None, "allowed": None}, None, ""),
    ("proxy", {"allowed": 10}, WRONG, "11 connections"),
    ("proxy", {"allowed": 11}, None, ""),
    ("cluster", {"engine": "aurora-mysql"}, WRONG, "aurora-mysql"),
    ("cluster", {"status": "stopped"}, WRONG, "stopped"),
    ("cluster", {"writers": 0}, WRONG, "no writer"),
    ("cluster", {"takes_iam": False}, WRONG, "IAM"),
    ("cluster", {"encrypted": False}, WRONG, "not encrypted"),
    ("cluster", {"protected": False}, WRONG, "deletion"),
    ("cluster", {"backup_days": 1}, WARNING, "1 days"),
    ("cluster", {"readers": 0}, WARNING, "no reader"),
    ("alarms.shop-LagLong", {"speaks": False}, WRONG, "nobody"),
    ("alarms.shop-LagLong", {"state": "ALARM", "reason": "too old"}, WRONG, "ALARM"),
    ("topics.AlarmTopicArn", {"listening": 0, "pending": 1}, WARNING, "1 not confirmed"),
    ("stack", {"status": "UPDATE_ROLLBACK_COMPLETE"}, WRONG, "ROLLBACK"),
    ("stack", {"status": "UPDATE_IN_PROGRESS"}, WARNING, "IN_PROGRESS"),
    ("stack", {"protected": False}, WARNING, "deletion"),
]


def test_a_sound_stack_has_nothing_wrong():
    assert examine(SOUND) == []
    assert exit_code([]) == 0


@pytest.mark.parametrize(("part", "facts", "level", "word"), CASES)
def test_one_thing_is_wrong(part, facts, level, word):
    found = examine(spoilt(part, **facts))
    if level is None:
        assert found == []
        return
    (finding,) = found
    assert finding.level is level
    assert word in finding.what
    assert finding.why
    assert finding.fix


@pytest.mark.parametrize("part", ["mapping", "stream", "bucket", "proxy", "cluster"])
def test_what_is_not_there_is_wrong_and_what_cannot_be_seen_unknown(part):
    (finding,) = examine(msgspec.structs.replace(SOUND, **{part: Missing()}))
    assert (finding.level, finding.what) == (WRONG, "is not there")
    (finding,) = examine(msgspec.structs.replace(SOUND, **{part: Unknown("not allowed to ask X")}))
    assert (finding.level, finding.why) == (UNKNOWN, "not allowed to ask X")
    assert exit_code([finding]) == 3


def test_a_function_or_an_alarm_that_is_gone():
    facts = msgspec.structs.replace(
        SOUND,
        functions=SOUND.functions | {"redrive": Missing()},
        alarms=SOUND.alarms | {"shop-LagLong": Missing()},
        topics={"AlarmTopicArn": Unknown("not allowed to ask GetTopicAttributes")},
    )
    assert [(one.level, one.subject) for one in examine(facts)] == [
        (WRONG, "function redrive"),
        (WRONG, "alarm shop-LagLong"),
        (UNKNOWN, "topic AlarmTopicArn"),
    ]


@pytest.mark.parametrize(
    ("found", "level", "word"),
    [
        ("0003.deliveries", WRONG, "0003.deliveries"),
        ("0005.next", WARNING, "0005.next"),
        (Missing(), WRONG, "never migrated"),
        (Unknown("name it"), UNKNOWN, "not known"),
    ],
)
def test_the_schema(found, level, word):
    (finding,) = examine(msgspec.structs.replace(SOUND, schema=found))
    assert (finding.level, finding.subject) == (level, "schema")
    assert word in finding.what


def test_an_external_database_has_neither_proxy_nor_cluster():
    facts = msgspec.structs.replace(
        with_parameters(DatabaseMode="external"), proxy=Missing(), cluster=Missing()
    )
    assert examine(facts) == []
    few = msgspec.structs.replace(
        with_parameters(DatabaseMode="external", DatabaseConnections="10"),
        proxy=Missing(),
        cluster=Missing(),
    )
    (finding,) = examine(few)
    assert finding.what.startswith("11 connections at once")


def test_outside_production_less_is_wrong():
    dev = with_parameters(Environment="dev", StreamRetentionHours="24")
    dev = msgspec.structs.replace(
        dev,
        stream=msgspec.structs.replace(SOUND.stream, retention_hours=24),
        cluster=msgspec.structs.replace(SOUND.cluster, protected=False, readers=0),
        functions=SOUND.functions
        | {"consumer": msgspec.structs.replace(SOUND.functions["consumer"], reserved=None)},
    )
    assert {(one.level, one.subject) for one in examine(dev)} == {
        (WARNING, "cluster"),
        (WARNING, "concurrency"),
    }
    production = with_parameters(StreamRetentionHours="24")
    production = msgspec.structs.replace(
        production, stream=msgspec.structs.replace(SOUND.stream, retention_hours=24)
    )
    (finding,) = examine(production)
    assert finding.level is WRONG
    assert "increase-stream-retention-period" in finding.fix


def test_without_alarms():
    (finding,) = examine(msgspec.structs.replace(SOUND, alarms={}, topics={}))
    assert finding.level is WARNING
    assert "WithAlarms" in finding.fix


def test_the_worst_comes_first():
    facts = msgspec.structs.replace(
        spoilt("stream", encryption="NONE", tags={}), cluster=Unknown("no")
    )
    assert [one.level for one in examine(facts)] == [WRONG, WARNING, UNKNOWN]
    assert exit_code(examine(facts)) == 1
    assert exit_code([one for one in examine(facts) if one.level is WARNING]) == 0


def test_every_command_that_it_says_is_one_that_aws_takes():
    said = set()
    for part, facts, *_ in CASES:
        for finding in examine(spoilt(part, **facts)):
            command = finding.fix.partition(",")[0]
            if command.startswith("aws "):
                said.add(command)
                check_aws(command)
    assert len(said) >= 8
    assert any(UUID in command for command in said)


def test_every_part_has_a_case():
    covered = {(part.partition(".")[0], fact) for part, facts, *_ in CASES for fact in facts}
    told = {
        "mapping": {"uuid", "batch_size", "window_seconds", "reason"},
        "stream": {"name", "mode"},
        "functions": {"name", "log_group"},
        "bucket": {"name"},
        "proxy": {"name", "borrow_seconds"},
        "cluster": {"name", "version", "capacity"},
    }
    for part, only_told in told.items():
        one = getattr(SOUND, part)
        one = one["consumer"] if part == "functions" else one
        facts = {fact for kind, fact in covered if kind == part}
        assert set(one.__struct_fields__) - facts - only_told == set(), part
