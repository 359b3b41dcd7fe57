"""What a caller's policies do not allow is refused: to the caller, and to CloudFormation on behalf of
the caller."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from emulator import EmulatorTest

VPC = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
"""
ALARM = """
Resources:
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      {ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1, MetricName: m, Namespace: n,
       Period: 60, Statistic: Sum, Threshold: 1}
"""
ROLE = """
Parameters: {Boundary: {Type: String, Default: ""}}
Conditions: {IsBounded: !Not [!Equals [!Ref Boundary, ""]]}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: /parallelcluster/mine/
      PermissionsBoundary: !If [IsBounded, !Ref Boundary, !Ref AWS::NoValue]
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ec2.amazonaws.com}}
"""
INSTANCE = """
Parameters: {Zone: {Type: String}}
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Ref Zone}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {IamInstanceProfile: {Name: of-nodes}}}
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-0ac10301600110000
      InstanceType: t3.micro
      SubnetId: !Ref Subnet
      LaunchTemplate:
        LaunchTemplateId: !Ref Template
        Version: !GetAtt Template.LatestVersionNumber
"""
GROUP = """
Parameters: {Name: {Type: String}}
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Name, RetentionInDays: 7}}
"""
FUNCTION = """
Parameters: {Key: {Type: String, Default: code.zip}}
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !Sub "arn:aws:iam::${AWS::AccountId}:role/of-function"
      Code: {S3Bucket: !Sub "code-${AWS::AccountId}", S3Key: !Ref Key}
"""
QUEUE = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "sqs:*", Principal: "*", Resource: "*"}]
  Topic: {Type: AWS::SNS::Topic}
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "sns:Publish", Principal: "*", Resource: "*"}]
"""
STACKS = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}


def allow(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**found, "Condition": condition} if condition else found


def deny(*actions: str, **condition: Any) -> dict[str, Any]:
    return {**allow(*actions, **condition), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def code() -> bytes:
    """The code of a function, as an archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context): pass\n")
    return archive.getvalue()


