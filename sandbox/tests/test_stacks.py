"""Stacks are worked on in dependency order and concurrently, and fail as on AWS."""

from __future__ import annotations

import json
import urllib.request
from functools import partial

from emulator import EmulatorTest, as_parameters

NETWORK = """
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: g, VpcId: !Ref VPC}
Outputs:
  Subnet: {Value: !Ref Subnet}
  Group: {Value: !Ref Group}
"""

# As ParallelCluster makes one for a pool of login nodes.
ONE_ZONE = """
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: KIND, Scheme: internal, Subnets: [!Ref Subnet]}
"""

# Sorts before everything else, and has to be signalled by something that comes later.
WAITING = """
Resources:
  AAA:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: 60}
  Handle:
    Type: AWS::CloudFormation::WaitConditionHandle
  ZZZ:
    Type: AWS::Logs::LogGroup
"""


class Order(EmulatorTest):
    def test_a_wait_condition_does_not_hold_up_the_rest(self) -> None:
        self.cloudformation.create_stack(StackName="waiting", TemplateBody=WAITING)
        self.wait_for(lambda: ("ZZZ", "CREATE_COMPLETE") in self.events("waiting"))
        self.assertEqual(self.status("waiting"), "CREATE_IN_PROGRESS")
        self._signal("waiting", "SUCCESS")
        self.assertEqual(self.settled("waiting"), "CREATE_COMPLETE")

    def test_what_is_referred_to_comes_first_and_goes_last(self) -> None:
        self.assertEqual(self.create("network", NETWORK), "CREATE_COMPLETE")
        made = self._sequence("network", "CREATE_COMPLETE")
        self.assertLess(made.index("VPC"), made.index("Subnet"))
        stack_id = self.cloudformation.describe_stacks(StackName="network")["Stacks"][0]["StackId"]
        self.assertEqual(self.deleted("network"), "DELETE_COMPLETE")
        gone = self._sequence(stack_id, "DELETE_COMPLETE")
        self.assertLess(gone.index("Subnet"), gone.index("VPC"))
        self.assertEqual(
            self.refusal(self.cloudformation.describe_stacks, StackName="network")[0],
            "ValidationError",
        )

    def test_a_network_load_balancer_may_be_in_one_zone_and_another_may_not(self) -> None:
        network, _, _ = NETWORK.partition("Outputs:")
        template = network + ONE_ZONE
        self.assertEqual(self.create("nlb", template.replace("KIND", "network")), "CREATE_COMPLETE")
        nowhere = template.replace("[!Ref Subnet]", "[]")
        for name, refused, expected in (
            ("alb", template.replace("KIND", "application"), "At least two subnets in two"),
            ("none", nowhere.replace("KIND", "network"), "At least one subnet"),
        ):
            self.create(name, refused)
            self.assertIn(expected, self.reason(name, "Balancer", "CREATE_FAILED"))

    def test_stacks_of_one_name_in_two_regions_have_roles_of_their_own(self) -> None:
        template = json.dumps(
            {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}}}}}
        )
        for region in ("us-east-1", "eu-west-1"):
            stacks = self.client("cloudformation", region=region)
            stacks.create_stack(
                StackName="roles", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
            )
        self.wait_for(lambda: len(self.client("iam").list_roles()["Roles"]) == 2)

    def test_a_delete_stops_a_create(self) -> None:
        self.cloudformation.create_stack(StackName="stopped", TemplateBody=WAITING)
        self.wait_for(lambda: ("ZZZ", "CREATE_COMPLETE") in self.events("stopped"))
        stack_id = self.cloudformation.describe_stacks(StackName="stopped")["Stacks"][0]["StackId"]
        self.assertEqual(self.deleted("stopped"), "DELETE_COMPLETE")
        self.assertEqual(
            self.reason(stack_id, "AAA", "CREATE_FAILED"), "Resource creation cancelled"
        )
        self.assertNotIn("ROLLBACK_IN_PROGRESS", [status for _, status in self.events(stack_id)])

    def _sequence(self, name: str, status: str) -> list[str]:
        return [logical_id for logical_id, one in self.events(name) if one == status]

    def _signal(self, name: str, status: str) -> None:
        url = self.cloudformation.describe_stack_resource(
            StackName=name, LogicalResourceId="Handle"
        )["StackResourceDetail"]["PhysicalResourceId"]
        body = {"Status": status, "UniqueId": "u", "Reason": "because", "Data": ""}
        request = urllib.request.Request(
            url, json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
        )
        urllib.request.urlopen(request).close()


