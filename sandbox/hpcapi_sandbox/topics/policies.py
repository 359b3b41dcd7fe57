"""What a topic's policy may say. SNS takes no wildcard for actions, and a topic without a policy of
its own has the default one, which lets its account do what it may do anyway.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import sns

from .errors import Answer, Handler, Parameters, invalid, wrap

# SNS Developer Guide, "SNS access policy language": those of a topic. Receive is in default
# policies, though there is no such call.
ACTIONS = (
    "AddPermission",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
)
_TAKEN = {f"sns:{action}".lower() for action in (*ACTIONS, "Receive")}
_LARGEST = 30_720


def install() -> None:
    wrap(sns._set_topic_attributes, _set_topic_attributes)


def _set_topic_attributes(params: Parameters, handler: Handler) -> Answer:
    if sns._p(params, "AttributeName") == "Policy":
        check(sns._p(params, "AttributeValue"))
    return handler(params)


def check(policy: str | dict[str, Any]) -> None:
    """Raises what SNS says of a policy that it does not take."""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or len(text) > _LARGEST:
        raise invalid("Policy Error: null")
    for statement in _many(document.get("Statement")) or [None]:
        _check_statement(statement)


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise invalid("Policy Error: null")
    if not (statement.get("Principal") or statement.get("NotPrincipal")):
        raise invalid("Policy Error: null")
    actions = _many(statement.get("Action")) or _many(statement.get("NotAction"))
    if not actions or not all(str(action).lower() in _TAKEN for action in actions):
        raise invalid("Policy statement action out of service scope!")
    if len(_many(statement.get("Resource"))) != 1:
        raise invalid("Policy statement must apply to a single resource!")


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def default(arn: str) -> str:
    """The policy of a topic that was given none."""
    return json.dumps(
        {
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [
                {
                    "Sid": "__default_statement_ID",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [f"SNS:{action}" for action in ACTIONS],
                    "Resource": arn,
                    "Condition": {"StringEquals": {"AWS:SourceOwner": get_account_id()}},
                }
            ],
        }
    )
