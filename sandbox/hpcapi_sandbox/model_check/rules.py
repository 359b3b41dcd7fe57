"""What AWS enforces and its models do not say, as far as it matters here.

Each rule is a function of an operation's parameters and stands beside the operations that it
is for in `_RULES`. Its source is named above it; messages are AWS's own where one is known.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from . import message_rules
from .operation import Call
from .problem import Kind, Path, Problem, shown

Parameters = dict[str, Any]
Rule = Callable[[Parameters], Iterator[Problem]]


def problems(call: Call, given: Parameters) -> list[Problem]:
    rules = _RULES.get((call.service_name, call.operation.name), ())
    general = _RULES.get((call.service_name, "*"), ())
    return [problem for rule in (*rules, *general) for problem in rule(given)]


# --- CloudFormation -----------------------------------------------------------------------------


# User Guide, "Understand CloudFormation quotas": template body size in a request.
def _template_body_size(given: Parameters) -> Iterator[Problem]:
    body = given.get("TemplateBody", "")
    if len(body.encode()) > 51_200:
        rule = "Member must have length less than or equal to 51200"
        yield Problem(Kind.INVALID, ("TemplateBody",), rule, shown(body))


# API Reference, CreateStack: "You must specify either TemplateBody or TemplateURL, but not both."
def _one_template(given: Parameters) -> Iterator[Problem]:
    if ("TemplateBody" in given) == ("TemplateURL" in given):
        message = "Either Template URL or Template Body must be specified."
        yield Problem(Kind.INVALID, ("TemplateBody",), message=message)


# API Reference, UpdateStack and CreateChangeSet: "You must specify only one of …".
def _at_most_one_template(given: Parameters) -> Iterator[Problem]:
    ways = ("TemplateBody" in given, "TemplateURL" in given, given.get("UsePreviousTemplate"))
    if sum(map(bool, ways)) > 1:
        message = "Specify only one of TemplateBody, TemplateURL and UsePreviousTemplate"
        yield Problem(Kind.INVALID, ("TemplateBody",), message=message)


# API Reference, CreateStack: "can contain only alphanumeric characters and hyphens. It must
# start with an alphabetical character and can't be longer than 128 characters."
def _stack_name(given: Parameters) -> Iterator[Problem]:
    name = given.get("StackName", "")
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", name):
        rule = "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        yield Problem(Kind.INVALID, ("StackName",), rule, shown(name))
    yield from _stack_name_length(given)


def _stack_name_length(given: Parameters) -> Iterator[Problem]:
    name = given.get("StackName", "")
    if len(name) > 128 and not name.startswith("arn:"):
        rule = "Member must have length less than or equal to 128"
        yield Problem(Kind.INVALID, ("StackName",), rule, shown(name))


# --- EC2 ----------------------------------------------------------------------------------------


# User Guide, "Tag your Amazon EC2 resources", tag restrictions.
def _added_tags(given: Parameters) -> Iterator[Problem]:
    yield from _tags(given["Tags"], ("Tags",))


def _tags_of_new_resources(given: Parameters) -> Iterator[Problem]:
    for path, specification in _tag_specifications(given, ()):
        yield from _tags(specification.get("Tags", []), (*path, "Tags"))


def _tag_specifications(value: Any, path: Path) -> Iterator[tuple[Path, dict]]:
    """The tags of what is about to be made, also those in a launch template's data."""
    if not isinstance(value, dict):
        return
    for position, specification in enumerate(value.get("TagSpecifications", ()), 1):
        if isinstance(specification, dict):
            yield (*path, "TagSpecifications", position), specification
    yield from _tag_specifications(value.get("LaunchTemplateData"), (*path, "LaunchTemplateData"))


