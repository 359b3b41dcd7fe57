"""Who makes a request, and what their policies allow them.

The account itself may do everything. A user or a role may do what their policies say, as far as
a permissions boundary and the policies of the session go along.
"""

from __future__ import annotations

import functools
import re
import time
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import iam, sts

from .patching import replace_everywhere

Caller = iam_evaluator.PrincipalInfo


def install() -> None:
    """Lets requests that are signed with the key of a user be made in the user's account."""
    others = responses.set_request_account_id

    def set_request_account_id(access_key_id: str) -> None:
        others(account_of(access_key_id) or access_key_id)

    replace_everywhere(others, set_request_account_id)
    replace_everywhere(iam_evaluator._fnmatch_compile, _pattern)
    replace_everywhere(sts._evict_expired_sessions, evict_expired_sessions)


def evict_expired_sessions() -> None:
    """Forgets the sessions that have expired. Threads begin others meanwhile, so a copy is walked."""
    now = time.time()
    for key, session in list(sts._sessions.items()):
        expires = session.get("Expiration")
        if isinstance(expires, (int, float)) and now > expires:
            sts._sessions.pop(key, None)


@functools.lru_cache(maxsize=4096)
def _pattern(wildcards: str, ignore_case: bool) -> re.Pattern[str]:
    """A pattern of a policy: its wildcards stand for line breaks, too, which keys may have."""
    parts = ({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in wildcards)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG)
    return re.compile(f"(?:{''.join(parts)})\\Z", flags)


def account_of(access_key_id: str) -> str | None:
    """The account that a key belongs to; None when it is nobody's."""
    if iam_evaluator._ACCOUNT_ID_RE.fullmatch(access_key_id):
        return access_key_id
    session = sts._sessions.get(access_key_id)
    if session:
        return str(session["Arn"].split(":")[4])
    return iam_evaluator.find_iam_access_key_account(access_key_id)


def key_of(headers: Any) -> str:
    return extract_access_key_id(dict(headers), {})


def caller(access_key_id: str) -> Caller | None:
    """The user, role or account behind a key, within the current scope; None for nobody."""
    found = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    return None if isinstance(found, iam_evaluator.AuthError) else found


def role(arn: str, session: str) -> Caller:
    """The session of a role of this account, within the current scope, that a service makes for itself."""
    account, name = get_account_id(), arn.rpartition("/")[2]
    return Caller(
        arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        type="AssumedRole",
        account=account,
        policies=iam_evaluator._gather_role_policies(name, account),
        limits=iam_evaluator._permissions_boundary(iam._roles, name, account),
    )


def denial(
    who: Caller, action: str, resource: str, context: dict[str, Any] | None = None
) -> str | None:
    """Why a caller may not do something, in IAM's words; None when they may."""
    if who.policies is None:
        return None
    asked = iam_evaluator.EvalContext(
        principal_arn=who.arn,
        principal_type=who.type,
        principal_account=who.account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        # The endpoint of this emulator stands for those of AWS, which are reached over TLS.
        secure_transport=True,
        service_context={
            "aws:viaawsservice": "false",
            **{key.lower(): value for key, value in (context or {}).items()},
        },
        principal_keys=who.keys,
    )
    decision = iam_evaluator.evaluate(asked, who.policies, *who.limits).decision
    if decision == "Allow":
        return None
    own = iam_evaluator.evaluate(asked, who.policies).decision
    # A boundary is told as such; the policies of a session are, too, which AWS names otherwise.
    kind = "a permissions boundary" if own == "Allow" else "an identity-based policy"
    reason = (
        f"with an explicit deny in {kind}"
        if decision == "Deny"
        else f"because no {kind.partition(' ')[2]} allows the {action} action"
    )
    return (
        f"User: {who.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
    )
