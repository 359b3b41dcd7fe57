"""A rule of EventBridge calls a function: if the function's policy lets it, and twice again if the
function fails."""

from __future__ import annotations

import json
import time
import unittest
from typing import Any

from emulator import REGION, EmulatorTest

TEMPLATE = """
Parameters:
  Source: {Type: String, Default: ""}
  Retries: {Type: Number, Default: 2}
  Destination: {Type: String, Default: ""}
  Sends: {Type: String, Default: "sqs:SendMessage"}
Conditions:
  HasSource: !Not [!Equals [!Ref Source, ""]]
  HasDestination: !Not [!Equals [!Ref Destination, ""]]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {bucket: {name: [!Ref Bucket]}, object: {key: [{wildcard: jobs/*.gz}]}}
      Targets: [{Arn: !GetAtt Function.Arn, Id: function}]
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref Function
      Principal: events.amazonaws.com
      SourceArn: !If [HasSource, !Ref Source, !GetAtt Rule.Arn]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}
      Policies:
        - PolicyName: fail
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: !Ref Sends, Resource: "*"}
              - {Effect: Allow, Action: ["s3:ListBucket", "s3:PutObject"], Resource: "*"}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      # A busy machine needs more than the three seconds of the default.
      Timeout: 60
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import uuid
          import boto3

          def handler(event, context):
              bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
              who = boto3.client("sts").get_caller_identity()["Arn"]
              s3 = boto3.client("s3")
              calls = s3.list_objects_v2(Bucket=bucket, Prefix=f"called/{key}/")["KeyCount"]
              s3.put_object(Bucket=bucket, Key=f"called/{key}/{uuid.uuid4()}", Body=who)
              if "fails" in key or "once" in key and calls == 0:
                  raise RuntimeError("it fails")
  InvokeConfig:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Function
      Qualifier: $LATEST
      MaximumRetryAttempts: !Ref Retries
      DestinationConfig: !If
        - HasDestination
        - {OnFailure: {Destination: !Ref Destination}}
        - !Ref AWS::NoValue
Outputs:
  Bucket: {Value: !Ref Bucket}
  Function: {Value: !Ref Function}
  Rule: {Value: !GetAtt Rule.Arn}
"""
# So long that a call which must not come would have.
QUIET = 0.8


