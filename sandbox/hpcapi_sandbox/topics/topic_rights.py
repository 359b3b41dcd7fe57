"""Who may do something to a topic: the policies of the caller and of the topic are asked. ministack
asks only where it checks every credential. The endpoint of this emulator stands for SNS's own,
which is reached over TLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs
from uuid import uuid4
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalResult
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import extract_region
from ministack.services import sns

from .. import callers
from ..model_check import Refusal
from . import policies

_ACTIONS = {name: name for name in policies.ACTIONS} | {"PublishBatch": "Publish"}


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    if "/sns/aws4_request" not in headers.get("authorization", ""):
        return None
    form = parse_qs(body.decode("utf-8", "replace"))
    operation = form.get("Action", [""])[0]
    action = _ACTIONS.get(operation)
    topic = (form.get("TopicArn") or form.get("TargetArn") or [""])[0]
    key = callers.key_of(headers)
    account = callers.account_of(key)
    if action is None or not topic or account is None:
        return None
    with request_scope(account, extract_region(dict(headers), {})):
        who = callers.caller(key)
        denial = _denial(who, action, topic) if who else None
    return _refusal(operation, denial) if denial else None


def _denial(who: callers.Caller, action: str, topic: str) -> str | None:
    """Why a caller may not, in SNS's words; None when they may."""
    asked = iam_evaluator.EvalContext(
        principal_arn=who.arn,
        principal_type=who.type,
        principal_account=who.account,
        action=f"sns:{action}",
        resource_arn=topic,
        region=get_region(),
        secure_transport=True,
        principal_keys=who.keys,
    )
    own = EvalResult("Allow")
    if who.policies is not None:
        own = iam_evaluator.evaluate(asked, who.policies, *who.limits)
    policy, owner = sns.topic_policy_for_arn(topic) or ("", get_account_id())
    limits = who.limits if who.policies is not None else ()
    found = iam_evaluator.combine_resource_policy(own, asked, policy, owner, limits=limits)
    if found.decision == "Allow":
        return None
    reason = f"because no identity-based policy allows the SNS:{action} action"
    if found.decision == "Deny":
        kind = "an identity" if own.decision == "Deny" else "a resource"
        reason = f"with an explicit deny in {kind}-based policy"
    what = f"SNS:{action} on resource: {topic}"
    return f"User: {who.arn} is not authorized to perform: {what} {reason}"


def _refusal(operation: str, message: str) -> Refusal:
    answer = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>AuthorizationError</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )
    return Refusal(
        service="sns",
        operation=operation,
        problems=[message],
        status=403,
        code="AuthorizationError",
        body=answer.encode(),
        content_type="text/xml",
    )