class Failure(EmulatorTest):
    def test_the_first_failure_cancels_the_rest_and_rolls_back(self) -> None:
        template = (
            WAITING
            + """
  Bad:
    Type: AWS::EC2::SecurityGroup
    DependsOn: ZZZ
    Properties: {GroupDescription: g, VpcId: vpc-0123456789abcdef0}
"""
        )
        self.assertEqual(self.create("failing", template), "ROLLBACK_COMPLETE")
        failures = [event for event in self.events("failing") if event[1] == "CREATE_FAILED"]
        self.assertEqual(failures[0][0], "Bad")
        self.assertIn(
            "The vpc ID 'vpc-0123456789abcdef0' does not exist",
            self.reason("failing", "Bad", "CREATE_FAILED"),
        )
        self.assertEqual(
            self.reason("failing", "AAA", "CREATE_FAILED"), "Resource creation cancelled"
        )
        self.assertEqual(
            self.reason("failing", "failing", "ROLLBACK_IN_PROGRESS"),
            "The following resource(s) failed to create: [Bad, AAA]. Rollback requested by user.",
        )
        self.assertIn(("ZZZ", "DELETE_COMPLETE"), self.events("failing"))
        self.assertEqual(
            self.refusal(
                self.cloudformation.create_stack, StackName="failing", TemplateBody=NETWORK
            )[0],
            "AlreadyExistsException",
        )
        code, message = self.refusal(
            self.cloudformation.create_change_set,
            StackName="failing",
            ChangeSetName="c",
            TemplateBody=NETWORK,
        )
        self.assertRegex(message, "is in ROLLBACK_COMPLETE state and can not be updated")
        self.assertEqual(self.deleted("failing"), "DELETE_COMPLETE")

    def test_references_to_nothing_are_refused(self) -> None:
        for wrong in ("!Ref Nothing", "!GetAtt Nothing.Arn", "!Sub 'a${Nothing}'"):
            with self.subTest(wrong=wrong):
                code, message = self.refusal(
                    self.cloudformation.create_stack,
                    StackName="unresolved",
                    TemplateBody=NETWORK.replace("!Ref VPC", wrong, 1),
                )
                self.assertEqual(
                    (code, message),
                    (
                        "ValidationError",
                        "Template format error: Unresolved resource dependencies [Nothing] in the "
                        "Resources block of the template",
                    ),
                )

    def test_roles_need_a_capability(self) -> None:
        template = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: []}}
"""
        call = {"StackName": "roles", "TemplateBody": template}
        needed = ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
        refused = self.refusal(self.cloudformation.create_stack, **call)
        self.assertEqual(refused, needed)
        change = partial(self.cloudformation.create_change_set, ChangeSetType="CREATE", **call)
        self.assertEqual(self.refusal(change, ChangeSetName="c"), needed)
        change(ChangeSetName="d", Capabilities=["CAPABILITY_IAM"])

    def test_circles_are_refused(self) -> None:
        template = """
Resources:
  A: {Type: AWS::Logs::LogGroup, DependsOn: B}
  B: {Type: AWS::Logs::LogGroup, DependsOn: A}
