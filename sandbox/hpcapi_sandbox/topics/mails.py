"""What SNS sends by e-mail: how to confirm a subscription, and messages once that is done. Nothing
leaves this machine; `control` shows what would have.
"""

from __future__ import annotations

import collections
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import sns

from ..patching import replace_everywhere

_KEPT = 1000
Mail = dict[str, Any]
_sent: dict[str, collections.deque[Mail]] = {}


def install() -> None:
    deliver = sns._fanout

    def deliver_by_mail_too(
        topic_arn: str,
        message_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, Any] | None = None,
        *more: Any,
        **named: Any,
    ) -> None:
        attributes = message_attributes or {}
        given = (topic_arn, message_id, message, subject, message_structure, attributes)
        deliver(*given, *more, **named)
        topic = sns._topic_by_arn_any_scope(topic_arn)
        for one in topic["subscriptions"] if topic else []:
            if one["protocol"] != "email" or not one["confirmed"]:
                continue
            text = sns._resolve_message_for_protocol(message, message_structure, "email")
            if sns._matches_filter_policy(one, attributes, text):
                # Without one, mails have this.
                said = subject or "AWS Notification Message"
                _send({"to": one["endpoint"], "topic": topic_arn, "subject": said, "text": text})

    replace_everywhere(deliver, deliver_by_mail_too)


def ask(subscription: dict[str, Any]) -> None:
    """Asks the reader to confirm the subscription."""
    _send(
        {
            "to": subscription["endpoint"],
            "topic": subscription["topic_arn"],
            "subject": "AWS Notification - Subscription Confirmation",
            "text": "You have chosen to subscribe to the topic:\n" + subscription["topic_arn"],
            "token": subscription["token"],
        }
    )


def _send(mail: Mail) -> None:
    _sent.setdefault(get_account_id(), collections.deque(maxlen=_KEPT)).append(mail)


def sent(account: str) -> list[Mail]:
    """The mails of an account's topics, oldest first."""
    return list(_sent.get(account, ()))
