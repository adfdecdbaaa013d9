"""Least privilege: every action of every role, on the one resource it is for."""

import pytest

from local.mapping.intrinsics import Resolver
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL

TRACE = ("Allow", frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}), "*")

LOG_IN = "logs in to the database"
PASSWORDS = "reads the passwords that migrations need"
"""What a role may do to get in depends on the database; see `WITH_AURORA` and `ELSEWHERE`."""

PROXY = (
    "Allow",
    frozenset({"rds-db:connect"}),
    "arn:aws:rds-db:us-east-1:000000000000:dbuser:Proxy.Outputs.ResourceId/inorder_app",
)
"""As the one user of the one proxy."""


def key_for(service, *actions):
    """The key, and only on behalf of one service."""
    return ("Allow", frozenset(actions), f"Key.Arn via {service}.us-east-1.amazonaws.com")


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

SSM = "arn:aws:ssm:us-east-1:000000000000:parameter"

EXPECTED = {
    "ProducerRole": {
        (
            "Allow",
            frozenset(
                {"kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"}
            ),
            "EventStream.Arn",
        ),
        key_for("kinesis", "kms:GenerateDataKey"),
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
        ("Allow", frozenset({"s3:PutObject"}), "OnFailureBucket.Arn/*"),
        ("Allow", frozenset({"s3:ListBucket"}), "OnFailureBucket.Arn"),
        key_for("kinesis", "kms:Decrypt"),
        key_for("s3", "kms:GenerateDataKey"),
        LOG_IN,
        TRACE,
        log_to("ConsumerLogs"),
    },
    "RedriveRole": {
        ("Allow", frozenset({"s3:ListBucket"}), "OnFailureBucket.Arn"),
        (
            "Allow",
            frozenset({"s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"}),
            "OnFailureBucket.Arn/*",
        ),
        key_for("s3", "kms:Decrypt"),
        LOG_IN,
        TRACE,
        log_to("RedriveLogs"),
    },
    "AuditorRole": {LOG_IN, TRACE, log_to("AuditorLogs")},
    "ControllerRole": {
        ("Allow", frozenset({"cloudwatch:GetMetricData"}), "*"),
        ("Allow", frozenset({"kinesis:DescribeStreamSummary"}), "EventStream.Arn"),
        (
            "Allow",
            frozenset({"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"}),
            "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:ConsumerFunctionStream",
        ),
        ("Allow", frozenset({"ssm:GetParameter", "ssm:PutParameter"}), f"{SSM}ConcurrencyState"),
        ("Allow", frozenset({"ssm:GetParameter"}), f"{SSM}ConcurrencyHand"),
        TRACE,
        log_to("ControllerLogs"),
    },
    "MigratorRole": {PASSWORDS, TRACE, log_to("MigratorLogs")},
    "SettingsRole": {TRACE, log_to("SettingsLogs")},
}

WITH_AURORA = {
    LOG_IN: {PROXY},
    PASSWORDS: {
        (
            "Allow",
            frozenset({"secretsmanager:GetSecretValue"}),
            "Database.Outputs.MasterSecretArn",
        ),
        key_for("secretsmanager", "kms:Decrypt"),
    },
}

SECRET = EXTERNAL["DatabaseSecretArn"]
ADMIN = SECRET.replace("inorder", "admin")

ELSEWHERE = {
    LOG_IN: {("Allow", frozenset({"secretsmanager:GetSecretValue"}), SECRET)},
    PASSWORDS: {("Allow", frozenset({"secretsmanager:GetSecretValue"}), f"{ADMIN} {SECRET}")},
}

IN_THE_VPC = {"ConsumerRole", "RedriveRole", "AuditorRole", "MigratorRole"}


def statements(template, resources, role, given):
    """A role's statements under these parameters."""
    for policy in resources[role]["Properties"]["Policies"]:
        yield from RuleResolver(template, given).value(policy["PolicyDocument"]["Statement"])


def resource_of(statement):
    named = statement["Resource"]
    text = named if isinstance(named, str) else " ".join(named)
    via = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
    return f"{text} via {via}" if via else text


def actions_of(statement):
    action = statement["Action"]
    return frozenset([action] if isinstance(action, str) else action)


@pytest.mark.parametrize("role", sorted(EXPECTED))
@pytest.mark.parametrize(
    ("given", "to_get_in"),
    [({}, WITH_AURORA), (EXTERNAL | {"DatabaseAdminSecretArn": ADMIN}, ELSEWHERE)],
    ids=["aurora", "external"],
)
def test_a_role_may_do_exactly_this(template, resources, role, given, to_get_in):
    found = [
        (statement["Effect"], actions_of(statement), resource_of(statement))
        for statement in statements(template, resources, role, given)
    ]
    expected = set()
    for allowed in EXPECTED[role]:
        expected |= to_get_in[allowed] if isinstance(allowed, str) else {allowed}
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_only_wildcard_is_where_aws_has_no_name(template, resources):
    """X-Ray's two actions and CloudWatch's have no resource (service authorization reference)."""
    metrics = frozenset({"cloudwatch:GetMetricData"})
    for role in EXPECTED:
        for statement in statements(template, resources, role, {}):
            if resource_of(statement) == "*":
                assert actions_of(statement) in (TRACE[1], metrics), role
            assert not any("*" in action for action in actions_of(statement)), role


def test_no_other_role_and_no_managed_policy_but_the_networks(resources):
    roles = {name: made for name, made in resources.items() if made["Type"] == "AWS::IAM::Role"}
    shifts = roles.pop("CodeDeployServiceRole")["Properties"]["ManagedPolicyArns"]
    assert [arn.rpartition("/")[2] for arn in shifts] == ["AWSCodeDeployRoleForLambda"]
    assert set(roles) == set(EXPECTED)
    in_a_vpc = {"Fn::If": ["IsInVpc", {"Ref": "NetworkAccess"}, {"Ref": "AWS::NoValue"}]}
    for name, role in roles.items():
        managed = role["Properties"].get("ManagedPolicyArns", [])
        assert managed == ([in_a_vpc] if name in IN_THE_VPC else []), name
    policies = {name for name, made in resources.items() if made["Type"].endswith("Policy")}
    assert policies == {"NetworkAccess", "OnFailureBucketPolicy"}


@pytest.mark.parametrize("name", [role.removesuffix("Role") for role in EXPECTED])
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
def test_payloads_go_to_and_come_from_a_bucket_of_our_own_account_only(template, resources, role):
    """A deleted bucket's name can be taken by somebody else (Lambda Developer Guide)."""
    on_s3 = [
        statement
        for statement in statements(template, resources, role, {})
        if any(action.startswith("s3:") for action in actions_of(statement))
    ]
    assert len(on_s3) == 2
    for statement in on_s3:
        assert statement["Condition"] == {"StringEquals": {"s3:ResourceAccount": "000000000000"}}


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
