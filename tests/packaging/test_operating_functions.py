"""Redrive and the auditor in the template: what starts them, what they are told."""

import json
import re

import pytest

from consumer.audit import settings as audit_settings
from consumer.redrive import settings as redrive_settings
from consumer.redrive.on_failure import PREFIX
from consumer.redrive.request import Objects, Scheduled, read_request
from tests.events.generate import HERE
from tests.events.operating import object_created
from tests.events.places import BUCKET, OBJECT_KEY
from tests.packaging.eventbridge import matches
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, get_att, properties

CONSUMER = "ConsumerFunction"


def golden(name):
    return json.loads((HERE / name).read_text())


class TestNewObject:
    @pytest.fixture
    def rule(self, template, resources):
        raw = properties(resources, "RedriveFunctionNewObject")
        return RuleResolver(template, {}, {"OnFailureBucket": BUCKET}).value(raw)

    def test_the_bucket_tells_eventbridge(self, resources):
        told = properties(resources, "OnFailureBucket")["NotificationConfiguration"]
        assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}

    def test_it_takes_what_lambda_writes(self, rule):
        assert matches(rule["EventPattern"], golden("bucket-object-created.json"))

    @pytest.mark.parametrize(
        "event",
        [
            object_created(bucket="somebody-elses"),
            object_created(key="exports/2026.csv"),
            object_created() | {"detail-type": "Object Tags Added"},
            object_created() | {"source": "shop"},
        ],
    )
    def test_it_takes_nothing_else(self, rule, event):
        """Above all not the tag that redrive sets itself, which would start it for ever."""
        assert not matches(rule["EventPattern"], event)

    def test_redrive_reads_what_it_hands_on(self, rule):
        (target,) = rule["Targets"]
        assert not {"Input", "InputPath", "InputTransformer"} & target.keys(), "the event as it is"
        given = golden("bucket-object-created.json")
        assert read_request(given) == Objects(((BUCKET, OBJECT_KEY),))

    def test_the_prefix_is_redrives_own(self, rule):
        assert rule["EventPattern"]["detail"]["object"]["key"] == [{"prefix": PREFIX}]

    def test_the_bus_may_invoke_for_this_rule_only(self, resources):
        permission = properties(resources, "RedriveFunctionNewObjectPermission")
        assert permission == {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "RedriveFunction"},
            "Principal": "events.amazonaws.com",
            "SourceArn": get_att("RedriveFunctionNewObject"),
        }


@pytest.mark.parametrize(("name", "rate"), [("Redrive", "RedriveRate"), ("Auditor", "AuditRate")])
class TestSchedules:
    def test_it_runs_at_its_rate(self, resources, name, rate):
        rule = properties(resources, f"{name}FunctionRegularly")
        assert rule["ScheduleExpression"] == {"Ref": rate}
        assert "State" not in rule, "enabled"
        (target,) = rule["Targets"]
        assert target["Arn"] == get_att(f"{name}Function")
        assert "Input" not in target, "the function gets EventBridge's own event"

    def test_only_its_rule_invokes_it(self, resources, name, rate):
        permission = properties(resources, f"{name}FunctionRegularlyPermission")
        assert permission["FunctionName"] == {"Ref": f"{name}Function"}
        assert permission["SourceArn"] == get_att(f"{name}FunctionRegularly")

    def test_what_fails_is_left_to_the_next_run(self, resources, name, rate):
        config = properties(resources, f"{name}FunctionEventInvokeConfig")
        assert config["MaximumRetryAttempts"] == 0
        assert 60 <= config["MaximumEventAgeInSeconds"] <= 21_600, "what Lambda takes"

    @pytest.mark.parametrize("good", ["rate(1 minute)", "rate(15 minutes)", "rate(1 day)"])
    def test_a_rate_that_eventbridge_takes(self, template, name, rate, good):
        assert re.search(template["Parameters"][rate]["AllowedPattern"], good)
        assert re.search(
            template["Parameters"][rate]["AllowedPattern"], template["Parameters"][rate]["Default"]
        )

    @pytest.mark.parametrize("bad", ["rate(1 minutes)", "rate(5 minute)", "rate(0 hours)", "5m"])
    def test_a_rate_that_it_refuses(self, template, name, rate, bad):
        assert not re.search(template["Parameters"][rate]["AllowedPattern"], bad)


def test_redrive_knows_a_schedules_event():
    assert read_request(golden("schedule.json")) == Scheduled()


class TestEnvironment:
    @pytest.fixture
    def told(self, template, resources, tmp_path):
        """`told("RedriveFunction", …)` gives its variables under these parameters."""
        roots = tmp_path / "roots.pem"
        roots.touch()

        def variables(function, **parameters):
            given = {**EXTERNAL, "DatabaseTlsRootCert": str(roots), **parameters}
            raw = properties(resources, function)["Environment"]["Variables"]
            resolved = RuleResolver(template, given, {"OnFailureBucket": BUCKET}).value(raw)
            return {name: str(value) for name, value in resolved.items()}

        return variables

    def test_redrive_is_told_what_the_consumer_is_and_the_bucket(self, told):
        """It runs the same events through the same path: it must not judge them otherwise."""
        assert told("RedriveFunction") == told(CONSUMER) | {"ON_FAILURE_BUCKET": BUCKET}
        read = redrive_settings.read(told("RedriveFunction", KillerDeaths="7", FailingOrders="9"))
        assert read.bucket == BUCKET
        assert (read.consumer.killer_deaths, read.consumer.failing_orders) == (7, 9)

    def test_the_auditor_is_told_the_consumers_database(self, told):
        shared = ("DB_", "STACK_NAME", "SCHEMA_VERSION")
        told_both = {k: v for k, v in told(CONSUMER).items() if k.startswith(shared)}
        database = {key for key in told_both if key.startswith("DB_")}
        assert len(database) == 8
        assert told("AuditorFunction") == told_both | {
            "AUDIT_SWEEP_ORDERS": "5000",
            "LEDGER_RETENTION_DAYS": "30",
        }
        read = audit_settings.read(told("AuditorFunction", AuditSweepOrders="11"))
        assert read.scope.sweep == 11

    def test_template_and_code_have_the_same_defaults(self, told):
        untold = {"DB_HOST": EXTERNAL["DatabaseHost"]}
        auditors = audit_settings.read(told("AuditorFunction")).scope
        assert auditors == audit_settings.read(untold).scope
        assert redrive_settings.read(told("RedriveFunction")).bound == (
            redrive_settings.read(untold).bound
        )


class TestLimits:
    @pytest.mark.parametrize(("name", "reserved"), [("Redrive", 2), ("Auditor", 1)])
    def test_their_connections_are_capped_where_the_consumers_are(self, resources, name, reserved):
        assert properties(resources, f"{name}Function")["ReservedConcurrentExecutions"] == {
            "Fn::If": ["IsCapped", reserved, {"Ref": "AWS::NoValue"}]
        }

    def test_redrive_has_the_memory_that_a_batch_had(self, resources):
        memory = properties(resources, CONSUMER)["MemorySize"]
        assert properties(resources, "RedriveFunction")["MemorySize"] == memory
