"""Settings come from the template that is deployed, intrinsic functions and parameters included."""

from pathlib import Path

import pytest

from local.mapping.intrinsics import NoParameterValue, TemplateProblem
from local.mapping.position import AtTimestamp, Latest, TrimHorizon
from local.mapping.settings import InvalidSettings, MappingSettings
from local.mapping.template import Template

PROJECT = Path(__file__).parents[3]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Profile: {Type: String, Default: background}
  BatchSize: {Type: Number, Default: 250}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Password: {Type: String}
  Concurrency: {Type: Number, Default: 0}
Mappings:
  Profiles:
    background: {window: 2, factor: 3}
    batch: {window: 60, factor: 1}
Conditions:
  IsBatch: !Equals [!Ref Profile, batch]
  IsCapped: !Not [!Equals [!Ref Concurrency, 0]]
  Both: !And [!Condition IsBatch, !Condition IsCapped]
  Either: !Or [!Condition IsBatch, !Condition IsCapped]
Globals:
  Function:
    Timeout: 7
    MemorySize: 256
    Environment: {Variables: {SHARED: "1", LEVEL: info}}
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Orders: {Type: AWS::Kinesis::Stream}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: worker.handler.handler
      MemorySize: 512
      ReservedConcurrentExecutions: !If [IsCapped, !Ref Concurrency, !Ref AWS::NoValue]
      Environment:
        Variables:
          LEVEL: debug
          STREAM: !Ref Orders
          BUCKET: !GetAtt Bucket.Arn
          URL: !Sub "https://${Profile}.${AWS::Region}/${!literal}/${Bucket.Arn}"
          WITH: !Sub ["${x}-${Profile}", {x: !Ref BatchSize}]
          JOINED: !Join ["+", !Ref Names]
          SECOND: !Select [1, !Ref Names]
          CUT: !Select [0, !Split ["-", "left-right"]]
          SECRET: !Ref Password
          ABSENT: !If [Both, yes, !Ref AWS::NoValue]
          EITHER: !If [Either, "1", "0"]
      Events:
        Stream:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Orders.Arn
            StartingPosition: TRIM_HORIZON
            BatchSize: !Ref BatchSize
            MaximumBatchingWindowInSeconds: !FindInMap [Profiles, !Ref Profile, window]
            ParallelizationFactor: !FindInMap [Profiles, !Ref Profile, factor]
            BisectBatchOnFunctionError: !If [IsBatch, false, true]
            FunctionResponseTypes: [ReportBatchItemFailures]
            MaximumRetryAttempts: 5
            DestinationConfig: {OnFailure: {Type: S3, Destination: !GetAtt Bucket.Arn}}
        Plain:
          Type: Kinesis
          Properties: {Stream: !GetAtt Orders.Arn, StartingPosition: LATEST}