"""
        _, message = self.refusal(
            self.cloudformation.create_stack, StackName="circle", TemplateBody=template
        )
        self.assertEqual(message, "Circular dependency between resources: [A, B]")

    def test_parameters_must_be_known_and_have_values(self) -> None:
        template = "Parameters:\n  A: {Type: String}\n" + NETWORK
        call = self.cloudformation.create_stack
        _, unknown = self.refusal(
            call,
            StackName="p",
            TemplateBody=template,
            Parameters=as_parameters({"A": "1", "B": "2"}),
        )
        self.assertEqual(unknown, "Parameters: [B] do not exist in the template")
        _, missing = self.refusal(call, StackName="p", TemplateBody=template)
        self.assertEqual(missing, "Parameters: [A] must have values")

    def test_what_is_in_use_is_not_deleted(self) -> None:
        self.create("busy", NETWORK)
        made = self.outputs("busy")
        interface = self.ec2.create_network_interface(
            SubnetId=made["Subnet"], Groups=[made["Group"]]
        )["NetworkInterface"]["NetworkInterfaceId"]
        self.assertEqual(self.deleted("busy"), "DELETE_FAILED")
        self.assertIn("has dependencies", self.reason("busy", "Subnet", "DELETE_FAILED"))
        self.assertIn("has a dependent object", self.reason("busy", "Group", "DELETE_FAILED"))
        self.assertNotIn(("VPC", "DELETE_IN_PROGRESS"), self.events("busy"))
        listed = self.cloudformation.list_stack_resources(StackName="busy")
        reasons = {
            one["LogicalResourceId"]: one.get("ResourceStatusReason")
            for one in listed["StackResourceSummaries"]
        }
        self.assertIn("has dependencies", reasons["Subnet"])
        self.assertIsNone(reasons["VPC"])
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        self.assertEqual(self.deleted("busy"), "DELETE_COMPLETE")

    def test_a_bucket_carries_the_tags_of_its_stack(self) -> None:
        template = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {Tags: [{Key: own, Value: one}]}
Outputs:
  Bucket: {Value: !Ref Bucket}
"""
        tags = [{"Key": "team", "Value": "hpc"}]
        self.cloudformation.create_stack(StackName="tagged", TemplateBody=template, Tags=tags)
        self.assertEqual(self.settled("tagged"), "CREATE_COMPLETE")
        stack = self.cloudformation.describe_stacks(StackName="tagged")["Stacks"][0]
        bucket = stack["Outputs"][0]["OutputValue"]
        found = self.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
        found = {tag["Key"]: tag["Value"] for tag in found}
        self.assertEqual((found["own"], found["team"]), ("one", "hpc"))
        self.assertEqual(found["aws:cloudformation:stack-name"], "tagged")

    def test_a_bucket_with_versions_is_not_deleted(self) -> None:
        template = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: Enabled}}
Outputs:
  Bucket: {Value: !Ref Bucket}
"""
        self.create("bucket", template)
        bucket, s3 = self.outputs("bucket")["Bucket"], self.client("s3")
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="k")
        self.assertEqual(self.deleted("bucket"), "DELETE_FAILED")
        self.assertIn(
            "You must delete all versions in the bucket",
            self.reason("bucket", "Bucket", "DELETE_FAILED"),
        )
        found = s3.list_object_versions(Bucket=bucket)
        for one in found["Versions"] + found["DeleteMarkers"]:
            s3.delete_object(Bucket=bucket, Key="k", VersionId=one["VersionId"])
        self.assertEqual(self.deleted("bucket"), "DELETE_COMPLETE")


class Update(EmulatorTest):
    def test_a_replacement_is_made_before_the_old_one_goes(self) -> None:
        self.create("replaced", NETWORK)
        before = self.outputs("replaced")
        self._change_set("replaced", NETWORK.replace("10.0.0.0/24", "10.0.1.0/24"))
        self.assertEqual(self.settled("replaced"), "UPDATE_COMPLETE")
        self.assertNotEqual(self.outputs("replaced")["Subnet"], before["Subnet"])
        self.assertEqual(self.outputs("replaced")["Group"], before["Group"])
        update = [one for one in self.events("replaced") if one[0] in ("Subnet", "replaced")][-7:]
        self.assertEqual(
            update,
            [
                ("Subnet", "UPDATE_IN_PROGRESS"),
                ("replaced", "UPDATE_IN_PROGRESS"),
                ("Subnet", "UPDATE_COMPLETE"),
                ("replaced", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
                ("Subnet", "DELETE_IN_PROGRESS"),
                ("Subnet", "DELETE_COMPLETE"),
                ("replaced", "UPDATE_COMPLETE"),
            ],
        )
        self.assertNotIn(("VPC", "UPDATE_IN_PROGRESS"), self.events("replaced"))
        (configured,) = (
            one
            for one in self.raw_events("replaced")
            if one.get("DetailedStatus") == "CONFIGURATION_COMPLETE"
            and one["ResourceStatus"] == "UPDATE_IN_PROGRESS"
        )
        self.assertEqual(configured["LogicalResourceId"], "replaced")

    def test_a_failed_update_goes_back(self) -> None:
        self.create("back", NETWORK)
        before = self.outputs("back")
        bad = NETWORK.replace("10.0.0.0/24", "192.168.0.0/24")
        self._change_set("back", bad)
        self.assertEqual(self.settled("back"), "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("is invalid", self.reason("back", "Subnet", "UPDATE_FAILED"))
        self.assertEqual(self.outputs("back"), before)

    def test_a_previous_value_is_kept_only_where_there_is_one(self) -> None:
        group = "Resources: {Log: {Type: AWS::Logs::LogGroup}}\nParameters:\n"
        one = group + '  One: {Type: String, Default: "", AllowedPattern: "^(i-1)?$"}\n'
        two = one + "  Two: {Type: String, Default: x}\n"
        self.assertEqual(self.create("kept", one, One=""), "CREATE_COMPLETE")
        given = [{"ParameterKey": "One", "UsePreviousValue": True}]
        update = partial(self.cloudformation.update_stack, StackName="kept", TemplateBody=two)
        unknown = [*given, {"ParameterKey": "Two", "UsePreviousValue": True}]
        code, message = self.refusal(update, Parameters=unknown)
        self.assertEqual(code, "ValidationError")
        self.assertIn("parameter key not in the previous template", message)

    def test_what_a_condition_adds_or_takes_away_is_a_change(self) -> None:
        template = """
