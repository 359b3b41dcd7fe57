"""The stack of the operations: signed requests become commands of one document, and no more."""

from __future__ import annotations

import hashlib
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from cluster import ClusterTest
from emulator import REGION, EmulatorTest, FakeNode, as_parameters
from functions import Answer, ApiTest, archive, policy

TEMPLATES = Path(__file__).parents[2] / "templates"
TEMPLATE = (TEMPLATES / "operations.yaml").read_text()
STACK = "test-operations"
CODE_KEY = "hpcapi/0123456789abcdef/operations.zip"
PROGRAM = "/etc/hpcapi/operate.py"
FORBIDDEN = b'{"message":"Forbidden"}'

# What stands for the head node's program: it tells what it was given.
FAKE = """#!/usr/bin/env python3
import json, os, sys
given = {name[4:]: value for name, value in os.environ.items() if name.startswith("SSM_")}
if given.get("job") == "13":
    sys.exit(13)
if given.get("job") == "404":
    print(json.dumps({"status": 404, "error": "there is no such job", "hints": []}))
else:
    body = {"arguments": sys.argv[1:], "given": given}
    print(json.dumps({"status": 200, "body": body, "next": "q1"}))
"""


def function() -> bytes:
    return archive((TEMPLATES / "operations/function.py").read_text(), "function.py")


