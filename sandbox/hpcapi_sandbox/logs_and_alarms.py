"""CloudWatch resource types: what the templates need and ministack lacks."""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from . import settings
from .aws_error import AwsError
from .cloudformation.resource_types import Made, Properties, add, guard_create

# ParallelCluster keeps the log group of a deleted cluster and puts the minute into its name.
# Here two clusters of one name fit into a minute, which they cannot on AWS.
_CLUSTER_LOGS = "/aws/parallelcluster/"

# Who writes access logs, by which policy of CloudWatch Logs. AWS makes it for the first log group whose
# name begins so, out of the account's ten of a region (Amazon CloudWatch Logs User Guide, "Enable
# logging from AWS services", Logs sent to CloudWatch Logs).
_DELIVERED_LOGS = "/aws/vendedlogs/"
_DELIVERY = "delivery.logs.amazonaws.com"
_DELIVERY_POLICY = "AWSLogDeliveryWrite20150319"


def install() -> None:
    add(
        "AWS::CloudWatch::CompositeAlarm",
        _create_composite_alarm,
        lambda name, properties: None,
    )
    guard_create("AWS::Logs::LogGroup", _check_name_is_free)
    guard_create("AWS::ApiGatewayV2::Stage", _let_deliver_logs)


def _create_composite_alarm(logical_id: str, properties: Properties, stack_name: str) -> Made:
    name = properties.get("AlarmName") or f"{stack_name}-{logical_id}"
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"
    return name, {"Arn": arn}


def _check_name_is_free(properties: Properties, old: Properties | None) -> None:
    name = properties.get("LogGroupName")
    if old and old.get("LogGroupName") == name:
        return
    if settings.get().time_scale < 1 and str(name).startswith(_CLUSTER_LOGS):
        return
    if name in cloudwatch_logs._log_groups:
        raise AwsError(
            "AlreadyExists",
            f"Resource of type 'AWS::Logs::LogGroup' with identifier "
            f'\'{{"/properties/LogGroupName":"{name}"}}\' already exists.',
        )


def _let_deliver_logs(properties: Properties, old: Properties | None) -> None:
    destination = (properties.get("AccessLogSettings") or {}).get("DestinationArn", "")
    if f":log-group:{_DELIVERED_LOGS}" not in destination:
        return
    policies = cloudwatch_logs._resource_policies
    if any(_DELIVERY in str(policy.get("policyDocument")) for policy in policies.values()):
        return
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": _DELIVERY},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{_DELIVERED_LOGS}*:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    request = {"policyName": _DELIVERY_POLICY, "policyDocument": document}
    status, _, _ = cloudwatch_logs._put_resource_policy(request)
    if status != 200:
        raise AwsError("BadRequestException", "Insufficient permissions to enable logging")