"""


def test_the_mapping_is_what_the_template_says():
    assert Template(TEMPLATE).mapping("Worker", "Stream") == MappingSettings(
        batch_size=250,
        window_seconds=2,
        parallelization_factor=3,
        bisect_on_error=True,
        maximum_retry_attempts=5,
        report_batch_item_failures=True,
    )


def test_what_the_template_leaves_out_is_lambdas_default():
    template = Template(TEMPLATE)
    assert template.mapping("Worker", "Plain") == MappingSettings(starting_position=Latest())
    assert template.on_failure("Worker", "Plain") is None


def test_given_parameters_replace_defaults():
    template = Template(TEMPLATE, parameters={"Profile": "batch", "BatchSize": "9"})
    settings = template.mapping("Worker", "Stream")
    assert (settings.batch_size, settings.window_seconds) == (9, 60)
    assert not settings.bisect_on_error


def test_the_function_is_what_the_template_says():
    template = Template(TEMPLATE, physical_names={"Orders": "orders-1"})
    function = template.function("Worker", environment={"EXTRA": "x", "LEVEL": "warning"})
    assert (function.name, function.handler) == ("Worker", "worker.handler.handler")
    assert (function.timeout_seconds, function.memory_mb) == (7.0, 512)
    assert function.environment == {
        "SHARED": "1",
        "LEVEL": "warning",
        "STREAM": "orders-1",
        "BUCKET": "Bucket.Arn",
        "URL": "https://background.us-east-1/${literal}/Bucket.Arn",
        "WITH": "250-background",
        "JOINED": "a+b",
        "SECOND": "b",
        "CUT": "left",
        "EITHER": "0",
        "EXTRA": "x",
    }


def test_conditions_combine():
    values = {"Profile": "batch", "Concurrency": "4", "Password": "p"}
    environment = Template(TEMPLATE, parameters=values).function("Worker").environment
    assert environment["ABSENT"] == "True"
    assert (environment["EITHER"], environment["SECRET"]) == ("1", "p")


@pytest.mark.parametrize(("given", "reserved"), [({}, None), ({"Concurrency": "8"}, 8)])
def test_reserved_concurrency_may_be_absent(given, reserved):
    assert Template(TEMPLATE, parameters=given).reserved_concurrency("Worker") == reserved


@pytest.mark.parametrize(
    ("line", "instead", "problem"),
    [
        ("BatchSize: !Ref BatchSize", "BatchSize: many", "BatchSize is 'many'"),
        ("BatchSize: !Ref BatchSize", "FilterCriteria: {}", "not supported here: FilterCriteria"),
        ("StartingPosition: TRIM_HORIZON", "StartingPosition: LAST", "StartingPosition is 'LAST'"),
        ("!FindInMap [Profiles, !Ref Profile, window]", "!Ref Windw", "!Ref Windw"),
        ("!FindInMap [Profiles, !Ref Profile, window]", "!FindInMap [P, a, b]", "P / a / b"),
        ("!FindInMap [Profiles, !Ref Profile, window]", "!ImportValue x", "Fn::ImportValue"),
        ("!If [IsBatch, false, true]", "!If [Missing, false, true]", "no condition Missing"),
        ("!If [IsBatch, false, true]", "perhaps", "BisectBatchOnFunctionError is 'perhaps'"),
    ],
)
def test_what_cannot_be_read_is_said(line, instead, problem):
    assert line in TEMPLATE
    with pytest.raises(TemplateProblem, match=problem):
        Template(TEMPLATE.replace(line, instead)).mapping("Worker", "Stream")


def test_a_parameter_that_does_not_exist_cannot_be_given():
    with pytest.raises(TemplateProblem, match="no parameter BatchSise"):
        Template(TEMPLATE, parameters={"BatchSise": "1"})


def test_a_parameter_without_a_value_is_missed_where_it_is_needed():
    with pytest.raises(NoParameterValue, match="Password"):
        Template(TEMPLATE).parameter("Password")


@pytest.mark.parametrize("function", ["Nobody", "Bucket"])
def test_only_functions_have_mappings(function):
    with pytest.raises(TemplateProblem, match=function):
        Template(TEMPLATE).mapping(function, "Stream")


def test_settings_out_of_range_are_refused_with_their_name():
    with pytest.raises(InvalidSettings, match="batch_size: is 0"):
        Template(TEMPLATE, parameters={"BatchSize": "0"}).mapping("Worker", "Stream")


def test_a_start_at_a_time():
    at = "{Stream: x, StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: 1794616684.5}"
    text = TEMPLATE.replace("{Stream: !GetAtt Orders.Arn, StartingPosition: LATEST}", at)
    settings = Template(text).mapping("Worker", "Plain")
    assert settings.starting_position == AtTimestamp(1_794_616_684_500)


def test_the_projects_own_template_reads_and_keeps_its_promises():
    """P1 and P3 rest on these: nothing is given up by count or age, everything is read."""
    template = Template.open(PROJECT / "template.yaml")
    settings = template.mapping("ConsumerFunction", "Stream")
    assert settings.report_batch_item_failures
    assert settings.bisect_on_error
    assert settings.maximum_retry_attempts == -1
    assert settings.maximum_record_age_seconds == -1
    assert settings.starting_position == TrimHorizon()
    assert template.on_failure("ConsumerFunction", "Stream")
    assert template.function("ConsumerFunction").handler == "consumer.handler.handler"
