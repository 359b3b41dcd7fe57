"""What the model check lets pass and what it refuses, on requests as boto3 makes them."""

from __future__ import annotations

import base64
import unittest
from typing import Any

from botocore.parsers import create_parser

from hpcapi_sandbox.model_check import Refusal, check, unchecked_patterns

from signed_requests import recorded, signed
from valid_calls import CALLS

_GROUP = {"GroupName": "g", "Description": "d", "VpcId": "vpc-1"}
_PEER = {"CidrIp": "10.0.0.0/8", "Description": "it's me"}
_STACK = {"StackName": "s", "TemplateBody": "{}"}
_COMMAND = {"InstanceIds": ["i-0123456789abcdef0"], "DocumentName": "AWS-RunShellScript"}
_TABLE = {
    "TableName": "tab",
    "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
}
_OBJECT = {"Bucket": "my-bucket", "Key": "k"}
_RECORD = {"Name": "a.", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "10.0.0.1"}]}


def _tags(count: int, **first: str) -> list[dict[str, Any]]:
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(count)]
    return [{"ResourceType": "instance", "Tags": [{**tags[0], **first}, *tags[1:]]}]


def _records(**change: Any) -> dict[str, Any]:
    return {
        "HostedZoneId": "Z1",
        "ChangeBatch": {
            "Changes": [{"Action": "CREATE", "ResourceRecordSet": {**_RECORD, **change}}]
        },
    }


