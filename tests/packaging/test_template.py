"""The transformed template: what CloudFormation will be asked for, property by property."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer import settings as consumer_settings
from contract.keys import MODE_TAG, OrderKeys
from local.mapping.position import TrimHorizon
from local.mapping.template import Template
from producer.configuration import read_configuration
from tests.packaging.rules import RuleResolver

TEXT = (Path(__file__).resolve().parents[2] / "template.yaml").read_text()

NEEDED = {
    "DatabaseHost": "database.example",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:inorder-AbCdEf",
}
PROD = {**NEEDED, "Environment": "prod", "ConsumerConcurrency": "8"}


def properties(resources: dict[str, Any], name: str) -> dict[str, Any]:
    return resources[name]["Properties"]


def get_att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from everything_in(part)


def references(value: Any) -> set[str]:
    """The names that `Ref`, `Fn::GetAtt` and `Fn::Sub` in this value mention."""
    names = set()
    for part in everything_in(value):
        if not isinstance(part, dict):
            continue
        if "Ref" in part:
            names.add(part["Ref"])
        if "Fn::GetAtt" in part:
            names.add(part["Fn::GetAtt"][0])
        if "Fn::Sub" in part:
            names.update(re.findall(r"\$\{([A-Za-z0-9:]+)", part["Fn::Sub"]))
    return names


class TestStructure:
    def test_every_resource_is_one_we_mean(self, resources):
        assert {name: made["Type"] for name, made in resources.items()} == {
            "Api": "AWS::ApiGatewayV2::Api",
            "ApiApiGatewayDefaultStage": "AWS::ApiGatewayV2::Stage",
            "ApiMayInvokeProducer": "AWS::Lambda::Permission",
            "ApiLogs": "AWS::Logs::LogGroup",
            "ProducerFunction": "AWS::Lambda::Function",
            "ProducerRole": "AWS::IAM::Role",
            "ProducerLogs": "AWS::Logs::LogGroup",
            "EventStream": "AWS::Kinesis::Stream",
            "ConsumerFunction": "AWS::Lambda::Function",
            "ConsumerFunctionStream": "AWS::Lambda::EventSourceMapping",
            "ConsumerRole": "AWS::IAM::Role",
            "ConsumerLogs": "AWS::Logs::LogGroup",
            "OnFailureBucket": "AWS::S3::Bucket",
            "OnFailureBucketPolicy": "AWS::S3::BucketPolicy",
        }

    def test_without_the_api_nothing_of_it_is_left(self, resources):
        of_the_api = {name for name, made in resources.items() if made.get("Condition") == "HasApi"}
        assert {name for name in resources if name.startswith("Api")} == of_the_api
        for name, made in resources.items():
            if name not in of_the_api:
                assert not references(made) & of_the_api, f"{name} needs the API"

    def test_every_parameter_is_described_and_used(self, template):
        used = references({key: template[key] for key in ("Resources", "Rules", "Conditions")})
        grouped = {
            name
            for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
            for name in group["Parameters"]
        }
        for name, declared in template["Parameters"].items():
            assert declared["Description"], name
            assert name in used, name
            assert name in grouped, name
            bounds = {"AllowedValues", "AllowedPattern", "MinValue"} & set(declared)
            assert bounds or declared["Type"] == "CommaDelimitedList", f"{name} takes anything"

    def test_no_secret_is_resolved_into_the_template(self):
        assert "{{resolve:" not in TEXT

    def test_yaml_aliases_are_not_used(self):
        """CloudFormation reads no YAML aliases (User Guide, template formats)."""
        assert not re.search(r"(?m)(?:^|[:\-] +)[&*][A-Za-z]", TEXT)


class TestMapping:
    def test_every_property(self, resources):
        assert properties(resources, "ConsumerFunctionStream") == {
            "EventSourceArn": get_att("EventStream"),
            "FunctionName": {"Ref": "ConsumerFunction"},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": {"Ref": "BatchSize"},
            "MaximumBatchingWindowInSeconds": {"Ref": "BatchingWindowSeconds"},
            "ParallelizationFactor": {"Ref": "ParallelizationFactor"},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": -1,
            "MaximumRecordAgeInSeconds": -1,
            "DestinationConfig": {"OnFailure": {"Destination": get_att("OnFailureBucket")}},
            "MetricsConfig": {"Metrics": ["EventCount"]},
        }

    def test_what_local_runs_is_what_cloudformation_is_asked_for(self, template, resources):
        given = {**NEEDED, "BatchSize": "77", "BatchingWindowSeconds": "3"}
        asked = RuleResolver(template, given).value(properties(resources, "ConsumerFunctionStream"))
        run = Template(TEXT, parameters=given).mapping("ConsumerFunction", "Stream")
        assert run.batch_size == asked["BatchSize"] == 77
        assert run.window_seconds == asked["MaximumBatchingWindowInSeconds"] == 3
        assert run.parallelization_factor == asked["ParallelizationFactor"]
        assert run.bisect_on_error is asked["BisectBatchOnFunctionError"]
        assert run.maximum_retry_attempts == asked["MaximumRetryAttempts"]
        assert run.maximum_record_age_seconds == asked["MaximumRecordAgeInSeconds"]
        assert run.report_batch_item_failures is bool(asked["FunctionResponseTypes"])
        assert isinstance(run.starting_position, TrimHorizon)

    def test_defaults_are_within_what_lambda_takes(self, template):
        values = RuleResolver(template, {}).parameters()
        assert 1 <= values["BatchSize"] <= 10_000
        assert 0 <= values["BatchingWindowSeconds"] <= 300
        assert 1 <= values["ParallelizationFactor"] <= 10


class TestStream:
    def test_properties(self, resources):
        stream = properties(resources, "EventStream")
        assert stream["RetentionPeriodHours"] == {"Ref": "StreamRetentionHours"}
        assert stream["StreamModeDetails"] == {"StreamMode": {"Ref": "StreamMode"}}
        assert stream["StreamEncryption"] == {
            "EncryptionType": "KMS",
            "KeyId": "alias/aws/kinesis",
        }

    def test_retention_is_a_week_unless_asked_otherwise(self, template):
        assert RuleResolver(template, {}).parameters()["StreamRetentionHours"] == 168

    def test_each_mode_gets_the_properties_it_takes(self, resources):
        """Kinesis refuses a shard count on demand, and a distribution strategy otherwise."""
        stream = properties(resources, "EventStream")
        nothing = {"Ref": "AWS::NoValue"}
        shards = {"Ref": "ShardCount"}
        assert stream["ShardCount"] == {"Fn::If": ["IsOnDemand", nothing, shards]}
        assert stream["RecordDistributionStrategy"] == {
            "Fn::If": ["IsOnDemand", "USER_PARTITION_KEY", nothing]
        }

    def test_the_tag_says_how_it_is_written_to(self, resources):
        tags = {tag["Key"]: tag["Value"] for tag in properties(resources, "EventStream")["Tags"]}
        assert tags[MODE_TAG] == OrderKeys.mode


class TestOnFailureBucket:
    def test_it_is_private_encrypted_and_versioned(self, resources):
        bucket = properties(resources, "OnFailureBucket")
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"] == {
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
        }
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}

    def test_an_object_expires_only_once_it_is_tagged_done(self, resources):
        """P1: an event stands in the parking lot or here, and nobody but redrive lets it go."""
        rules = properties(resources, "OnFailureBucket")["LifecycleConfiguration"]["Rules"]
        removes_data = {
            "ExpirationInDays",
            "ExpirationDate",
            "NoncurrentVersionExpiration",
            "NoncurrentVersionExpirationInDays",
        }
        expiring = [rule for rule in rules if removes_data & set(rule)]
        assert [rule["TagFilters"] for rule in expiring] == [[{"Key": "redrive", "Value": "done"}]]

    def test_it_speaks_tls_only(self, resources):
        policy = properties(resources, "OnFailureBucketPolicy")
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert get_att("OnFailureBucket") in statement["Resource"]


class TestDeletion:
    @pytest.mark.parametrize("name", ["EventStream", "OnFailureBucket"])
    def test_what_holds_events_outlives_the_stack(self, resources, name):
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"

    def test_nothing_has_a_fixed_name(self, resources):
        """What a deleted stack left behind must not collide with the next one."""
        for name, made in resources.items():
            fixed = {"Name", "BucketName", "FunctionName", "LogGroupName", "RoleName"}
            if made["Type"] not in {"AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"}:
                assert not fixed & set(made["Properties"]), name


class TestFunctions:
    @pytest.mark.parametrize("name", ["Producer", "Consumer"])
    def test_common_properties(self, resources, name):
        function = properties(resources, f"{name}Function")
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Handler"] == f"{name.lower()}.handler.handler"
        assert function["Role"] == get_att(f"{name}Role")
        assert function["LoggingConfig"] == {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
            "LogGroup": {"Ref": f"{name}Logs"},
        }
        assert resources[f"{name}Function"]["Metadata"]["BuildMethod"] == "makefile"

    @pytest.mark.parametrize("name", ["ApiLogs", "ProducerLogs", "ConsumerLogs"])
    def test_logs_do_not_stay_for_ever(self, resources, name):
        assert properties(resources, name) == {"RetentionInDays": {"Ref": "LogRetentionDays"}}

    def test_arm64_unless_asked_otherwise(self, template):
        assert RuleResolver(template, {}).parameters()["Architecture"] == "arm64"

    def test_the_producer_understands_its_environment(self, resources):
        variables = properties(resources, "ProducerFunction")["Environment"]["Variables"]
        assert variables == {"STREAM_NAME": {"Ref": "EventStream"}}
        assert read_configuration({"STREAM_NAME": "inorder-EventStream"}).producer.guards

    def consumer_environment(self, template, resources, given):
        variables = properties(resources, "ConsumerFunction")["Environment"]["Variables"]
        values = RuleResolver(template, given).value(variables)
        return {name: str(value) for name, value in values.items()}

    def test_the_consumer_understands_its_environment(self, template, resources, tmp_path):
        roots = tmp_path / "roots.pem"
        roots.touch()
        given = {
            **NEEDED,
            "DatabasePort": "6543",
            "DatabaseName": "shop",
            "DatabaseUser": "writer",
            "DatabaseTls": "require",
            "DatabaseTlsRootCert": str(roots),
            "Projection": "shop.shipments:Shipments",
        }
        read = consumer_settings.read(self.consumer_environment(template, resources, given))
        assert read.database_url is None
        assert read.db_host == NEEDED["DatabaseHost"]
        assert read.db_port == 6543
        assert read.db_name == "shop"
        assert read.db_user == "writer"
        assert read.db_secret_arn == NEEDED["DatabaseSecretArn"]
        assert read.db_sslmode == "require"
        assert read.db_sslrootcert == str(roots)
        assert read.projection == "shop.shipments:Shipments"

    def test_template_and_consumer_have_the_same_defaults(self, template, resources, tmp_path):
        roots = tmp_path / "roots.pem"
        roots.touch()
        given = {**NEEDED, "DatabaseTlsRootCert": str(roots)}
        told = consumer_settings.read(self.consumer_environment(template, resources, given))
        untold = consumer_settings.read(
            {
                "DB_HOST": NEEDED["DatabaseHost"],
                "DB_SECRET_ARN": NEEDED["DatabaseSecretArn"],
                "DB_SSLROOTCERT": str(roots),
            }
        )
        assert told == untold

    def test_no_variable_holds_a_password(self, resources):
        for name in ("ProducerFunction", "ConsumerFunction"):
            variables = properties(resources, name)["Environment"]["Variables"]
            assert not [key for key in variables if "PASSWORD" in key or key == "DATABASE_URL"]

    def test_the_producer_answers_before_the_api_gives_up(self, resources):
        operation = properties(resources, "Api")["Body"]["paths"]["/events"]["post"]
        milliseconds = operation["x-amazon-apigateway-integration"]["timeoutInMillis"]
        assert properties(resources, "ProducerFunction")["Timeout"] * 1000 < milliseconds

    def test_the_cap_is_reserved_concurrency(self, template, resources):
        assert properties(resources, "ConsumerFunction")["ReservedConcurrentExecutions"] == {
            "Fn::If": ["IsCapped", {"Ref": "ConsumerConcurrency"}, {"Ref": "AWS::NoValue"}]
        }


class TestApi:
    def test_nobody_gets_in_unsigned(self, resources):
        body = properties(resources, "Api")["Body"]
        schemes = body["components"]["securitySchemes"]
        assert schemes["iam"]["x-amazon-apigateway-authtype"] == "awsSigv4"
        operations = [
            operation for methods in body["paths"].values() for operation in methods.values()
        ]
        assert operations
        for operation in operations:
            assert operation["security"] == [{"iam": []}]

    def test_it_is_throttled_and_logged(self, resources):
        stage = properties(resources, "ApiApiGatewayDefaultStage")
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ApiRateLimit"}
        assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == {"Ref": "ApiBurstLimit"}
        assert stage["AccessLogSettings"]["DestinationArn"] == get_att("ApiLogs")
        assert json.loads(stage["AccessLogSettings"]["Format"])["status"] == "$context.status"

    def test_only_this_route_may_invoke_the_producer(self, resources):
        permission = properties(resources, "ApiMayInvokeProducer")
        assert permission["FunctionName"] == {"Ref": "ProducerFunction"}
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/*/POST/events")


class TestRules:
    @pytest.mark.parametrize(
        "given",
        [
            NEEDED,
            PROD,
            {**PROD, "StreamRetentionHours": "8760"},
            {**NEEDED, "StreamMode": "ON_DEMAND", "ConsumerConcurrency": "20"},
            {**NEEDED, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
            {**NEEDED, "DatabaseTls": "disable"},
        ],
    )
    def test_sound_mixtures_are_let_through(self, template, given):
        assert RuleResolver(template, given).refusals() == []

    @pytest.mark.parametrize(
        ("given", "word"),
        [
            ({**NEEDED, "SubnetIds": "subnet-1,subnet-2"}, "SecurityGroupIds"),
            ({**NEEDED, "SecurityGroupIds": "sg-1"}, "SubnetIds"),
            ({**NEEDED, "StreamMode": "ON_DEMAND"}, "ConsumerConcurrency"),
            ({**PROD, "ConsumerConcurrency": "0"}, "ConsumerConcurrency"),
            ({**PROD, "DatabaseTls": "require"}, "DatabaseTls"),
            ({**PROD, "DatabaseTls": "disable"}, "DatabaseTls"),
            ({**PROD, "StreamRetentionHours": "24"}, "StreamRetentionHours"),
            ({**PROD, "StreamRetentionHours": "144"}, "StreamRetentionHours"),
        ],
    )
    def test_dangerous_mixtures_are_refused(self, template, given, word):
        (refusal,) = RuleResolver(template, given).refusals()
        assert word in refusal


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "given", "holds"),
        [
            ("HasApi", {}, True),
            ("HasApi", {"WithApi": "false"}, False),
            ("IsOnDemand", {}, False),
            ("IsOnDemand", {"StreamMode": "ON_DEMAND"}, True),
            ("IsCapped", {}, False),
            ("IsCapped", {"ConsumerConcurrency": "1"}, True),
            ("IsInVpc", {}, False),
            ("IsInVpc", {"SubnetIds": "subnet-1,subnet-2"}, True),
        ],
    )
    def test_what_turns_a_part_on(self, template, condition, given, holds):
        assert RuleResolver(template, given).value({"Condition": condition}) is holds
