"""What the template's rules refuse, before anything is made."""

import itertools

import pytest

from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL

PROD = {"Environment": "prod", "ConsumerConcurrency": "8"}
JWT = {
    "ApiAuthorization": "jwt",
    "JwtIssuer": "https://login.example",
    "JwtAudience": "orders",
}


@pytest.mark.parametrize(
    "given",
    [
        {},
        PROD,
        EXTERNAL,
        {**PROD, **EXTERNAL},
        {**PROD, "StreamRetentionHours": "8760"},
        {"StreamMode": "ON_DEMAND", "ConsumerConcurrency": "20"},
        {**EXTERNAL, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
        {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2"},
        {**EXTERNAL, "DatabaseTls": "disable"},
        JWT,
    ],
)
def test_sound_mixtures_are_let_through(template, given):
    assert RuleResolver(template, given).refusals() == []


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({**EXTERNAL, "DatabaseMode": "aurora", "DatabaseHost": ""}, "aurora would ignore"),
        ({"DatabaseHost": "database.example"}, "aurora would ignore"),
        ({"DatabaseAdminSecretArn": "arn:aws:…"}, "aurora would ignore"),
        ({"DatabaseTls": "require"}, "DatabaseTls"),
        ({"VpcId": "vpc-1"}, "VpcId and SubnetIds"),
        ({"SubnetIds": "subnet-1,subnet-2"}, "VpcId and SubnetIds"),
        (
            {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
            "SecurityGroupIds",
        ),
        ({**EXTERNAL, "DatabaseHost": ""}, "DatabaseHost"),
        ({**EXTERNAL, "DatabaseSecretArn": ""}, "DatabaseSecretArn"),
        ({**EXTERNAL, "SubnetIds": "subnet-1,subnet-2"}, "SecurityGroupIds"),
        ({**EXTERNAL, "SecurityGroupIds": "sg-1"}, "SubnetIds"),
        ({**EXTERNAL, "VpcId": "vpc-1"}, "VpcId"),
        ({**JWT, "JwtIssuer": ""}, "JwtIssuer"),
        ({**JWT, "JwtAudience": ""}, "JwtAudience"),
        ({"StreamMode": "ON_DEMAND"}, "ConsumerConcurrency"),
        ({**PROD, "ConsumerConcurrency": "0"}, "ConsumerConcurrency"),
        ({**PROD, **EXTERNAL, "DatabaseTls": "require"}, "DatabaseTls"),
        ({**PROD, **EXTERNAL, "DatabaseTls": "disable"}, "DatabaseTls"),
        ({**PROD, "StreamRetentionHours": "96"}, "StreamRetentionHours"),
        ({**PROD, "StreamRetentionHours": "144"}, "StreamRetentionHours"),
        ({**PROD, "GradualDeploys": "false"}, "GradualDeploys"),
        ({"StreamRetentionHours": "72"}, "LongestOutageHours"),
    ],
)
def test_dangerous_mixtures_are_refused(template, given, word):
    (refusal,) = RuleResolver(template, given).refusals()
    assert word in refusal


def test_retention_outlasts_every_outage(template):
    """The rule is a table, since rules know no arithmetic; here is the arithmetic."""
    declared = template["Parameters"]
    outages = declared["LongestOutageHours"]["AllowedValues"]
    retentions = declared["StreamRetentionHours"]["AllowedValues"]
    for outage, retention in itertools.product(outages, retentions):
        given = {"LongestOutageHours": str(outage), "StreamRetentionHours": str(retention)}
        refused = RuleResolver(template, given).refusals() != []
        assert refused is (retention <= outage), given


def test_retries_are_not_a_parameter(template):
    """Finite retries without a place for the payload cannot be asked for, so no rule refuses it."""
    mapping = template["Resources"]["ConsumerFunctionStream"]["Properties"]
    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["MaximumRecordAgeInSeconds"] == -1
    assert template["Resources"]["OnFailureBucket"]["Type"] == "AWS::S3::Bucket"
    assert "Condition" not in template["Resources"]["OnFailureBucket"]
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == {"Fn::GetAtt": ["OnFailureBucket", "Arn"]}
