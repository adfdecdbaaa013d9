"""What all functions share, the HTTP API before the producer, the mapping before the consumer."""

import json

import pytest

from consumer import settings as consumer_settings
from local.mapping.position import TrimHorizon
from local.mapping.template import Template
from producer.configuration import read_configuration
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import NEEDED, TEXT, get_att, properties


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


HANDLERS = {
    "Producer": "producer.handler.handler",
    "Consumer": "consumer.handler.handler",
    "Redrive": "consumer.redrive.handler.handler",
    "Auditor": "consumer.audit.handler.handler",
}


class TestFunctions:
    @pytest.mark.parametrize("name", HANDLERS)
    def test_common_properties(self, resources, name):
        function = properties(resources, f"{name}Function")
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Handler"] == HANDLERS[name]
        assert function["Role"] == get_att(f"{name}Role")
        assert function["LoggingConfig"] == {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
            "LogGroup": {"Ref": f"{name}Logs"},
        }
        assert resources[f"{name}Function"]["Metadata"]["BuildMethod"] == "makefile"

    @pytest.mark.parametrize("name", ["ApiLogs", *(f"{name}Logs" for name in HANDLERS)])
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
            "KillerDeaths": "4",
            "FailingOrders": "6",
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
        assert (read.killer_deaths, read.failing_orders) == (4, 6)

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
        for name in HANDLERS:
            variables = properties(resources, f"{name}Function")["Environment"]["Variables"]
            assert not [key for key in variables if "PASSWORD" in key or key == "DATABASE_URL"]

    def test_the_producer_answers_before_the_api_gives_up(self, resources):
        operation = properties(resources, "Api")["Body"]["paths"]["/events"]["post"]
        milliseconds = operation["x-amazon-apigateway-integration"]["timeoutInMillis"]
        assert properties(resources, "ProducerFunction")["Timeout"] * 1000 < milliseconds

    def test_the_cap_is_reserved_concurrency(self, template, resources):
        assert properties(resources, "ConsumerFunction")["ReservedConcurrentExecutions"] == {
            "Fn::If": ["IsCapped", {"Ref": "ConsumerConcurrency"}, {"Ref": "AWS::NoValue"}]
        }


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
