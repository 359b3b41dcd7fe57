"""Whether a resource's own policy lets an AWS service in: the service itself is the caller, for
which no grant to an account counts, and it comes on behalf of another resource.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region


def may(
    service: str, action: str, resource: str, policy: str | dict[str, Any], source: str
) -> bool:
    """Whether `service` may do something to `resource` for `source`, an ARN of this account."""
    asked = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={
            "aws:sourcearn": source,
            "aws:sourceaccount": get_account_id(),
            "aws:sourceowner": get_account_id(),
        },
    )
    decision = iam_evaluator.evaluate_resource_policy(policy, asked, service=service).decision
    return bool(policy) and decision == "Allow"
