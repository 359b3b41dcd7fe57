"""What a test or a benchmark asks of the sandbox itself, under `/_hpcapi/`, in JSON.

`GET /_hpcapi/clock`
    says `{"scale": 0.0, "rates": false, "requests": {}}`: how fast time passes (see `clock`),
    whether AWS's request rates hold (see `request_rates`), and how many requests there have been
    since they were switched on: `{"ec2": {"DescribeInstances": {"admitted": 9, "refused": 1}}}`.
`PUT /_hpcapi/clock` with `{"scale": 0.01}`, `{"rates": true}` or both
    changes it, the scale also for what waits already, and answers as GET does.

`PUT /_hpcapi/vpc-links/ID` with `{"status": "INACTIVE"}` or `{"status": "FAILED"}`
    takes a VPC link's network interfaces away. One that is INACTIVE is woken by traffic.

`PUT /_hpcapi/guard-duty/ACCOUNT` with `{"on": true}` or `{"on": false}`
    switches the Runtime Monitoring of GuardDuty on for the account, or off (see `ec2.guard_duty`).

`PUT /_hpcapi/event-troubles/ACCOUNT` with `{"twice": true, "fails": 0.2, "seed": 7}`
    lets the account's events come twice and invocations with messages of a queue fail with this
    probability (see `event_troubles`), each if it is given, and nothing more with `{}`. Answers
    as GET does: with these, with the seed, which is drawn if none is given, and with how often
    it has happened: `"counts": {"coming": 1, "twice": 9, "invocations": 5, "before": 1,
    "after": 0}`, where those that are coming have come once.

`PUT /_hpcapi/account-plans/ACCOUNT` with `{"plan": "FREE"}` or `{"plan": "PAID"}`
    puts an account on a free plan, or on a paid one (see `account_plan`).

`PUT /_hpcapi/ssm-agents/INSTANCE` with `{"runs": false}` or `{"runs": true}`
    stops the SSM agent of an instance, or starts it again (see `ssm.agents`).

`GET /_hpcapi/critical-path?account=ID`
    says of each stack operation of the account that is over (`{"operations": [{"stack",
    "operation", "seconds", "took", "path": [{"resource", "type", "seconds"}]}]}`) in how many
    seconds it could have been done, how many it took, and which resources had to follow one
    another. With `&stack=NAME` or `&stack=NAME:CREATE`, once or more, `"chain": {"stacks",
    "seconds"}` is the shortest time for these, one after the other.

`GET /_hpcapi/mails?account=ID`
    says what the account's topics have sent by e-mail: `{"mails": [{"to", "topic", "subject",
    "text"}]}`. One that asks for the confirmation of a subscription has the `"token"` for it, which
    SNS's ConfirmSubscription takes.

What cannot be done is answered with 400 or 404 and `{"message": …}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from . import account_plan, clock, event_troubles, machines, request_rates
from .cloudformation import critical_path
from .ec2 import guard_duty
from .endpoint import vpc_links
from .ssm import agents
from .topics import mails

PREFIX = "/_hpcapi/"
# So slow that everything stands still.
_SLOWEST = 1e12
Query = dict[str, list[str]]
Answer = tuple[int, dict[str, Any]]


class Refused(Exception):
    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def serves(path: str) -> bool:
    return path.startswith(PREFIX)


def respond(method: str, path: str, query_string: str, body: bytes) -> Answer:
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    handler = _HANDLERS.get((method, name))
    try:
        if handler is None:
            raise Refused(f"{method} {path} is not known", 404)
        return 200, handler(rest, parse_qs(query_string), _members(body))
    except Refused as refused:
        return refused.status, {"message": str(refused)}


def _members(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Refused("the body is not a JSON object")
    return asked


def _get_clock(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "scale": clock.scale(),
        "rates": request_rates.are_on(),
        "requests": request_rates.counts(),
    }


def _put_clock(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(asked) - {"scale", "rates"})
    if unknown:
        raise Refused(f"not known: {', '.join(unknown)}")
    if "scale" in asked:
        scale = asked["scale"]
        if type(scale) not in (int, float) or not 0 <= scale <= _SLOWEST:
            raise Refused(f"{scale!r} is not a valid scale: it is a number from 0 up")
    if not isinstance(asked.get("rates", False), bool):
        raise Refused(f"{asked['rates']!r} is not a valid value of rates: it is true or false")
    if "scale" in asked:
        clock.set_scale(float(scale))
    if "rates" in asked:
        request_rates.switch(asked["rates"])
    return _get_clock(rest, query, asked)


def _put_vpc_link(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    status = asked.get("status")
    if status not in ("INACTIVE", "FAILED"):
        raise Refused(f"{status!r} is not a valid status: INACTIVE or FAILED")
    link = vpc_links.force(rest, status)
    if link is None:
        raise Refused(f"there is no VPC link {rest}", 404)
    return link


def _put_guard_duty(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    on = asked.get("on")
    if not isinstance(on, bool):
        raise Refused(f"{on!r} is not a valid value of on: it is true or false")
    guard_duty.switch(_checked_account(rest), on)
    return {"on": on}


def _checked_account(account: str) -> str:
    if not re.fullmatch("[0-9]{12}", account):
        raise Refused(f"{account!r} is no account")
    return account


def _get_event_troubles(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    return (event_troubles.of(rest) or event_troubles.Troubles()).told()


def _put_event_troubles(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(asked) - {"twice", "fails", "seed"})
    if unknown:
        raise Refused(f"not known: {', '.join(unknown)}")
    _checked_account(rest)
    if not isinstance(asked.get("twice", False), bool):
        raise Refused(f"{asked['twice']!r} is not a valid value of twice: it is true or false")
    fails = asked.get("fails", 0)
    if type(fails) not in (int, float) or not 0 <= fails <= 1:
        raise Refused(f"{fails!r} is not a probability: it is a number from 0 to 1")
    if type(asked.get("seed", 0)) is not int:
        raise Refused(f"{asked['seed']!r} is not a seed: it is a whole number")
    event_troubles.put(rest, event_troubles.Troubles(**asked) if asked else None)
    return _get_event_troubles(rest, query, asked)


def _put_account_plan(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    plan = asked.get("plan")
    if plan not in ("FREE", "PAID"):
        raise Refused(f"{plan!r} is not a valid value of plan: it is FREE or PAID")
    account_plan.put(_checked_account(rest), plan)
    return {"plan": plan}


def _put_ssm_agent(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    runs = asked.get("runs")
    if not isinstance(runs, bool):
        raise Refused(f"{runs!r} is not a valid value of runs: it is true or false")
    if not machines.is_up(rest):
        raise Refused(f"there is no instance {rest} that is up", 404)
    agents.let_run(rest, runs)
    return {"runs": runs}


def _get_critical_path(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return critical_path.report(_account(query), query.get("stack", []))
    except LookupError as error:
        raise Refused(str(error), 404) from None


def _get_mails(rest: str, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
    return {"mails": mails.sent(_account(query))}


def _account(query: Query) -> str:
    account = query.get("account", [""])[0]
    if not account:
        raise Refused("which account? Give it as ?account=ID")
    return account


_HANDLERS: dict[tuple[str, str], Callable[[str, Query, dict[str, Any]], dict[str, Any]]] = {
    ("GET", "clock"): _get_clock,
    ("PUT", "clock"): _put_clock,
    ("GET", "event-troubles"): _get_event_troubles,
    ("PUT", "event-troubles"): _put_event_troubles,
    ("PUT", "account-plans"): _put_account_plan,
    ("PUT", "guard-duty"): _put_guard_duty,
    ("PUT", "ssm-agents"): _put_ssm_agent,
    ("GET", "critical-path"): _get_critical_path,
    ("GET", "mails"): _get_mails,
    ("PUT", "vpc-links"): _put_vpc_link,
}
