"""The stack of the triggers: each object that is put into the bucket becomes one job, though events
come twice, the function ends anywhere, and the head node is often busy."""

from __future__ import annotations

import hashlib
import json
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from emulator import REGION, as_parameters
from functions import archive
from test_operations_stack import CODE_KEY, OperationsTest
from test_operations_stack import STACK as DOCUMENT

TEMPLATES = Path(__file__).parents[2] / "templates"
TEMPLATE = (TEMPLATES / "triggers.yaml").read_text()
STACK = "test-triggers"
SCRIPT = b"#!/bin/bash\n"
PROGRAM = {"ProgramKey": "hpcapi/0123456789abcdef/run-job.sh", "ProgramSha256": "0" * 64}

# What stands for the head node's program: it submits each run once, and is too busy now and then.
FAKE = """#!{python}
import fcntl, hashlib, json, os, random
import boto3

assert os.environ["SSM_verb"] == "take" and not os.environ["SSM_job"]
digest = os.environ["SSM_order"]
s3 = boto3.client("s3", region_name="{region}", endpoint_url="{endpoint}",
                  aws_access_key_id="{account}", aws_secret_access_key="x")
body = s3.get_object(Bucket="{bucket}", Key="operations/%s.json" % digest)["Body"].read()
assert hashlib.sha256(body).hexdigest() == digest
order = json.loads(body)
if random.random() < {trouble}:
    print(json.dumps({{"status": 503, "error": "Slurm is busy"}}))
    raise SystemExit
told = []
with open("{journal}", "a+") as journal:
    fcntl.flock(journal, fcntl.LOCK_EX)
    journal.seek(0)
    runs = [line.split()[0] for line in journal]
    for one in order["events"]:
        if random.random() < {trouble}:
            told.append({{"run": one["run"], "later": "Slurm is full"}})
            continue
        if one["run"] not in runs:
            runs.append(one["run"])
            journal.write("%s %s\\n" % (one["run"], one["digest"]))
        told.append({{"run": one["run"], "job_id": runs.index(one["run"]) + 1}})
if random.random() < {trouble}:
    raise SystemExit("the answer is lost")
print(json.dumps({{"status": 200, "body": {{"events": told}}}}))
"""

# Is put behind the function in the archive of these tests: one batch of five ends at a call to AWS.
TROUBLE = """

import random


class Ended(BaseException):
    pass


class Ends:
    left = 0

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        def call(**given):
            Ends.left -= 1
            if Ends.left == 0 and random.random() < 0.5:
                raise Ended
            answered = getattr(self.client, name)(**given)
            if Ends.left == 0:
                raise Ended
            return answered

        return call


def take(event, context, take=take):
    Ends.left = random.randint(1, 60) if random.random() < 0.2 else 0
    try:
        return take(event, context)
    except Ended:
        raise RuntimeError("ended at a call") from None


def client(service, client=client):
    return Ends(client(service))
"""


def function(more: str) -> bytes:
    text = (TEMPLATES / "operations/function.py").read_text()
    return archive(text + more, "function.py")


