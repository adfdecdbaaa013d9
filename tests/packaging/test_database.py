"""Aurora and its proxy: kept, encrypted, logged in to with tokens, limited."""

import re

import pytest

from local.mapping.intrinsics import Resolver
from tests.packaging.stacks import UNIQUE, stack
from tests.packaging.transformed import everything_in, get_att

KEY = {"Ref": "KmsKeyArn"}


@pytest.fixture(scope="module")
def database():
    return stack("database")


@pytest.fixture(scope="module")
def cluster(database):
    return database["Resources"]["Cluster"]["Properties"]


def instances(database):
    return {
        name: made
        for name, made in database["Resources"].items()
        if made["Type"] == "AWS::RDS::DBInstance"
    }


class TestCluster:
    def test_it_is_an_lts_version_that_stays_what_it_is(self, database, cluster):
        assert cluster["Engine"] == "aurora-postgresql"
        assert cluster["EngineVersion"] == "17.7"
        assert "EngineMode" not in cluster, "serverless there means version 1"
        for made in instances(database).values():
            assert made["Properties"]["AutoMinorVersionUpgrade"] is False

    def test_it_leaves_a_snapshot(self, database):
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            assert database["Resources"]["Cluster"][policy] == "Snapshot"

    @pytest.mark.parametrize(
        ("environment", "protected"), [("prod", True), ("staging", False), ("dev", False)]
    )
    def test_production_is_protected(self, database, cluster, environment, protected):
        resolver = Resolver(database, {"Environment": environment}, {})
        assert resolver.value(cluster["DeletionProtection"]) is protected

    def test_it_is_encrypted_with_the_key(self, cluster):
        assert cluster["StorageEncrypted"] is True
        assert cluster["KmsKeyId"] == KEY
        assert cluster["MasterUserSecret"] == {"KmsKeyId": KEY}
        assert cluster["PerformanceInsightsKmsKeyId"] == KEY

    def test_nobody_knows_its_password(self, cluster):
        assert cluster["ManageMasterUserPassword"] is True
        assert "MasterUserPassword" not in cluster
        assert cluster["EnableIAMDatabaseAuthentication"] is True

    def test_it_is_backed_up(self, cluster):
        assert cluster["BackupRetentionPeriod"] == {"Ref": "BackupRetentionDays"}
        assert cluster["CopyTagsToSnapshot"] is True

    def test_an_update_cannot_replace_it_unnoticed(self, cluster):
        """A second cluster of the same name is refused, where a nameless one would be made."""
        assert cluster["DBClusterIdentifier"] == {
            "Fn::Sub": ["inorder-${Unique}", {"Unique": UNIQUE}]
        }

    def test_its_logs_are_there_before_it_is(self, database, cluster):
        """Or RDS makes the groups, which then keep everything for ever."""
        named = database["Resources"]["Cluster"]["DependsOn"]
        groups = {
            database["Resources"][name]["Properties"]["LogGroupName"]["Fn::Sub"][0]
            for name in named
        }
        exported = cluster["EnableCloudwatchLogsExports"]
        assert groups == {f"/aws/rds/cluster/inorder-${{Unique}}/{kind}" for kind in exported}
        assert exported == ["postgresql", "iam-db-auth-error"]

    def test_payloads_are_not_logged(self, database):
        parameters = database["Resources"]["InstanceParameters"]["Properties"]["Parameters"]
        assert parameters["log_parameter_max_length"] == "0"
        assert parameters["log_parameter_max_length_on_error"] == "0"
        assert parameters["log_error_verbosity"] == "terse"
        for made in instances(database).values():
            group = made["Properties"]["DBParameterGroupName"]
            assert group == {"Ref": "InstanceParameters"}

    def test_commits_are_kept_and_logins_encrypted(self, database, cluster):
        assert cluster["DBClusterParameterGroupName"] == {"Ref": "ClusterParameters"}
        parameters = database["Resources"]["ClusterParameters"]["Properties"]["Parameters"]
        assert parameters == {"rds.force_ssl": "1", "synchronous_commit": "on"}

    def test_it_never_pauses_behind_a_proxy(self, database):
        assert database["Parameters"]["MinCapacity"]["MinValue"] >= 0.5

    def test_nobody_reaches_an_instance_from_outside(self, database):
        found = instances(database)
        assert set(found) == {"Writer", "Reader"}
        for made in found.values():
            assert made["Properties"]["PubliclyAccessible"] is False
            assert made["Properties"]["DBInstanceClass"] == "db.serverless"
            window = made["Properties"]["PreferredMaintenanceWindow"]
            assert window == {"Ref": "MaintenanceWindow"}, "or RDS takes one of its own choice"
            assert made["DeletionPolicy"] == "Delete"

    def test_the_reader_is_warm_when_it_takes_over(self, database):
        """Tiers 0 and 1 scale with the writer (Aurora User Guide, Serverless v2)."""
        tiers = {n: made["Properties"]["PromotionTier"] for n, made in instances(database).items()}
        assert tiers == {"Writer": 0, "Reader": 1}
        assert database["Resources"]["Reader"]["Condition"] == "HasReader"


