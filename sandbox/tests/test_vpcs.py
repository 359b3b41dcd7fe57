"""What others put into a VPC keeps it from being deleted, and rules are known by their ids."""

from __future__ import annotations

from typing import Any

from test_control import ControlTest

GROUPS = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  One:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: one, VpcId: !Ref VPC}
  Other:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: other, VpcId: !Ref VPC}
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties:
      {GroupId: !Ref One, DestinationSecurityGroupId: !Ref Other, IpProtocol: tcp,
       FromPort: 80, ToPort: 80}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      {GroupId: !Ref Other, SourceSecurityGroupId: !Ref One, IpProtocol: tcp,
       FromPort: 80, ToPort: 80}
Outputs:
  One: {Value: !Ref One}
  Other: {Value: !Ref Other}
"""
VPC = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Queue: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
Outputs:
  VPC: {Value: !Ref VPC}
"""
SUBNET = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24}}
Outputs:
  VPC: {Value: !Ref VPC}
  Subnet: {Value: !Ref Subnet}
"""
NAT = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24}}
  Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
  Gateway:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId}
Outputs:
  Gateway: {Value: !Ref Gateway}
"""
FILES = """
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24}}
  Files: {Type: AWS::EFS::FileSystem, DeletionPolicy: Retain}
  Target:
    Type: AWS::EFS::MountTarget
    DeletionPolicy: Retain
    Properties: {FileSystemId: !Ref Files, SubnetId: !Ref Subnet, SecurityGroups: []}
Outputs:"""


class Ranges(ControlTest):
    def made(self, stack: str, vpc: str, subnet: str) -> tuple[str, str]:
        """Makes a subnet in a VPC; returns how the stack ended, and why."""
        template = SUBNET.replace("10.0.0.0/16", vpc).replace("10.0.0.0/24", subnet)
        status = self.create(stack, template)
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
        return status, " ".join(one.get("ResourceStatusReason", "") for one in failed)

    def test_a_vpc_is_as_large_as_ec2_takes_it_and_no_subnet_is_smaller(self) -> None:
        for number, (vpc, subnet, refused) in enumerate(
            (
                ("10.0.0.0/15", "10.0.0.0/24", "The CIDR '10.0.0.0/15' is invalid."),
                ("10.0.0.0/29", "10.0.0.0/29", "The CIDR '10.0.0.0/29' is invalid."),
                ("ten", "10.0.0.0/28", "Value (ten) for parameter cidrBlock is invalid."),
                ("10.0.0.0/22", "10.0.0.0/29", "The CIDR '10.0.0.0/29' is invalid."),
                ("10.0.0.0/22", "10.0.0.1/28", "Value (10.0.0.1/28) for parameter cidrBlock"),
                ("10.0.0.0/22", "10.0.4.0/28", "The CIDR '10.0.4.0/28' is invalid."),
            )
        ):
            with self.subTest(vpc=vpc, subnet=subnet):
                status, reason = self.made(f"range-{number}", vpc, subnet)
                self.assertEqual(status, "ROLLBACK_COMPLETE")
                self.assertIn(refused, reason)
        status, reason = self.made("range", "100.64.0.0/22", "100.64.0.0/28")
        self.assertEqual(status, "CREATE_COMPLETE", reason)


class RuleIds(ControlTest):
    def test_a_rule_that_was_put_back_is_not_deleted_with_its_stack(self) -> None:
        self.assertEqual(self.create("rules", GROUPS), "CREATE_COMPLETE")
        made = self.outputs("rules")

        def permission(peer: str) -> list[dict[str, Any]]:
            pairs = [{"GroupId": peer}]
            ports = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
            return [{**ports, "UserIdGroupPairs": pairs}]

        ingress = {"GroupId": made["Other"], "IpPermissions": permission(made["One"])}
        egress = {"GroupId": made["One"], "IpPermissions": permission(made["Other"])}
        self.ec2.revoke_security_group_ingress(**ingress)
        self.ec2.revoke_security_group_egress(**egress)
        put = self.ec2.authorize_security_group_ingress(**ingress)["SecurityGroupRules"][0]
        self.ec2.authorize_security_group_egress(**egress)
        found = self.ec2.describe_security_group_rules(
            SecurityGroupRuleIds=[put["SecurityGroupRuleId"]]
        )["SecurityGroupRules"]
        self.assertEqual([one["GroupId"] for one in found], [made["Other"]])
        self.assertEqual(self.deleted("rules"), "DELETE_FAILED")
        self.assertIn("has a dependent object", self.reason_of("rules", "One") or "")
        self.ec2.revoke_security_group_egress(**egress)
        self.ec2.revoke_security_group_ingress(**ingress)
        self.assertEqual(self.deleted("rules"), "DELETE_COMPLETE")

    def test_a_rule_of_the_stack_goes_with_it(self) -> None:
        self.assertEqual(self.create("whole", GROUPS), "CREATE_COMPLETE")
        self.assertEqual(self.deleted("whole"), "DELETE_COMPLETE")

    def reason_of(self, stack: str, logical_id: str) -> str | None:
        listed = self.cloudformation.list_stack_resources(StackName=stack)
        return next(
            one.get("ResourceStatusReason")
            for one in listed["StackResourceSummaries"]
            if one["LogicalResourceId"] == logical_id
        )


