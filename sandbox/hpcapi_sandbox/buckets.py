"""Buckets where ministack is more lenient than S3."""

from __future__ import annotations

from ministack.services import s3

from .aws_error import AwsError
from .cloudformation.resource_types import Properties, guard_create, guard_delete


def install() -> None:
    guard_delete("AWS::S3::Bucket", _check_empty)
    guard_create("AWS::S3::BucketPolicy", _check_bucket)


def _check_empty(name: str, properties: Properties) -> None:
    bucket = s3._buckets.get(name)
    if not bucket:
        return
    if s3._bucket_has_versions(name):
        raise AwsError(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the "
            "bucket.",
            409,
        )
    if bucket["objects"]:
        raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)


def _check_bucket(properties: Properties, old: Properties | None) -> None:
    if properties.get("Bucket") not in s3._buckets:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)


def read(bucket: str, key: str) -> bytes:
    """The object's content; raises FileNotFoundError when there is none."""
    data = s3._get_object_data(bucket, key)
    if data is None:
        raise FileNotFoundError(f"s3://{bucket}/{key}")
    return data
