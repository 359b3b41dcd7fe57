"""A schedule of EventBridge Scheduler calls a function again and again, by the sandbox's clock and as the
role of its target."""

from __future__ import annotations

import time
from typing import Any

from emulator import EmulatorTest

TEMPLATE = """
Parameters:
  Rate: {Type: String, Default: rate(1 minute)}
  State: {Type: String, Default: ENABLED}
  Trusted: {Type: String, Default: scheduler.amazonaws.com}
  Allowed: {Type: String, Default: "lambda:InvokeFunction"}
  Window: {Type: String, Default: "OFF"}
  Start: {Type: String, Default: ""}
Conditions:
  HasStart: !Not [!Equals [!Ref Start, ""]]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}
      Policies:
        - PolicyName: write
          PolicyDocument:
            Version: "2012-10-17"
            Statement: {Effect: Allow, Action: "s3:PutObject", Resource: "*"}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 60
      Role: !GetAtt Role.Arn
      Environment: {Variables: {BUCKET: !Ref Bucket}}
      Code:
        ZipFile: |
          import json, os, uuid
          import boto3

          def handler(event, context):
              body = json.dumps(event)
              boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=str(uuid.uuid4()), Body=body)
  Caller:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Action: sts:AssumeRole
            Principal: {Service: !Ref Trusted}
            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}
      Policies:
        - PolicyName: call
          PolicyDocument:
            Version: "2012-10-17"
            Statement: {Effect: Allow, Action: !Ref Allowed, Resource: !GetAtt Function.Arn}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: !Ref AWS::StackName
      State: !Ref State
      ScheduleExpression: !Ref Rate
      StartDate: !If [HasStart, !Ref Start, !Ref AWS::NoValue]
      FlexibleTimeWindow: {Mode: !Ref Window}
      Target:
        Arn: !GetAtt Function.Arn
        RoleArn: !GetAtt Caller.Arn
        RetryPolicy: {MaximumRetryAttempts: 0}
Outputs:
  Bucket: {Value: !Ref Bucket}
  Schedule: {Value: !GetAtt Schedule.Arn}
"""
# So long that a call which must not come would have.
QUIET = 2.5


class Schedules(EmulatorTest):
    def made(self, name: str, **parameters: str) -> str:
        self.assertEqual(self.create(name, TEMPLATE, **parameters), "CREATE_COMPLETE")
        return self.outputs(name)["Bucket"]

    def calls(self, bucket: str) -> int:
        return self.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]

    def change(self, name: str, **parameters: str) -> None:
        given: list[dict[str, Any]] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        self.cloudformation.update_stack(
            StackName=name,
            UsePreviousTemplate=True,
            Parameters=given,
            Capabilities=["CAPABILITY_IAM"],
        )
        self.assertEqual(self.settled(name), "UPDATE_COMPLETE")

    def test_a_rate_is_kept_by_the_clock_of_the_sandbox(self) -> None:
        bucket = self.made("again")
        self.wait_for(lambda: self.calls(bucket) >= 2)
        found = self.client("scheduler").get_schedule(Name="again")
        self.assertEqual(found["Arn"], self.outputs("again")["Schedule"])
        self.change("again", State="DISABLED")
        # Until those end that were begun before.
        time.sleep(QUIET)
        calls = self.calls(bucket)
        time.sleep(QUIET)
        self.assertEqual(self.calls(bucket), calls)
        self.change("again", State="ENABLED")
        self.wait_for(lambda: self.calls(bucket) > calls)

    def test_nothing_is_called_before_the_beginning(self) -> None:
        bucket = self.made("later", Start="2999-01-01T00:00:00Z")
        time.sleep(QUIET)
        self.assertEqual(self.calls(bucket), 0)

    def test_the_role_has_to_allow_the_call(self) -> None:
        bucket = self.made("unable", Allowed="lambda:GetFunction")
        time.sleep(QUIET)
        self.assertEqual(self.calls(bucket), 0)

    def test_what_the_scheduler_does_not_take_fails(self) -> None:
        for name, parameters, reason in (
            ("untrusted", {"Trusted": "events.amazonaws.com"}, "to assume the role"),
            ("never", {"Rate": "rate(0 minutes)"}, "Invalid Schedule Expression"),
            ("begun", {"Start": "2020-01-01T00:00:00Z"}, "earlier than 5 minutes ago"),
            ("wide", {"Window": "FLEXIBLE"}, "MaximumWindowInMinutes"),
            ("odd", {"State": "ON"}, "not a valid enum value"),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(name, TEMPLATE, **parameters), "ROLLBACK_COMPLETE")
                self.assertIn(reason, self.reason(name, "Schedule", "CREATE_FAILED"))