Parameters: {Wanted: {Type: String}}
Conditions: {Holds: !Equals [!Ref Wanted, "true"]}
Resources:
  Address: {Type: AWS::EC2::EIP, Condition: Holds, Properties: {Domain: vpc}}
  Log: {Type: AWS::Logs::LogGroup}
"""
        self.create("conditional", template, Wanted="false")
        for wanted, action in (("true", "Add"), ("false", "Remove")):
            self._change_set("conditional", template, Wanted=wanted)
            found = self.cloudformation.describe_change_set(
                StackName="conditional", ChangeSetName="change"
            )
            self.assertEqual(self.settled("conditional"), "UPDATE_COMPLETE")
            self.cloudformation.delete_change_set(
                StackName="conditional", ChangeSetName="change"
            )
            changes = [one["ResourceChange"] for one in found["Changes"]]
            self.assertEqual(
                [(one["LogicalResourceId"], one["Action"]) for one in changes],
                [("Address", action)],
            )
            addresses = self.ec2.describe_addresses()["Addresses"]
            self.assertEqual(len(addresses), 1 if wanted == "true" else 0)

    def test_an_address_too_many_fails_and_the_update_goes_back(self) -> None:
        self.create("full", NETWORK)
        for _ in range(5):
            self.ec2.allocate_address()
        self._change_set("full", NETWORK.replace("Outputs:", "  Ip: {Type: AWS::EC2::EIP}\nOutputs:"))
        self.assertEqual(self.settled("full"), "UPDATE_ROLLBACK_COMPLETE")
        reason = self.reason("full", "Ip", "CREATE_FAILED")
        self.assertIn("The maximum number of addresses has been reached.", reason)
        for address in self.ec2.describe_addresses()["Addresses"]:
            self.ec2.release_address(AllocationId=address["AllocationId"])

    def test_a_change_set_without_changes_fails(self) -> None:
        self.create("same", NETWORK)
        self.cloudformation.create_change_set(
            StackName="same", ChangeSetName="none", TemplateBody=NETWORK
        )
        found = self.cloudformation.describe_change_set(StackName="same", ChangeSetName="none")
        self.assertEqual(found["Status"], "FAILED")
        self.assertRegex(found["StatusReason"], "^The submitted information didn't contain changes")

    def _change_set(self, name: str, template: str, **parameters: str) -> None:
        self.cloudformation.create_change_set(
            StackName=name,
            ChangeSetName="change",
            TemplateBody=template,
            Parameters=as_parameters(parameters),
        )
        self.cloudformation.execute_change_set(StackName=name, ChangeSetName="change")
