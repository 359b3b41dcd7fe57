"""The plan of an account (AWS's service Free Tier). Accounts are on a paid one; a test puts one on a
free plan (see `control`), which starts few instance types until it is upgraded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id

_TARGET = "AWSFreeTierService."
_free: set[str] = set()  # accounts


def serves(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-target", "").startswith(_TARGET)


def respond(headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """The status and the answer to a request; the account is the current scope's."""
    action = headers["x-amz-target"].removeprefix(_TARGET)
    if action == "GetAccountPlanState":
        return 200, _state()
    if action == "UpgradeAccountPlan":
        put(get_account_id(), json.loads(body)["accountPlanType"])
        return 200, _state()
    return 400, {"__type": "UnknownOperationException", "message": action}


def put(account: str, plan: str) -> None:
    """`plan` is FREE or PAID."""
    (_free.add if plan == "FREE" else _free.discard)(account)


def is_free() -> bool:
    """Whether the account of the current scope is on a free plan."""
    return get_account_id() in _free


def _state() -> dict[str, Any]:
    return {
        "accountId": get_account_id(),
        "accountPlanType": "FREE" if is_free() else "PAID",
        "accountPlanStatus": "ACTIVE",
    }