def _tags(tags: list[dict], path: Path) -> Iterator[Problem]:
    keys = set()
    for position, tag in enumerate(tags, 1):
        key, value = tag.get("Key", ""), tag.get("Value", "")
        at = (*path, position)
        if key.lower().startswith("aws:"):
            yield _invalid(
                (*at, "Key"),
                f"Value ( {key} ) for parameter key is invalid. "
                "Tag keys starting with 'aws:' are reserved for internal use",
            )
        if not 1 <= len(key) <= 128:
            yield _invalid((*at, "Key"), "Tag key must have between 1 and 128 characters")
        if len(value) > 256:
            yield _invalid((*at, "Value"), "Tag value exceeds the maximum length of 256 characters")
        if key in keys:
            yield _invalid((*at, "Key"), f"Duplicate tag key '{key}' specified.")
        keys.add(key)
    if len(tags) > 50:
        message = "The maximum number of Tags for a resource has been reached."
        yield _invalid(path, message, "TagLimitExceeded")


_GROUP_TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
_GROUP_CHARACTERS = (
    "strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
)


# API Reference, CreateSecurityGroup.
def _security_group(given: Parameters) -> Iterator[Problem]:
    name, description = given.get("GroupName", ""), given.get("Description", "")
    for parameter, text in (("GroupName", name), ("GroupDescription", description)):
        if not text.isascii():
            yield _invalid(
                (parameter,),
                f"Value ({text}) for parameter {parameter} is invalid. "
                "Character sets beyond ASCII are not supported.",
            )
        elif not _GROUP_TEXT.fullmatch(text):
            what = "name" if parameter == "GroupName" else "description"
            message = f"Invalid security group {what}. Valid {what}s are {_GROUP_CHARACTERS}"
            yield _invalid((parameter,), message)
    if name.lower().startswith("sg-"):
        yield _invalid(
            ("GroupName",),
            f"Invalid value '{name}' for groupName. Group names may not be in the format sg-*",
        )


# API Reference, IpRange, Ipv6Range, PrefixListId and UserIdGroupPair: Description.
def _rule_descriptions(given: Parameters) -> Iterator[Problem]:
    for position, permission in enumerate(given.get("IpPermissions", ()), 1):
        for peers in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"):
            for number, peer in enumerate(permission.get(peers, ()), 1):
                if not _GROUP_TEXT.fullmatch(peer.get("Description", "")):
                    yield _invalid(
                        ("IpPermissions", position, peers, number, "Description"),
                        f"Invalid rule description. Valid descriptions are {_GROUP_CHARACTERS}",
                    )


# API Reference, CreateKeyPair: "Up to 255 ASCII characters".
def _key_name(given: Parameters) -> Iterator[Problem]:
    name = given.get("KeyName", "")
    if not name.isascii() or not 1 <= len(name) <= 255:
        yield _invalid(
            ("KeyName",),
            f"Value ({shown(name)}) for parameter KeyName is invalid. "
            "It must have between 1 and 255 ASCII characters.",
        )


# User Guide, "Run commands when you launch an EC2 instance": 16 KB before it is encoded.
def _user_data(given: Parameters) -> Iterator[Problem]:
    for path in (("UserData",), ("LaunchTemplateData", "UserData")):
        value: Any = given
        for name in path:
            value = value.get(name, {})
        if not isinstance(value, str):
            continue
        try:
            size = len(base64.b64decode("".join(value.split()), validate=True))
        except (ValueError, binascii.Error):
            yield _invalid(path, "Invalid BASE64 encoding of user data.")
        else:
            if size > 16_384:
                yield _invalid(path, "User data is limited to 16384 bytes")


# --- Elastic Load Balancing ---------------------------------------------------------------------


# API Reference, CreateLoadBalancer and CreateTargetGroup: Name.
def _load_balancer_name(given: Parameters) -> Iterator[Problem]:
    yield from _elb_name("load balancer", given.get("Name", ""))
    if given.get("Name", "").startswith("internal-"):
        message = "The load balancer name cannot begin with 'internal-'"
        yield _invalid(("Name",), message, "ValidationError")


def _target_group_name(given: Parameters) -> Iterator[Problem]:
    yield from _elb_name("target group", given.get("Name", ""))


