"""A Lambda function answers for routes of an HTTP API, and calls AWS as its role."""

from __future__ import annotations

import json

from functions import CODE, TEMPLATE, FunctionTest, archive

WRONG = (500, b'{"message":"Internal Server Error"}')


class LambdaProxy(FunctionTest):
    def answer(self, mode: str) -> tuple[int, bytes]:
        status, _, body = self.ask(f"/open/{mode}")
        return status, body

    def test_the_stack_is_there(self) -> None:
        self.assertEqual(self.ended, "CREATE_COMPLETE")

    def test_what_a_function_may_answer(self) -> None:
        status, headers, body = self.ask("/open/plain")
        self.assertEqual((status, body), (200, b"hello"))
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(self.answer("value"), (200, b'{"a": [1]}'))
        self.assertEqual(self.answer("binary"), (200, b"\x00\x01\x02"))
        status, headers, body = self.ask("/open/shaped")
        self.assertEqual((status, headers["x-mine"], body), (201, "yes", b"made"))
        self.assertIn("text/plain", headers["content-type"])

    def test_what_a_function_may_not_answer(self) -> None:
        for mode in ("misshaped", "fails", "large"):
            with self.subTest(mode):
                self.assertEqual(self.answer(mode), WRONG)
        self.assertEqual(self.answer("slow"), (503, b'{"message":"Service Unavailable"}'))

    def test_a_large_request_is_refused(self) -> None:
        body = b"x" * (6 * 2**20)
        self.assertEqual(self.ask("/open/plain", body)[0], 413)

    def test_the_event(self) -> None:
        status, _, body = self.ask(
            "/open/event?a=1&a=2&b=%20",
            b'{"x": 1}',
            {"Content-Type": "application/json", "X-Mine": "yes", "Cookie": "c=1; d=2"},
        )
        event = json.loads(body)
        self.assertEqual(status, 200)
        self.assertEqual((event["version"], event["routeKey"]), ("2.0", "ANY /open/{mode}"))
        self.assertEqual(event["rawPath"], "/open/event")
        self.assertEqual(event["rawQueryString"], "a=1&a=2&b=%20")
        self.assertEqual(event["queryStringParameters"], {"a": "1,2", "b": " "})
        self.assertEqual(event["pathParameters"], {"mode": "event"})
        self.assertEqual(event["headers"]["x-mine"], "yes")
        self.assertEqual(event["cookies"], ["c=1", "d=2"])
        self.assertEqual((event["body"], event["isBase64Encoded"]), ('{"x": 1}', False))
        context = event["requestContext"]
        self.assertEqual((context["accountId"], context["stage"]), (self.account, "$default"))
        http = context["http"]
        self.assertEqual((http["method"], http["path"]), ("POST", "/open/event"))
        self.assertNotIn("authorizer", context)
        binary = json.loads(self.ask("/open/event", b"\xff", {"Content-Type": "a/b"})[2])
        self.assertEqual((binary["body"], binary["isBase64Encoded"]), ("/w==", True))

    def test_the_permission_of_the_api_is_needed(self) -> None:
        functions = self.client("lambda")
        name = self.made["Function"]
        (statement,) = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
        source = f"arn:aws:execute-api:us-east-1:{self.account}:{self.made['Api']}"
        given = {
            "FunctionName": name,
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
        }
        self.assertEqual(self.answer("plain"), WRONG)
        functions.add_permission(**given, StatementId="a", SourceArn=f"{source}/*/*/other")
        self.assertEqual(self.answer("plain"), WRONG)
        functions.add_permission(**given, StatementId="b", SourceArn=f"{source}/*/*/open/*")
        self.assertEqual(self.answer("plain"), (200, b"hello"))
        functions.add_permission(**given, StatementId="c", SourceArn=f"{source}/*")

    def test_a_function_is_its_role(self) -> None:
        _, _, arn = self.ask("/open/identity")
        role = self.made["Role"].rpartition("/")[2]
        name = self.made["Function"]
        self.assertEqual(
            arn.decode(), f"arn:aws:sts::{self.account}:assumed-role/{role}/{name}"
        )
        self.assertEqual(self.ask(f"/open/s3?bucket={self.bucket}")[0], 200)

    def test_a_function_may_send_what_its_role_may(self) -> None:
        instance = "i-0123456789abcdef0"

        def sent(document: str) -> str:
            return self.ask(f"/open/ssm?instance={instance}&document={document}")[2].decode()

        # There is no such instance, which is found out only by whom the policies let pass.
        self.assertIn("InvalidInstanceId", sent(self.made["Document"]))
        self.assertIn("AccessDeniedException", sent("AWS-RunShellScript"))


class Changes(FunctionTest):
    def test_the_code_has_to_be_there(self) -> None:
        template = TEMPLATE.replace("S3Key: code.zip", "S3Key: missing.zip")
        ended = self.create("missing", template, CodeBucket=self.bucket)
        self.assertEqual(ended, "ROLLBACK_COMPLETE")
        self.assertIn("NoSuchKey", self.reason("missing", "Function", "CREATE_FAILED"))
        self.assertEqual(self.deleted("missing"), "DELETE_COMPLETE")

    def test_an_update_and_a_deletion(self) -> None:
        later = CODE.replace('"hello"', '"later"')
        self.client("s3").put_object(Bucket=self.bucket, Key="later.zip", Body=archive(later))
        self.assertEqual(self.ask("/open/plain")[2], b"hello")
        template = TEMPLATE
        for before, after in (
            ("S3Key: code.zip", "S3Key: later.zip"),
            ("AuthorizationType: AWS_IAM", "AuthorizationType: NONE"),
            ('"ANY /open/{mode}"', '"ANY /open/{mode}", AuthorizationType: AWS_IAM'),
        ):
            template = template.replace(before, after)
        self.cloudformation.update_stack(
            StackName="functions",
            TemplateBody=template,
            Parameters=[{"ParameterKey": "CodeBucket", "ParameterValue": self.bucket}],
            Capabilities=["CAPABILITY_IAM"],
        )
        self.assertEqual(self.settled("functions"), "UPDATE_COMPLETE")
        self.assertEqual(self.ask("/open/plain")[0], 403)
        self.assertEqual(self.ask("/signed/plain", b"{}")[2], b"later")
        self.assertEqual(self.deleted("functions"), "DELETE_COMPLETE")
        self.assertEqual(self.client("lambda").list_functions()["Functions"], [])
        self.assertEqual(self.client("apigatewayv2").get_apis()["Items"], [])
