"""What the model check lets pass and what it refuses, on requests as boto3 makes them."""

from __future__ import annotations

import unittest
from typing import Any

from botocore.parsers import create_parser

from hpcapi_sandbox.model_check import Refusal, check, unchecked_patterns

from damaged_calls import COMMAND, DAMAGED, OBJECT
from signed_requests import recorded, signed
from valid_calls import CALLS


class ValidCalls(unittest.TestCase):
    def test_pass(self) -> None:
        for service, calls in CALLS.items():
            for method, parameters in calls:
                with self.subTest(service=service, method=method):
                    self.assertIsNone(recorded(service, method, **parameters).checked())

    def test_pass_with_a_bucket_in_the_host(self) -> None:
        request = recorded("s3", "put_object", **OBJECT, Body=b"x")
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

    def test_pass_as_the_operation_that_their_parameters_belong_to(self) -> None:
        self.assertIsNone(
            signed("s3", method="GET", query_string="max-directory-buckets=5").checked()
        )
        named = "x-id=ListDirectoryBuckets&prefix=a"
        refusal = signed("s3", method="GET", query_string=named).checked()
        self.assertEqual(refusal.operation, "ListDirectoryBuckets")


class DamagedCalls(unittest.TestCase):
    def test_are_refused_by_name(self) -> None:
        for service, method, parameters, code, word in DAMAGED:
            with self.subTest(service=service, method=method, code=code, word=word):
                refusal = recorded(service, method, **parameters).checked()
                self.assertIsNotNone(refusal)
                self.assertEqual((refusal.service, refusal.code), (service, code))
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
            signed(
                "cloudformation",
                body="Action=CreateStack&StackName=s&TemplateBody=x&Tags=a",
                **form,
            ),
            signed("ssm", body="{", **target),
            signed("ssm", body="[]", **target),
            signed("lambda", path="/2015-03-31/functions", body="not json"),
            signed("s3", path="/my-bucket", query_string="delete", body="<Delete>"),
            signed(
                "s3",
                path="/my-bucket",
                query_string="delete",
                body="<Other><Object><Key>k</Key></Object></Other>",
            ),
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
            ("GET", "/_ministack/lambda-code/f", "", signed("lambda").headers, b""),
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
        refusal = recorded("ssm", "send_command", **COMMAND, TimeoutSeconds=1).checked()
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
