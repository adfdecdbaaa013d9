"""Least privilege: every action of every role, on the one resource it is for."""

import pytest

from local.mapping.intrinsics import Resolver

TRACE = ("Allow", frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}), "*")

PASSWORD = ("Allow", frozenset({"secretsmanager:GetSecretValue"}), "DatabaseSecretArn")


def log_to(group):
    return ("Allow", frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}), f"{group}.Arn")


ATTACH = frozenset(
    {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    }
)

EXPECTED = {
    "ProducerRole": {
        (
            "Allow",
            frozenset(
                {"kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"}
            ),
            "EventStream.Arn",
        ),
        TRACE,
        log_to("ProducerLogs"),
    },
    "ConsumerRole": {
        (
            "Allow",
            frozenset(
                {
                    "kinesis:DescribeStream",
                    "kinesis:DescribeStreamSummary",
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:ListShards",
                }
            ),
            "EventStream.Arn",
        ),
        ("Allow", frozenset({"s3:PutObject"}), "${OnFailureBucket.Arn}/*"),
        ("Allow", frozenset({"s3:ListBucket"}), "OnFailureBucket.Arn"),
        PASSWORD,
        TRACE,
        log_to("ConsumerLogs"),
    },
    "RedriveRole": {
        ("Allow", frozenset({"s3:ListBucket"}), "OnFailureBucket.Arn"),
        (
            "Allow",
            frozenset({"s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"}),
            "${OnFailureBucket.Arn}/*",
        ),
        PASSWORD,
        TRACE,
        log_to("RedriveLogs"),
    },
    "AuditorRole": {PASSWORD, TRACE, log_to("AuditorLogs")},
}

IN_THE_VPC = {"ConsumerRole", "RedriveRole", "AuditorRole"}


def statements(resources, role):
    for policy in resources[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def resource_of(statement):
    named = statement["Resource"]
    if isinstance(named, str):
        return named
    ((function, argument),) = named.items()
    return ".".join(argument) if function == "Fn::GetAtt" else argument


def actions_of(statement):
    action = statement["Action"]
    return frozenset([action] if isinstance(action, str) else action)


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_a_role_may_do_exactly_this(resources, role):
    found = {
        (statement["Effect"], actions_of(statement), resource_of(statement))
        for statement in statements(resources, role)
    }
    assert found == EXPECTED[role]


def test_no_other_role_and_no_managed_policy_but_the_networks(resources):
    roles = {name: made for name, made in resources.items() if made["Type"] == "AWS::IAM::Role"}
    assert set(roles) == set(EXPECTED)
    in_a_vpc = {"Fn::If": ["IsInVpc", {"Ref": "NetworkAccess"}, {"Ref": "AWS::NoValue"}]}
    for name, role in roles.items():
        managed = role["Properties"].get("ManagedPolicyArns", [])
        assert managed == ([in_a_vpc] if name in IN_THE_VPC else []), name
    policies = {name for name, made in resources.items() if made["Type"].endswith("Policy")}
    assert policies == {"NetworkAccess", "OnFailureBucketPolicy"}


@pytest.mark.parametrize("name", ["Producer", "Consumer", "Redrive", "Auditor"])
def test_a_function_has_its_own_role_and_the_network_if_it_is_in_the_vpc(resources, name):
    function = resources[f"{name}Function"]["Properties"]
    assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert ("VpcConfig" in function) is (f"{name}Role" in IN_THE_VPC)


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_only_lambda_assumes_a_role(resources, role):
    (statement,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("role", ["ConsumerRole", "RedriveRole"])
def test_payloads_go_to_and_come_from_a_bucket_of_our_own_account_only(resources, role):
    """A deleted bucket's name can be taken by somebody else (Lambda Developer Guide)."""
    on_s3 = [
        statement
        for statement in statements(resources, role)
        if any(action.startswith("s3:") for action in actions_of(statement))
    ]
    assert len(on_s3) == 2
    for statement in on_s3:
        assert statement["Condition"] == {
            "StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}
        }


class TestNetwork:
    @pytest.fixture
    def policy(self, resources):
        return resources["NetworkAccess"]

    def test_it_is_only_there_with_a_vpc(self, policy):
        assert policy["Condition"] == "IsInVpc"

    def test_it_lets_lambda_attach_and_the_code_do_nothing(self, policy):
        found = [
            (statement["Effect"], actions_of(statement), resource_of(statement))
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert found == [("Allow", ATTACH, "*"), ("Deny", ATTACH, "*")]

    def test_the_denial_is_for_every_function_of_the_account(self, policy):
        allow, deny = policy["Properties"]["PolicyDocument"]["Statement"]
        assert "Condition" not in allow
        arn = deny["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]
        own = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
        resolved = Resolver({}, own, {}).value(arn)
        assert resolved == "arn:aws:lambda:eu-west-1:111122223333:function:*"
