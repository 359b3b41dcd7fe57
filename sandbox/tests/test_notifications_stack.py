"""The stack of the notifications: each ended job with the mark becomes one message, though objects
are written again and again, and two at once."""

from __future__ import annotations

import gzip
import json
import threading
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from emulator import REGION, EmulatorTest, as_parameters
from functions import archive

TEMPLATES = Path(__file__).parents[2] / "templates"
TEMPLATE = (TEMPLATES / "notifications.yaml").read_text()
STACK = "test-notifications"
CODE_KEY = "hpcapi/0123456789abcdef/notifications.zip"
ADDRESS = "me@example.org"
RUN = "20260102-030405-0123abcd"
MARKED = "mine hpcapi:notify hpcapi:0123456789abcdef"
# So long that a message too many would have come.
QUIET = 0.5
# A call waits between what it does with the object of this name, so that another call, which begins
# at the same moment, comes in between. The sandbox shortens `time.sleep`.
LOOKS, PUBLISHES, PAUSE = "slow-to-begin", "slow-to-publish", 1.5
CODE = f"""

import threading


def markers(folder, markers=markers):
    found = markers(folder)
    if {LOOKS!r} in folder:
        threading.Event().wait({PAUSE})
    return found


def publish(group, publish=publish):
    if {PUBLISHES!r} in group[0].key:
        threading.Event().wait({PAUSE})
    return publish(group)
"""


def function() -> bytes:
    text = (TEMPLATES / "notifications/function.py").read_text()
    return archive(text + CODE, "function.py")


def job(number: int, comment: str | None = MARKED, **fields: Any) -> dict[str, Any]:
    """A job as the head node's recorder writes it."""
    return {
        "job_id": number,
        "user_name": "ada",
        "user_id": 1000,
        "group_name": "ada",
        "group_id": 1000,
        "name": f"job-{number}",
        "job_state": "COMPLETED",
        "partition": "q1",
        "time_limit": 60,
        "start_time": 1767322800,
        "end_time": 1767322860,
        "nodes": "q1-st-a-1",
        "node_count": 1,
        "cpus": 2,
        "current_working_directory": "/home/ada",
        "submit_time": 1767322700,
        "eligible_time": 1767322700,
        "exit_code": 0,
        "derived_exit_code": 0,
        **({} if comment is None else {"comment": comment}),
        "standard_output": f"/home/ada/slurm-{number}.out",
        **fields,
    }


