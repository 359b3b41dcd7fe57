"""An object in a bucket is an event; a rule puts it into a queue, and a function takes it."""

from __future__ import annotations

import json

from emulator import REGION, EmulatorTest

TEMPLATE = """
Parameters:
  Prefix: {Type: String, Default: inbox/}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  DeadLetters: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 3
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 1}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition: {ArnEquals: {"aws:SourceArn": !GetAtt Rule.Arn}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {bucket: {name: [!Ref Bucket]}, object: {key: [{prefix: !Ref Prefix}]}}
      Targets: [{Arn: !GetAtt Queue.Arn, Id: queue}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}
      Policies:
        - PolicyName: take
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes]
                Resource: !GetAtt Queue.Arn
              - {Effect: Allow, Action: "s3:PutObject", Resource: "*"}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json
          import boto3

          def handler(event, context):
              failed = []
              for record in event["Records"]:
                  detail = json.loads(record["body"])["detail"]
                  key = detail["object"]["key"]
                  if key.endswith("poison"):
                      failed.append({"itemIdentifier": record["messageId"]})
                      continue
                  who = boto3.client("sts").get_caller_identity()["Arn"]
                  boto3.client("s3").put_object(
                      Bucket=detail["bucket"]["name"], Key=f"taken/{key}", Body=who
                  )
              return {"batchItemFailures": failed}
  Source:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Queue.Arn
      FunctionName: !Ref Function
      BatchSize: 10
      FunctionResponseTypes: [ReportBatchItemFailures]
Outputs:
  Bucket: {Value: !Ref Bucket}
  DeadLetters: {Value: !Ref DeadLetters}
  Queue: {Value: !Ref Queue}
  QueueArn: {Value: !GetAtt Queue.Arn}
  Rule: {Value: !GetAtt Rule.Arn}
"""


class EventChain(EmulatorTest):
    def test_an_object_reaches_the_function(self) -> None:
        self.assertEqual(self.create("chain", TEMPLATE), "CREATE_COMPLETE")
        made = self.outputs("chain")
        self.put(made["Bucket"], "inbox/a")
        self.assertRegex(self.taken(made["Bucket"], "inbox/a"), ":assumed-role/chain-Role")
        self.put(made["Bucket"], "inbox/poison")
        self.wait_for(lambda: self.dead(made["DeadLetters"]))
        self.assertEqual(self.changed("chain", "other/"), "UPDATE_COMPLETE")
        self.put(made["Bucket"], "inbox/late")
        self.put(made["Bucket"], "other/b")
        self.taken(made["Bucket"], "other/b")
        s3 = self.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=made["Bucket"])["Contents"]]
        self.assertNotIn("taken/inbox/late", keys)
        for key in keys:
            s3.delete_object(Bucket=made["Bucket"], Key=key)
        self.assertEqual(self.deleted("chain"), "DELETE_COMPLETE")
        self.assertEqual(self.client("sqs").list_queues().get("QueueUrls", []), [])
        self.assertEqual(self.client("events").list_rules()["Rules"], [])
        mappings = self.client("lambda").list_event_source_mappings()
        self.assertEqual(mappings["EventSourceMappings"], [])

    def test_a_function_has_to_be_fit_for_its_queue(self) -> None:
        for number, (right, wrong, message) in enumerate(
            (
                ("sqs:DeleteMessage, ", "", "does not have permissions to call DeleteMessage"),
                ("VisibilityTimeout: 3", "VisibilityTimeout: 2", "Queue visibility timeout: 2 sec"),
            )
        ):
            stack, template = f"unfit-{number}", TEMPLATE.replace(right, wrong)
            self.assertEqual(self.create(stack, template), "ROLLBACK_COMPLETE")
            self.assertIn(message, self.reason(stack, "Source", "CREATE_FAILED"))
            self.assertEqual(self.deleted(stack), "DELETE_COMPLETE")

    def test_a_queue_takes_what_its_policy_allows(self) -> None:
        from hpcapi_sandbox import bucket_events
        from ministack.core.responses import request_scope

        self.assertEqual(self.create("strict", TEMPLATE), "CREATE_COMPLETE")
        made, sqs = self.outputs("strict"), self.client("sqs")
        queue = {"QueueUrl": made["Queue"]}

        def may_send(rule: str) -> bool:
            with request_scope(self.account, REGION):
                return bucket_events._may_send(made["QueueArn"], {"Arn": rule})

        self.assertTrue(may_send(made["Rule"]))
        self.assertFalse(may_send(f"{made['Rule']}-other"))
        policy = sqs.get_queue_attributes(**queue, AttributeNames=["Policy"])["Attributes"]
        allowed = json.loads(policy["Policy"])
        denial = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
        refusing = json.dumps({**allowed, "Statement": [*allowed["Statement"], denial]})
        for other in (refusing, ""):
            sqs.set_queue_attributes(**queue, Attributes={"Policy": other})
            self.assertFalse(may_send(made["Rule"]))
        self.assertEqual(self.deleted("strict"), "DELETE_COMPLETE")

    def put(self, bucket: str, key: str) -> None:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")

    def taken(self, bucket: str, key: str) -> str:
        s3 = self.client("s3")

        def found() -> str | None:
            try:
                return s3.get_object(Bucket=bucket, Key=f"taken/{key}")["Body"].read().decode()
            except s3.exceptions.NoSuchKey:
                return None

        return self.wait_for(found)

    def dead(self, queue: str) -> bool:
        found = self.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
        return [json.loads(one["Body"])["detail"]["object"]["key"] for one in found] == [
            "inbox/poison"
        ]

    def changed(self, stack: str, prefix: str) -> str:
        self.cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": "Prefix", "ParameterValue": prefix}],
            Capabilities=["CAPABILITY_IAM"],
        )
        return self.settled(stack)
