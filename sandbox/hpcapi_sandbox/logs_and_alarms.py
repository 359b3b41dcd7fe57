"""CloudWatch resource types: what ParallelCluster's templates need and ministack lacks."""

from __future__ import annotations

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from . import settings
from .aws_error import AwsError
from .cloudformation.resource_types import Made, Properties, add, guard_create

# ParallelCluster keeps the log group of a deleted cluster and puts the minute into its name.
# Here two clusters of one name fit into a minute, which they cannot on AWS.
_CLUSTER_LOGS = "/aws/parallelcluster/"


def install() -> None:
    add(
        "AWS::CloudWatch::CompositeAlarm",
        _create_composite_alarm,
        lambda name, properties: None,
    )
    guard_create("AWS::Logs::LogGroup", _check_name_is_free)


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
