"""What all functions share, the HTTP API before the producer, the mapping before the consumer."""

import json

import pytest

from consumer import settings as consumer_settings
from local.mapping.position import TrimHorizon
from local.mapping.template import Template
from producer.configuration import read_configuration
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, KEY, TEXT, get_att, properties


class TestApi:
    def body(self, template, resources, **given):
        return RuleResolver(template, given).value(properties(resources, "Api")["Body"])

    def operations(self, body):
        found = [operation for methods in body["paths"].values() for operation in methods.values()]
        assert found
        return found

    def test_nobody_gets_in_unsigned(self, template, resources):
        body = self.body(template, resources)
        (name,) = body["components"]["securitySchemes"]
        assert name == "iam"
        scheme = body["components"]["securitySchemes"]["iam"]
        assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
        for operation in self.operations(body):
            assert operation["security"] == [{"iam": []}]

    @pytest.mark.parametrize(("asked", "scopes"), [("", []), ("orders,admin", ["orders", "admin"])])
    def test_or_the_bearer_of_a_token_gets_in(self, template, resources, asked, scopes):
        given = {"JwtIssuer": "https://login.example", "JwtAudience": "shop,till"}
        body = self.body(template, resources, ApiAuthorization="jwt", JwtScopes=asked, **given)
        (name,) = body["components"]["securitySchemes"]
        assert name == "jwt"
        authorizer = body["components"]["securitySchemes"]["jwt"]["x-amazon-apigateway-authorizer"]
        assert authorizer == {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": "https://login.example", "audience": ["shop", "till"]},
        }
        for operation in self.operations(body):
            assert operation["security"] == [{"jwt": scopes}]

    def test_it_is_throttled_and_logged(self, resources):
        stage = properties(resources, "ApiApiGatewayDefaultStage")
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ApiRateLimit"}
        assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == {"Ref": "ApiBurstLimit"}
        assert stage["AccessLogSettings"]["DestinationArn"] == get_att("ApiLogs")
        assert json.loads(stage["AccessLogSettings"]["Format"])["status"] == "$context.status"

    def test_only_this_route_may_invoke_the_producer(self, resources):
        permission = properties(resources, "ApiMayInvokeProducer")
        assert permission["FunctionName"] == {"Ref": "ProducerFunctionAliaslive"}
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/*/POST/events")

    def test_it_invokes_what_has_been_shifted_to(self, resources):
        operation = properties(resources, "Api")["Body"]["paths"]["/events"]["post"]
        uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert uri.endswith("/functions/${ProducerFunctionAliaslive}/invocations")


HANDLERS = {
    "Producer": "producer.handler.handler",
    "Consumer": "consumer.handler.handler",
    "Redrive": "consumer.redrive.handler.handler",
    "Auditor": "consumer.audit.handler.handler",
    "Migrator": "migrations.handler.handler",
    "Settings": "migrations.settings.handler",
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
        assert properties(resources, name) == {
            "KmsKeyId": KEY,
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        }

    def test_arm64_unless_asked_otherwise(self, template):
        assert RuleResolver(template, {}).parameters()["Architecture"] == "arm64"

    def test_the_producer_understands_its_environment(self, resources):
        variables = properties(resources, "ProducerFunction")["Environment"]["Variables"]
        assert variables == {
            "STACK_NAME": {"Ref": "AWS::StackName"},
            "STREAM_NAME": {"Ref": "EventStream"},
            "PRODUCER_MODE": {"Ref": "ProducerMode"},
            "PRODUCER_MAX_BODY_BYTES": {"Ref": "MaxBodyBytes"},
        }

    def test_producer_and_template_have_the_same_limit(self, template, resources):
        variables = properties(resources, "ProducerFunction")["Environment"]["Variables"]
        told = {key: str(item) for key, item in RuleResolver(template, {}).value(variables).items()}
        untold = read_configuration({"STREAM_NAME": "EventStream"})
        assert read_configuration(told).max_body_bytes == untold.max_body_bytes

    def test_a_body_that_is_let_in_is_one_that_lambda_takes(self, template):
        """An invocation takes 6 MB (Lambda quotas), the body in it in Base64, and an envelope."""
        declared = template["Parameters"]["MaxBodyBytes"]
        assert declared["MaxValue"] * 4 / 3 + 100_000 < 6 * 1024 * 1024

    def consumer_environment(self, template, resources, given):
        variables = properties(resources, "ConsumerFunction")["Environment"]["Variables"]
        values = RuleResolver(template, given).value(variables)
        return {name: str(value) for name, value in values.items()}

    def test_the_consumer_understands_its_environment(self, template, resources, tmp_path):
        roots = tmp_path / "roots.pem"
        roots.touch()
        given = {
            **EXTERNAL,
            "DatabasePort": "6543",
            "DatabaseName": "shop",
            "DatabaseUser": "writer",
            "DatabaseTls": "require",
            "DatabaseTlsRootCert": str(roots),
            "Projection": "shop.shipments:Shipments",
            "KillerDeaths": "4",
            "FailingOrders": "6",
            "ProjectionSeconds": "2.5",
            "Pipeline": "true",
        }
        read = consumer_settings.read(self.consumer_environment(template, resources, given))
        assert read.database_url is None
        assert read.db_host == EXTERNAL["DatabaseHost"]
        assert read.db_port == 6543
        assert read.db_name == "shop"
        assert read.db_user == "writer"
        assert read.db_secret_arn == EXTERNAL["DatabaseSecretArn"]
        assert read.db_sslmode == "require"
        assert read.db_sslrootcert == str(roots)
        assert read.projection == "shop.shipments:Shipments"
        assert (read.killer_deaths, read.failing_orders) == (4, 6)
        assert (read.projection_seconds, read.pipeline) == (2.5, True)

    def test_template_and_consumer_have_the_same_defaults(self, template, resources, tmp_path):
        roots = tmp_path / "roots.pem"
        roots.touch()
        given = {**EXTERNAL, "DatabaseTlsRootCert": str(roots)}
        told = consumer_settings.read(self.consumer_environment(template, resources, given))
        untold = consumer_settings.read(
            {
                "DB_HOST": EXTERNAL["DatabaseHost"],
                "DB_AUTH": "secret",
                "DB_SECRET_ARN": EXTERNAL["DatabaseSecretArn"],
                "DB_SSLROOTCERT": str(roots),
            }
        )
        assert told == untold

    def test_through_the_proxy_it_logs_in_with_a_token(self, template, resources):
        told = self.consumer_environment(template, resources, {})
        assert told["DB_HOST"] == "Proxy.Outputs.Endpoint"
        assert told["DB_PORT"] == "5432", "a proxy listens on no other"
        assert told["DB_AUTH"] == "iam"
        assert "DB_SECRET_ARN" not in told
        assert told["DB_SSLMODE"] == "verify-full"

    def test_elsewhere_with_the_secrets_password(self, template, resources):
        told = self.consumer_environment(template, resources, EXTERNAL)
        assert told["DB_AUTH"] == "secret"
        assert told["DB_SECRET_ARN"] == EXTERNAL["DatabaseSecretArn"]

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


def by_profile(condition, key, parameter):
    of_the_profile = {"Fn::FindInMap": ["Latency", {"Ref": "LatencyProfile"}, key]}
    return {"Fn::If": [condition, of_the_profile, {"Ref": parameter}]}


class TestMapping:
    def test_every_property(self, resources):
        assert properties(resources, "ConsumerFunctionStream") == {
            "EventSourceArn": get_att("EventStream"),
            "FunctionName": {"Ref": "ConsumerFunctionAliaslive"},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": by_profile("BatchSizeByProfile", "BatchSize", "BatchSize"),
            "MaximumBatchingWindowInSeconds": by_profile(
                "WindowByProfile", "WindowSeconds", "BatchingWindowSeconds"
            ),
            "ParallelizationFactor": by_profile(
                "FactorByProfile", "Factor", "ParallelizationFactor"
            ),
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": -1,
            "MaximumRecordAgeInSeconds": -1,
            "DestinationConfig": {"OnFailure": {"Destination": get_att("OnFailureBucket")}},
            "MetricsConfig": {"Metrics": ["EventCount"]},
        }

    @pytest.mark.parametrize(
        "given",
        [
            EXTERNAL,
            {"LatencyProfile": "realtime"},
            {"LatencyProfile": "batch", "BatchSize": "77", "BatchingWindowSeconds": "3"},
        ],
    )
    def test_what_local_runs_is_what_cloudformation_is_asked_for(self, template, resources, given):
        asked = RuleResolver(template, given).value(properties(resources, "ConsumerFunctionStream"))
        run = Template(TEXT, parameters=given).mapping("ConsumerFunction", "Stream")
        assert run.batch_size == asked["BatchSize"]
        assert run.window_seconds == asked["MaximumBatchingWindowInSeconds"]
        assert run.parallelization_factor == asked["ParallelizationFactor"]
        assert run.bisect_on_error is asked["BisectBatchOnFunctionError"]
        assert run.maximum_retry_attempts == asked["MaximumRetryAttempts"]
        assert run.maximum_record_age_seconds == asked["MaximumRecordAgeInSeconds"]
        assert run.report_batch_item_failures is bool(asked["FunctionResponseTypes"])
        assert isinstance(run.starting_position, TrimHorizon)

    @pytest.mark.parametrize("profile", ["realtime", "background", "batch"])
    def test_a_profile_sets_four_things(self, template, resources, profile):
        chosen = template["Mappings"]["Latency"][profile]
        resolver = RuleResolver(template, {"LatencyProfile": profile})
        asked = resolver.value(properties(resources, "ConsumerFunctionStream"))
        assert asked["BatchSize"] == chosen["BatchSize"]
        assert asked["MaximumBatchingWindowInSeconds"] == chosen["WindowSeconds"]
        assert asked["ParallelizationFactor"] == chosen["Factor"]
        memory = properties(resources, "ConsumerFunction")["MemorySize"]
        assert resolver.value(memory) == chosen["Memory"]
        assert 1 <= chosen["BatchSize"] <= 10_000
        assert 0 <= chosen["WindowSeconds"] <= 300
        assert 1 <= chosen["Factor"] <= 10
        assert 128 <= chosen["Memory"] <= 10_240

    def test_every_profile_is_offered(self, template):
        offered = template["Parameters"]["LatencyProfile"]["AllowedValues"]
        assert set(offered) == set(template["Mappings"]["Latency"])

    @pytest.mark.parametrize(
        ("parameter", "value", "setting"),
        [
            ("BatchSize", 77, "BatchSize"),
            ("BatchingWindowSeconds", 0, "MaximumBatchingWindowInSeconds"),
            ("ParallelizationFactor", 9, "ParallelizationFactor"),
        ],
    )
    def test_one_value_can_be_set_by_itself(self, template, resources, parameter, value, setting):
        raw = properties(resources, "ConsumerFunctionStream")
        others = RuleResolver(template, {"LatencyProfile": "batch"}).value(raw)
        given = {"LatencyProfile": "batch", parameter: str(value)}
        assert RuleResolver(template, given).value(raw) == others | {setting: value}
