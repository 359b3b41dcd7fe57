"""Of what CloudFormation validates when a change set is made: that the names of log groups are free.

The change set fails with a reason that names only the validation; DescribeEvents tells the resource.
Words: aws/aws-cdk-cli issue 1000, aws-cloudformation/rain pull request 744.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.services import cloudformation as state
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import handlers, helpers, stacks

from .resources import StackView

_FAILED = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To "
    "troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure "
    "information."
)
_LOG_GROUP = "AWS::Logs::LogGroup"


def validate(change_set: dict[str, Any]) -> None:
    """Fails a change set that was made although a name in it is taken."""
    if change_set["Status"] != "CREATE_COMPLETE" or change_set["_disable_validation"]:
        return
    stack = handlers._resolve_stack(change_set["StackId"]) or {}
    events = [
        stacks._operation_event(
            change_set["StackId"],
            change_set["ChangeSetId"],
            "VALIDATION_ERROR",
            "CREATE_CHANGESET",
            LogicalResourceId=logical_id,
            ResourceType=_LOG_GROUP,
            ValidationFailureMode="FAIL",
            ValidationName="NAME_CONFLICT_VALIDATION",
            ValidationStatus="FAILED",
            ValidationStatusReason=f"Resource of type '{_LOG_GROUP}' with identifier '{name}' "
            "already exists.",
            ValidationPath=f"/Resources/{logical_id}",
        )
        for logical_id, name in _taken(change_set, stack)
    ]
    if events:
        change_set.update(
            Status="FAILED",
            ExecutionStatus="UNAVAILABLE",
            StatusReason=_FAILED,
            _operation_events=events,
        )


def _taken(change_set: dict[str, Any], stack: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The log groups whose names are taken, by somebody else than the stack."""
    template = change_set["_template"]
    parameters = change_set["_resolved_params"]
    conditions = intrinsics._evaluate_conditions(template, parameters)
    view = StackView({**stack, "_resources": {}}, template, parameters, conditions)
    owned = {
        record.get("PhysicalResourceId") for record in (stack.get("_resources") or {}).values()
    }
    for logical_id, definition in view.definitions.items():
        given = (definition.get("Properties") or {}).get("LogGroupName")
        if definition.get("Type") != _LOG_GROUP or given is None or view.needs(logical_id):
            continue
        name = view.resolve(given)
        if name in cloudwatch_logs._log_groups and name not in owned:
            yield logical_id, name


def describe_events(params: dict[str, Any], handler: Any) -> tuple[int, dict[str, str], bytes]:
    """Tells the events of a change set, too, which has to be named by its ARN."""
    change_set = state._change_sets.get(helpers._p(params, "ChangeSetName"))
    if not change_set or helpers._p(params, "StackName"):
        return handler(params)
    events = change_set.get("_operation_events") or []
    members = "".join(
        "<member>"
        + "".join(
            f"<{field}>{helpers._esc(str(event[field]))}</{field}>"
            for field in handlers._OPERATION_EVENT_FIELDS
            if event.get(field)
        )
        + "</member>"
        for event in events
    )
    return helpers._xml(
        200,
        "DescribeEventsResponse",
        f"<DescribeEventsResult><OperationEvents>{members}</OperationEvents>"
        "</DescribeEventsResult>",
    )