class Holders(ControlTest):
    def test_what_stands_in_a_vpc_keeps_it(self) -> None:
        ec2 = self.ec2
        self.assertEqual(self.create("held", VPC), "CREATE_COMPLETE")
        vpc = self.outputs("held")["VPC"]
        peer = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        endpoint = ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[]
        )["VpcEndpoint"]["VpcEndpointId"]
        peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)
        peering = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
        ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
        takes_away = [
            lambda: ec2.delete_route_table(RouteTableId=table),
            lambda: ec2.delete_network_acl(NetworkAclId=acl),
            lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]),
            lambda: ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering),
            lambda: ec2.detach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway),
        ]
        for take_away in takes_away:
            self.assertEqual(self.refusal(ec2.delete_vpc, VpcId=vpc)[0], "DependencyViolation")
            take_away()
        ec2.create_route_table(VpcId=vpc)
        self.assertEqual(self.deleted("held"), "DELETE_FAILED")

    def test_an_endpoint_holds_a_subnet_by_its_interface(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        endpoint = self.ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName="com.amazonaws.us-east-1.ssm",
            VpcEndpointType="Interface",
            PrivateDnsEnabled=False,
            SubnetIds=[subnet],
        )["VpcEndpoint"]["VpcEndpointId"]
        interface = self.ec2.describe_network_interfaces()["NetworkInterfaces"][0]
        self.assertEqual(interface["Description"], f"VPC Endpoint Interface {endpoint}")
        refused = self.refusal(self.ec2.delete_subnet, SubnetId=subnet)
        self.assertEqual(refused[0], "DependencyViolation")
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
        self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.delete_vpc(VpcId=vpc)


class FileSystems(ControlTest):
    def test_a_file_system_that_stays_holds_its_subnet(self) -> None:
        template = VPC.replace("Outputs:", FILES)
        self.assertEqual(self.create("files", template), "CREATE_COMPLETE")
        files = self.client("efs")
        (target,) = files.describe_mount_targets(
            FileSystemId=files.describe_file_systems()["FileSystems"][0]["FileSystemId"]
        )["MountTargets"]
        (interface,) = self.ec2.describe_network_interfaces(
            NetworkInterfaceIds=[target["NetworkInterfaceId"]]
        )["NetworkInterfaces"]
        self.assertIn(target["MountTargetId"], interface["Description"])
        self.assertEqual(self.deleted("files"), "DELETE_FAILED")
        files.delete_mount_target(MountTargetId=target["MountTargetId"])
        self.assertEqual(self.deleted("files"), "DELETE_COMPLETE")
        self.assertEqual(len(files.describe_file_systems()["FileSystems"]), 1)


