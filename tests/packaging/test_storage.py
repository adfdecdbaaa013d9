"""What holds events: the stream, and the bucket for what the mapping gave up on."""

import pytest

from consumer.redrive.on_failure import DONE
from contract.keys import MODE_TAG, STRATEGIES, OrderKeys
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import KEY, get_att, properties

NAME_ANOTHER = {
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
}
"""Whose FunctionName is not their own."""


class TestStream:
    def test_properties(self, resources):
        stream = properties(resources, "EventStream")
        assert stream["RetentionPeriodHours"] == {"Ref": "StreamRetentionHours"}
        assert stream["StreamModeDetails"] == {"StreamMode": {"Ref": "StreamMode"}}
        assert stream["StreamEncryption"] == {
            "EncryptionType": "KMS",
            "KeyId": KEY,
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

    def test_the_tag_says_how_it_is_written_to(self, template, resources):
        tags = {tag["Key"]: tag["Value"] for tag in properties(resources, "EventStream")["Tags"]}
        assert tags[MODE_TAG] == {"Ref": "ProducerMode"}
        mode = template["Parameters"]["ProducerMode"]
        assert mode["AllowedValues"] == list(STRATEGIES)
        assert mode["Default"] == OrderKeys.mode


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
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": KEY,
        }

    def test_an_object_expires_only_once_it_is_tagged_done(self, resources):
        """P1: an event stands in the parking lot or here, and nobody but redrive lets it go."""
        key, value = DONE
        rules = properties(resources, "OnFailureBucket")["LifecycleConfiguration"]["Rules"]
        removes_data = {
            "ExpirationInDays",
            "ExpirationDate",
            "NoncurrentVersionExpiration",
            "NoncurrentVersionExpirationInDays",
        }
        expiring = [rule for rule in rules if removes_data & set(rule)]
        assert [rule["TagFilters"] for rule in expiring] == [[{"Key": key, "Value": value}]]

    def test_it_speaks_tls_only(self, resources):
        policy = properties(resources, "OnFailureBucketPolicy")
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert get_att("OnFailureBucket") in statement["Resource"]


class TestDeletion:
    @pytest.mark.parametrize("name", ["EventStream", "OnFailureBucket", "Key"])
    def test_what_holds_events_outlives_the_stack(self, resources, name):
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"

    def test_nothing_has_a_fixed_name(self, resources):
        """What a deleted stack left behind must not collide with the next one."""
        for name, made in resources.items():
            fixed = {
                *("Name", "BucketName", "FunctionName", "LogGroupName"),
                *("RoleName", "ManagedPolicyName"),
            }
            if made["Type"] == "AWS::SSM::Parameter":  # gone with the stack that it is named after
                assert "${AWS::StackName}" in made["Properties"]["Name"]["Fn::Sub"], name
            elif made["Type"] not in NAME_ANOTHER:
                assert not fixed & set(made["Properties"]), name
