"""Routes with IAM authorization: who signs a request, and what they may invoke."""

from __future__ import annotations

import datetime
import json
from typing import Any
from unittest import mock

import botocore.auth
from emulator import REGION
from functions import FunctionTest, policy

FORBIDDEN = (403, b'{"message":"Forbidden"}')


class IamAuthorizer(FunctionTest):
    def allow(self, path: str = "*") -> dict[str, Any]:
        api = f"arn:aws:execute-api:{REGION}:{self.account}:{self.made['Api']}"
        return {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": f"{api}/$default/POST/{path}",
        }

    def post(self, mode: str, headers: dict[str, str], body: bytes = b"{}") -> tuple[int, bytes]:
        status, _, answer = self.ask(f"/signed/{mode}", body, headers)
        return status, answer

    def test_only_what_is_signed_passes(self) -> None:
        keys = self.rights("signer", self.allow())
        path = "/signed/plain"
        self.assertEqual(self.post("plain", self.signed(path, keys)), (200, b"hello"))
        self.assertEqual(self.post("plain", {}), FORBIDDEN)
        wrong = {
            "secret": self.signed(path, {**keys, "SecretAccessKey": "x"}),
            "token": self.signed(path, {**keys, "SessionToken": "x"}),
            "service": self.signed(path, keys, service="lambda"),
            "region": self.signed(path, keys, region="eu-west-1"),
            "path": self.signed("/signed/value", keys),
            "body": self.signed(path, keys, body=b"other"),
            "key": self.signed(path, {**keys, "AccessKeyId": "ASIAAAAAAAAAAAAAAAAA"}),
            "scheme": {"Authorization": "Bearer x"},
        }
        for what, headers in wrong.items():
            with self.subTest(what):
                self.assertEqual(self.post("plain", headers), FORBIDDEN)

    def test_a_signature_grows_old(self) -> None:
        keys = self.rights("late", self.allow())
        for minutes, expected in ((4, (200, b"hello")), (6, FORBIDDEN), (-6, FORBIDDEN)):
            now = datetime.datetime.now(datetime.timezone.utc)
            then = (now - datetime.timedelta(minutes=minutes)).replace(tzinfo=None)
            with mock.patch.object(botocore.auth, "get_current_datetime", lambda: then):
                headers = self.signed("/signed/plain", keys)
            self.assertEqual(self.post("plain", headers), expected, minutes)

    def test_the_right_to_invoke_is_needed(self) -> None:
        some = self.rights("some", self.allow("signed/plain"))
        self.assertEqual(self.post("plain", self.signed("/signed/plain", some)), (200, b"hello"))
        self.assertEqual(self.post("value", self.signed("/signed/value", some)), FORBIDDEN)
        none = self.rights("none", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        self.assertEqual(self.post("plain", self.signed("/signed/plain", none)), FORBIDDEN)

    def test_the_account_itself_may_and_another_may_not(self) -> None:
        own = {"AccessKeyId": self.account, "SecretAccessKey": "x"}
        self.assertEqual(self.post("plain", self.signed("/signed/plain", own)), (200, b"hello"))
        other = {"AccessKeyId": "999999999999", "SecretAccessKey": "x"}
        self.assertEqual(self.post("plain", self.signed("/signed/plain", other)), FORBIDDEN)

    def test_the_function_learns_who_it_is(self) -> None:
        iam = self.client("iam")
        user = iam.create_user(UserName="ada")["User"]
        iam.put_user_policy(
            UserName="ada", PolicyName="own", PolicyDocument=policy(self.allow())
        )
        keys = iam.create_access_key(UserName="ada")["AccessKey"]
        _, body = self.post("event", self.signed("/signed/event", keys))
        self.assertEqual(
            json.loads(body)["requestContext"]["authorizer"]["iam"],
            {
                "accessKey": keys["AccessKeyId"],
                "accountId": self.account,
                "callerId": user["UserId"],
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": user["Arn"],
                "userId": user["UserId"],
            },
        )

    def test_a_query_is_signed_too(self) -> None:
        keys = self.rights("asker", self.allow())
        path = "/signed/event?b=2&a=%20x"
        headers = self.signed(path, keys)
        _, _, body = self.ask(path, b"{}", headers)
        event = json.loads(body)
        self.assertEqual(event["queryStringParameters"], {"a": " x", "b": "2"})
        identity = event["requestContext"]["authorizer"]["iam"]
        self.assertRegex(identity["userArn"], ":assumed-role/asker/tests$")
        self.assertRegex(identity["callerId"], "^AROA[A-Z0-9]+:tests$")
        status, _, _ = self.ask("/signed/event?b=3&a=%20x", b"{}", headers)
        self.assertEqual(status, 403)
