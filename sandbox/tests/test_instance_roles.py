"""What the role of a head node does not allow, the head node cannot do: read its script, take commands."""

from __future__ import annotations

import json
from typing import Any

from cluster import ClusterTest

URL = "https://scripts.s3.us-east-1.amazonaws.com/run.sh"
SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


class InstanceRoles(ClusterTest):
    def setUp(self) -> None:
        self.iam = self.client("iam")
        profile = self.ec2.describe_instances(InstanceIds=[self.made["HeadNode"]])["Reservations"][
            0
        ]["Instances"][0]["IamInstanceProfile"]["Arn"]
        found = self.iam.get_instance_profile(InstanceProfileName=profile.rpartition("/")[2])
        self.role = found["InstanceProfile"]["Roles"][0]["RoleName"]

    def known(self) -> list[str]:
        found = self.client("ssm").describe_instance_information()["InstanceInformationList"]
        return [one["InstanceId"] for one in found]

    def sent(self) -> Any:
        return self.client("ssm").send_command(
            InstanceIds=[self.made["HeadNode"]],
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]},
        )

    def test_without_rights_the_agent_never_registers(self) -> None:
        self.assertEqual(self.known(), [self.made["HeadNode"]])
        self.sent()
        self.iam.detach_role_policy(RoleName=self.role, PolicyArn=SSM)
        self.addCleanup(self.iam.attach_role_policy, RoleName=self.role, PolicyArn=SSM)
        self.assertEqual(self.known(), [])
        self.assertEqual(self.refusal(self.sent)[0], "InvalidInstanceId")
        # The same rights from another policy will do.
        rights = ["ssm:UpdateInstanceInformation", "ssmmessages:*"]
        self.grant("agent", rights, "*")
        self.assertEqual(self.known(), [self.made["HeadNode"]])

    def grant(
        self, name: str, actions: list[str], resource: str, effect: str = "Allow"
    ) -> None:
        statement = {"Effect": effect, "Action": actions, "Resource": resource}
        self.iam.put_role_policy(
            RoleName=self.role,
            PolicyName=name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        self.addCleanup(self.iam.delete_role_policy, RoleName=self.role, PolicyName=name)

    def test_a_denial_is_told_as_such(self) -> None:
        from hpcapi_sandbox import instance_roles
        from ministack.core.responses import request_scope
        from ministack.services import ec2

        self.grant("read", ["s3:GetObject"], "*")
        self.grant("no-read", ["s3:GetObject"], "*", "Deny")
        with request_scope(self.account, "us-east-1"):
            instance = ec2._instances[self.made["HeadNode"]]
            words = instance_roles.denial(instance, "s3:GetObject", "arn:aws:s3:::b/k")
        self.assertIn("with an explicit deny in an identity-based policy", words)

    def test_the_script_is_read_with_the_role(self) -> None:
        from hpcapi_sandbox import head_nodes
        from ministack.core.responses import request_scope
        from ministack.services import ec2

        self.client("s3").create_bucket(Bucket="scripts")
        self.client("s3").put_object(Bucket="scripts", Key="run.sh", Body=b"true")
        with request_scope(self.account, "us-east-1"):
            instance = ec2._instances[self.made["HeadNode"]]
            with self.assertRaisesRegex(PermissionError, "not authorized to perform: s3:GetObject"):
                head_nodes.fetch("s3://scripts/run.sh", instance)
            self.grant("read", ["s3:GetObject"], "arn:aws:s3:::scripts/*")
            self.assertEqual(head_nodes.fetch("s3://scripts/run.sh", instance), b"true")
            # Over HTTPS nobody says who they are.
            with self.assertRaisesRegex(PermissionError, "does not allow s3:GetObject to everybody"):
                head_nodes.fetch(URL, instance)
            self.for_everybody("Allow")
            self.assertEqual(head_nodes.fetch(URL, instance), b"true")
            self.for_everybody("Deny")
            with self.assertRaisesRegex(PermissionError, "does not allow"):
                head_nodes.fetch(URL, instance)
            with self.assertRaisesRegex(PermissionError, "the policy of scripts denies"):
                head_nodes.fetch("s3://scripts/run.sh", instance)

    def for_everybody(self, effect: str) -> None:
        """Gives the bucket of scripts a policy."""
        statement = {
            "Effect": effect,
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::scripts/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("s3").put_bucket_policy(Bucket="scripts", Policy=policy)