class GuardDuty(ControlTest):
    def test_it_leaves_an_endpoint_and_a_group(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        # A zone that offers the instance type, whatever it is called in this account.
        place = {"VpcId": vpc, "CidrBlock": "10.0.0.0/24", "AvailabilityZoneId": "use1-az2"}
        subnet = self.ec2.create_subnet(**place)["Subnet"]["SubnetId"]
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        status, _ = self.control("PUT", f"guard-duty/{self.account}", {"on": True})
        self.assertEqual(status, 200)
        self.assertEqual(self.control("PUT", "guard-duty/me", {"on": True})[0], 400)
        launch = {"ImageId": image, "SubnetId": subnet, "MinCount": 1, "MaxCount": 1}
        for _ in range(2):
            made = self.ec2.run_instances(**launch, InstanceType="t3.micro")
            self.ec2.terminate_instances(InstanceIds=[made["Instances"][0]["InstanceId"]])
        tagged = [{"Name": "tag:GuardDutyManaged", "Values": ["true"]}]
        (endpoint,) = self.ec2.describe_vpc_endpoints(Filters=tagged)["VpcEndpoints"]
        self.assertEqual(endpoint["ServiceName"], "com.amazonaws.us-east-1.guardduty-data")
        (group,) = self.ec2.describe_security_groups(Filters=tagged)["SecurityGroups"]
        self.assertEqual(group["GroupName"], f"GuardDutyManagedSecurityGroup-{vpc}")


class Past(ControlTest):
    def test_a_deleted_stack_lists_what_it_had(self) -> None:
        self.assertEqual(self.create("past", VPC), "CREATE_COMPLETE")
        stack = self.cloudformation.describe_stacks(StackName="past")["Stacks"][0]["StackId"]
        self.assertEqual(self.deleted("past"), "DELETE_COMPLETE")
        listed = self.cloudformation.list_stack_resources(StackName=stack)
        self.assertEqual(
            {
                one["LogicalResourceId"]: one["ResourceStatus"]
                for one in listed["StackResourceSummaries"]
            },
            {"VPC": "DELETE_COMPLETE", "Queue": "DELETE_SKIPPED"},
        )

    def test_in_the_middle_a_stack_says_that_it_is_configured(self) -> None:
        self.assertEqual(self.create("middle", VPC), "CREATE_COMPLETE")
        told = [
            (one["ResourceStatus"], one.get("DetailedStatus"))
            for one in self.raw_events("middle")
            if one["LogicalResourceId"] == "middle"
        ]
        self.assertEqual(
            told,
            [
                ("CREATE_IN_PROGRESS", None),
                ("CREATE_IN_PROGRESS", "CONFIGURATION_COMPLETE"),
                ("CREATE_COMPLETE", None),
            ],
        )
        last = [one["ResourceStatus"] for one in self.raw_events("middle")][-2]
        self.assertEqual(last, "CREATE_COMPLETE")


class NatGateways(ControlTest):
    def test_one_that_was_deleted_by_hand_is_in_the_way_of_nothing(self) -> None:
        self.assertEqual(self.create("nat", NAT), "CREATE_COMPLETE")
        gateway = self.outputs("nat")["Gateway"]
        self.ec2.delete_nat_gateway(NatGatewayId=gateway)
        of_gateway = [{"Name": "description", "Values": [f"Interface for NAT Gateway {gateway}"]}]
        left = self.ec2.describe_network_interfaces(Filters=of_gateway)
        self.assertEqual(left["NetworkInterfaces"], [])
        self.assertEqual(self.deleted("nat"), "DELETE_COMPLETE")

    def test_one_that_no_stack_made_is_deleted_too(self) -> None:
        subnet = self.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        made = self.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
        gateway = made["NatGateway"]["NatGatewayId"]
        self.ec2.delete_nat_gateway(NatGatewayId=gateway)
        found = self.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]
        self.assertEqual(found["State"], "deleted")


class NetworkAcls(ControlTest):
    def test_a_subnet_has_that_of_its_vpc_until_it_is_given_another(self) -> None:
        self.assertEqual(self.create("acls", SUBNET), "CREATE_COMPLETE")
        made = self.outputs("acls")
        own = [{"Name": "vpc-id", "Values": [made["VPC"]]}]

        def acls() -> dict[str, list[dict[str, str]]]:
            found = self.ec2.describe_network_acls(Filters=own)["NetworkAcls"]
            return {one["NetworkAclId"]: one["Associations"] for one in found}

        [(first, [association])] = acls().items()
        self.assertEqual(association["SubnetId"], made["Subnet"])
        other = self.ec2.create_network_acl(VpcId=made["VPC"])["NetworkAcl"]["NetworkAclId"]
        self.ec2.replace_network_acl_association(
            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=other
        )
        now = acls()
        self.assertEqual(now[first], [])
        self.assertEqual([one["SubnetId"] for one in now[other]], [made["Subnet"]])