class TriggersTest(OperationsTest):
    """A test case with the stack of the triggers."""

    trouble = 0.0
    code = ""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.journal = cls.program.with_name("journal")
        cls.journal.touch()
        cls.program.write_text(
            FAKE.format(
                python=sys.executable,
                region=REGION,
                endpoint=cls.endpoint,
                account=cls.account,
                bucket=cls.bucket,
                journal=cls.journal,
                trouble=cls.trouble,
            )
        )
        versioning = {"Status": "Enabled"}
        cls.s3.put_bucket_versioning(Bucket=cls.bucket, VersioningConfiguration=versioning)
        cls.s3.put_bucket_notification_configuration(
            Bucket=cls.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        cls.s3.put_object(Bucket=cls.bucket, Key=CODE_KEY, Body=function(cls.code))
        cls.cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=TEMPLATE,
            Parameters=as_parameters(
                {
                    "Bucket": cls.bucket,
                    "CodeKey": CODE_KEY,
                    "HeadNodeInstanceID": cls.made["HeadNode"],
                    "Document": DOCUMENT,
                    **PROGRAM,
                }
            ),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cls.ended = cls().settled(STACK)
        cls.queues = cls().outputs(STACK)
        cls.sqs = cls.client("sqs")

    @classmethod
    def add(cls, name: str, **changed: Any) -> None:
        trigger = {
            "name": name,
            "prefix": "inbox/",
            "suffix": None,
            "script": {"name": "job.sh", "sha256": hashlib.sha256(SCRIPT).hexdigest()},
            "arguments": [],
            "options": [],
            "out": [],
            "work": ".hpcapi/runs",
            "keep_work": False,
            "user": "ec2-user",
            "at_most": None,
            "circle": False,
            "is_paused": False,
            "created": 0,
            **changed,
        }
        cls.put(f"triggers/{name}/script", SCRIPT)
        cls.put(f"triggers/{name}/trigger.json", json.dumps(trigger).encode())

    @classmethod
    def put(cls, key: str, body: bytes = b"x") -> None:
        cls.s3.put_object(Bucket=cls.bucket, Key=key, Body=body)

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def submitted(self, name: str) -> list[str]:
        return self.keys(f"triggers/{name}/submitted/")

    def count(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def runs(self) -> dict[str, str]:
        """The runs that were submitted, each with the digest of its run.json."""
        lines = [line.split() for line in self.journal.read_text().splitlines()]
        self.assertEqual(len(dict(lines)), len(lines))
        return dict(lines)

    def body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def part(self, logical_id: str) -> str:
        found = self.cloudformation.describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]


class Trouble(TriggersTest):
    trouble, code = 0.1, TROUBLE

    def test_each_object_is_one_job(self) -> None:
        self.assertEqual(self.ended, "CREATE_COMPLETE")
        # What the function does not return itself comes back sooner than after six minutes.
        self.sqs.set_queue_attributes(
            QueueUrl=self.queues["Queue"], Attributes={"VisibilityTimeout": "15"}
        )
        from ministack.services import eventbridge

        once = eventbridge._dispatch_to_sqs

        def twice(*arguments: Any, **more: Any) -> None:
            once(*arguments, **more)
            once(*arguments, **more)

        self.add("texts", suffix=".txt")
        self.add("all")
        self.add("paused", is_paused=True)
        hostile = [" ", "$(id)", "`id`;", "'\"", "é😀", "{{ssm:x}}", "%0A", "&<>", "x" * 900]
        names = [*hostile, *(f"{number}.txt" for number in range(30))]
        with mock.patch.object(eventbridge, "_dispatch_to_sqs", twice):
            for name in names:
                self.put(f"inbox/{name}")
            self.put("inbox/0.txt", b"another version")
            for name in ("other/a.txt", "runs/a.txt", "outbox/all/a.txt", "runs/x/retry.json"):
                self.put(name)
            # An event comes in a thread of its own.
            expected = {"texts": 31, "all": len(names) + 1}
            self.wait_for(lambda: all(len(self.submitted(it)) == expected[it] for it in expected))
        self.wait_for(lambda: self.count(self.queues["Queue"]) == 0)
        runs = self.runs()
        self.assertEqual(len(runs), sum(expected.values()))
        self.assertEqual(self.count(self.queues["DeadLetters"]), 0)
        told = []
        for name in expected:
            for key in self.submitted(name):
                run = json.loads(self.body(key))["run"]
                text = self.body(f"runs/{run}/run.json")
                self.assertEqual(hashlib.sha256(text).hexdigest(), runs[run])
                event = json.loads(text)["event"]
                told.append((name, event["key"], event["version"]))
                self.s3.head_object(
                    Bucket=self.bucket, Key=event["key"], VersionId=event["version"]
                )
        self.assertEqual(len(set(told)), len(runs))
        keys = {key for name, key, _ in told if name == "all"}
        self.assertEqual(keys, {f"inbox/{name}" for name in names})
        self.assertEqual(self.keys("triggers/paused/events/"), [])


class Chain(TriggersTest):
    def test_a_gone_object_and_another_try(self) -> None:
        self.add("gone")
        function = {"FunctionName": STACK}
        mapping = self.client("lambda").list_event_source_mappings(**function)
        (source,) = mapping["EventSourceMappings"]
        switch = {"UUID": source["UUID"]}
        self.client("lambda").update_event_source_mapping(**switch, Enabled=False)
        put = self.s3.put_object(Bucket=self.bucket, Key="inbox/gone", Body=b"x")
        self.s3.delete_object(Bucket=self.bucket, Key="inbox/gone", VersionId=put["VersionId"])
        self.client("lambda").update_event_source_mapping(**switch, Enabled=True)
        (refused,) = self.wait_for(lambda: self.keys("triggers/gone/refused/"))
        said = json.loads(self.body(refused))
        self.assertEqual((said["reason"], said["key"]), ("the object is gone", "inbox/gone"))
        dead = self.wait_for(lambda: self.dead())
        self.assertEqual(dead, [("the object is gone", "inbox/gone")])
        # It comes back, and somebody asks for another try.
        marker = json.loads(self.body(refused.replace("/refused/", "/events/")))
        self.put("inbox/gone")
        self.wait_for(lambda: len(self.submitted("gone")) == 1)
        self.assertEqual(len(self.keys("triggers/gone/refused/")), 1)
        self.s3.delete_object(Bucket=self.bucket, Key=refused)
        self.put(f"triggers/gone/retry/{marker['event']}/retry.json")
        self.wait_for(lambda: self.keys("triggers/gone/refused/"))
        self.assertEqual(len(self.runs()), 1)

    def dead(self) -> list[tuple[str, str]]:
        found = self.sqs.receive_message(
            QueueUrl=self.queues["DeadLetters"], MessageAttributeNames=["All"]
        ).get("Messages", [])
        return [
            (
                one["MessageAttributes"]["reason"]["StringValue"],
                json.loads(one["Body"])["detail"]["object"]["key"],
            )
            for one in found
        ]

    def test_the_rule_takes_what_is_not_hpcapi_s_own(self) -> None:
        rule = self.client("events").describe_rule(Name=self.part("Rule").rpartition("/")[2])
        for key, is_wanted in {
            "inbox/a": True,
            "a": True,
            "outbox/t/a": True,
            "hpcapi": True,
            "triggers/t/retry/0/retry.json": True,
            "triggers/t/trigger.json": False,
            "triggers/t/events/0.json": False,
            "runs/r/run.json": False,
            "operations/0.json": False,
            "jobs/2026-11-29/0": False,
            "blobs/0": False,
            "hpcapi/0/x": False,
        }.items():
            event = {
                "id": "1",
                "account": self.account,
                "region": REGION,
                "resources": [],
                "time": "2026-11-29T10:00:00Z",
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": self.bucket}, "object": {"key": key}},
            }
            for changed, expected in (
                ({}, is_wanted),
                ({"detail-type": "Object Deleted"}, False),
                ({"detail": {**event["detail"], "bucket": {"name": "another"}}}, False),
            ):
                found = self.client("events").test_event_pattern(
                    EventPattern=rule["EventPattern"], Event=json.dumps({**event, **changed})
                )
                self.assertEqual(found["Result"], expected, (key, changed))

    def test_the_queues_keep_messages_and_take_none_of_others(self) -> None:
        attributes = {
            name: self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for name, url in self.queues.items()
        }
        for one in attributes.values():
            self.assertEqual(one["MessageRetentionPeriod"], str(14 * 24 * 3600))
            self.assertEqual(one["SqsManagedSseEnabled"], "true")
            denied = [
                (statement["Action"], statement["Condition"])
                for statement in json.loads(one["Policy"])["Statement"]
                if statement["Effect"] == "Deny"
            ]
            self.assertIn(("sqs:*", {"Bool": {"aws:SecureTransport": "false"}}), denied)
        redrive = json.loads(attributes["Queue"]["RedrivePolicy"])
        self.assertEqual(redrive["deadLetterTargetArn"], attributes["DeadLetters"]["QueueArn"])
        self.assertEqual(int(redrive["maxReceiveCount"]), 1000)
        function = self.client("lambda").get_function_configuration(FunctionName=STACK)
        visibility = int(attributes["Queue"]["VisibilityTimeout"])
        self.assertEqual(visibility, 6 * function["Timeout"])

    def test_the_function_has_no_more_rights_than_it_needs(self) -> None:
        role = f"arn:aws:iam::{self.account}:role/{self.part('Role')}"
        bucket = f"arn:aws:s3:::{self.bucket}"
        sqs = f"arn:aws:sqs:{REGION}:{self.account}"
        queue, dead = (
            f"{sqs}:{self.queues[it].rpartition('/')[2]}" for it in ("Queue", "DeadLetters")
        )
        document = f"arn:aws:ssm:{REGION}:{self.account}:document"
        instance = f"arn:aws:ec2:{REGION}:{self.account}:instance"
        for is_allowed, action, resource in (
            (True, "s3:PutObject", f"{bucket}/triggers/t/events/x.json"),
            (True, "s3:PutObject", f"{bucket}/triggers/t/submitted/x.json"),
            (True, "s3:PutObject", f"{bucket}/triggers/t/refused/x.json"),
            (True, "s3:PutObject", f"{bucket}/runs/r/run.json"),
            (True, "s3:PutObject", f"{bucket}/operations/x.json"),
            (False, "s3:PutObject", f"{bucket}/triggers/t/trigger.json"),
            (False, "s3:PutObject", f"{bucket}/triggers/t/script"),
            (False, "s3:PutObject", f"{bucket}/triggers/t/retry/x/retry.json"),
            (False, "s3:PutObject", f"{bucket}/hpcapi/x"),
            (False, "s3:PutObject", f"{bucket}/jobs/x"),
            (False, "s3:PutObject", f"{bucket}/inbox/x"),
            (True, "s3:DeleteObject", f"{bucket}/triggers/t/refused/x.json"),
            (False, "s3:DeleteObject", f"{bucket}/triggers/t/events/x.json"),
            (False, "s3:DeleteObject", f"{bucket}/runs/r/run.json"),
            (False, "s3:DeleteObjectVersion", f"{bucket}/triggers/t/refused/x.json"),
            (True, "s3:GetObjectVersion", f"{bucket}/inbox/x"),
            (True, "s3:ListBucket", bucket),
            (False, "s3:PutBucketPolicy", bucket),
            (True, "sqs:ReceiveMessage", queue),
            (True, "sqs:DeleteMessage", queue),
            (True, "sqs:ChangeMessageVisibility", queue),
            (False, "sqs:SendMessage", queue),
            (True, "sqs:SendMessage", dead),
            (False, "sqs:ReceiveMessage", dead),
            (False, "sqs:DeleteMessage", dead),
            (True, "ssm:SendCommand", f"{document}/{DOCUMENT}"),
            (False, "ssm:SendCommand", f"{document}/AWS-RunShellScript"),
            (True, "ssm:SendCommand", f"{instance}/{self.made['HeadNode']}"),
            (False, "ssm:SendCommand", f"{instance}/i-0123456789abcdef0"),
        ):
            with self.subTest(f"{action} {resource}"):
                (found,) = self.client("iam").simulate_principal_policy(
                    PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
                )["EvaluationResults"]
                self.assertEqual(found["EvalDecision"] == "allowed", is_allowed)


class Changes(TriggersTest):
    def test_the_stack_leaves_nothing(self) -> None:
        self.add("t")
        self.put("inbox/a")
        self.wait_for(lambda: self.submitted("t"))
        role = self.part("Role")
        statements = self.client("iam").get_role_policy(RoleName=role, PolicyName="triggers")
        self.assertIn("SendToTheHeadNode", json.dumps(statements["PolicyDocument"]))
        self.assertEqual(self.deleted(STACK), "DELETE_COMPLETE")
        self.assertEqual(self.sqs.list_queues().get("QueueUrls", []), [])
        self.assertEqual(self.client("events").list_rules()["Rules"], [])
        functions = self.client("lambda")
        self.assertEqual(functions.list_event_source_mappings()["EventSourceMappings"], [])
        names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
        self.assertEqual(names, [DOCUMENT])
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")
        self.assertEqual(
            [one["logGroupName"] for one in groups["logGroups"]], [f"/aws/lambda/{DOCUMENT}"]
        )
        self.assertEqual(
            self.refusal(self.client("iam").get_role, RoleName=role)[0], "NoSuchEntity"
        )
        self.assertTrue(self.submitted("t"))


if __name__ == "__main__":
    unittest.main()