# Service, method, parameters; then the code of the refusal and what its message must hold.
DAMAGED: list[tuple[str, str, dict[str, Any], str, str]] = [
    # Missing
    ("cloudformation", "create_stack", {"TemplateBody": "{}"}, "ValidationError", "stackName"),
    ("ec2", "terminate_instances", {}, "MissingParameter", "InstanceIds"),
    ("ec2", "run_instances", {"MinCount": 1}, "MissingParameter", "MaxCount"),
    (
        "ssm",
        "send_command",
        {"InstanceIds": ["i-0123456789abcdef0"]},
        "ValidationException",
        "documentName",
    ),
    (
        "s3",
        "put_bucket_versioning",
        {"Bucket": "my-bucket"},
        "MissingRequestBodyError",
        "versioningConfiguration",
    ),
    ("sts", "assume_role", {"RoleSessionName": "me"}, "ValidationError", "roleArn"),
    ("iam", "get_instance_profile", {}, "ValidationError", "instanceProfileName"),
    (
        "logs",
        "put_log_events",
        {"logGroupName": "g", "logStreamName": "s"},
        "InvalidParameterException",
        "logEvents",
    ),
    ("lambda", "create_function", {"FunctionName": "f", "Code": {}}, "ValidationException", "role"),
    ("dynamodb", "get_item", {"TableName": "tab"}, "ValidationException", "key"),
    (
        "elbv2",
        "register_targets",
        {"TargetGroupArn": "t", "Targets": [{"Port": 1}]},
        "ValidationError",
        "targets.1.member.id",
    ),
    ("apigatewayv2", "create_api", {"Name": "n"}, "BadRequestException", "protocolType"),
    (
        "route53",
        "change_resource_record_sets",
        {"HostedZoneId": "Z1"},
        "InvalidInput",
        "changeBatch",
    ),
    ("events", "put_rule", {"EventPattern": "{}"}, "ValidationException", "name"),
    ("sns", "subscribe", {"TopicArn": "t"}, "InvalidParameter", "protocol"),
    ("sqs", "send_message", {"QueueUrl": "q"}, "InvalidParameterValue", "messageBody"),
    # Of the wrong type
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "TimeoutInMinutes": "soon"},
        "ValidationError",
        "timeoutInMinutes",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": "one", "MaxCount": 1},
        "InvalidParameterValue",
        "MinCount",
    ),
    (
        "ssm",
        "send_command",
        {**_COMMAND, "TimeoutSeconds": "60"},
        "SerializationException",
        "timeoutSeconds",
    ),
    (
        "ssm",
        "send_command",
        {**_COMMAND, "Parameters": {"commands": [1]}},
        "SerializationException",
        "parameters.commands.1",
    ),
    (
        "logs",
        "get_log_events",
        {"logGroupName": "g", "logStreamName": "s", "startTime": "now"},
        "SerializationException",
        "startTime",
    ),
    ("dynamodb", "scan", {"TableName": "tab", "Limit": True}, "SerializationException", "limit"),
    ("lambda", "list_functions", {"MaxItems": "many"}, "ValidationException", "maxItems"),
    (
        "s3",
        "list_objects_v2",
        {"Bucket": "my-bucket", "MaxKeys": "all"},
        "InvalidArgument",
        "maxKeys",
    ),
    ("route53", "change_resource_record_sets", _records(TTL="long"), "InvalidInput", "tTL"),
    (
        "apigatewayv2",
        "create_stage",
        {"ApiId": "a", "StageName": "s", "AutoDeploy": "yes"},
        "BadRequestException",
        "autoDeploy",
    ),
    # Not of the list
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Capabilities": ["CAPABILITY_ALL"]},
        "ValidationError",
        "capabilities.1",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "OnFailure": "RETRY"},
        "ValidationError",
        "onFailure",
    ),
    (
        "ec2",
        "create_key_pair",
        {"KeyName": "k", "KeyType": "dsa"},
        "InvalidParameterValue",
        "KeyType",
    ),
    (
        "s3",
        "put_bucket_versioning",
        {"Bucket": "my-bucket", "VersioningConfiguration": {"Status": "On"}},
        "MalformedXML",
        "status",
    ),
    (
        "dynamodb",
        "create_table",
        {**_TABLE, "BillingMode": "FREE"},
        "ValidationException",
        "billingMode",
    ),
    (
        "apigatewayv2",
        "create_api",
        {"Name": "n", "ProtocolType": "REST"},
        "BadRequestException",
        "protocolType",
    ),
    (
        "elbv2",
        "create_load_balancer",
        {"Name": "n", "Scheme": "private"},
        "ValidationError",
        "scheme",
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": "f", "InvocationType": "Later"},
        "ValidationException",
        "invocationType",
    ),
    ("events", "put_rule", {"Name": "r", "State": "ON"}, "ValidationException", "state"),
    # Too long, too short, too many, too few
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]},
        "ValidationError",
        "tags",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Tags": [{"Key": "k" * 129, "Value": "v"}]},
        "ValidationError",
        "tags.1.member.key",
    ),
    (
        "ssm",
        "send_command",
        {**_COMMAND, "TimeoutSeconds": 29},
        "ValidationException",
        "timeoutSeconds",
    ),
    (
        "ssm",
        "send_command",
        {**_COMMAND, "TimeoutSeconds": 2_592_001},
        "ValidationException",
        "timeoutSeconds",
    ),
    ("ssm", "send_command", {**_COMMAND, "Comment": "c" * 101}, "ValidationException", "comment"),
    (
        "ssm",
        "send_command",
        {**_COMMAND, "InstanceIds": ["i-0123456789abcdef0"] * 51},
        "ValidationException",
        "instanceIds",
    ),
    (
        "sts",
        "assume_role",
        {
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "RoleSessionName": "me",
            "DurationSeconds": 60,
        },
        "ValidationError",
        "durationSeconds",
    ),
    (
        "iam",
        "create_role",
        {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"},
        "ValidationError",
        "roleName",
    ),
    (
        "lambda",
        "update_function_configuration",
        {"FunctionName": "f", "Timeout": 0},
        "ValidationException",
        "timeout",
    ),
    ("dynamodb", "create_table", {**_TABLE, "KeySchema": []}, "ValidationException", "keySchema"),
    ("elbv2", "create_target_group", {"Name": "n", "Port": 70_000}, "ValidationError", "port"),
    # Against the pattern
    (
        "cloudformation",
        "create_change_set",
        {**_STACK, "ChangeSetName": "1st"},
        "ValidationError",
        "changeSetName",
    ),
    (
        "ssm",
        "get_command_invocation",
        {"CommandId": "0" * 36, "InstanceId": "my-node"},
        "ValidationException",
        "instanceId",
    ),
    (
        "ssm",
        "put_parameter",
        {"Name": "/x", "Value": "v", "Tags": [{"Key": "a!", "Value": ""}]},
        "ValidationException",
        "tags.1.member.key",
    ),
    ("iam", "get_role", {"RoleName": "head node"}, "ValidationError", "roleName"),
    (
        "sts",
        "assume_role",
        {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "a b"},
        "ValidationError",
        "roleSessionName",
    ),
    (
        "logs",
        "create_log_group",
        {"logGroupName": "a b"},
        "InvalidParameterException",
        "logGroupName",
    ),
    ("lambda", "get_function", {"FunctionName": "a b"}, "ValidationException", "functionName"),
    # What AWS enforces and the models do not say
    (
        "cloudformation",
        "create_stack",
        {"StackName": "s", "TemplateBody": "é" * 25_601},
        "ValidationError",
        "templateBody",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "StackName": "my_stack"},
        "ValidationError",
        "stackName",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "StackName": "s" * 129},
        "ValidationError",
        "stackName",
    ),
    (
        "cloudformation",
        "create_stack",
        {"StackName": "s"},
        "ValidationError",
        "Either Template URL or Template Body",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "TemplateURL": "https://x"},
        "ValidationError",
        "Either Template URL or Template Body",
    ),
    (
        "cloudformation",
        "update_stack",
        {**_STACK, "UsePreviousTemplate": True},
        "ValidationError",
        "UsePreviousTemplate",
    ),
    (
        "ec2",
        "create_tags",
        {"Resources": ["i-1"], "Tags": [{"Key": "aws:x", "Value": ""}]},
        "InvalidParameterValue",
        "reserved for internal use",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": 1, "MaxCount": 1, "TagSpecifications": _tags(1, Value="v" * 257)},
        "InvalidParameterValue",
        "256",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": 1, "MaxCount": 1, "TagSpecifications": _tags(51)},
        "TagLimitExceeded",
        "maximum number of Tags",
    ),
    (
        "ec2",
        "create_launch_template",
        {
            "LaunchTemplateName": "lt-",
            "LaunchTemplateData": {"TagSpecifications": _tags(2, Key="k1")},
        },
        "InvalidParameterValue",
        "Duplicate tag key",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "Description": "it's"},
        "InvalidParameterValue",
        "Invalid security group description",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "Description": "naïve"},
        "InvalidParameterValue",
        "GroupDescription",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "GroupName": "sg-x"},
        "InvalidParameterValue",
        "sg-",
    ),
    (
        "ec2",
        "authorize_security_group_ingress",
        {"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": [_PEER]}]},
        "InvalidParameterValue",
        "Invalid rule description",
    ),
    ("ec2", "create_key_pair", {"KeyName": "schlüssel"}, "InvalidParameterValue", "KeyName"),
    (
        "ec2",
        "create_launch_template",
        {
            "LaunchTemplateName": "lt-",
            "LaunchTemplateData": {"UserData": base64.b64encode(b"x" * 16_385).decode()},
        },
        "InvalidParameterValue",
        "16384",
    ),
    ("elbv2", "create_load_balancer", {"Name": "a" * 33}, "ValidationError", "32"),
    ("elbv2", "create_load_balancer", {"Name": "internal-x"}, "ValidationError", "internal-"),
    ("elbv2", "create_target_group", {"Name": "a_b"}, "ValidationError", "alphanumeric"),
    ("s3", "create_bucket", {"Bucket": "My-bucket"}, "InvalidBucketName", "not valid"),
    ("s3", "create_bucket", {"Bucket": "10.0.0.1"}, "InvalidBucketName", "not valid"),
    ("s3", "create_bucket", {"Bucket": "a..b"}, "InvalidBucketName", "not valid"),
    (
        "s3",
        "put_object",
        {**_OBJECT, "Key": "k" * 1025, "Body": b""},
        "KeyTooLongError",
        "too long",
    ),
    (
        "s3",
        "delete_objects",
        {"Bucket": "my-bucket", "Delete": {"Objects": [{"Key": str(n)} for n in range(1001)]}},
        "MalformedXML",
        "schema",
    ),
    (
        "s3",
        "upload_part",
        {**_OBJECT, "UploadId": "u", "PartNumber": 10_001, "Body": b""},
        "InvalidArgument",
        "Part number",
    ),
]


