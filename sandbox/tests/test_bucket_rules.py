"""A bucket has the lifecycle rules that its stack's template gives it."""

from __future__ import annotations

from botocore.exceptions import ClientError
from emulator import EmulatorTest

TEMPLATE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      LifecycleConfiguration:
        Rules:
          - {Id: orders, Status: Enabled, Prefix: operations/, ExpirationInDays: 7}
          - {Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}
          - {Id: uploads, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 2}}
Outputs: {Bucket: {Value: !Ref Bucket}}
"""


class BucketRules(EmulatorTest):
    def test_the_rules_of_the_template_are_the_buckets(self) -> None:
        self.assertEqual(self.create("ruled", TEMPLATE), "CREATE_COMPLETE")
        stack = self.cloudformation.describe_stacks(StackName="ruled")["Stacks"][0]
        bucket = stack["Outputs"][0]["OutputValue"]
        s3 = self.client("s3")
        found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        rules = {rule["ID"]: rule for rule in found}
        self.assertEqual(rules["orders"]["Filter"], {"Prefix": "operations/"})
        self.assertEqual(rules["orders"]["Expiration"], {"Days": 7})
        self.assertEqual(rules["old"]["NoncurrentVersionExpiration"], {"NoncurrentDays": 30})
        self.assertEqual(
            rules["uploads"]["AbortIncompleteMultipartUpload"], {"DaysAfterInitiation": 2}
        )
        self.assertEqual(self.deleted("ruled"), "DELETE_COMPLETE")

    def test_without_rules_there_are_none(self) -> None:
        plain = "Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: unruled}}}"
        self.assertEqual(self.create("plain", plain), "CREATE_COMPLETE")
        with self.assertRaisesRegex(ClientError, "NoSuchLifecycleConfiguration"):
            self.client("s3").get_bucket_lifecycle_configuration(Bucket="unruled")
