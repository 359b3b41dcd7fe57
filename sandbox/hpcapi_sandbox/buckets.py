"""Buckets where ministack is more lenient than S3."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from .aws_error import AwsError
from .cloudformation.resource_types import Made, Properties, guard_create, guard_delete


def install() -> None:
    _let_stacks_configure_buckets()
    guard_delete("AWS::S3::Bucket", _check_empty)
    guard_create("AWS::S3::BucketPolicy", _check_bucket)


def _let_stacks_configure_buckets() -> None:
    """A bucket gets the tags of its template and of its stack, and the lifecycle rules of its template;
    ministack gives it none."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Properties, stack_name: str) -> Made:
        made = create(logical_id, properties, stack_name)
        _tag(made[0], properties)
        _give_rules(made[0], properties)
        return made

    def updated(name: str, old: Properties, new: Properties, stack_name: str) -> Made:
        made = update(name, old, new, stack_name)
        _tag(made[0], new)
        _give_rules(made[0], new)
        return made

    handlers |= {"create": created, "update": updated}


def _tag(name: str, properties: Properties) -> None:
    tags = properties.get("Tags") or []
    s3._bucket_tags[name] = {tag["Key"]: tag["Value"] for tag in tags}


# What a rule of a template is called in S3's API, by the properties that templates of ours have.
_RULE = {
    "ExpirationInDays": ("Expiration", "Days"),
    "NoncurrentVersionExpiration": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    "AbortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
}


def _give_rules(name: str, properties: Properties) -> None:
    rules = (properties.get("LifecycleConfiguration") or {}).get("Rules")
    if not rules:
        s3._delete_bucket_lifecycle(name)
        return
    document = ElementTree.Element("LifecycleConfiguration", xmlns=s3.S3_NS)
    for rule in rules:
        _add_rule(ElementTree.SubElement(document, "Rule"), rule)
    status, _, answer = s3._put_bucket_lifecycle(name, ElementTree.tostring(document))
    if status != 200:
        raise AwsError("InvalidRequest", str(answer))


def _add_rule(element: ElementTree.Element, rule: dict[str, Any]) -> None:
    def add(parent: ElementTree.Element, tag: str, value: Any) -> None:
        ElementTree.SubElement(parent, tag).text = str(value)

    add(element, "ID", rule["Id"])
    add(element, "Status", rule["Status"])
    add(ElementTree.SubElement(element, "Filter"), "Prefix", rule.get("Prefix", ""))
    for given, (tag, days) in _RULE.items():
        if given in rule:
            value = rule[given]
            value = value[days] if isinstance(value, dict) else value
            add(ElementTree.SubElement(element, tag), days, value)


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


def read(bucket: str, key: str, version: str = "") -> bytes:
    """The content of an object, or of one version of it; raises FileNotFoundError when there is none."""
    data = s3._get_object_data(bucket, key, version or None)
    if data is None:
        raise FileNotFoundError(f"s3://{bucket}/{key}")
    return data