class ValidCalls(unittest.TestCase):
    def test_pass(self) -> None:
        for service, calls in CALLS.items():
            for method, parameters in calls:
                with self.subTest(service=service, method=method):
                    self.assertIsNone(recorded(service, method, **parameters).checked())

    def test_pass_with_a_bucket_in_the_host(self) -> None:
        request = recorded("s3", "put_object", **_OBJECT, Body=b"x")
        request.headers["Host"] = "my-bucket.s3.us-east-1.amazonaws.com"
        request.path = "/k"
        self.assertIsNone(request.checked())

    def test_pass_presigned(self) -> None:
        for host, path in (("127.0.0.1:4566", "/my-bucket/k"), ("my-bucket.localhost:4566", "/k")):
            query = (
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
                "&X-Amz-Credential=123456789012%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
                "&X-Amz-SignedHeaders=host&X-Amz-Signature=00&x-id=PutObject"
            )
            self.assertIsNone(check("PUT", path, query, {"Host": host}, b"{}"))

    def test_pass_with_a_path_that_the_server_has_decoded(self) -> None:
        request = signed(
            "apigateway", method="GET", path="/v2/tags/arn:aws:apigateway:us-east-1::/apis/a1b2c3d4"
        )
        self.assertIsNone(request.checked())


class DamagedCalls(unittest.TestCase):
    def test_are_refused_by_name(self) -> None:
        for service, method, parameters, code, word in DAMAGED:
            with self.subTest(service=service, method=method, code=code, word=word):
                refusal = recorded(service, method, **parameters).checked()
                self.assertIsNotNone(refusal)
                self.assertEqual(refusal.code, code)
                self.assertIn(word, " ".join(refusal.problems))

    def test_unknown_members_are_refused(self) -> None:
        form = {"content_type": "application/x-www-form-urlencoded"}
        json = {"content_type": "application/x-amz-json-1.1"}
        for request in (
            signed("cloudformation", body="Action=DescribeStacks&StackNames=x", **form),
            signed(
                "cloudformation",
                body="Action=ListStacks&StackStatusFilter.1=CREATE_COMPLETE",
                **form,
            ),
            signed("ec2", body="Action=DescribeInstances&InstanceIds.1=i-1", **form),
            signed("ec2", body="Action=DescribeVpcs&Filter.1.Values.1=x", **form),
            signed("ssm", body='{"Unknown": 1}', x_amz_target="AmazonSSM.ListCommands", **json),
            signed("lambda", method="GET", path="/2015-03-31/functions/", query_string="Max=1"),
            signed("lambda", path="/2015-03-31/functions/f/versions", body='{"Unknown": 1}'),
            signed("s3", method="GET", path="/my-bucket", query_string="list-type=2&limit=1"),
            signed(
                "s3",
                path="/my-bucket",
                query_string="delete",
                body="<Delete><Object><Key>k</Key></Object><Loud>1</Loud></Delete>",
            ),
        ):
            with self.subTest(request=request):
                refusal = request.checked()
                self.assertIsNotNone(refusal)
                self.assertRegex(" ".join(refusal.problems), "Unknown parameter|not recognized")

    def test_unknown_operations_are_refused(self) -> None:
        form = {"content_type": "application/x-www-form-urlencoded"}
        for request, code, status in (
            (signed("ec2", body="Action=StartTheInstance", **form), "InvalidAction", 400),
            (
                signed("ssm", body="{}", x_amz_target="AmazonSSM.SendOrders"),
                "UnknownOperationException",
                400,
            ),
            (
                signed("ssm", body="{}", x_amz_target="AmazonEC2.SendCommand"),
                "UnknownOperationException",
                400,
            ),
            (
                signed("lambda", method="PATCH", path="/2015-03-31/functions/f"),
                "UnknownOperationException",
                404,
            ),
            (signed("s3", method="PATCH", path="/my-bucket"), "MethodNotAllowed", 405),
        ):
            with self.subTest(request=request):
                refusal = request.checked()
                self.assertIsNotNone(refusal)
                self.assertIsNone(refusal.operation)
                self.assertEqual((refusal.code, refusal.status), (code, status))

    def test_bodies_that_cannot_be_read_are_refused(self) -> None:
        target = {"x_amz_target": "AmazonSSM.SendCommand"}
        form = {"content_type": "application/x-www-form-urlencoded"}
        for request in (
            signed("cloudformation", body="Action=CreateStack&StackName=s&Tags=a", **form),
            signed("ssm", body="{", **target),
            signed("ssm", body="[]", **target),
            signed("lambda", path="/2015-03-31/functions", body="not json"),
            signed("s3", path="/my-bucket", query_string="delete", body="<Delete>"),
            signed("s3", path="/my-bucket", query_string="delete", body="<Other/>"),
            signed(
                "monitoring",
                path="/service/GraniteServiceVersion20100801/operation/ListMetrics",
                body=b"\xff",
                smithy_protocol="rpc-v2-cbor",
            ),
        ):
            with self.subTest(request=request):
                self.assertIsNotNone(request.checked())

    def test_sensitive_values_are_not_repeated(self) -> None:
        refusal = recorded(
            "secretsmanager", "put_secret_value", SecretId="s", SecretString="hunter2" * 10_000
        ).checked()
        self.assertIn("secretString", refusal.problems[0])
        self.assertNotIn("hunter2", refusal.body.decode())