class Rights(EmulatorTest):
    def session(self, name: str, *statements: dict[str, Any], **more: str) -> dict[str, Any]:
        """Credentials of a session of a new role."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        iam = self.client("iam")
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=document(trust), **more
        )["Role"]
        if statements:
            iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=document(*statements)
            )
        session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tests")
        return session["Credentials"]

    def boundary(self, name: str, *statements: dict[str, Any]) -> str:
        made = self.client("iam").create_policy(
            PolicyName=name, PolicyDocument=document(*statements)
        )
        return made["Policy"]["Arn"]


class OfTheCaller(Rights):
    def test_each_service_refuses_in_its_own_words(self) -> None:
        keys = self.session("nobody")
        for service, call, arguments, expected in (
            ("ec2", "describe_vpcs", {}, "UnauthorizedOperation"),
            ("s3", "list_buckets", {}, "AccessDenied"),
            ("cloudformation", "describe_stacks", {}, "AccessDenied"),
            ("ssm", "describe_instance_information", {}, "AccessDeniedException"),
            ("logs", "describe_log_groups", {}, "AccessDeniedException"),
            ("iam", "list_roles", {}, "AccessDenied"),
            ("apigatewayv2", "get_apis", {}, "AccessDeniedException"),
            ("dynamodb", "list_tables", {}, "AccessDeniedException"),
            ("elbv2", "describe_load_balancers", {}, "AccessDenied"),
            ("resourcegroupstaggingapi", "get_resources", {}, "AccessDeniedException"),
            (
                "service-quotas",
                "get_service_quota",
                {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"},
                "AccessDeniedException",
            ),
            ("freetier", "get_account_plan_state", {}, "AccessDeniedException"),
        ):
            with self.subTest(service):
                client = self.client_with(service, keys)
                code, message = self.refusal(getattr(client, call), **arguments)
                self.assertEqual(code, expected)
                self.assertIn("assumed-role/nobody/tests is not authorized to perform", message)
        self.assertIn("nobody", self.client_with("sts", keys).get_caller_identity()["Arn"])

    def test_resource_condition_and_notaction_count(self) -> None:
        tagged = {"StringEquals": {"aws:ResourceTag/hpcapi:deployment": "mine"}}
        keys = self.session(
            "narrow",
            allow("s3:GetObject", "s3:PutObject", resource="arn:aws:s3:::mine-*/runs/*"),
            allow("ec2:AuthorizeSecurityGroupIngress", **tagged),
            {"Effect": "Allow", "NotAction": ["ec2:*", "s3:*"], "Resource": "*"},
        )
        self.client("s3").create_bucket(Bucket="mine-1")
        s3 = self.client_with("s3", keys)
        for key in ("runs/1", "runs/line\nbreak"):
            s3.put_object(Bucket="mine-1", Key=key, Body=b"1")
        for key in ("other/1", "runs"):
            code, _ = self.refusal(s3.put_object, Bucket="mine-1", Key=key, Body=b"1")
            self.assertEqual(code, "AccessDenied")
        ec2 = self.client_with("ec2", keys)
        groups = [
            self.ec2.create_security_group(
                GroupName=f"g-{value}",
                Description="g",
                TagSpecifications=[
                    {
                        "ResourceType": "security-group",
                        "Tags": [{"Key": "hpcapi:deployment", "Value": value}],
                    }
                ],
            )["GroupId"]
            for value in ("mine", "other")
        ]
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"}
        ec2.authorize_security_group_ingress(GroupId=groups[0], **rule)
        refused = self.refusal(ec2.authorize_security_group_ingress, GroupId=groups[1], **rule)
        self.assertEqual(refused[0], "UnauthorizedOperation")
        self.client_with("iam", keys).list_roles()

    def test_a_boundary_refuses_what_policies_allow(self) -> None:
        boundary = self.boundary("OnlyS3", allow("s3:*"))
        keys = self.session("bounded", allow("*"), PermissionsBoundary=boundary)
        self.client_with("s3", keys).list_buckets()
        _, message = self.refusal(self.client_with("ec2", keys).describe_vpcs)
        self.assertIn(
            "because no permissions boundary allows the ec2:DescribeVpcs action", message
        )

    def test_a_change_set_is_its_stacks(self) -> None:
        stack = "arn:aws:cloudformation:us-east-1:*:stack/mine/*"
        stacks = self.client_with(
            "cloudformation", self.session("changes", allow("cloudformation:*", resource=stack))
        )
        change_set = self.client("cloudformation").create_change_set(
            StackName="mine",
            ChangeSetName="one",
            ChangeSetType="CREATE",
            TemplateBody='{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}',
        )["Id"]
        self.assertEqual(stacks.describe_change_set(ChangeSetName=change_set)["StackName"], "mine")
        code, _ = self.refusal(stacks.describe_change_set, ChangeSetName="one", StackName="other")
        self.assertEqual(code, "AccessDenied")

    def test_a_user_is_refused_too(self) -> None:
        iam = self.client("iam")
        iam.create_user(UserName="ada")
        key = iam.create_access_key(UserName="ada")["AccessKey"]
        ec2 = self.client_with("ec2", {**key, "SessionToken": None})
        self.assertIn("user/ada is not authorized", self.refusal(ec2.describe_vpcs)[1])
        iam.put_user_policy(
            UserName="ada", PolicyName="own", PolicyDocument=document(allow("ec2:Describe*"))
        )
        ec2.describe_vpcs()

    def test_a_key_pair_with_tags_needs_the_right_to_tag(self) -> None:
        born = {"StringEquals": {"ec2:CreateAction": "CreateKeyPair"}}
        tags = [{"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}]
        without = self.session("untagging", allow("ec2:CreateKeyPair"))
        ec2 = self.client_with("ec2", without)
        ec2.create_key_pair(KeyName="plain")
        refused = self.refusal(ec2.create_key_pair, KeyName="tagged", TagSpecifications=tags)
        self.assertIn("ec2:CreateTags", refused[1])
        keys = self.session(
            "tagging", allow("ec2:CreateKeyPair"), allow("ec2:CreateTags", **born)
        )
        self.client_with("ec2", keys).create_key_pair(KeyName="tagged", TagSpecifications=tags)

    def test_whatever_is_made_with_tags_needs_the_right_to_tag(self) -> None:
        tags = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]
        block = "10.0.0.0/16"
        ec2 = self.client_with("ec2", self.session("no-vpc-tags", allow("ec2:CreateVpc")))
        ec2.create_vpc(CidrBlock=block)
        refused = self.refusal(ec2.create_vpc, CidrBlock=block, TagSpecifications=tags)
        self.assertIn("ec2:CreateTags", refused[1])
        born = {"StringEquals": {"ec2:CreateAction": "CreateVpc"}}
        rights = allow("ec2:CreateVpc"), allow("ec2:CreateTags", **born)
        ec2 = self.client_with("ec2", self.session("vpc-tags", *rights))
        ec2.create_vpc(CidrBlock=block, TagSpecifications=tags)

    def test_documents_and_parameters_are_asked_for_by_their_names(self) -> None:
        ssm = self.client("ssm")
        ssm.put_parameter(Name="/mine/one", Value="1", Type="String")
        ssm.put_parameter(Name="/other", Value="1", Type="String")
        place = f"arn:aws:ssm:us-east-1:{self.account}:"
        keys = self.session(
            "reader",
            allow("ssm:GetParameter*", resource=f"{place}parameter/mine/*"),
            allow("ssm:*Document", resource=f"{place}document/mine"),
        )
        ssm = self.client_with("ssm", keys)
        ssm.get_parameter(Name="/mine/one")
        ssm.get_parameters(Names=["/mine/one"])
        steps = [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}]
        content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps})
        document = {"Content": content, "DocumentType": "Command"}
        ssm.create_document(Name="mine", **document)
        ssm.describe_document(Name="mine")
        ssm.get_document(Name="mine")
        for call, arguments in (
            (ssm.get_parameter, {"Name": "/other"}),
            (ssm.get_document, {"Name": "other"}),
            (ssm.create_document, {"Name": "other", **document}),
            (ssm.list_documents, {}),
        ):
            code, _ = self.refusal(call, **arguments)
            self.assertEqual(code, "AccessDeniedException")


class OfHandlers(Rights):
    def made(self, keys: dict[str, Any], name: str, template: str, **parameters: str) -> str:
        self.client_with("cloudformation", keys).create_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "owner", "Value": "me"}],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        )
        return self.settled(name)

    def test_a_resource_fails_whose_handler_may_not(self) -> None:
        keys = self.session("no-vpcs", STACKS, allow("*"), deny("ec2:CreateVpc"))
        self.assertEqual(self.made(keys, "no-vpc", VPC), "ROLLBACK_COMPLETE")
        reason = self.reason("no-vpc", "VPC", "CREATE_FAILED")
        self.assertIn("You are not authorized to perform this operation.", reason)
        self.assertIn("is not authorized to perform: ec2:CreateVpc on resource: *", reason)
        self.assertIn("with an explicit deny in an identity-based policy", reason)
        self.assertIn("HandlerErrorCode: AccessDenied", reason)

    def test_the_tags_of_a_stack_need_rights_of_their_own(self) -> None:
        actions = ("cloudwatch:PutMetricAlarm", "cloudwatch:Describe*", "cloudwatch:List*")
        keys = self.session("no-tags", STACKS, allow(*actions))
        self.assertEqual(self.made(keys, "no-tags", ALARM), "ROLLBACK_COMPLETE")
        reason = self.reason("no-tags", "Alarm", "CREATE_FAILED")
        self.assertIn("is not authorized to perform: cloudwatch:TagResource", reason)
        keys = self.session("tags", STACKS, allow(*actions, "cloudwatch:TagResource"))
        self.assertEqual(self.made(keys, "tags", ALARM), "CREATE_COMPLETE")

    def test_what_may_be_done_through_cloudformation_alone_is_done_there(self) -> None:
        via = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
        keys = self.session("through", STACKS, allow("ec2:*", **via))
        self.assertEqual(self.made(keys, "through", VPC), "CREATE_COMPLETE")
        code, _ = self.refusal(self.client_with("ec2", keys).create_vpc, CidrBlock="10.0.0.0/16")
        self.assertEqual(code, "UnauthorizedOperation")

    def test_a_role_needs_the_boundary_that_is_asked_for(self) -> None:
        boundary = self.boundary("OfNodes", allow("*"))
        unless = {"StringNotEquals": {"iam:PermissionsBoundary": boundary}}
        keys = self.session("delegated", allow("*"), deny("iam:CreateRole", **unless))
        self.assertEqual(self.made(keys, "unbounded", ROLE), "ROLLBACK_COMPLETE")
        reason = self.reason("unbounded", "Role", "CREATE_FAILED")
        self.assertIn("is not authorized to perform: iam:CreateRole", reason)
        self.assertIn(":role/parallelcluster/mine/unbounded-Role", reason)
        self.assertEqual(self.made(keys, "bound", ROLE, Boundary=boundary), "CREATE_COMPLETE")

    def test_roles_are_made_only_below_the_path_that_is_allowed(self) -> None:
        path = f"arn:aws:iam::{self.account}:role/team/*"
        others = ("cloudformation:*", "iam:Get*", "iam:List*", "iam:*Tag*", "iam:DeleteRole*")
        allowed = allow(*others), allow("iam:CreateRole", resource=path)
        keys = self.session("of-team", *allowed)
        self.assertEqual(self.made(keys, "elsewhere", ROLE), "ROLLBACK_COMPLETE")
        reason = self.reason("elsewhere", "Role", "CREATE_FAILED")
        self.assertIn("is not authorized to perform: iam:CreateRole", reason)
        self.assertIn(":role/parallelcluster/mine/elsewhere-Role", reason)
        below = ROLE.replace("/parallelcluster/", "/team/")
        self.assertEqual(self.made(keys, "below", below), "CREATE_COMPLETE")

    def test_a_deletion_is_asked_for_too(self) -> None:
        self.assertEqual(self.create("kept", VPC), "CREATE_COMPLETE")
        keys = self.session("no-deletes", STACKS, allow("*"), deny("ec2:DeleteVpc"))
        self.client_with("cloudformation", keys).delete_stack(StackName="kept")
        self.assertEqual(self.settled("kept"), "DELETE_FAILED")
        self.assertIn("ec2:DeleteVpc", self.reason("kept", "VPC", "DELETE_FAILED"))

    def test_the_role_of_an_instance_is_passed(self) -> None:
        iam = self.client("iam")
        self.session("of-nodes")
        iam.create_instance_profile(InstanceProfileName="of-nodes")
        iam.add_role_to_instance_profile(InstanceProfileName="of-nodes", RoleName="of-nodes")
        keys = self.session("no-passing", STACKS, allow("*"), deny("iam:PassRole"))
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        zone = next(one["ZoneName"] for one in zones if one["ZoneId"] != "use1-az3")
        ended = self.made(keys, "no-instance", INSTANCE, Zone=zone)
        self.assertEqual(ended, "ROLLBACK_COMPLETE")
        reason = self.reason("no-instance", "Instance", "CREATE_FAILED")
        self.assertIn("is not authorized to perform: iam:PassRole on resource: ", reason)
        self.assertIn(":role/of-nodes", reason)
        to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
        others = {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}
        keys = self.session("passing", others, allow("iam:PassRole", **to_ec2))
        ended = self.made(keys, "instance", INSTANCE, Zone=zone)
        self.assertEqual(ended, "CREATE_COMPLETE")

    def test_a_log_group_is_asked_for_by_its_name(self) -> None:
        mine = f"arn:aws:logs:us-east-1:{self.account}:log-group:/mine/*"
        rights = allow("logs:*", resource=mine), allow("logs:Describe*")
        keys = self.session("logging", STACKS, *rights)
        self.assertEqual(self.made(keys, "log", GROUP, Name="/mine/a"), "CREATE_COMPLETE")
        self.assertEqual(self.made(keys, "other-log", GROUP, Name="/b"), "ROLLBACK_COMPLETE")
        reason = self.reason("other-log", "Log", "CREATE_FAILED")
        self.assertIn("logs:CreateLogGroup", reason)

    def test_an_exception_for_one_policy_is_none_for_others(self) -> None:
        self.session("of-function")
        bucket = f"code-{self.account}"
        self.client("s3").create_bucket(Bucket=bucket)
        self.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=code())
        keys = self.session("no-code", STACKS, allow("*"), deny("s3:GetObject"))
        self.assertEqual(self.made(keys, "no-code", FUNCTION), "ROLLBACK_COMPLETE")
        reason = self.reason("no-code", "Function", "CREATE_FAILED")
        self.assertIn(f"s3:GetObject on resource: arn:aws:s3:::{bucket}/code.zip", reason)
        # Of networks it is asked only where a function is in one.
        keys = self.session("code", STACKS, allow("*"), deny("ec2:*"))
        self.assertEqual(self.made(keys, "code", FUNCTION), "CREATE_COMPLETE")

    def test_an_update_asks_for_what_it_changes(self) -> None:
        keys = self.session("no-trust", STACKS, allow("*"), deny("iam:UpdateAssumeRolePolicy"))
        self.assertEqual(self.made(keys, "trusted", ROLE), "CREATE_COMPLETE")
        stacks = self.client_with("cloudformation", keys)
        for template, expected in (
            (ROLE.replace("Path:", "Tags: [{Key: a, Value: b}]\n      Path:"), "UPDATE_COMPLETE"),
            (ROLE.replace("ec2.amaz", "lambda.amaz"), "UPDATE_ROLLBACK_COMPLETE"),
        ):
            stacks.update_stack(
                StackName="trusted", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
            )
            self.assertEqual(self.settled("trusted"), expected)

    def test_a_queue_and_a_topic_are_asked_for_by_their_names(self) -> None:
        owned = f"*:{self.account}:named-*"
        keys = self.session("owner", STACKS, allow("sqs:*", "sns:*", resource=f"arn:aws:{owned}"))
        self.assertEqual(self.made(keys, "named", QUEUE), "CREATE_COMPLETE")
        self.client_with("cloudformation", keys).delete_stack(StackName="named")
        self.wait_for(lambda: self.client("sqs").list_queues().get("QueueUrls", []) == [])
        self.assertEqual(self.made(keys, "other", QUEUE), "ROLLBACK_COMPLETE")
