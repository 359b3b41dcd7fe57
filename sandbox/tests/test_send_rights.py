"""Who may send a command: policies are asked for the document and for the instance."""

from __future__ import annotations

import json
from typing import Any

from cluster import ClusterTest
from emulator import REGION

CONTENT = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["true"]}}
    ],
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(resource: str, **condition: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": resource}
    return {**found, "Condition": condition} if condition else found


class SendRights(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.client("ssm").create_document(
            Name="only-this", Content=json.dumps(CONTENT), DocumentType="Command"
        )
        cls.document = f"arn:aws:ssm:{REGION}:{cls.account}:document/only-this"
        cls.instances = f"arn:aws:ec2:{REGION}:{cls.account}:instance/*"

    def role(self, name: str, *statements: dict[str, Any]) -> Any:
        """A client with the rights of a new role."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tests")
        return self.client_with("ssm", session["Credentials"])

    def call(self, document: str) -> dict[str, Any]:
        given = {"commands": ["true"]} if document == "AWS-RunShellScript" else {}
        return {
            "InstanceIds": [self.made["HeadNode"]],
            "DocumentName": document,
            "Parameters": given,
        }

    def denied(self, ssm: Any, document: str) -> str:
        code, message = self.refusal(ssm.send_command, **self.call(document))
        self.assertEqual(code, "AccessDeniedException")
        return message

    def test_a_right_to_one_document_is_none_to_another(self) -> None:
        ssm = self.role("operator", allow(self.document), allow(self.instances))
        ssm.send_command(**self.call("only-this"))
        ssm.send_command(**self.call(self.document))
        self.assertEqual(
            self.denied(ssm, "AWS-RunShellScript"),
            f"User: arn:aws:sts::{self.account}:assumed-role/operator/tests is not authorized to "
            "perform: ssm:SendCommand on resource: arn:aws:ssm:us-east-1::document/"
            "AWS-RunShellScript because no identity-based policy allows the ssm:SendCommand action",
        )

    def test_the_instance_needs_a_right_too(self) -> None:
        ssm = self.role("document-only", allow(self.document))
        self.assertIn(f"instance/{self.made['HeadNode']}", self.denied(ssm, "only-this"))

    def test_a_condition_on_tags_counts(self) -> None:
        key = "ssm:resourceTag/parallelcluster:cluster-name"
        for name, value, is_allowed in (("tagged", "test", True), ("others", "x", False)):
            rights = allow(self.document), allow(self.instances, StringEquals={key: value})
            ssm = self.role(name, *rights)
            if is_allowed:
                ssm.send_command(**self.call("only-this"))
            else:
                self.denied(ssm, "only-this")

    def test_a_user_has_rights_of_their_own(self) -> None:
        iam = self.client("iam")
        iam.create_user(UserName="ada")
        key = iam.create_access_key(UserName="ada")["AccessKey"]
        ssm = self.client_with("ssm", {**key, "SessionToken": None})
        self.assertIn("user/ada is not authorized", self.denied(ssm, "only-this"))
        rights = policy(allow(self.document), allow(self.instances))
        iam.put_user_policy(UserName="ada", PolicyName="own", PolicyDocument=rights)
        sent = ssm.send_command(**self.call("only-this"))["Command"]
        self.assertEqual(sent["DocumentName"], "only-this")
        self.denied(ssm, "AWS-RunShellScript")