class RuleFunctions(EmulatorTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.s3, cls.sqs = cls.client("s3"), cls.client("sqs")
        cls.functions = cls.client("lambda")

    def put(self, made: dict[str, str], key: str) -> None:
        self.s3.put_object(Bucket=made["Bucket"], Key=key, Body=b"x")

    def calls(self, made: dict[str, str], key: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=made["Bucket"], Prefix=f"called/{key}/")
        return [one["Key"] for one in found.get("Contents", [])]

    def queue(self, name: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{self.account}:{name}"

    def empty(self, made: dict[str, str]) -> None:
        for one in self.s3.list_objects_v2(Bucket=made["Bucket"]).get("Contents", []):
            self.s3.delete_object(Bucket=made["Bucket"], Key=one["Key"])

    def test_each_event_is_one_call_and_what_fails_is_tried_twice_again(self) -> None:
        queue, arn = self.queue("failed")
        self.assertEqual(self.create("calls", TEMPLATE, Destination=arn), "CREATE_COMPLETE")
        made = self.outputs("calls")
        keys = ("jobs/a.gz", "jobs/2026/once.gz", "jobs/fails.gz", "jobs/a.json", "other/a.gz")
        for key in keys:
            self.put(made, key)
        failed = self.wait_for(
            lambda: self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
        )
        (told,) = (json.loads(one["Body"]) for one in failed)
        self.assertEqual(told["requestPayload"]["detail"]["object"]["key"], "jobs/fails.gz")
        self.assertEqual(told["responsePayload"]["errorMessage"], "it fails")
        expected = [1, 2, 3, 0, 0]
        self.wait_for(lambda: [len(self.calls(made, key)) for key in keys] == expected)
        time.sleep(QUIET)
        self.assertEqual([len(self.calls(made, key)) for key in keys], expected)
        (call,) = self.calls(made, "jobs/a.gz")
        who = self.s3.get_object(Bucket=made["Bucket"], Key=call)["Body"].read().decode()
        self.assertIn(":assumed-role/calls-Role", who)
        again = {"Retries": "0", "Destination": ""}
        self.assertEqual(self.changed("calls", again), "UPDATE_COMPLETE")
        self.put(made, "jobs/fails-later.gz")
        self.wait_for(lambda: self.calls(made, "jobs/fails-later.gz"))
        time.sleep(QUIET)
        self.assertEqual(len(self.calls(made, "jobs/fails-later.gz")), 1)
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=queue))
        self.empty(made)
        self.assertEqual(self.deleted("calls"), "DELETE_COMPLETE")
        self.assertEqual(self.client("events").list_rules()["Rules"], [])
        self.assertEqual(self.functions.list_functions()["Functions"], [])

    def changed(self, stack: str, parameters: dict[str, str]) -> str:
        self.cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "team", "Value": "b"}],
        )
        return self.settled(stack)

    def test_a_rule_that_the_function_s_policy_does_not_name_calls_nobody(self) -> None:
        other = f"arn:aws:events:{REGION}:{self.account}:rule/other"
        self.assertEqual(self.create("denied", TEMPLATE, Source=other), "CREATE_COMPLETE")
        made = self.outputs("denied")
        self.put(made, "jobs/a.gz")
        time.sleep(QUIET)
        self.assertEqual(self.calls(made, "jobs/a.gz"), [])
        self.assertEqual(self.changed("denied", {"Source": ""}), "UPDATE_COMPLETE")
        self.put(made, "jobs/b.gz")
        self.wait_for(lambda: self.calls(made, "jobs/b.gz"))
        # What came before is gone.
        self.assertEqual(self.calls(made, "jobs/a.gz"), [])
        found = self.functions.get_policy(FunctionName=made["Function"])["Policy"]
        (statement,) = json.loads(found)["Statement"]
        self.assertEqual(statement["Condition"], {"ArnLike": {"AWS:SourceArn": made["Rule"]}})
        config = self.functions.get_function_event_invoke_config(FunctionName=made["Function"])
        self.assertTrue(config["FunctionArn"].endswith(":$LATEST"))
        tags = self.client("events").list_tags_for_resource(ResourceARN=made["Rule"])["Tags"]
        self.assertIn({"Key": "team", "Value": "b"}, tags)
        self.empty(made)
        self.assertEqual(self.deleted("denied"), "DELETE_COMPLETE")

    def test_an_invocation_of_type_event_is_tried_again_too(self) -> None:
        self.assertEqual(self.create("event", TEMPLATE), "CREATE_COMPLETE")
        made = self.outputs("event")
        detail = {"bucket": {"name": made["Bucket"]}, "object": {"key": "once"}}
        asked = {"FunctionName": made["Function"], "InvocationType": "Event"}
        told = self.functions.invoke(**asked, Payload=json.dumps({"detail": detail}))
        self.assertEqual(told["StatusCode"], 202)
        self.wait_for(lambda: len(self.calls(made, "once")) == 2)
        self.empty(made)
        self.assertEqual(self.deleted("event"), "DELETE_COMPLETE")

    def test_what_aws_refuses_fails_the_stack(self) -> None:
        _, arn = self.queue("unreachable")
        for number, (logical_id, changes, parameters, message) in enumerate(
            (
                ("InvokeConfig", {}, {"Retries": "3"}, "3 is not less or equal to 2"),
                (
                    "InvokeConfig",
                    {},
                    {"Destination": arn, "Sends": "sqs:ReceiveMessage"},
                    "does not have permissions to call SendMessage",
                ),
                ("InvokeConfig", {"Qualifier: $LATEST": "Qualifier: '2'"}, {}, "not found"),
                ("Permission", {"!Ref Function\n      P": "f\n      P"}, {}, "Function not found"),
                ("Permission", {"lambda:Inv": "lambda-Inv"}, {}, "[pattern]"),
                ("Permission", {"events.amazonaws.com": "events"}, {}, "principal was invalid"),
                ("Rule", {"wildcard: jobs/*": "wildcard: jobs/**"}, {}, "Consecutive wildcard"),
                ("Rule", {"{wildcard: ": "{ending: "}, {}, "Event pattern is not valid"),
                ("Rule", {"Id: function": "Id: a function"}, {}, "[pattern]"),
                ("Rule", {"!GetAtt Function.Arn": "function"}, {}, "not in correct format"),
            )
        ):
            with self.subTest(message, **changes):
                template = TEMPLATE
                for old, new in changes.items():
                    self.assertIn(old, template)
                    template = template.replace(old, new)
                stack = f"refused-{number}"
                self.assertEqual(self.create(stack, template, **parameters), "ROLLBACK_COMPLETE")
                self.assertIn(message, self.reason(stack, logical_id, "CREATE_FAILED"))

    def matches(self, key: str, *rules: Any) -> bool:
        event = {
            "id": "1",
            "account": self.account,
            "region": REGION,
            "resources": [],
            "time": "2026-11-29T10:00:00Z",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"object": {"key": key}},
        }
        pattern = json.dumps({"detail": {"object": {"key": list(rules)}}})
        return self.client("events").test_event_pattern(
            EventPattern=pattern, Event=json.dumps(event)
        )["Result"]

    def test_a_wildcard_means_both_ends_and_a_list_means_any(self) -> None:
        wildcard = {"wildcard": "jobs/*.ndjson.gz"}
        either = {"prefix": "jobs/"}, {"suffix": ".ndjson.gz"}
        for key, by_wildcard, by_list in (
            ("jobs/2026-01-01/0-0-i-0.ndjson.gz", True, True),
            ("jobs/.ndjson.gz", True, True),
            ("jobs/head-node.json", False, True),
            ("inbox/a.ndjson.gz", False, True),
            ("a/jobs/b.ndjson.gz", False, True),
            ("jobs.ndjson.gz", False, True),
            ("jobs/a.ndjson.gz.old", False, True),
            ("inbox/a", False, False),
        ):
            with self.subTest(key):
                self.assertEqual(self.matches(key, wildcard), by_wildcard)
                self.assertEqual(self.matches(key, *either), by_list)


if __name__ == "__main__":
    unittest.main()
