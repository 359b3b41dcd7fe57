"""What is asked before anything is made: what a principal may do, which regions are enabled."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from emulator import REGION, EmulatorTest
from hpcapi_sandbox import account_plan


class Simulation(EmulatorTest):
    def setUp(self) -> None:
        self.iam = self.client("iam")

    def role(self, name: str, *statements: dict[str, object]) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"},
        }
        role = self.iam.create_role(
            RoleName=name,
            Path="/team/",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return role["Role"]["Arn"]

    def decisions(self, arn: str, actions: list[str], **more: object) -> dict[str, str]:
        pages = self.iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=arn, ActionNames=actions, **more
        )
        results = [result for page in pages for result in page["EvaluationResults"]]
        return {result["EvalActionName"]: result["EvalDecision"] for result in results}

    def test_the_resource_decides(self) -> None:
        bucket = "arn:aws:s3:::mine*"
        arn = self.role("by-resource", allow("s3:PutObject", f"{bucket}/*"))
        asked = ["s3:PutObject", "s3:GetObject"]
        self.assertEqual(set(self.decisions(arn, asked).values()), {"implicitDeny"})
        there = self.decisions(arn, asked, ResourceArns=[f"{bucket}/*"])
        self.assertEqual(there, {"s3:PutObject": "allowed", "s3:GetObject": "implicitDeny"})
        both = self.iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=asked[:1], ResourceArns=["*", f"{bucket}/*"]
        )["EvaluationResults"][0]
        self.assertEqual(both["EvalDecision"], "implicitDeny")
        each = [one["EvalResourceDecision"] for one in both["ResourceSpecificResults"]]
        self.assertEqual(each, ["implicitDeny", "allowed"])

    def test_the_context_decides(self) -> None:
        here = {"StringEquals": {"aws:RequestedRegion": REGION}}
        arn = self.role("by-region", {**allow("ec2:CreateVpc"), "Condition": here})
        for region, decision in ((REGION, "allowed"), ("eu-west-1", "implicitDeny")):
            entry = {
                "ContextKeyName": "aws:RequestedRegion",
                "ContextKeyValues": [region],
                "ContextKeyType": "string",
            }
            found = self.decisions(arn, ["ec2:CreateVpc"], ContextEntries=[entry])
            self.assertEqual(found, {"ec2:CreateVpc": decision})

    def test_a_denial_wins_and_pages_are_whole(self) -> None:
        deny = {**allow("ec2:CreateVpc"), "Effect": "Deny"}
        arn = self.role("denied", allow("*"), deny)
        actions = ["ec2:CreateVpc", *(f"ec2:DescribeThing{n}" for n in range(30))]
        found = self.decisions(arn, actions, PaginationConfig={"PageSize": 7})
        self.assertEqual(list(found), actions)
        self.assertEqual(found["ec2:CreateVpc"], "explicitDeny")
        self.assertEqual(found["ec2:DescribeThing29"], "allowed")

    def results(self, arn: str, action: str, **more: object) -> dict[str, Any]:
        found = self.iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], **more
        )
        return found["EvaluationResults"][0]

    def policy(self, name: str, *statements: dict[str, object]) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        made = self.iam.create_policy(PolicyName=name, PolicyDocument=document)
        return made["Policy"]["Arn"]

    def test_the_policy_that_decides_is_named(self) -> None:
        deny = {**allow("ec2:CreateVpc"), "Effect": "Deny"}
        arn = self.role("named", allow("*"))
        self.iam.attach_role_policy(RoleName="named", PolicyArn=self.policy("NoVpcs", deny))
        for action, decision, policy in (
            ("ec2:CreateVpc", "explicitDeny", "NoVpcs"),
            ("ec2:DeleteVpc", "allowed", "role_named_p"),
        ):
            found = self.results(arn, action)
            self.assertEqual(found["EvalDecision"], decision)
            names = [one["SourcePolicyId"] for one in found["MatchedStatements"]]
            self.assertEqual(names, [policy])

    def test_a_boundary_limits_and_is_told_apart(self) -> None:
        arn = self.role("bounded", allow("ec2:*"))
        boundary = self.policy("Boundary", allow("ec2:Describe*"), allow("s3:*"))
        self.iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
        for action, decision, within in (
            ("ec2:DescribeVpcs", "allowed", True),
            ("ec2:CreateVpc", "implicitDeny", False),
            ("s3:PutObject", "implicitDeny", True),
        ):
            found = self.results(arn, action)
            self.assertEqual(found["EvalDecision"], decision, action)
            detail = found["PermissionsBoundaryDecisionDetail"]
            self.assertEqual(detail["AllowedByPermissionsBoundary"], within, action)
        self.assertNotIn(
            "PermissionsBoundaryDecisionDetail",
            self.results(self.role("free", allow("*")), "s3:PutObject"),
        )

    def test_keys_that_were_not_given_are_listed_for_every_action(self) -> None:
        with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        here = {"StringEquals": {"aws:RequestedRegion": REGION}}
        arn = self.role(
            "conditional",
            {**allow("ec2:*"), "Condition": with_mfa},
            {**allow("s3:*"), "Condition": here},
        )
        entry = {
            "ContextKeyName": "aws:RequestedRegion",
            "ContextKeyValues": [REGION],
            "ContextKeyType": "string",
        }
        for action in ("ec2:CreateVpc", "s3:PutObject"):
            found = self.results(arn, action, ContextEntries=[entry])
            self.assertEqual(found["MissingContextValues"], ["aws:MultiFactorAuthPresent"])

    def test_who_may_not_simulate_is_refused(self) -> None:
        arn = self.role("blind", allow("ec2:*"))
        session = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="blind")["Credentials"]
        blind = self.client_with("iam", session)
        code, message = self.refusal(
            blind.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["ec2:CreateVpc"]
        )
        self.assertEqual(code, "AccessDenied")
        self.assertIn("is not authorized to perform: iam:SimulatePrincipalPolicy", message)

    def test_nobody_is_not_found(self) -> None:
        code, _ = self.refusal(
            self.iam.simulate_principal_policy,
            PolicySourceArn=f"arn:aws:iam::{self.account}:role/nobody",
            ActionNames=["ec2:CreateVpc"],
        )
        self.assertEqual(code, "NoSuchEntity")


class Regions(EmulatorTest):
    def test_an_account_enables_a_region(self) -> None:
        def status() -> str:
            found = self.ec2.describe_regions(AllRegions=True, RegionNames=["ap-east-1"])
            return found["Regions"][0]["OptInStatus"]

        self.assertEqual(status(), "not-opted-in")
        named = {one["RegionName"] for one in self.ec2.describe_regions()["Regions"]}
        self.assertIn(REGION, named)
        self.assertNotIn("ap-east-1", named)
        sts = self.client("sts", region="ap-east-1")
        self.assertEqual(self.refusal(sts.get_caller_identity)[0], "InvalidClientTokenId")
        self.client("account").enable_region(RegionName="ap-east-1")
        self.assertEqual(status(), "opted-in")
        self.assertEqual(sts.get_caller_identity()["Account"], self.account)

    def test_credentials_that_are_nobodys_are_not_taken(self) -> None:
        sts = self.client("sts", account="AKIAIOSFODNN7EXAMPLE")
        self.assertEqual(self.refusal(sts.get_caller_identity)[0], "InvalidClientTokenId")

    def test_there_is_no_region_of_that_name(self) -> None:
        code, _ = self.refusal(
            self.ec2.describe_regions, AllRegions=True, RegionNames=["us-middle-1"]
        )
        self.assertEqual(code, "InvalidParameterValue")


def allow(action: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


class Plan(EmulatorTest):
    def test_a_free_plan_starts_few_types_until_it_is_upgraded(self) -> None:
        plan = self.client("freetier")
        self.assertEqual(plan.get_account_plan_state()["accountPlanType"], "PAID")
        account_plan.put(self.account, "FREE")
        self.assertEqual(plan.get_account_plan_state()["accountPlanType"], "FREE")
        ec2 = self.ec2
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

        # In a zone that offers both.
        zones = ec2.describe_availability_zones(ZoneIds=["use1-az1"])["AvailabilityZones"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(
            VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zones[0]["ZoneName"]
        )["Subnet"]

        def code(kind: str) -> str:
            asked = {"InstanceType": kind, "ImageId": image, "MinCount": 1, "MaxCount": 1}
            asked["SubnetId"] = subnet["SubnetId"]
            with self.assertRaises(ClientError) as caught:
                ec2.run_instances(**asked, DryRun=True)
            return str(caught.exception.response["Error"]["Code"])

        self.assertEqual(code("t3.small"), "DryRunOperation")
        self.assertEqual(code("c5.large"), "InvalidParameterCombination")
        plan.upgrade_account_plan(accountPlanType="PAID")
        self.assertEqual(code("c5.large"), "DryRunOperation")


class Links(EmulatorTest):
    def test_a_region_without_vpc_links_takes_none(self) -> None:
        for region, is_good in (("eu-west-3", True), ("af-south-1", False)):
            ec2 = self.client("ec2", region=region)
            zone = sorted(
                one["ZoneName"]
                for one in ec2.describe_availability_zones()["AvailabilityZones"]
                if one["ZoneId"] != "euw3-az2"
            )[0]
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)
            subnet_id = subnet["Subnet"]["SubnetId"]
            links = self.client("apigatewayv2", region=region)
            with self.subTest(region):
                if is_good:
                    links.create_vpc_link(Name="x", SubnetIds=[subnet_id])
                else:
                    with self.assertRaisesRegex(ClientError, "service is not available"):
                        links.create_vpc_link(Name="x", SubnetIds=[subnet_id])