def _elb_name(what: str, name: str) -> Iterator[Problem]:
    if len(name) > 32:
        message = f"The {what} name '{name}' cannot be longer than '32' characters"
    elif not re.fullmatch(r"[A-Za-z0-9-]*", name):
        message = (
            f"The {what} name '{name}' can only contain characters that are alphanumeric "
            "characters and hyphens(-)"
        )
    elif name.startswith("-") or name.endswith("-"):
        message = f"The {what} name '{name}' cannot begin or end with a hyphen(-)"
    else:
        return
    yield _invalid(("Name",), message, "ValidationError")


# --- S3 -----------------------------------------------------------------------------------------


# User Guide, "General purpose bucket naming rules".
def _bucket_name(given: Parameters) -> Iterator[Problem]:
    name = given.get("Bucket", "")
    good = (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
        and ".." not in name
        and not _is_ip_address(name)
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--table-s3"))
    )
    if not good:
        yield _invalid(("Bucket",), "The specified bucket is not valid.", "InvalidBucketName")


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


# User Guide, "Naming Amazon S3 objects": 1,024 bytes of UTF-8.
def _key_length(given: Parameters) -> Iterator[Problem]:
    if len(str(given.get("Key", "")).encode()) > 1024:
        yield _invalid(("Key",), "Your key is too long", "KeyTooLongError")


# API Reference, DeleteObjects: "a list of up to 1,000 keys".
def _objects_to_delete(given: Parameters) -> Iterator[Problem]:
    objects = given.get("Delete", {}).get("Objects", [])
    if not 1 <= len(objects) <= 1000:
        message = (
            "The XML you provided was not well-formed or did not validate against our "
            "published schema"
        )
        yield _invalid(("Delete", "Objects"), message, "MalformedXML")


# API Reference, UploadPart.
def _part_number(given: Parameters) -> Iterator[Problem]:
    if not 1 <= given["PartNumber"] <= 10_000:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        yield _invalid(("PartNumber",), message, "InvalidArgument")


# --- SNS ----------------------------------------------------------------------------------------


# API Reference, CreateTopic: Name.
def _topic_name(given: Parameters) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo", given.get("Name", "")):
        yield _invalid(("Name",), "Invalid parameter: Topic Name", "InvalidParameter")


def _invalid(path: Path, message: str, code: str = "InvalidParameterValue") -> Problem:
    return Problem(Kind.INVALID, path, code=code, message=message)


_RULES: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("cloudformation", "*"): (_template_body_size,),
    ("cloudformation", "CreateStack"): (_stack_name, _one_template),
    ("cloudformation", "UpdateStack"): (_at_most_one_template,),
    ("cloudformation", "CreateChangeSet"): (_stack_name_length, _at_most_one_template),
    ("ec2", "*"): (_tags_of_new_resources,),
    ("ec2", "AuthorizeSecurityGroupIngress"): (_rule_descriptions,),
    ("ec2", "AuthorizeSecurityGroupEgress"): (_rule_descriptions,),
    ("ec2", "CreateKeyPair"): (_key_name,),
    ("ec2", "CreateLaunchTemplate"): (_user_data,),
    ("ec2", "CreateLaunchTemplateVersion"): (_user_data,),
    ("ec2", "CreateSecurityGroup"): (_security_group,),
    ("ec2", "CreateTags"): (_added_tags,),
    ("ec2", "ImportKeyPair"): (_key_name,),
    ("ec2", "RunInstances"): (_user_data,),
    ("elbv2", "CreateLoadBalancer"): (_load_balancer_name,),
    ("elbv2", "CreateTargetGroup"): (_target_group_name,),
    ("s3", "*"): (_key_length,),
    ("s3", "CreateBucket"): (_bucket_name,),
    ("s3", "DeleteObjects"): (_objects_to_delete,),
    ("s3", "UploadPart"): (_part_number,),
    ("s3", "UploadPartCopy"): (_part_number,),
    ("sns", "CreateTopic"): (_topic_name,),
    ("sns", "Publish"): (
        message_rules.subject,
        message_rules.structure,
        message_rules.attributes,
        message_rules.size,
    ),
}
