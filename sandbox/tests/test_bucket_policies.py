"""A bucket's policy decides over the account's roles, by their path."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError
from emulator import EmulatorTest

BUCKET = "guarded"


class BucketPolicy(EmulatorTest):
    def setUp(self) -> None:
        self.s3 = self.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.addCleanup(self.remove_bucket)
        nodes = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{self.account}:role/nodes/*"}}
        over_http = {"Bool": {"aws:SecureTransport": "false"}}
        statements = [
            deny(["s3:Put*", "s3:Delete*"], "/scripts/*", nodes),
            deny(["s3:*"], "/*", over_http),
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)

    def remove_bucket(self) -> None:
        self.s3.delete_bucket_policy(Bucket=BUCKET)
        for found in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        self.s3.delete_bucket(Bucket=BUCKET)

    def session(self, name: str, path: str):
        """An S3 client with the rights of a new role."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = self.client("iam").create_role(
            RoleName=name,
            Path=path,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        self.client("iam").put_role_policy(
            RoleName=name,
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
        )
        session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="i-1")
        return self.client_with("s3", session["Credentials"])

    def test_a_role_below_the_path_may_not_write_there(self) -> None:
        self.s3.put_object(Bucket=BUCKET, Key="scripts/run.sh", Body=b"true")
        node = self.session("node", "/nodes/one/")
        tries = {
            "put": lambda: node.put_object(Bucket=BUCKET, Key="scripts/run.sh", Body=b"false"),
            "delete": lambda: node.delete_object(Bucket=BUCKET, Key="scripts/run.sh"),
            "many": lambda: node.delete_objects(
                Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}, {"Key": "scripts/run.sh"}]}
            ),
            "upload": lambda: node.create_multipart_upload(Bucket=BUCKET, Key="scripts/run.sh"),
        }
        for name, attempt in tries.items():
            with self.subTest(name), self.assertRaises(ClientError) as refused:
                attempt()
            self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")
        node.put_object(Bucket=BUCKET, Key="results/1", Body=b"1")
        node.delete_object(Bucket=BUCKET, Key="results/1")
        content = node.get_object(Bucket=BUCKET, Key="scripts/run.sh")["Body"].read()
        self.assertEqual(content, b"true")

    def test_others_may(self) -> None:
        other = self.session("other", "/people/")
        other.put_object(Bucket=BUCKET, Key="scripts/run.sh", Body=b"true")
        other.delete_object(Bucket=BUCKET, Key="scripts/run.sh")


def deny(actions: list[str], below: str, condition: dict[str, object]) -> dict[str, object]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": f"arn:aws:s3:::{BUCKET}{below}",
        "Condition": condition,
    }
