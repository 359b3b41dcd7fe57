"""A stack with a function behind routes of an API, and a client that signs its requests."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from emulator import PATIENCE, REGION, EmulatorTest

CODE = """
import json
import threading

import boto3

MODES = {
    "plain": lambda event: "hello",
    "value": lambda event: {"a": [1]},
    "shaped": lambda event: {
        "statusCode": 201, "headers": {"X-Mine": "yes"}, "cookies": ["a=1", "b=2"], "body": "made"
    },
    "binary": lambda event: {"statusCode": 200, "isBase64Encoded": True, "body": "AAEC"},
    "misshaped": lambda event: {"statusCode": "many"},
    "fails": lambda event: 1 / 0,
    "large": lambda event: "x" * (6 * 2**20),
    "slow": lambda event: threading.Event().wait(12),
    "event": lambda event: {"statusCode": 200, "body": json.dumps(event)},
    "identity": lambda event: boto3.client("sts").get_caller_identity()["Arn"],
    "s3": lambda event: boto3.client("s3").get_object(
        Bucket=event["queryStringParameters"]["bucket"], Key="code.zip"
    )["ContentType"],
    "ssm": lambda event: send(event["queryStringParameters"]),
}


def send(asked):
    try:
        sent = boto3.client("ssm").send_command(
            InstanceIds=[asked["instance"]], DocumentName=asked["document"]
        )
        return sent["Command"]["DocumentName"]
    except Exception as error:
        return str(error)


def handler(event, context):
    return MODES[event["pathParameters"]["mode"]](event)
"""

TEMPLATE = """
Parameters:
  CodeBucket: {Type: String}
  Instance: {Type: String, Default: "*"}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}
      Policies:
        - PolicyName: send
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: ssm:SendCommand
                Resource:
                  - !Sub "arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:document/${Document}"
                  - !Sub "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:instance/${Instance}"
              - {Effect: Allow, Action: "s3:*", Resource: "*"}
  Document:
    Type: AWS::SSM::Document
    Properties:
      DocumentType: Command
      Content:
        schemaVersion: "2.2"
        mainSteps:
          - {action: "aws:runShellScript", name: run, inputs: {runCommand: ["true"]}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Timeout: 30
      Role: !GetAtt Role.Arn
      Code: {S3Bucket: !Ref CodeBucket, S3Key: code.zip}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: functions, ProtocolType: HTTP}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt Function.Arn
      PayloadFormatVersion: "2.0"
      TimeoutInMillis: 8000
  Open:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Api, RouteKey: "ANY /open/{mode}", Target: !Sub "integrations/${Integration}"}
  Signed:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: "POST /signed/{mode}"
      AuthorizationType: AWS_IAM
      Target: !Sub "integrations/${Integration}"
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: $default, AutoDeploy: true}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref Function
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*/{mode}"
Outputs:
  Api: {Value: !Ref Api}
  Endpoint: {Value: !GetAtt Api.ApiEndpoint}
  Function: {Value: !Ref Function}
  Role: {Value: !GetAtt Role.Arn}
  Document: {Value: !Ref Document}
"""

Answer = tuple[int, dict[str, str], bytes]


def archive(code: str, name: str = "index.py") -> bytes:
    """The code of a function as Lambda takes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(name, code)
    return file.getvalue()


class ApiTest(EmulatorTest):
    """A test case with clients of an API whose URL is the output `Endpoint` of a stack."""

    made: dict[str, str]

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
    ) -> Answer:
        request = urllib.request.Request(
            self.made["Endpoint"] + path, data=body, headers=headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def signed(
        self,
        path: str,
        keys: dict[str, str],
        body: bytes = b"{}",
        service: str = "execute-api",
        region: str = REGION,
        method: str = "POST",
    ) -> dict[str, str]:
        """The headers of a signed request."""
        request = AWSRequest(method, self.made["Endpoint"] + path, data=body)
        request.headers["Content-Type"] = "application/json"
        secret, token = keys["SecretAccessKey"], keys.get("SessionToken")
        credentials = Credentials(keys["AccessKeyId"], secret, token)
        SigV4Auth(credentials, service, region).add_auth(request)
        return dict(request.headers)

    def rights(self, name: str, *statements: dict[str, Any]) -> dict[str, str]:
        """The keys of a session of a new role."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        sts = self.client("sts")
        return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="tests")["Credentials"]


class FunctionTest(ApiTest):
    """A test case with a function behind an API."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bucket = f"code-{cls.account}"
        s3 = cls.client("s3")
        s3.create_bucket(Bucket=cls.bucket)
        s3.put_object(Bucket=cls.bucket, Key="code.zip", Body=archive(CODE))
        cls.ended = cls().create("functions", TEMPLATE, CodeBucket=cls.bucket)
        cls.made = cls().outputs("functions")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