class OtherRequests(unittest.TestCase):
    def test_are_not_checked(self) -> None:
        unsigned = {"Host": "127.0.0.1:4566"}
        wait_condition = "/_ministack/cfn-signal/arn%3Aaws%3Acloudformation"
        for method, path, query, headers, body in (
            ("GET", "/my-bucket/key", "what=ever", unsigned, b""),
            ("POST", "/slurm/v0.0.44/job/submit", "", unsigned, b"{"),
            ("PUT", wait_condition, "", unsigned, b'{"Status": "SUCCESS"}'),
            ("PUT", wait_condition, "", signed("s3").headers, b""),
            ("GET", "/_ministack/health", "", signed("s3").headers, b""),
            ("OPTIONS", "/my-bucket/key", "", signed("s3").headers, b""),
            ("POST", "/prod/anything", "", signed("execute-api").headers, b"{"),
            (
                "POST",
                "/x",
                "",
                {**signed("lambda").headers, "Host": "abc.lambda-url.us-east-1.localhost"},
                b"{",
            ),
            ("POST", "/", "", signed("not-a-service").headers, b"{"),
            ("POST", "/", "Action=SendMessage&MessageBody=x", signed("sqs").headers, b""),
        ):
            with self.subTest(method=method, path=path):
                self.assertIsNone(check(method, path, query, headers, body))

    def test_values_newer_than_the_model_pass_where_its_list_is_open(self) -> None:
        request = recorded("ec2", "describe_instance_types", InstanceTypes=["z9.new"])
        self.assertIsNone(request.checked())

    def test_few_patterns_are_beyond_python(self) -> None:
        unchecked = unchecked_patterns()
        shapes = [shape for shapes in unchecked.values() for shape in shapes]
        ours = [shape for shape in shapes if shape.split(".")[0] in CALLS]
        self.assertEqual(ours, ["fsx.VerboseFlag"])
        self.assertLess(len(unchecked), 15)


