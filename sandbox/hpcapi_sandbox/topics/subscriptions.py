"""Subscriptions: whoever reads mails or serves a URL has to confirm one before anything is sent,
and a queue gets only what its policy lets the topic send. ministack takes any e-mail address as
confirmed, sends to any queue, and goes out to the Internet.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ministack.core.responses import get_account_id
from ministack.services import sns, sqs

from .. import service_rights
from ..patching import replace_everywhere
from . import errors, mails
from .errors import Answer, Handler, Parameters, invalid, wrap

_CONFIRMED_BY_OTHERS = ("email", "email-json", "http", "https")
_PROTOCOLS = (*_CONFIRMED_BY_OTHERS, "sms", "sqs", "application", "lambda", "firehose")
_RAW = ("sqs", "http", "https", "firehose")
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+")
_PENDING = "PendingConfirmation"
Subscription = dict[str, Any]


def install() -> None:
    errors.install()
    wrap(sns._subscribe, _subscribe)
    wrap(sns._unsubscribe, _unsubscribe)
    wrap(sns._list_subscriptions, _hide_pending)
    wrap(sns._list_subscriptions_by_topic, _hide_pending)
    replace_everywhere(sqs.queue_policy_allows, _queue_lets_in)
    post = sns._http_post_sync

    def post_here(endpoint: str, payload: str, kind: str) -> int:
        """Nothing leaves this machine."""
        if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost"):
            raise ConnectionRefusedError(endpoint)
        return post(endpoint, payload, kind)

    replace_everywhere(post, post_here)


def _queue_lets_in(queue: str, service: str, source: str, source_account: str) -> bool:
    found = sqs.queue_policy_for_arn(queue)
    policy = found[0] if found else ""
    return service_rights.may(service, "sqs:SendMessage", queue, policy, source)


def check(protocol: str, endpoint: str, attributes: dict[str, Any]) -> None:
    """Raises what SNS says of a subscription that it does not take."""
    if protocol not in _PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol.startswith("email") and not (
        len(endpoint) <= 320 and endpoint.isascii() and _ADDRESS.fullmatch(endpoint)
    ):
        raise invalid("Email address")
    if protocol in ("http", "https"):
        if not endpoint.startswith(f"{protocol}://"):
            raise invalid("Endpoint must match the specified protocol")
        if not urlsplit(endpoint).hostname or re.search(r"[\s\x00-\x1f]", endpoint):
            raise invalid("Endpoint")
    if sns._validate_subscription_endpoint(protocol, endpoint) is not None:
        raise invalid(f"{protocol.upper()} endpoint ARN")
    if str(attributes.get("RawMessageDelivery", "")).lower() == "true" and protocol not in _RAW:
        raise invalid(f"Delivery protocol [{protocol}] does not support raw message delivery.")
    policy = attributes.get("FilterPolicy")
    if policy and isinstance(policy, str):
        try:
            json.loads(policy)
        except ValueError:
            raise invalid("FilterPolicy: failed to parse JSON.") from None


def find(topic: dict[str, Any], protocol: str, endpoint: str) -> Subscription | None:
    for one in topic["subscriptions"]:
        if (one["protocol"], one["endpoint"]) == (protocol, endpoint):
            return one
    return None


def complete(topic: dict[str, Any], new: Subscription) -> None:
    """Makes of a record of ministack's what SNS would: pending if it is to be confirmed."""
    is_pending = new["protocol"] in _CONFIRMED_BY_OTHERS
    new["confirmed"] = not is_pending
    new["token"] = (new.get("token") or uuid4().hex) if is_pending else None
    new["attributes"] = {
        **new["attributes"],
        "SubscriptionArn": new["arn"],
        "TopicArn": new["topic_arn"],
        "Protocol": new["protocol"],
        "Endpoint": new["endpoint"],
        "Owner": get_account_id(),
        "ConfirmationWasAuthenticated": "false" if is_pending else "true",
        _PENDING: "true" if is_pending else "false",
    }
    new["attributes"].setdefault("RawMessageDelivery", "false")
    sns._refresh_subscription_counts(topic)
    if is_pending and new["protocol"].startswith("email"):
        mails.ask(new)


def _subscribe(params: Parameters, handler: Handler) -> Answer:
    protocol, endpoint = sns._p(params, "Protocol"), sns._p(params, "Endpoint")
    topic, refused = sns._get_topic(sns._p(params, "TopicArn"))
    if refused is not None:
        raise errors.no_topic()
    check(protocol, endpoint, _attributes(params))
    is_new = find(topic, protocol, endpoint) is None
    answer = handler(params)
    made = find(topic, protocol, endpoint)
    if answer[0] != 200 or made is None:
        return answer
    if is_new:
        complete(topic, made)
    is_told = made["confirmed"] or sns._p(params, "ReturnSubscriptionArn").lower() == "true"
    arn = made["arn"] if is_told else "pending confirmation"
    inner = f"<SubscribeResult><SubscriptionArn>{arn}</SubscriptionArn></SubscribeResult>"
    return sns._xml(200, "SubscribeResponse", inner)


def _attributes(params: Parameters) -> dict[str, str]:
    attributes, number = {}, 1
    while key := sns._p(params, f"Attributes.entry.{number}.key"):
        attributes[key] = sns._p(params, f"Attributes.entry.{number}.value")
        number += 1
    return attributes


def _unsubscribe(params: Parameters, handler: Handler) -> Answer:
    arn = sns._p(params, "SubscriptionArn")
    if arn.count(":") < 5:
        elements = arn.count(":") + 1
        raise invalid(
            f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {elements}"
        )
    found = sns._find_subscription(sns._sub_arn_to_topic.get(arn) or "", arn)
    if found and not found["confirmed"]:
        raise invalid(
            "SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation"
        )
    return handler(params)


def _hide_pending(params: Parameters, handler: Handler) -> Answer:
    """The ARN of a subscription that is not confirmed is not listed."""
    status, headers, body = handler(params)
    for topic in sns._topics.values():
        for one in topic["subscriptions"]:
            if not one["confirmed"]:
                shown = f"<SubscriptionArn>{one['arn']}</SubscriptionArn>".encode()
                body = body.replace(
                    shown, f"<SubscriptionArn>{_PENDING}</SubscriptionArn>".encode()
                )
    return status, headers, body