class OperationsTest(ApiTest, ClusterTest):
    """A test case with the stack of the operations beside a cluster and its API."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bucket = f"orders-{cls.account}"
        cls.s3 = cls.client("s3")
        cls.s3.create_bucket(Bucket=cls.bucket)
        cls.s3.put_object(Bucket=cls.bucket, Key=CODE_KEY, Body=function())
        cls.given = {
            "HttpApi": cls.made["Api"],
            "HeadNodeInstanceID": cls.made["HeadNode"],
            "Bucket": cls.bucket,
            "CodeKey": CODE_KEY,
        }
        cls.cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=TEMPLATE,
            Parameters=as_parameters(cls.given),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cls.ended = cls().settled(STACK)
        cls.own = {"AccessKeyId": cls.account, "SecretAccessKey": "x"}
        cls._install_program()

    @classmethod
    def _install_program(cls) -> None:
        """Lets the document's script find the program in a folder of the test's."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = Path(folder.name) / "operate.py"
        cls.program.write_text(FAKE)
        cls.program.chmod(0o755)
        execute, program = FakeNode.execute, str(cls.program).encode()

        def elsewhere(node: FakeNode, argv: list[str], *, stdin: bytes = b"", **more: Any) -> Any:
            return execute(node, argv, stdin=stdin.replace(PROGRAM.encode(), program), **more)

        patch = mock.patch.object(FakeNode, "execute", elsewhere)
        patch.start()
        cls.addClassCleanup(patch.stop)

    def operate(
        self, method: str, path: str, keys: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        path = f"/operations/{path}"
        headers = self.signed(path, keys or self.own, body, method=method)
        return self.ask(path, body or None, headers, method)

    def told(self, method: str, path: str, **more: Any) -> Any:
        """What the head node's program told that it was given."""
        status, _, body = self.operate(method, path, **more)
        self.assertIn(status, (200, 201), body)
        return json.loads(body)

    def reach(self, *paths: str) -> dict[str, Any]:
        """The right to methods and paths of the API."""
        api = f"arn:aws:execute-api:{REGION}:{self.account}:{self.made['Api']}/$default"
        resources = [f"{api}/{path}" for path in paths]
        return {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}

    def resource(self, logical_id: str) -> str:
        found = self.cloudformation.describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def log(self) -> list[str]:
        pages = self.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{STACK}"
        return [
            one["message"] for page in pages.paginate(logGroupName=group) for one in page["events"]
        ]


class Requests(OperationsTest):
    def test_the_stack_is_there(self) -> None:
        self.assertEqual(self.ended, "CREATE_COMPLETE")

    def test_each_route_reaches_the_program(self) -> None:
        caller = hashlib.sha256(f"arn:aws:iam::{self.account}:root".encode()).hexdigest()[:16]
        given = {"after": "", "caller": caller, "job": "", "order": ""}
        for method, path, verb, more in (
            ("GET", "partitions", "partitions", {}),
            ("GET", "nodes?after=q1-st-a_1.b", "nodes", {"after": "q1-st-a_1.b"}),
            ("GET", "jobs?after=12_3", "jobs", {"after": "12_3"}),
            ("GET", "jobs/12_3", "job", {"job": "12_3"}),
            ("GET", "diag", "diag", {}),
            ("DELETE", "jobs/12", "cancel", {"job": "12"}),
        ):
            with self.subTest(verb):
                self.assertEqual(
                    self.told(method, path),
                    {"arguments": [verb], "given": {**given, "verb": verb, **more}},
                )

    def test_an_order_goes_through_the_bucket(self) -> None:
        keys = self.rights("submitter", self.reach("POST/operations/jobs"))
        body = json.dumps({"script": "#!/bin/sh\necho $(id) é\n", "marker": "0" * 16}).encode()
        status, headers, answered = self.operate("POST", "jobs", keys, body)
        self.assertEqual((status, headers["content-type"]), (201, "application/json"))
        given = json.loads(answered)["given"]
        key = f"operations/{given['order']}.json"
        content = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        self.assertEqual(hashlib.sha256(content).hexdigest(), given["order"])
        arn = f"arn:aws:sts::{self.account}:assumed-role/submitter/tests"
        self.assertEqual(
            json.loads(content),
            {
                "script": "#!/bin/sh\necho $(id) é\n",
                "name": "job.sh",
                "arguments": [],
                "options": [],
                "marker": "0" * 16,
                "caller": hashlib.sha256(arn.encode()).hexdigest()[:16],
            },
        )
        self.assertEqual(given["caller"], json.loads(content)["caller"])

    def test_a_page_links_to_the_next(self) -> None:
        _, headers, _ = self.operate("GET", "nodes")
        self.assertEqual(headers["link"], '</operations/nodes?after=q1>; rel="next"')

    def test_what_goes_wrong_on_the_head_node_is_told(self) -> None:
        status, _, body = self.operate("GET", "jobs/404")
        self.assertEqual((status, json.loads(body)["error"]), (404, "there is no such job"))
        self.assertEqual(self.operate("GET", "jobs/13")[0], 502)
        self.program.chmod(0o600)
        try:
            status, _, body = self.operate("GET", "jobs")
        finally:
            self.program.chmod(0o755)
        said = {"error": "the head node is not set up for operations", "hints": ["hpcapi up"]}
        self.assertEqual((status, json.loads(body)), (503, said))

    def test_an_old_agent_is_told(self) -> None:
        from hpcapi_sandbox.ssm import interpolation

        with mock.patch.object(interpolation, "_environment", return_value={}):
            status, _, body = self.operate("GET", "jobs")
        self.assertEqual(status, 503)
        self.assertIn("agent of the head node is too old", json.loads(body)["error"])

    def test_hostile_requests_are_refused(self) -> None:
        for method, path in (
            ("GET", "jobs/1%3Bid"),
            ("GET", "jobs/%24(id)"),
            ("DELETE", "jobs/1%0A"),
            ("GET", "jobs?after=%7B%7Bssm%3A%2Fx%7D%7D"),
        ):
            with self.subTest(path):
                self.assertEqual(self.operate(method, path)[0], 400)
        large = json.dumps({"script": "#!" + "x" * 2**20}).encode()
        self.assertEqual(self.operate("POST", "jobs", body=large)[0], 413)
        self.assertEqual(self.operate("POST", "jobs", body=b'{"script": "true"}')[0], 400)

    def test_a_request_is_a_line_of_the_log(self) -> None:
        word = "word-of-the-caller"
        body = json.dumps({"script": f"#!/bin/sh {word}", "arguments": [word]}).encode()
        self.told("POST", "jobs", body=body)
        lines = [one for one in self.log() if "POST /operations" in one]
        logged = json.loads(lines[-1])
        self.assertEqual(logged["route"], "POST /operations/jobs")
        self.assertRegex(logged["command"], "^[0-9a-f-]{36}$")
        self.assertFalse([one for one in self.log() if word in one])


class Rights(OperationsTest):
    ROUTES = (
        *(("GET", path) for path in ("partitions", "nodes", "jobs", "jobs/1", "diag")),
        ("POST", "jobs"),
        ("DELETE", "jobs/1"),
    )

    def test_every_route_has_to_be_signed(self) -> None:
        for method, path in self.ROUTES:
            with self.subTest(f"{method} {path}"):
                status, _, body = self.ask(f"/operations/{path}", method=method)
                self.assertEqual((status, body), (403, FORBIDDEN))

    def test_who_may_look_may_not_submit_or_cancel(self) -> None:
        keys = self.rights("reader", self.reach("GET/operations/*"))
        for method, path in self.ROUTES:
            with self.subTest(f"{method} {path}"):
                status, _, body = self.operate(method, path, keys)
                expected = 200 if method == "GET" else 403
                self.assertEqual(status, expected, body)

    def test_a_right_to_the_api_is_none_to_ssm(self) -> None:
        keys = self.rights("caller", self.reach("*"))
        ssm = self.client_with("ssm", keys)
        self.assertEqual(self.operate("GET", "jobs", keys)[0], 200)
        for document, given in (
            ("AWS-RunShellScript", {"commands": ["true"]}),
            (STACK, {"verb": ["jobs"]}),
        ):
            code, _ = self.refusal(
                ssm.send_command,
                InstanceIds=[self.made["HeadNode"]],
                DocumentName=document,
                Parameters=given,
            )
            self.assertEqual(code, "AccessDeniedException")

    def test_the_function_may_send_its_document_to_its_head_node_only(self) -> None:
        role = self.resource("Role")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        iam = self.client("iam")
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy(trust))
        arn = f"arn:aws:iam::{self.account}:role/{role}"
        session = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")
        ssm = self.client_with("ssm", session["Credentials"])
        head_node = self.made["HeadNode"]
        ours = {"DocumentName": STACK, "Parameters": {"verb": ["jobs"]}}
        ssm.send_command(InstanceIds=[head_node], **ours)
        shell = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
        for call in (
            {"InstanceIds": [head_node], **shell},
            {"InstanceIds": ["i-0123456789abcdef0"], **ours},
        ):
            self.assertEqual(self.refusal(ssm.send_command, **call)[0], "AccessDeniedException")

    def test_the_function_may_write_orders_and_its_log_only(self) -> None:
        role = f"arn:aws:iam::{self.account}:role/{self.resource('Role')}"
        bucket = f"arn:aws:s3:::{self.bucket}"
        group = f"arn:aws:logs:{REGION}:{self.account}:log-group:/aws/lambda"
        for is_allowed, action, resource in (
            (True, "s3:PutObject", f"{bucket}/operations/x.json"),
            (False, "s3:PutObject", f"{bucket}/hpcapi/x"),
            (False, "s3:PutObject", f"{bucket}/triggers/x"),
            (False, "s3:GetObject", f"{bucket}/operations/x.json"),
            (False, "s3:DeleteObject", f"{bucket}/operations/x.json"),
            (True, "logs:PutLogEvents", f"{group}/{STACK}:log-stream:x"),
            (False, "logs:PutLogEvents", f"{group}/other:log-stream:x"),
            (False, "logs:CreateLogGroup", f"{group}/{STACK}:*"),
            (True, "ssm:GetCommandInvocation", "*"),
            (False, "ssm:ListCommands", "*"),
        ):
            with self.subTest(f"{action} {resource}"):
                (found,) = self.client("iam").simulate_principal_policy(
                    PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
                )["EvaluationResults"]
                self.assertEqual(found["EvalDecision"] == "allowed", is_allowed)