class NotificationsTest(EmulatorTest):
    """A test case with the stack of the notifications."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bucket = f"notifications-{cls.account}"
        cls.s3, cls.sns, cls.sqs = cls.client("s3"), cls.client("sns"), cls.client("sqs")
        cls.s3.create_bucket(Bucket=cls.bucket)
        cls.s3.put_bucket_notification_configuration(
            Bucket=cls.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        cls.s3.put_object(Bucket=cls.bucket, Key=CODE_KEY, Body=function())
        cls.cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=TEMPLATE,
            Parameters=as_parameters(
                {
                    "Bucket": cls.bucket,
                    "CodeKey": CODE_KEY,
                    "Deployment": "test",
                    "Protocol": "email",
                    "Endpoint": ADDRESS,
                }
            ),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "hpcapi:deployment", "Value": "test"}],
        )
        cls.ended = cls().settled(STACK)
        cls.topic = cls().outputs(STACK)["Topic"]
        cls.queue = cls._subscribed_queue()

    @classmethod
    def _subscribed_queue(cls) -> str:
        """A queue that gets what is published: unlike an address it needs no confirmation."""
        arn = f"arn:aws:sqs:{REGION}:{cls.account}:told"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": cls.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        queue = cls.sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
        cls.sns.subscribe(TopicArn=cls.topic, Protocol="sqs", Endpoint=arn)
        return queue

    def write(self, name: str, *jobs: dict[str, Any]) -> None:
        """Writes an object of the job memory, as the recorder does with each batch."""
        lines = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in jobs)
        key = f"jobs/2026-01-02/{name}.ndjson.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=gzip.compress(lines.encode(), 6))

    def told(self, many: int, quiet: float = QUIET) -> list[dict[str, Any]]:
        """The messages that come, which are so many and no more."""
        found: list[dict[str, Any]] = []

        def receive() -> bool:
            asked = {"QueueUrl": self.queue, "MaxNumberOfMessages": 10}
            for one in self.sqs.receive_message(**asked).get("Messages", []):
                found.append(json.loads(one["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
            return len(found) >= many

        self.wait_for(receive)
        time.sleep(quiet)
        receive()
        self.assertEqual(len(found), many, [one["Subject"] for one in found])
        return sorted(found, key=lambda one: one["Subject"])

    def part(self, logical_id: str) -> str:
        found = self.cloudformation.describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]


class Messages(NotificationsTest):
    @classmethod
    def setUpClass(cls) -> None:
        from hpcapi_sandbox import request_checks

        super().setUpClass()
        cls.asked: list[tuple[bool, str]] = []
        request_checks._checks.insert(0, cls._note)
        cls.addClassCleanup(request_checks._checks.remove, cls._note)

    @classmethod
    def _note(
        cls, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Notes what the function asks of S3, and whether its role allows that, before the sandbox
        refuses it."""
        from hpcapi_sandbox import bucket_policies, callers
        from ministack.core.responses import request_scope

        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if bucket != cls.bucket:
            return
        with request_scope(cls.account, REGION):
            who = callers.caller(callers.key_of(headers))
            if who is None or f"role/{STACK}-Role" not in who.arn:
                return
            asked = parse_qs(query, keep_blank_values=True)
            for action, resource in bucket_policies.asked(method, path, bucket, key, asked, body):
                denied = callers.denial(who, action, resource)
                cls.asked.append((denied is None, f"{action} {resource}"))

    def test_each_job_with_the_mark_is_one_message(self) -> None:
        self.assertEqual(self.ended, "CREATE_COMPLETE")
        name = "0-0-i-0123456789abcdef0-01234567"
        manifest = {"trigger": "t", "outbox": "outbox/t/e/", "event": {"bucket": "b", "key": "k"}}
        self.s3.put_object(
            Bucket=self.bucket, Key=f"runs/{RUN}/run.json", Body=json.dumps(manifest)
        )
        jobs = [
            job(1),
            job(2, None),
            job(3, "hpcapi:notifying"),
            job(4, "hpcapi:notify", job_state="FAILED", exit_code=3 << 8),
            job(5, unconfirmed=True),
            job(6, f"hpcapi:notify hpcapi:run-{RUN}"),
        ]
        self.write(name, *jobs)
        first, failed, run = self.told(3)
        self.assertEqual(first["Subject"], "hpcapi: job 1 (job-1) COMPLETED")
        self.assertEqual(failed["Subject"], "hpcapi: job 4 (job-4) FAILED, exit code 3")
        values = {name: one["Value"] for name, one in failed["MessageAttributes"].items()}
        expected = {"deployment": "test", "user": "ada", "name": "job-4", "state": "FAILED"}
        self.assertEqual(values, expected)
        told = json.loads(run["Message"])
        self.assertEqual((told["id"], told["run"], told["trigger"]), (6, RUN, "t"))
        self.assertEqual(run["MessageAttributes"]["trigger"]["Value"], "t")

        # Written again with the next batch.
        self.write(name, *jobs, job(7))
        (later,) = self.told(1)
        self.assertEqual(later["Subject"], "hpcapi: job 7 (job-7) COMPLETED")
        # By two at the same moment.
        together = threading.Barrier(4)

        def write(name: str, number: int) -> None:
            together.wait()
            self.write(name, job(number), job(number))

        writers = [
            threading.Thread(target=write, args=one) for one in ((LOOKS, 8), (PUBLISHES, 9)) * 2
        ]
        for one in writers:
            one.start()
        for one in writers:
            one.join()
        found = [json.loads(one["Message"])["id"] for one in self.told(2, PAUSE + QUIET)]
        self.assertEqual(found, [8, 9])
        # Tasks of an array together.
        self.write(
            f"{name}-other", *(job(n, array_job_id=20, array_task_id=n) for n in range(20, 25))
        )
        (array,) = self.told(1)
        self.assertIn("5 of array 20", array["Subject"])
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="operations/notified/")
        markers = [one["Key"] for one in page["Contents"]]
        self.assertEqual(len(markers), 3 + 1 + 2 + 5)
        for key in markers:
            marker = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
            self.assertEqual(marker["state"], "told", key)
        self.assertTrue(self.asked)
        self.assertEqual([what for is_allowed, what in self.asked if not is_allowed], [])

    def test_who_reads_mails_has_to_confirm(self) -> None:
        found = self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        arns = {one["Protocol"]: one["SubscriptionArn"] for one in found}
        self.assertEqual(arns["email"], "PendingConfirmation")
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=self.part("Subscription"))
        self.assertEqual(attributes["Attributes"]["PendingConfirmation"], "true")
        tags = self.sns.list_tags_for_resource(ResourceArn=self.topic)["Tags"]
        self.assertIn({"Key": "hpcapi:deployment", "Value": "test"}, tags)

    def test_the_rule_takes_objects_of_the_job_memory(self) -> None:
        events = self.client("events")
        rule = events.describe_rule(Name=self.part("Rule").rpartition("/")[2])
        for key, is_wanted in {
            "jobs/2026-01-02/0-0-i-0123456789abcdef0-01234567.ndjson.gz": True,
            "jobs/head-node.json": False,
            "inbox/jobs/a.ndjson.gz": False,
            "inbox/a.ndjson.gz": False,
            "operations/notified/2026-01-02/0/1-0": False,
        }.items():
            event = {
                "id": "1",
                "account": self.account,
                "region": REGION,
                "resources": [],
                "time": "2026-01-02T10:00:00Z",
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": self.bucket}, "object": {"key": key}},
            }
            for changed, expected in (
                ({}, is_wanted),
                ({"detail-type": "Object Deleted"}, False),
                ({"detail": {**event["detail"], "bucket": {"name": "another"}}}, False),
            ):
                found = events.test_event_pattern(
                    EventPattern=rule["EventPattern"], Event=json.dumps({**event, **changed})
                )
                self.assertEqual(found["Result"], expected, (key, changed))

    def test_the_function_has_no_more_rights_than_it_needs(self) -> None:
        role = f"arn:aws:iam::{self.account}:role/{self.part('Role')}"
        bucket = f"arn:aws:s3:::{self.bucket}"
        for is_allowed, action, resource in (
            (True, "sns:Publish", self.topic),
            (False, "sns:Publish", f"{self.topic}-other"),
            (False, "sns:Subscribe", self.topic),
            (False, "sns:SetTopicAttributes", self.topic),
            (True, "s3:ListBucket", bucket),
            (True, "s3:GetObject", f"{bucket}/jobs/2026-01-02/x.ndjson.gz"),
            (True, "s3:GetObject", f"{bucket}/runs/{RUN}/run.json"),
            (True, "s3:GetObject", f"{bucket}/operations/notified/x"),
            (False, "s3:GetObject", f"{bucket}/runs/{RUN}/script"),
            (False, "s3:GetObject", f"{bucket}/operations/x.json"),
            (False, "s3:GetObject", f"{bucket}/inbox/x"),
            (True, "s3:PutObject", f"{bucket}/operations/notified/x"),
            (False, "s3:PutObject", f"{bucket}/operations/x.json"),
            (False, "s3:PutObject", f"{bucket}/jobs/x"),
            (False, "s3:PutObject", f"{bucket}/runs/x"),
            (False, "s3:DeleteObject", f"{bucket}/operations/notified/x"),
            (False, "ssm:SendCommand", "*"),
        ):
            with self.subTest(f"{action} {resource}"):
                (found,) = self.client("iam").simulate_principal_policy(
                    PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
                )["EvaluationResults"]
                self.assertEqual(found["EvalDecision"] == "allowed", is_allowed)