class TestProxy:
    @pytest.fixture
    def made(self):
        return stack("proxy")["Resources"]

    def test_tokens_and_tls_on_both_sides(self, made):
        proxy = made["Proxy"]["Properties"]
        assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
        assert "Auth" not in proxy, "it would list secrets"
        assert proxy["RequireTLS"] is True
        assert proxy["DebugLogging"] is False, "it logs statements"

    def test_its_role_logs_in_to_one_cluster_as_the_users_that_are_made(self, made):
        role = made["ProxyRole"]["Properties"]
        assert made["Proxy"]["Properties"]["RoleArn"] == get_att("ProxyRole")
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "rds.amazonaws.com"}
        (policy,) = role["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "rds-db:connect"
        functions, people = statement["Resource"]
        assert functions["Fn::Sub"].endswith(":dbuser:${ClusterResourceId}/${DatabaseUser}")
        condition, given, otherwise = people["Fn::If"]
        assert condition == "HasOperator"
        assert given["Fn::Sub"].endswith(":dbuser:${ClusterResourceId}/${OperatorRole}")
        assert otherwise == {"Ref": "AWS::NoValue"}
        assert "Condition" not in statement, "RDS Proxy knows no condition keys"

    def test_how_many_connections_is_the_operators_to_say(self, made):
        pool = made["TargetGroup"]["Properties"]["ConnectionPoolConfigurationInfo"]
        assert pool == {
            "MaxConnectionsPercent": {"Ref": "ConnectionsPercent"},
            "MaxIdleConnectionsPercent": {"Ref": "IdleConnectionsPercent"},
            "ConnectionBorrowTimeout": {"Ref": "BorrowTimeoutSeconds"},
        }
        assert made["TargetGroup"]["Properties"]["TargetGroupName"] == "default"

    def test_its_log_is_there_before_it_is(self, made):
        proxy, logs = made["Proxy"], made["Logs"]["Properties"]
        assert proxy["DependsOn"] == "Logs"
        name = proxy["Properties"]["DBProxyName"]["Fn::Sub"][0]
        assert logs["LogGroupName"]["Fn::Sub"][0] == f"/aws/rds/proxy/{name}"

    def test_a_name_that_rds_takes(self, made):
        """Letters, digits and single hyphens, a letter first, 63 at most (RDS API reference)."""
        text = made["Proxy"]["Properties"]["DBProxyName"]["Fn::Sub"][0]
        name = text.replace("${Unique}", "12345678-1234-1234-1234-123456789012")
        assert re.fullmatch(r"[a-zA-Z](?:-?[a-zA-Z0-9]+)*", name)
        assert len(name) <= 63

    def test_waiting_for_its_endpoint_is_waiting_for_its_target(self):
        """The target group stands in the same stack, and the stack is done when it is."""
        proxy = stack("proxy")
        assert proxy["Outputs"]["Endpoint"]["Value"] == get_att("Proxy", "Endpoint")
        assert proxy["Resources"]["TargetGroup"]["Type"] == "AWS::RDS::DBProxyTargetGroup"

    def test_what_iam_calls_it(self):
        """arn:aws:rds:REGION:ACCOUNT:db-proxy:prx-…, whose seventh part it is."""
        value = stack("proxy")["Outputs"]["ResourceId"]["Value"]
        assert value == {"Fn::Select": [6, {"Fn::Split": [":", get_att("Proxy", "DBProxyArn")]}]}


def test_no_password_stands_anywhere():
    for name in ("database", "proxy", "network"):
        for part in everything_in(stack(name)):
            if isinstance(part, dict):
                assert not {"MasterUserPassword", "SecretString"} & set(part), name
