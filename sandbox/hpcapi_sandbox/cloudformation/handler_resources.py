"""On which resources the handlers of CloudFormation ask for their actions, and with which context, as
far as the properties of a resource tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from ..ec2.launch import Launch

Asked = tuple[str, dict[str, Any]]

# The service whose linked role comes with a type, by what the type's name begins with.
_LINKED = {
    "AWS::ElasticLoadBalancingV2": "elasticloadbalancing.amazonaws.com",
    "AWS::ApiGatewayV2": "ops.apigateway.amazonaws.com",
}
_NAMED = {
    # The service's name in ARNs, what stands before the name, and the property that holds it.
    "AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"),
    "AWS::Lambda::Function": ("lambda", "function:", "FunctionName"),
    "AWS::Lambda::EventInvokeConfig": ("lambda", "function:", "FunctionName"),
    "AWS::Lambda::EventSourceMapping": ("lambda", "function:", "FunctionName"),
    "AWS::Lambda::Permission": ("lambda", "function:", "FunctionName"),
    "AWS::SQS::Queue": ("sqs", "", "QueueName"),
    "AWS::SNS::Subscription": ("sns", "", "TopicArn"),
    "AWS::SNS::Topic": ("sns", "", "TopicName"),
    "AWS::SSM::Document": ("ssm", "document/", "Name"),
    "AWS::SSM::Parameter": ("ssm", "parameter/", "Name"),
    "AWS::Events::Rule": ("events", "rule/", "Name"),
    "AWS::Scheduler::Schedule": ("scheduler", "schedule/default/", "Name"),
}


def of(kind: str, action: str, properties: dict[str, Any], made: str) -> Iterator[Asked]:
    """Each resource on which a handler asks for an action, with its context."""
    service = action.partition(":")[0]
    if action == "iam:PassRole":
        yield from _passed(kind, properties)
    elif action == "iam:CreateServiceLinkedRole":
        name = next((value for start, value in _LINKED.items() if kind.startswith(start)), "")
        role = f"{_iam('role')}/aws-service-role/{name}/x"
        yield role, {"iam:AWSServiceName": name}
    elif service == "iam" and kind.startswith("AWS::IAM::"):
        yield from _of_iam(kind, action, properties, made)
    elif service == "logs" and kind == "AWS::Logs::LogGroup":
        yield _of_logs(action, str(properties.get("LogGroupName") or made)), _tags(properties)
    elif service == "s3" and kind == "AWS::Lambda::Function":
        code = properties.get("Code") or {}
        if code.get("S3Bucket"):
            yield f"arn:aws:s3:::{code['S3Bucket']}/{code.get('S3Key', '')}", {}
    elif service == "s3" and kind.startswith("AWS::S3::"):
        yield f"arn:aws:s3:::{properties.get('Bucket') or properties.get('BucketName') or made}", {}
    elif service == "apigateway":
        collection = "/vpclinks" if kind.endswith("::VpcLink") else "/apis"
        yield f"arn:aws:apigateway:{get_region()}::{collection}", _tags(properties)
    elif service == "cloudformation":
        name = made if made.startswith("arn:") else f"{_here('cloudformation')}:stack/{made}/x"
        yield name, _tags(properties)
    elif kind == "AWS::SNS::TopicPolicy":
        for topic in properties.get("Topics") or []:
            yield topic, {}
    elif kind == "AWS::SQS::QueuePolicy":
        for url in properties.get("Queues") or []:
            yield f"{_here('sqs')}:{url.rpartition('/')[2]}", {}
    elif kind in _NAMED and service == _NAMED[kind][0]:
        _, before, field = _NAMED[kind]
        name = str(properties.get(field) or made)
        # A queue that exists is known by its URL.
        name = name.rpartition("/")[2] if service == "sqs" else name
        # The path of a parameter begins with a slash, which its ARN has once.
        name = name.removeprefix("/") if service == "ssm" else name
        arn = name if name.startswith("arn:") else f"{_here(service)}:{before}{name}"
        yield arn, _tags(properties)
    else:
        yield "*", _tags(properties)


def expected_name(kind: str, stack: str, logical_id: str) -> str:
    """The name that a resource without one of its own is about to get, but for its last part."""
    name = f"{stack}-{logical_id}-x"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def _passed(kind: str, properties: dict[str, Any]) -> Iterator[Asked]:
    """The roles that the resource is given, and to which service."""
    if properties.get("Role"):
        yield properties["Role"], {"iam:PassedToService": "lambda.amazonaws.com"}
    if kind == "AWS::Scheduler::Schedule":
        role = properties["Target"]["RoleArn"]
        yield role, {"iam:PassedToService": "scheduler.amazonaws.com"}
    for name in _roles_of_instances(kind, properties):
        yield _role(name), {"iam:PassedToService": "ec2.amazonaws.com"}


def _roles_of_instances(kind: str, properties: dict[str, Any]) -> list[str]:
    """The roles that an instance profile is given, or an instance with its profile."""
    if kind == "AWS::IAM::InstanceProfile":
        return properties.get("Roles") or []
    if kind != "AWS::EC2::Instance":
        return []
    profile = Launch.of(properties).profile
    name = profile.get("Name") or profile.get("Arn", "").rpartition("/")[2]
    return (iam._instance_profiles.get(name) or {}).get("Roles") or []


def _of_logs(action: str, name: str) -> str:
    """A log group as IAM knows it: by its streams, but where it is about tags."""
    if action.startswith("logs:Describe"):
        return "*"
    is_of_tags = action.endswith(("TagResource", "UntagResource", "TagsForResource"))
    return f"{_here('logs')}:log-group:{name}" + ("" if is_of_tags else ":log-stream:")


def _of_iam(kind: str, action: str, properties: dict[str, Any], made: str) -> Iterator[Asked]:
    if kind == "AWS::IAM::Policy":
        for name in properties.get("Roles") or []:
            yield _role(name), _boundary_of(name)
        return
    word = "instance-profile" if kind == "AWS::IAM::InstanceProfile" else "role"
    name = properties.get("RoleName") or properties.get("InstanceProfileName") or made
    arn = f"{_iam(word)}{properties.get('Path') or '/'}{name}"
    context = _tags(properties)
    if properties.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = properties["PermissionsBoundary"]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        for policy in properties.get("ManagedPolicyArns") or []:
            yield arn, {**context, "iam:PolicyARN": policy}
    else:
        yield arn, context


def _boundary_of(name: str) -> dict[str, Any]:
    boundary = (iam._roles.get(name) or {}).get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def _role(name: str) -> str:
    known = iam._roles.get(name)
    return known["Arn"] if known else f"{_iam('role')}/{name}"


def _iam(word: str) -> str:
    return f"arn:aws:iam::{get_account_id()}:{word}"


def _here(service: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}"


def _tags(properties: dict[str, Any]) -> dict[str, Any]:
    given = properties.get("Tags") or []
    if isinstance(given, dict):
        tags = {key: str(value) for key, value in given.items()}
    else:
        tags = {one["Key"]: str(one.get("Value", "")) for one in given if isinstance(one, dict)}
    # Those of CloudFormation itself are not asked about.
    tags = {key: value for key, value in tags.items() if not key.startswith("aws:")}
    if not tags:
        return {}
    return {"aws:TagKeys": list(tags), **{f"aws:RequestTag/{k}": v for k, v in tags.items()}}
