"""VPC endpoints are routes and network interfaces, and AWS refuses what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emulator import EmulatorTest, as_parameters

TEMPLATE = Path(__file__).parents[2] / "templates" / "requirements.yaml"

NETWORK = """
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true}
  One:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a}
  Other:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1b}
  Beside:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1a}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref VPC}}
Outputs:
  VPC: {Value: !Ref VPC}
  One: {Value: !Ref One}
  Other: {Value: !Ref Other}
  Beside: {Value: !Ref Beside}
  Table: {Value: !Ref Table}
"""
ENDPOINTS = """
Parameters:
  VPC: {Type: String}
  Subnets: {Type: CommaDelimitedList}
  Tables: {Type: CommaDelimitedList}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: one, VpcId: !Ref VPC}
  Names:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref VPC
      VpcEndpointType: Interface
      ServiceName: !Sub com.amazonaws.${AWS::Region}.ssm
      PrivateDnsEnabled: true
      SubnetIds: !Ref Subnets
      SecurityGroupIds: [!Ref Group]
  Routes:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref VPC
      ServiceName: !Sub com.amazonaws.${AWS::Region}.s3
      RouteTableIds: !Ref Tables
Outputs:
  Group: {Value: !Ref Group}
  Names: {Value: !Ref Names}
  Routes: {Value: !Ref Routes}