class Changes(NotificationsTest):
    def test_the_stack_leaves_nothing(self) -> None:
        functions = self.client("lambda")
        found = functions.get_function_event_invoke_config(FunctionName=STACK)
        self.assertEqual(found["MaximumRetryAttempts"], 2)
        role = self.part("Role")
        self.cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": "Protocol", "ParameterValue": "https"},
                {"ParameterKey": "Endpoint", "ParameterValue": "https://example.org/jobs"},
                *(
                    {"ParameterKey": key, "UsePreviousValue": True}
                    for key in ("Bucket", "CodeKey", "Deployment")
                ),
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.assertEqual(self.settled(STACK), "UPDATE_COMPLETE")
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=self.part("Subscription"))
        self.assertEqual(attributes["Attributes"]["Protocol"], "https")
        self.assertEqual(self.outputs(STACK)["Topic"], self.topic)
        self.assertEqual(self.deleted(STACK), "DELETE_COMPLETE")
        self.assertEqual(self.sns.list_topics()["Topics"], [])
        self.assertEqual(self.sns.list_subscriptions()["Subscriptions"], [])
        self.assertEqual(self.client("events").list_rules()["Rules"], [])
        self.assertEqual(functions.list_functions()["Functions"], [])
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")
        self.assertEqual(groups["logGroups"], [])
        refused = self.refusal(self.client("iam").get_role, RoleName=role)
        self.assertEqual(refused[0], "NoSuchEntity")


if __name__ == "__main__":
    unittest.main()
