"""Stacks with a service role: resources are made as that role, which a caller has to be allowed to pass."""

from __future__ import annotations

from typing import Any

from test_caller_rights import STACKS, VPC, Rights, allow, deny, document

TO_CLOUDFORMATION = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}


class WithServiceRole(Rights):
    def role(self, name: str, *statements: dict[str, Any], trusts: str = "cloudformation") -> str:
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{trusts}.amazonaws.com"},
        }
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return made["Role"]["Arn"]

    def passing(self, name: str, role: str, *more: dict[str, Any]) -> Any:
        """CloudFormation for who may use stacks, and pass the role to CloudFormation alone."""
        passes = allow("iam:PassRole", resource=role, **TO_CLOUDFORMATION)
        return self.client_with("cloudformation", self.session(name, STACKS, passes, *more))

    def made(self, stacks: Any, name: str, template: str, role: str) -> str:
        """Makes a stack through a change set; returns how it ended."""
        change_set = stacks.create_change_set(
            StackName=name,
            ChangeSetName="one",
            ChangeSetType="CREATE",
            TemplateBody=template,
            RoleARN=role,
            Tags=[{"Key": "owner", "Value": "me"}],
        )["Id"]
        stacks.execute_change_set(ChangeSetName=change_set)
        return self.settled(name)

    def role_of(self, name: str) -> str | None:
        described = self.client("cloudformation").describe_stacks(StackName=name)
        return described["Stacks"][0].get("RoleARN")

    def test_resources_are_made_changed_and_deleted_as_the_role_alone(self) -> None:
        role = self.role("maker", allow("ec2:*"))
        stacks = self.passing("passer", role)
        self.assertEqual(self.made(stacks, "as-role", VPC, role), "CREATE_COMPLETE")
        self.assertEqual(self.role_of("as-role"), role)
        # Whoever comes later names no role, and need not be allowed to pass it.
        later = self.client_with("cloudformation", self.session("later", STACKS))
        other = VPC.replace("10.0.0.0/16", "10.1.0.0/16")
        later.update_stack(StackName="as-role", TemplateBody=other)
        self.assertEqual(self.settled("as-role"), "UPDATE_COMPLETE")
        self.assertEqual(self.role_of("as-role"), role)
        later.delete_stack(StackName="as-role")
        self.wait_for(lambda: "10.1.0.0/16" not in self.ranges())

    def ranges(self) -> list[str]:
        return [vpc["CidrBlock"] for vpc in self.ec2.describe_vpcs()["Vpcs"]]

    def test_what_the_role_may_not_fails_whatever_the_caller_may(self) -> None:
        role = self.role("weak", allow("ec2:*"), deny("ec2:CreateVpc"))
        for stacks in (
            self.client("cloudformation"),
            self.client_with("cloudformation", self.session("strong", allow("*"))),
        ):
            name = f"weak-{id(stacks)}"
            self.assertEqual(self.made(stacks, name, VPC, role), "ROLLBACK_COMPLETE")
            reason = self.reason(name, "VPC", "CREATE_FAILED")
            self.assertIn("assumed-role/weak/AWSCloudFormation is not authorized", reason)
            self.assertIn("ec2:CreateVpc", reason)

    def test_what_is_done_as_a_role_is_called_via_nobody(self) -> None:
        via = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
        role = self.role("via", allow("ec2:*", **via))
        stacks = self.passing("via-passer", role)
        self.assertEqual(self.made(stacks, "via", VPC, role), "ROLLBACK_COMPLETE")

    def test_a_boundary_holds_for_the_role(self) -> None:
        role = self.role("bounded-maker", allow("*"))
        boundary = self.boundary("NoNetwork", allow("s3:*"))
        self.client("iam").put_role_permissions_boundary(
            RoleName="bounded-maker", PermissionsBoundary=boundary
        )
        ended = self.made(self.client("cloudformation"), "bounded", VPC, role)
        self.assertEqual(ended, "ROLLBACK_COMPLETE")

    def test_a_role_is_passed_to_cloudformation(self) -> None:
        role = self.role("passed", allow("ec2:*"))
        to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
        for name, rights in (
            ("no-passer", [STACKS]),
            ("wrong-passer", [STACKS, allow("iam:PassRole", **to_ec2)]),
        ):
            stacks = self.client_with("cloudformation", self.session(name, *rights))
            code, message = self.refusal(
                stacks.create_stack, StackName=name, TemplateBody=VPC, RoleARN=role
            )
            self.assertEqual(code, "AccessDenied")
            self.assertIn(
                f"is not authorized to perform: iam:PassRole on resource: {role}", message
            )
            self.assertIsNone(self.found(name))

    def found(self, name: str) -> dict[str, Any] | None:
        all_of_them = self.client("cloudformation").describe_stacks()["Stacks"]
        return next((one for one in all_of_them if one["StackName"] == name), None)

    def test_a_role_that_cannot_be_assumed_is_refused(self) -> None:
        stacks = self.client("cloudformation")
        untrusting = self.role("untrusting", allow("*"), trusts="ec2")
        absent = untrusting.replace("untrusting", "absent")
        for role in (untrusting, absent):
            code, message = self.refusal(
                stacks.create_change_set,
                StackName="unmade",
                ChangeSetName="one",
                ChangeSetType="CREATE",
                TemplateBody=VPC,
                RoleARN=role,
            )
            self.assertEqual(code, "ValidationError")
            self.assertEqual(message, f"Role {role} is invalid or cannot be assumed")
            self.assertIsNone(self.found("unmade"))
        other = "arn:aws:iam::999999999999:role/maker"
        for role, code in ((other, "AccessDenied"), ("maker-role-by-its-name", "ValidationError")):
            refused = self.refusal(
                stacks.create_stack, StackName="unmade", TemplateBody=VPC, RoleARN=role
            )
            self.assertEqual(refused[0], code)

    def test_a_stack_whose_role_is_gone_needs_another(self) -> None:
        role = self.role("gone", allow("ec2:*"))
        stacks = self.client("cloudformation")
        self.assertEqual(self.made(stacks, "orphan", VPC, role), "CREATE_COMPLETE")
        iam = self.client("iam")
        iam.delete_role_policy(RoleName="gone", PolicyName="own")
        iam.delete_role(RoleName="gone")
        code, message = self.refusal(stacks.delete_stack, StackName="orphan")
        self.assertEqual(code, "ValidationError")
        self.assertIn("is invalid or cannot be assumed", message)
        other = self.role("instead", allow("ec2:*"))
        stacks.delete_stack(StackName="orphan", RoleARN=other)
        self.wait_for(lambda: self.found("orphan") is None)

    def test_another_role_is_kept_from_the_update_on_that_names_it(self) -> None:
        first, second = self.role("first", allow("ec2:*")), self.role("second", allow("ec2:*"))
        stacks = self.client("cloudformation")
        self.assertEqual(self.made(stacks, "moved", VPC, first), "CREATE_COMPLETE")
        change_set = stacks.create_change_set(
            StackName="moved",
            ChangeSetName="two",
            TemplateBody=VPC.replace("10.0", "10.2"),
            RoleARN=second,
        )["Id"]
        self.assertEqual(self.role_of("moved"), first)
        stacks.execute_change_set(ChangeSetName=change_set)
        self.assertEqual(self.settled("moved"), "UPDATE_COMPLETE")
        self.assertEqual(self.role_of("moved"), second)

    def test_a_change_of_the_role_alone_is_no_change(self) -> None:
        first, second = self.role("one", allow("ec2:*")), self.role("two", allow("ec2:*"))
        stacks = self.client("cloudformation")
        self.assertEqual(self.made(stacks, "same", VPC, first), "CREATE_COMPLETE")
        change_set = stacks.create_change_set(
            StackName="same",
            ChangeSetName="two",
            TemplateBody=VPC,
            RoleARN=second,
            Tags=[{"Key": "owner", "Value": "me"}],
        )["Id"]
        described = stacks.describe_change_set(ChangeSetName=change_set)
        self.assertEqual(described["Status"], "FAILED")
        self.assertEqual(self.role_of("same"), first)

    def test_policies_may_ask_for_a_role(self) -> None:
        role = self.role("wanted", allow("ec2:*"))
        with_role = {"StringEquals": {"cloudformation:RoleARN": role}}
        looks = allow("cloudformation:Describe*", "cloudformation:ExecuteChangeSet")
        passes = allow("iam:PassRole", resource=role)
        rights = looks, passes, allow("cloudformation:Create*", **with_role)
        stacks = self.client_with("cloudformation", self.session("asked", *rights))
        refused = self.refusal(stacks.create_stack, StackName="without", TemplateBody=VPC)
        self.assertEqual(refused[0], "AccessDenied")
        self.assertEqual(self.made(stacks, "with", VPC, role), "CREATE_COMPLETE")
