"""Looking at AWS: what its answers are read as, and that what may not be seen is unknown."""

import json

import msgspec
import pytest

from ops.cli import run
from ops.doctor import command
from ops.doctor.collecting import collect
from ops.doctor.command import examine
from ops.doctor.facts import AlarmFacts, Missing, NoStack, TargetFacts, TopicFacts, Unknown
from ops.doctor.findings import Level, exit_code
from tests.unit.doctor.sound import SOUND
from tests.unit.doctor.stubbed import playing, shop

DENIED = ("AccessDeniedException", "User is not authorized")


def collected(answers):
    with playing(answers) as clients:
        return collect(clients, "shop")


def test_everything_is_read():
    facts = collected(shop())
    assert facts.stack.parameters == SOUND.stack.parameters
    assert facts.stack.resources["Observability/LagLong"] == "shop-LagLong"
    assert msgspec.structs.replace(facts.mapping, reason="") == SOUND.mapping
    assert facts.stream == SOUND.stream
    assert facts.bucket == SOUND.bucket
    assert facts.cluster == SOUND.cluster
    assert facts.functions == {
        name: msgspec.structs.replace(sound, log_group=f"/shop/shop-{name}")
        for name, sound in SOUND.functions.items()
    }
    writer = TargetFacts(name="shop-1", role="READ_WRITE", state="AVAILABLE", reason="")
    assert facts.proxy == msgspec.structs.replace(
        SOUND.proxy, targets=(writer,), pinned=None, allowed=50
    )
    assert facts.schema == facts.ships
    assert facts.alarms == {
        name: AlarmFacts(name=name, state="OK", reason="", speaks=True)
        for name in ("shop-DataAtRisk", "shop-LagLong")
    }
    assert facts.topics == {"AlarmTopicArn": TopicFacts(name="alarms", listening=1, pending=0)}
    assert examine(facts) == []


PARTS = [
    ("lambda", "get_event_source_mapping", "mapping"),
    ("kinesis", "describe_stream_summary", "stream"),
    ("s3", "get_bucket_versioning", "bucket"),
    ("rds", "describe_db_proxies", "proxy"),
    ("rds", "describe_db_clusters", "cluster"),
]


def from_there(service, method, error):
    """An error in place of one answer; what would have followed for this part is not asked."""
    answers = shop()
    calls = answers[service]
    at = [m for m, _ in calls].index(method)
    skip = {"describe_stream_summary": 1, "describe_db_proxies": 2}.get(method, 0)
    answers[service] = [*calls[:at], (method, error), *calls[at + 1 + skip :]]
    if method == "describe_db_proxies":
        answers["cloudwatch"] = answers["cloudwatch"][2:]
    return answers


@pytest.mark.parametrize(("service", "method", "part"), PARTS)
def test_what_may_not_be_seen_is_unknown(service, method, part):
    facts = collected(from_there(service, method, DENIED))
    found = getattr(facts, part)
    assert isinstance(found, Unknown)
    assert found.why.startswith("not allowed to ask ")
    unknown = [one for one in examine(facts) if one.level is Level.UNKNOWN]
    assert len(unknown) == 1
    assert exit_code(unknown) == 3


@pytest.mark.parametrize(("service", "method", "part"), PARTS)
def test_what_is_gone_is_missing(service, method, part):
    code = {"proxy": "DBProxyNotFoundFault", "cluster": "DBClusterNotFoundFault"}.get(
        part, "NoSuchBucket" if part == "bucket" else "ResourceNotFoundException"
    )
    facts = collected(from_there(service, method, (code, "gone")))
    assert getattr(facts, part) == Missing()


def test_nothing_but_the_stack_may_be_seen():
    answers = {
        "cloudformation": [*shop()["cloudformation"][:1], ("list_stack_resources", DENIED)],
        "lambda": [("get_event_source_mapping", DENIED)]
        + [("get_function_configuration", DENIED)] * 3,
        "kinesis": [("describe_stream_summary", DENIED)],
        "s3": [("get_public_access_block", ("AccessDenied", "Access Denied"))],
        "rds": [("describe_db_proxies", DENIED), ("describe_db_clusters", DENIED)],
        "cloudwatch": [],
        "sns": [("get_topic_attributes", ("AuthorizationError", "not authorized"))],
        "logs": [],
    }
    facts = collected(answers)
    found = [one for one in examine(facts) if one.subject != "alarms"]
    assert {one.level for one in found} == {Level.UNKNOWN}
    assert len(found) == 9


def test_other_refusals_are_named():
    throttled = ("ThrottlingException", "Rate exceeded")
    facts = collected(from_there("kinesis", "describe_stream_summary", throttled))
    assert facts.stream == Unknown("DescribeStreamSummary: ThrottlingException")


def test_what_is_not_set_of_a_bucket_is_not_unknown():
    answers = shop()
    answers["s3"] = [
        ("get_public_access_block", ("NoSuchPublicAccessBlockConfiguration", "none")),
        ("get_bucket_encryption", ("ServerSideEncryptionConfigurationNotFoundError", "none")),
        ("get_bucket_versioning", {}),
    ]
    bucket = collected(answers).bucket
    assert (bucket.private, bucket.encrypted, bucket.versioned) == (False, False, False)


def test_an_alarm_that_somebody_deleted_is_missing():
    answers = shop()
    answers["cloudwatch"][-1] = ("describe_alarms", {"MetricAlarms": [], "CompositeAlarms": []})
    assert collected(answers).alarms == {"shop-DataAtRisk": Missing(), "shop-LagLong": Missing()}


def test_no_such_stack():
    answers = {"cloudformation": [("describe_stacks", ("ValidationError", "no shop"))]}
    with pytest.raises(NoStack, match="no shop"):
        collected(answers)


@pytest.fixture
def as_played(monkeypatch):
    """Runs the command line against these answers; its exit code."""

    def run_with(answers, *options):
        with playing(answers) as clients:
            monkeypatch.setattr(command, "_clients", lambda _region: clients)
            return run(["doctor", "--stack", "shop", *options])

    return run_with


def test_the_command_says_what_it_saw_and_what_is_wrong(as_played, capsys):
    answers = shop()
    answers["kinesis"][0][1]["StreamDescriptionSummary"]["RecordDistributionStrategy"] = "AUTO"
    assert as_played(answers) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "stack shop (prod): UPDATE_COMPLETE" in said
    assert "4 shards, kept 168 h" in said
    assert "✗ stream: distributes records by AUTO" in said
    assert "because it ignores the partition key" in said


def test_the_command_for_a_script(as_played, capsys):
    as_played(shop(), "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["stack"] == "shop"
    assert document["facts"]["mapping"]["factor"] == 2
    for one in document["findings"]:
        assert one.keys() == {"level", "subject", "what", "why", "fix"}


def test_no_such_stack_is_an_exit_code(as_played, capsys):
    assert as_played({"cloudformation": [("describe_stacks", ("ValidationError", "no shop"))]}) == 2
    assert "no shop" in capsys.readouterr().err


def test_without_credentials_it_says_so(monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    assert run(["doctor", "--stack", "shop", "--region", "eu-west-1"]) == 3
    assert "redentials" in capsys.readouterr().err