"""


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Endpoints(EmulatorTest):
    def setUp(self) -> None:
        stack = self._testMethodName.replace("_", "-")
        self.assertEqual(self.create(stack, NETWORK), "CREATE_COMPLETE")
        self.network = self.outputs(stack)
        self.vpc = self.network["VPC"]

    def make(self, service: str, **more: Any) -> str:
        name = f"com.amazonaws.us-east-1.{service}"
        made = self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, **more)
        return made["VpcEndpoint"]["VpcEndpointId"]

    def refused(self, service: str, **more: Any) -> tuple[str, str]:
        return self.refusal(lambda: self.make(service, **more))

    def routes(self) -> list[dict[str, Any]]:
        found = self.ec2.describe_route_tables(RouteTableIds=[self.network["Table"]])
        return found["RouteTables"][0]["Routes"]

    def interfaces(self) -> list[dict[str, Any]]:
        of_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        return self.ec2.describe_network_interfaces(Filters=of_vpc)["NetworkInterfaces"]

    def test_a_gateway_is_a_route_in_its_tables_while_it_is_there(self) -> None:
        before, table = self.routes(), self.network["Table"]
        made = self.make("s3", RouteTableIds=[table])
        lists = self.ec2.describe_prefix_lists(
            Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
        )["PrefixLists"]
        (route,) = [one for one in self.routes() if one not in before]
        self.assertEqual(route["GatewayId"], made)
        self.assertEqual(route["DestinationPrefixListId"], lists[0]["PrefixListId"])
        code, message = self.refused("s3", RouteTableIds=[table])
        self.assertEqual(code, "RouteAlreadyExists")
        self.assertIn(f"route table {table} already has a route with", message)
        # The other service has other addresses, and another table other routes.
        self.make("dynamodb", RouteTableIds=[table])
        self.make("s3", RouteTableIds=[])
        self.ec2.modify_vpc_endpoint(VpcEndpointId=made, RemoveRouteTableIds=[table])
        self.assertNotIn(route, self.routes())
        self.ec2.modify_vpc_endpoint(VpcEndpointId=made, AddRouteTableIds=[table])
        self.assertIn(route, self.routes())
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
        self.assertNotIn(route, self.routes())

    def test_a_name_means_one_endpoint_of_a_vpc_that_has_names(self) -> None:
        place: dict[str, Any] = {
            "VpcEndpointType": "Interface",
            "SubnetIds": [self.network["One"]],
        }
        made = self.make("ssm", **place)
        code, message = self.refused("ssm", **place)
        self.assertEqual(code, "InvalidParameter")
        self.assertIn("already a conflicting DNS domain for ssm.us-east-1.amazonaws.com", message)
        other = self.make("ssm", **place, PrivateDnsEnabled=False)
        modify = self.ec2.modify_vpc_endpoint
        refused = self.refusal(modify, VpcEndpointId=other, PrivateDnsEnabled=True)
        self.assertEqual(refused[0], "InvalidParameter")
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
        modify(VpcEndpointId=other, PrivateDnsEnabled=True)
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": False})
        code, message = self.refused("logs", **place)
        self.assertIn("Enabling private DNS requires both", message)

    def test_an_interface_stands_in_one_subnet_of_each_zone(self) -> None:
        one, other, beside = (self.network[name] for name in ("One", "Other", "Beside"))
        kind: dict[str, Any] = {"VpcEndpointType": "Interface"}
        code, message = self.refused("ssm", **kind, SubnetIds=[one, beside])
        self.assertEqual(code, "DuplicateSubnetsInSameZone")
        self.assertIn(f"the availability zone of {beside}.", message)
        self.assertEqual(self.interfaces(), [])
        made = self.make("ssm", **kind, SubnetIds=[one, other])
        self.assertEqual({it["SubnetId"] for it in self.interfaces()}, {one, other})
        modify = self.ec2.modify_vpc_endpoint
        refused = self.refusal(modify, VpcEndpointId=made, AddSubnetIds=[beside])
        self.assertEqual(refused[0], "DuplicateSubnetsInSameZone")
        modify(VpcEndpointId=made, AddSubnetIds=[beside], RemoveSubnetIds=[one])
        self.assertEqual({it["SubnetId"] for it in self.interfaces()}, {beside, other})
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
        self.assertEqual(self.interfaces(), [])

    def test_groups_and_places_of_another_vpc_are_refused(self) -> None:
        theirs = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=theirs)
        table = self.ec2.create_route_table(VpcId=theirs)["RouteTable"]["RouteTableId"]
        subnet = self.ec2.create_subnet(VpcId=theirs, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        kind: dict[str, Any] = {"VpcEndpointType": "Interface"}
        groups = {"SecurityGroupIds": [group["GroupId"]], "SubnetIds": [self.network["One"]]}
        self.assertEqual(self.refused("ssm", **kind, **groups)[0], "InvalidGroup.NotFound")
        refused = self.refused("ssm", **kind, SubnetIds=[subnet])
        self.assertEqual(refused[0], "InvalidParameter")
        self.assertEqual(self.refused("s3", RouteTableIds=[table])[0], "InvalidParameter")
        self.assertEqual(self.refused("ssm")[0], "InvalidParameter")
        name = "com.amazonaws.eu-west-1.s3"
        refused = self.refusal(self.ec2.create_vpc_endpoint, VpcId=self.vpc, ServiceName=name)
        self.assertEqual(refused[0], "InvalidServiceName")

    def test_those_of_a_stack_hold_its_group_and_go_with_it(self) -> None:
        before = self.routes()
        parameters = {
            "VPC": self.vpc,
            "Subnets": self.network["One"],
            "Tables": self.network["Table"],
        }
        self.assertEqual(self.create("endpoints", ENDPOINTS, **parameters), "CREATE_COMPLETE")
        made = self.outputs("endpoints")
        refused = self.refusal(self.ec2.delete_security_group, GroupId=made["Group"])
        self.assertEqual(refused[0], "DependencyViolation")
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[made["Names"]])["VpcEndpoints"]
        self.assertEqual(found[0]["Groups"][0]["GroupId"], made["Group"])
        self.assertEqual(len(found[0]["NetworkInterfaceIds"]), 1)
        named = {tag["Key"]: tag["Value"] for tag in found[0]["Tags"]}
        self.assertEqual(named["aws:cloudformation:stack-name"], "endpoints")
        self.assertEqual(len(self.routes()), len(before) + 1)
        # Other places change it, and make none anew.
        both = f"{self.network['One']},{self.network['Other']}"
        self.cloudformation.update_stack(
            StackName="endpoints",
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": both if key == "Subnets" else value}
                for key, value in parameters.items()
            ],
        )
        self.assertEqual(self.settled("endpoints"), "UPDATE_COMPLETE")
        self.assertEqual(self.outputs("endpoints"), made)
        self.assertEqual(len(self.interfaces()), 2)
        # Another stack cannot have the same.
        self.assertEqual(self.create("more", ENDPOINTS, **parameters), "ROLLBACK_COMPLETE")
        # One that somebody deleted is in nobody's way.
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["Names"]])
        self.assertEqual(self.deleted("endpoints"), "DELETE_COMPLETE")
        self.assertEqual((self.routes(), self.interfaces()), (before, []))

    def test_the_network_template_makes_them_in_a_vpc_that_is_there(self) -> None:
        before = self.routes(), self.interfaces()
        one, other = self.network["One"], self.network["Other"]
        places = {
            "AvailabilityZone1": "us-east-1a",
            "AvailabilityZone2": "us-east-1b",
            "ExistingVpc": self.vpc,
            "HeadNodeSubnet": one,
            "ComputeSubnet1": one,
            "ComputeSubnet2": other,
            "ApiSubnets": f"{one},{other}",
        }
        endpoints = {
            "S3EndpointTables": self.network["Table"],
            "EC2EndpointSubnets": f"{one},{other}",
            "SSMMessagesEndpointSubnets": one,
            "EndpointClients1": "10.0.0.0/16",
            "EndpointClients2": "10.1.0.0/16",
        }
        text = TEMPLATE.read_text()
        status = self.create("requirements", text, **places, **endpoints)
        self.assertEqual(status, "CREATE_COMPLETE")
        of_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        found = self.ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]
        made = {one["ServiceName"].rpartition(".")[2]: one for one in found}
        self.assertEqual(set(made), {"s3", "ec2", "ssmmessages"})
        self.assertEqual(set(made["ec2"]["SubnetIds"]), {one, other})
        self.assertTrue(made["ec2"]["PrivateDnsEnabled"])
        (worn,) = made["ec2"]["Groups"]
        (group,) = self.ec2.describe_security_groups(GroupIds=[worn["GroupId"]])["SecurityGroups"]
        ranges = [r["CidrIp"] for it in group["IpPermissions"] for r in it["IpRanges"]]
        self.assertEqual(ranges, ["10.0.0.0/16", "10.1.0.0/16"])
        self.assertEqual({it["FromPort"] for it in group["IpPermissions"]}, {443})
        # Without the name endpoints nothing lets them in either.
        del endpoints["EC2EndpointSubnets"], endpoints["SSMMessagesEndpointSubnets"]
        self.cloudformation.update_stack(
            StackName="requirements",
            TemplateBody=text,
            Parameters=as_parameters({**places, **endpoints}),
        )
        self.assertEqual(self.settled("requirements"), "UPDATE_COMPLETE")
        groups = self.ec2.describe_security_groups
        refused = self.refusal(groups, GroupIds=[worn["GroupId"]])
        self.assertEqual(refused[0], "InvalidGroup.NotFound")
        self.assertEqual(self.deleted("requirements"), "DELETE_COMPLETE")
        self.assertEqual((self.routes(), self.interfaces()), before)

    def test_its_name_needs_the_right_to_give_it(self) -> None:
        actions = ["cloudformation:*", "ec2:*"]
        allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"},
            "Action": "sts:AssumeRole",
        }
        iam = self.client("iam")
        role = iam.create_role(RoleName="ada", AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(RoleName="ada", PolicyName="p", PolicyDocument=document(allowed))
        session = self.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="ada")
        stacks = self.client_with("cloudformation", session["Credentials"])
        values = {
            "VPC": self.vpc,
            "Subnets": self.network["One"],
            "Tables": self.network["Table"],
        }
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
        stacks.create_stack(StackName="hers", TemplateBody=ENDPOINTS, Parameters=parameters)
        self.assertEqual(self.settled("hers"), "ROLLBACK_COMPLETE")
        reason = self.reason("hers", "Names", "CREATE_FAILED")
        self.assertIn("route53:AssociateVPCWithHostedZone", reason)
