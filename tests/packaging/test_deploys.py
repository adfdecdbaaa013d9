"""How new code gets in and is taken back: aliases, shifts, the alarms that watch them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from contract.metrics import NAMESPACE, Metric
from tests.packaging.conftest import SAM_PYTHON
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import KEY, ROOT, get_att, properties

SHIFTED = {
    "Producer": ("ProducerShift", ["ProducerFailing"]),
    "Consumer": ("ConsumerShift", ["ConsumerFailing", "ConsumerStopped"]),
}


@pytest.fixture(scope="module")
def at_once():
    """The template as CloudFormation gets it with GradualDeploys=false."""
    answer = subprocess.run(
        [
            *(SAM_PYTHON, Path(__file__).with_name("translate.py"), ROOT / "template.yaml"),
            *("GradualDeploys=false", "ProducerShift=AllAtOnce"),
        ],
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    return json.loads(answer.stdout)["Resources"]


@pytest.mark.parametrize("name", SHIFTED)
class TestShift:
    def test_callers_get_the_alias(self, resources, name):
        alias = properties(resources, f"{name}FunctionAliaslive")
        assert alias["Name"] == "live"
        assert alias["FunctionName"] == {"Ref": f"{name}Function"}

    def test_codedeploy_moves_the_alias(self, resources, name):
        update = resources[f"{name}FunctionAliaslive"]["UpdatePolicy"][
            "CodeDeployLambdaAliasUpdate"
        ]
        assert update["DeploymentGroupName"] == {"Ref": f"{name}FunctionDeploymentGroup"}

    def test_an_alarm_takes_it_back(self, resources, name):
        group = properties(resources, f"{name}FunctionDeploymentGroup")
        _, alarms = SHIFTED[name]
        assert group["AlarmConfiguration"] == {
            "Enabled": True,
            "Alarms": [{"Name": properties(resources, it)["AlarmName"]} for it in alarms],
        }
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert group["AutoRollbackConfiguration"]["Enabled"] is True

    def test_an_alarm_has_time_to(self, template, resources, name):
        """CodeDeploy watches while it shifts: AllAtOnce would be over before a minute is."""
        parameter, alarms = SHIFTED[name]
        assert template["Parameters"][parameter]["Default"] == "Canary10Percent5Minutes"
        for alarm in alarms:
            made = properties(resources, alarm)
            assert made["Period"] * made["EvaluationPeriods"] < 5 * 60
            assert made["TreatMissingData"] == "notBreaching"

    def test_the_alarm_is_about_this_alias(self, resources, name):
        made = properties(resources, f"{name}Failing")
        assert (made["Namespace"], made["MetricName"]) == ("AWS/Lambda", "Errors")
        dimensions = {it["Name"]: it["Value"] for it in made["Dimensions"]}
        assert dimensions == {
            "FunctionName": {"Ref": f"{name}Function"},
            "Resource": {"Fn::Sub": f"${{{name}Function}}:live"},
        }

    def test_without_gradual_deploys_there_is_no_codedeploy(self, at_once, name):
        assert not [it for it in at_once.values() if it["Type"].startswith("AWS::CodeDeploy::")]
        assert "UpdatePolicy" not in at_once[f"{name}FunctionAliaslive"]
        assert "CodeDeployServiceRole" not in at_once


def test_a_consumer_that_stops_its_own_code_is_taken_back(resources):
    made = properties(resources, "ConsumerStopped")
    assert (made["Namespace"], made["MetricName"]) == (NAMESPACE, Metric.CODE_STOPPED)
    assert {it["Name"]: it["Value"] for it in made["Dimensions"]} == {
        "service": "consumer",
        "stack": {"Ref": "AWS::StackName"},
    }


def test_the_mapping_gives_batches_to_the_alias(resources):
    mapping = properties(resources, "ConsumerFunctionStream")
    assert mapping["FunctionName"] == {"Ref": "ConsumerFunctionAliaslive"}


class TestMigrations:
    def test_the_newest_are_asked_for(self, template, resources):
        """They run again only when a property has changed."""
        asked = RuleResolver(template, {}).value(properties(resources, "Migrations"))
        folder = ROOT / "migrations"
        for name, key in (("inorder", "SchemaVersion"), ("orders", "ProjectionVersion")):
            newest = max(path.stem for path in (folder / name).glob("[0-9]*.sql"))
            assert asked[key] == newest
        assert asked["ProjectionMigrations"] == "orders"

    def test_a_lost_answer_costs_no_hour(self, resources):
        function = properties(resources, "MigratorFunction")
        limit = properties(resources, "Migrations")["ServiceTimeout"]
        assert function["Timeout"] < limit <= function["Timeout"] + 60
        checked = properties(resources, "Settings")["ServiceTimeout"]
        assert properties(resources, "SettingsFunction")["Timeout"] < checked <= 60

    @pytest.mark.parametrize(
        ("name", "function"), [("Migrations", "Migrator"), ("Settings", "Settings")]
    )
    def test_the_function_behind_it(self, resources, name, function):
        token = properties(resources, name)["ServiceToken"]
        assert token == get_att(f"{function}Function")


class TestKey:
    @pytest.fixture
    def statements(self, template, resources):
        key = properties(resources, "Key")
        assert key["EnableKeyRotation"] is True
        policy = RuleResolver(template, {}).value(key["KeyPolicy"])
        return {statement["Sid"]: statement for statement in policy["Statement"]}

    def test_the_account_decides_who_uses_it(self, statements):
        statement = statements["AccountDecides"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
        assert statement["Action"] == "kms:*"

    def test_logs_of_this_stack_and_its_database_are_encrypted(self, statements):
        """A log group's name begins with its stack's, a nested stack's with its parent's."""
        statement = statements["LogsOfThisStackAreEncrypted"]
        assert statement["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
        (groups,) = statement["Condition"]["ArnLike"].values()
        group = "arn:aws:logs:us-east-1:000000000000:log-group:"
        assert groups == [
            f"{group}local-*",
            f"{group}/aws/rds/cluster/inorder-*",
            f"{group}/aws/rds/proxy/inorder-*",
        ]

    def test_alarms_reach_an_encrypted_topic(self, statements):
        statement = statements["AlarmsReachTheTopic"]
        assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "000000000000"}}

    def test_nobody_else_is_let_in(self, statements):
        assert set(statements) == {
            "AccountDecides",
            "LogsOfThisStackAreEncrypted",
            "AlarmsReachTheTopic",
        }

    @pytest.mark.parametrize("name", ["Database", "Network", "Proxy", "Observability"])
    def test_nested_stacks_get_it_too(self, resources, name):
        given = properties(resources, name)["Parameters"]
        assert given.get("KmsKeyArn", given.get("KeyArn")) == KEY
