"""SNS where ministack is more lenient than AWS: who may publish, whose subscription has to be
confirmed, what a topic's policy may say, and how templates make all of it.
"""

from __future__ import annotations

from . import mails, policies, subscriptions, topic_types


def install() -> None:
    mails.install()
    subscriptions.install()
    policies.install()
    topic_types.install()
