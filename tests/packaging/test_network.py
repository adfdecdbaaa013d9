"""The network: no way out, and nobody on the way to the database but functions and proxy."""

import pytest

from local.mapping.intrinsics import Resolver
from tests.packaging.stacks import stack
from tests.packaging.transformed import get_att


@pytest.fixture(scope="module")
def network():
    return stack("network")


@pytest.fixture(scope="module")
def made(network):
    return network["Resources"]


def of_type(made, kind):
    return {name: it["Properties"] for name, it in made.items() if it["Type"] == kind}


class TestVpc:
    def test_everything_of_it_is_left_out_for_a_given_one(self, made):
        always = {name for name, it in made.items() if "Condition" not in it}
        assert always == {
            "FunctionSecurityGroup",
            "ProxySecurityGroup",
            "ProxyAdmitsFunctions",
            "DatabaseSecurityGroup",
            "DatabaseAdmitsProxy",
            "DatabaseAdmitsMigrator",
        }

    def test_there_is_no_way_out(self, made):
        types = {it["Type"] for it in made.values()}
        assert not types & {
            "AWS::EC2::InternetGateway",
            "AWS::EC2::EgressOnlyInternetGateway",
            "AWS::EC2::NatGateway",
            "AWS::EC2::Route",
            "AWS::EC2::TransitGatewayAttachment",
            "AWS::EC2::VPNGateway",
        }

    def test_subnets_are_private_and_in_two_zones(self, made):
        subnets = of_type(made, "AWS::EC2::Subnet")
        assert len(subnets) == 2
        assert {it["MapPublicIpOnLaunch"] for it in subnets.values()} == {False}
        zones = [it["AvailabilityZone"]["Fn::Select"][0] for it in subnets.values()]
        blocks = [it["CidrBlock"]["Fn::Select"][0] for it in subnets.values()]
        assert sorted(zones) == sorted(blocks) == [0, 1]
        routed = of_type(made, "AWS::EC2::SubnetRouteTableAssociation").values()
        assert {it["SubnetId"]["Ref"] for it in routed} == set(subnets)

    def test_private_names_resolve(self, made):
        """Without them the Secrets Manager endpoint is not found by its name."""
        assert made["Vpc"]["Properties"]["EnableDnsSupport"] is True
        assert made["Vpc"]["Properties"]["EnableDnsHostnames"] is True
        assert made["SecretsEndpoint"]["Properties"]["PrivateDnsEnabled"] is True


def statements(network, endpoint):
    document = network["Resources"][endpoint]["Properties"]["PolicyDocument"]
    region = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    given = {"OnFailureBucketArn": "arn:aws:s3:::failures"}
    return Resolver(network, {**region, **given}, {}).value(document["Statement"])


class TestEndpoints:
    def test_s3_admits_two_buckets_and_what_is_done_there(self, network):
        admitted = {
            (action, it["Resource"])
            for it in statements(network, "S3Endpoint")
            for action in ([it["Action"]] if isinstance(it["Action"], str) else it["Action"])
        }
        answers = "arn:aws:s3:::cloudformation-custom-resource-response-euwest1/*"
        assert admitted == {
            ("s3:ListBucket", "arn:aws:s3:::failures"),
            ("s3:GetObject", "arn:aws:s3:::failures/*"),
            ("s3:GetObjectTagging", "arn:aws:s3:::failures/*"),
            ("s3:PutObjectTagging", "arn:aws:s3:::failures/*"),
            ("s3:PutObject", answers),
        }

    def test_our_own_bucket_is_for_our_own_account(self, network):
        for it in statements(network, "S3Endpoint"):
            own = {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}
            signed_by_cloudformation = it["Sid"] == "MigratorAnswers"
            assert it.get("Condition") == (None if signed_by_cloudformation else own)

    def test_secrets_of_this_account_are_read_and_nothing_else(self, network):
        (it,) = statements(network, "SecretsEndpoint")
        assert it["Action"] == "secretsmanager:GetSecretValue"
        assert it["Resource"] == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*"
        assert it["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}


class TestSecurityGroups:
    """`(from, to, port)`: what may connect to what."""

    def ingress(self, made):
        found = set()
        for it in of_type(made, "AWS::EC2::SecurityGroupIngress").values():
            assert it["IpProtocol"] == "tcp"
            assert it["FromPort"] == it["ToPort"]
            found.add((it["SourceSecurityGroupId"]["Ref"], it["GroupId"]["Ref"], it["FromPort"]))
        for name, group in of_type(made, "AWS::EC2::SecurityGroup").items():
            for it in group.get("SecurityGroupIngress", []):
                assert it["FromPort"] == it["ToPort"]
                found.add((it["SourceSecurityGroupId"]["Ref"], name, it["FromPort"]))
        return found

    def egress(self, made):
        found = set()
        for name, group in of_type(made, "AWS::EC2::SecurityGroup").items():
            assert group["SecurityGroupEgress"], f"{name}: EC2 would let it go anywhere"
            for it in group["SecurityGroupEgress"]:
                to = it.get("DestinationSecurityGroupId", {}).get("Ref") or it["CidrIp"]
                found.add((name, to, it.get("FromPort")))
        return found

    def test_who_is_admitted(self, made):
        assert self.ingress(made) == {
            ("FunctionSecurityGroup", "ProxySecurityGroup", 5432),
            ("FunctionSecurityGroup", "DatabaseSecurityGroup", 5432),
            ("ProxySecurityGroup", "DatabaseSecurityGroup", 5432),
            ("FunctionSecurityGroup", "EndpointSecurityGroup", 443),
        }

    def test_who_may_go_where(self, made):
        assert self.egress(made) == {
            ("FunctionSecurityGroup", "ProxySecurityGroup", 5432),
            ("FunctionSecurityGroup", "DatabaseSecurityGroup", 5432),
            ("FunctionSecurityGroup", "0.0.0.0/0", 443),
            ("ProxySecurityGroup", "DatabaseSecurityGroup", 5432),
            ("DatabaseSecurityGroup", "127.0.0.1/32", None),
            ("EndpointSecurityGroup", "127.0.0.1/32", None),
        }


def test_what_is_refused_is_logged(made):
    assert made["FlowLog"]["Properties"]["TrafficType"] == "REJECT"
    assert made["FlowLog"]["Properties"]["DeliverLogsPermissionArn"] == get_att("FlowLogRole")
    (policy,) = made["FlowLogRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == get_att("FlowLogs")
