"""Least privilege: every action of every role, on the one resource it is for."""

import pytest

from local.mapping.intrinsics import Resolver

TRACE = ("Allow", frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}), "*")

NETWORK = frozenset(
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
        (
            "Allow",
            frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
            "ProducerLogs.Arn",
        ),
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
        ("Allow", frozenset({"secretsmanager:GetSecretValue"}), "DatabaseSecretArn"),
        TRACE,
        (
            "Allow",
            frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
            "ConsumerLogs.Arn",
        ),
        ("Allow", NETWORK, "*"),
        ("Deny", NETWORK, "*"),
    },
}


def statements(resources, role):
    for policy in resources[role]["Properties"]["Policies"]:
        document = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from document["PolicyDocument"]["Statement"]


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


def test_no_other_role_and_no_managed_policy(resources):
    roles = {name: made for name, made in resources.items() if made["Type"] == "AWS::IAM::Role"}
    assert set(roles) == set(EXPECTED)
    for name, role in roles.items():
        assert "ManagedPolicyArns" not in role["Properties"], name


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_only_lambda_assumes_a_role(resources, role):
    (statement,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


def test_payloads_go_to_a_bucket_of_our_own_account_only(resources):
    """A deleted bucket's name can be taken by somebody else (Lambda Developer Guide)."""
    to_s3 = [
        statement
        for statement in statements(resources, "ConsumerRole")
        if any(action.startswith("s3:") for action in actions_of(statement))
    ]
    assert len(to_s3) == 2
    for statement in to_s3:
        assert statement["Condition"] == {
            "StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}
        }


def test_the_consumers_own_code_may_not_touch_network_interfaces(resources):
    (deny,) = [s for s in statements(resources, "ConsumerRole") if s["Effect"] == "Deny"]
    arn = deny["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]
    own = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    resolved = Resolver({}, own, {}).value(arn)
    assert resolved == "arn:aws:lambda:eu-west-1:111122223333:function:*"


def test_the_network_is_only_for_a_function_in_a_vpc(resources):
    conditional = [
        policy["Fn::If"]
        for policy in resources["ConsumerRole"]["Properties"]["Policies"]
        if "Fn::If" in policy
    ]
    assert [(condition, policy["PolicyName"]) for condition, policy, _ in conditional] == [
        ("IsInVpc", "network")
    ]