class Answers(unittest.TestCase):
    """An answer must be an error to the SDK, with its code and message."""

    def test_are_in_the_words_of_aws(self) -> None:
        refusal = recorded("ssm", "send_command", **_COMMAND, TimeoutSeconds=1).checked()
        self.assertEqual(
            self._error(refusal)["Message"],
            (
                "1 validation error detected: Value '1' at 'timeoutSeconds' failed to satisfy "
                "constraint: Member must have value greater than or equal to 30"
            ),
        )

    def test_are_read_by_botocore(self) -> None:
        for service, method, parameters, code, _ in DAMAGED:
            with self.subTest(service=service, method=method):
                refusal = recorded(service, method, **parameters).checked()
                error = self._error(refusal)
                self.assertEqual(error["Code"], code)
                self.assertTrue(error["Message"])

    def _error(self, refusal: Refusal) -> dict[str, Any]:
        protocols = {
            "ec2": "ec2",
            "s3": "rest-xml",
            "route53": "rest-xml",
            "lambda": "rest-json",
            "apigatewayv2": "rest-json",
        }
        json = ("ssm", "logs", "dynamodb", "events", "sqs")
        protocol = protocols.get(refusal.service, "json" if refusal.service in json else "query")
        answer = {"status_code": refusal.status, "headers": {}, "body": refusal.body}
        return create_parser(protocol).parse(answer, None)["Error"]


if __name__ == "__main__":
    unittest.main()
