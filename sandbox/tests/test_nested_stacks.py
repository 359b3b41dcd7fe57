"""A nested stack that fails goes with the rollback of its parent."""

from __future__ import annotations

from emulator import EmulatorTest

NESTED = """
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    DependsOn: Topic
    Properties: {GroupId: sg-0123456789abcdef0, IpProtocol: "-1", CidrIp: 10.0.0.0/8}
"""
PARENT = """
Parameters: {Url: {Type: String}}
Resources:
  Pool: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Ref Url}}
"""


class NestedStacks(EmulatorTest):
    def test_one_that_fails_leaves_nothing(self) -> None:
        s3 = self.client("s3")
        bucket = f"templates-{self.account}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="nested.yaml", Body=NESTED.encode())
        url = f"https://{bucket}.s3.us-east-1.amazonaws.com/nested.yaml"
        self.assertEqual(self.create("parent", PARENT, Url=url), "ROLLBACK_COMPLETE")
        there = self.cloudformation.describe_stacks()["Stacks"]
        self.assertEqual([stack["StackName"] for stack in there], ["parent"])
        self.assertEqual(self.client("sns").list_topics()["Topics"], [])
        self.assertEqual(self.deleted("parent"), "DELETE_COMPLETE")