class Document(OperationsTest):
    def send(self, **given: str) -> str:
        sent = self.client("ssm").send_command(
            InstanceIds=[self.made["HeadNode"]],
            DocumentName=STACK,
            Parameters={name: [value] for name, value in given.items()},
        )
        return sent["Command"]["CommandId"]

    def end(self, command: str) -> dict[str, Any]:
        ssm = self.client("ssm")

        def over() -> dict[str, Any] | None:
            try:
                found = ssm.get_command_invocation(
                    CommandId=command, InstanceId=self.made["HeadNode"]
                )
            except ssm.exceptions.InvocationDoesNotExist:
                return None
            return None if found["Status"] in ("Pending", "InProgress") else found

        return self.wait_for(over)

    def test_no_value_becomes_part_of_the_script(self) -> None:
        content = json.loads(self.client("ssm").get_document(Name=STACK)["Content"])
        (step,) = content["mainSteps"]
        self.assertNotIn("{{", json.dumps(step))
        for parameter in content["parameters"].values():
            self.assertEqual(parameter["interpolationType"], "ENV_VAR")
            self.assertRegex(parameter["allowedPattern"], r"^\^.*\$$")

    def test_hostile_parameters_are_refused(self) -> None:
        given = {"job": "1", "after": "a", "order": "0" * 64, "caller": "0" * 16}
        self.assertEqual(self.end(self.send(verb="job", **given))["Status"], "Success")
        hostile = ("; id", "$(id)", "`id`", "a b", "'", '"', "\n", "{{ verb }}", "x\ny")
        for name in ("verb", *given):
            start = given.get(name, "job")
            for value in (*hostile, *(start + end for end in hostile), start + "0" * 128):
                with self.subTest(name, value=value):
                    call = {"verb": "job", **given, name: value}
                    code, message = self.refusal(self.send, **call)
                    self.assertEqual(code, "InvalidParameters")
                    self.assertIn(f'"{name}"', message)
        for other in ({}, {"verb": "shutdown"}, {"verb": "jobs", "commands": "id"}):
            self.assertEqual(self.refusal(self.send, **other)[0], "InvalidParameters")

    def test_a_reference_to_a_parameter_becomes_no_script(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace"
            text = f'"; touch {trace}; "'
            self.client("ssm").put_parameter(Name="/hostile", Value=text, Type="String")
            for name in ("verb", "job", "after", "order", "caller"):
                call = {"verb": "jobs", name: "{{ssm:/hostile}}"}
                with self.subTest(name):
                    found = self.end(self.send(**call))
                    self.assertEqual(found["Status"], "Failed")
                    self.assertIn(
                        "does not match the allowed pattern", found["StandardErrorContent"]
                    )
                    self.assertFalse(trace.exists())

    def test_a_change_makes_a_new_version_in_its_place(self) -> None:
        ssm = self.client("ssm")
        before = ssm.describe_document(Name=STACK)["Document"]
        self.assertEqual(before["TargetType"], "/AWS::EC2::Instance")
        self.cloudformation.update_stack(
            StackName=STACK,
            TemplateBody=TEMPLATE.replace("One operation of", "Another operation of"),
            Parameters=as_parameters(self.given),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.assertEqual(self.settled(STACK), "UPDATE_COMPLETE")
        after = ssm.describe_document(Name=STACK)["Document"]
        self.assertIn("Another operation", after["Description"])
        self.assertEqual((after["DefaultVersion"], after["LatestVersion"]), ("2", "2"))
        self.assertEqual(self.operate("GET", "jobs")[0], 200)


class Places(OperationsTest):
    def test_a_role_that_moves_is_made_anew_and_the_function_has_it(self) -> None:
        iam = self.client("iam")
        before = self.resource("Role")
        for path, name, begin in (
            ("/team/", "", f"{STACK}-"),
            ("/team/", "lab-operations-A", "lab-operations-A"),
            ("/other/", "lab-operations-B", "lab-operations-B"),
        ):
            self.cloudformation.update_stack(
                StackName=STACK,
                UsePreviousTemplate=True,
                Parameters=as_parameters({**self.given, "RolePath": path, "RoleName": name}),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            self.assertEqual(self.settled(STACK), "UPDATE_COMPLETE")
            function = self.client("lambda").get_function(FunctionName=STACK)
            role = function["Configuration"]["Role"]
            self.assertIn(f":role{path}{begin}", role)
            self.assertEqual(self.operate("GET", "jobs")[0], 200)
            with self.assertRaises(iam.exceptions.NoSuchEntityException):
                iam.get_role(RoleName=before)
            before = self.resource("Role")


class Changes(OperationsTest):
    def test_without_a_head_node_and_without_the_stack(self) -> None:
        role = self.resource("Role")
        self.assertEqual(self.operate("GET", "jobs")[0], 200)
        self.assertTrue(self.log())
        self.cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Parameters=as_parameters({**self.given, "HeadNodeInstanceID": ""}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.assertEqual(self.settled(STACK), "UPDATE_COMPLETE")
        status, _, body = self.operate("GET", "jobs")
        self.assertEqual((status, json.loads(body)["error"]), (503, "the cluster has no head node"))
        (sent,) = (
            statement
            for statement in self.statements(role)
            if statement["Action"] == "ssm:SendCommand"
        )
        self.assertIn(f":document/{STACK}", sent["Resource"])

        self.assertEqual(self.deleted(STACK), "DELETE_COMPLETE")
        api = {"ApiId": self.made["Api"]}
        gateway = self.client("apigatewayv2")
        routes = [one["RouteKey"] for one in gateway.get_routes(**api)["Items"]]
        self.assertEqual(routes, ["ANY /slurm/{proxy+}"])
        self.assertEqual(len(gateway.get_integrations(**api)["Items"]), 1)
        self.assertEqual(self.client("lambda").list_functions()["Functions"], [])
        own = {"Key": "Owner", "Values": ["Self"]}
        documents = self.client("ssm").list_documents(Filters=[own])
        self.assertEqual(documents["DocumentIdentifiers"], [])
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")
        self.assertEqual(groups["logGroups"], [])
        self.assertEqual(
            self.refusal(self.client("iam").get_role, RoleName=role)[0], "NoSuchEntity"
        )

    def statements(self, role: str) -> list[dict[str, Any]]:
        found = self.client("iam").get_role_policy(RoleName=role, PolicyName="operations")
        return found["PolicyDocument"]["Statement"]


class Orders(EmulatorTest):
    """Orders lie in the bucket of the stack of the requirements."""

    def test_nodes_write_no_orders(self) -> None:
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"][:2]
        names = {f"AvailabilityZone{n}": zone["ZoneName"] for n, zone in enumerate(zones, 1)}
        template = (TEMPLATES / "requirements.yaml").read_text()
        own = f"arn:aws:iam::{self.account}:role"
        given = names | {"Nat": "false", "OwnNodeRoles": f",{own}/x,{own}/*/own"}
        self.assertEqual(self.create("x", template, **given), "CREATE_COMPLETE")
        bucket = self.outputs("x")["Bucket"]
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        for path, name, is_allowed in (
            ("/parallelcluster/x/", "node", False),
            ("/lab/", "own", False),
            ("/own/", "function", True),
        ):
            role = self.client("iam").create_role(
                RoleName=name, Path=path, AssumeRolePolicyDocument=policy(trust)
            )["Role"]
            rights = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
            self.client("iam").put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=policy(rights)
            )
            session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="i-1")
            s3 = self.client_with("s3", session["Credentials"])
            call = {"Bucket": bucket, "Key": "operations/x.json"}
            if is_allowed:
                s3.put_object(**call, Body=b"{}")
            else:
                code, _ = self.refusal(s3.put_object, **call, Body=b"{}")
                self.assertEqual(code, "AccessDenied")
                self.assertEqual(self.refusal(s3.delete_object, **call)[0], "AccessDenied")


if __name__ == "__main__":
    unittest.main()
