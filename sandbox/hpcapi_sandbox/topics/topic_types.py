"""Topics, their policies and subscriptions in templates, as SNS's resource handlers make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

from ..cloudformation.property_rules import ANY, LIST, OBJECT, Rule, check
from ..cloudformation.resource_types import Made, Properties, guard_create
from ..patching import replace_everywhere
from . import policies, subscriptions
from .errors import no_topic

_TOPIC_TYPE = "AWS::SNS::Topic"
_POLICY_TYPE = "AWS::SNS::TopicPolicy"
_SUBSCRIPTION_TYPE = "AWS::SNS::Subscription"
_TOPIC = {
    "TopicName": Rule(pattern=r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo"),
    "DisplayName": Rule(longest=100),
    "KmsMasterKeyId": ANY,
    "SignatureVersion": Rule(one_of=("1", "2")),
    "TracingConfig": Rule(one_of=("Active", "PassThrough")),
    "FifoTopic": ANY,
    "ContentBasedDeduplication": ANY,
    "FifoThroughputScope": ANY,
    "ArchivePolicy": OBJECT,
    "DataProtectionPolicy": OBJECT,
    "DeliveryStatusLogging": LIST,
    "Subscription": LIST,
    "Tags": LIST,
}
# Attributes of the topic that have the names of their properties.
_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_POLICY = {
    "PolicyDocument": Rule(is_required=True, kind=dict),
    "Topics": Rule(is_required=True, kind=list),
}
_SUBSCRIPTION = {
    "TopicArn": Rule(is_required=True),
    "Protocol": Rule(is_required=True),
    "Endpoint": ANY,
    "DeliveryPolicy": OBJECT,
    "FilterPolicy": OBJECT,
    "FilterPolicyScope": Rule(one_of=("MessageAttributes", "MessageBody")),
    "RawMessageDelivery": Rule(one_of=("True", "False", "true", "false")),
    "RedrivePolicy": OBJECT,
    "Region": ANY,
    "ReplayPolicy": OBJECT,
    "SubscriptionRoleArn": ANY,
}


def install() -> None:
    _around(_TOPIC_TYPE, "create", _make_topic)
    _around(_TOPIC_TYPE, "update", _make_topic)
    _around(_POLICY_TYPE, "update", _change_policy)
    _around(_POLICY_TYPE, "delete", _delete_policy)
    _around(_SUBSCRIPTION_TYPE, "create", _make_subscription)
    _around(_SUBSCRIPTION_TYPE, "delete", _delete_subscription)
    guard_create(_TOPIC_TYPE, _check_topic)
    guard_create(_POLICY_TYPE, _check_policy)
    guard_create(_SUBSCRIPTION_TYPE, _check_subscription)


def _around(kind: str, verb: str, wrapper: Callable[..., Any]) -> None:
    """Puts `wrapper` around what ministack does; its other functions call that, too."""
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    original = handlers[verb]

    def wrapped(*arguments: Any, **more: Any) -> Any:
        return wrapper(original, *arguments, **more)

    replace_everywhere(original, wrapped)
    handlers[verb] = wrapped


def _check_topic(properties: Properties, old: Properties | None) -> None:
    check(_TOPIC, properties)
    for one in properties.get("Subscription") or []:
        subscriptions.check(one.get("Protocol", ""), one.get("Endpoint", ""), {})


def _make_topic(original: Callable[..., Made], *arguments: Any, **more: Any) -> Made:
    arn, attributes = original(*arguments, **more)
    # The properties are the last but for the names of the stack and of the resource.
    properties = [one for one in arguments if isinstance(one, dict)][-1]
    topic = sns._topics[arn]
    topic["attributes"]["DisplayName"] = ""
    for name in _ATTRIBUTES:
        if name in properties:
            topic["attributes"][name] = str(properties[name])
        elif name != "DisplayName":
            topic["attributes"].pop(name, None)
    if len([one for one in arguments if isinstance(one, dict)]) == 1:
        topic["attributes"]["Policy"] = policies.default(arn)
    for one in topic["subscriptions"]:
        if one.get("_cfn_inline") and "token" not in one:
            subscriptions.complete(topic, one)
    return arn, attributes


def _check_policy(properties: Properties, old: Properties | None) -> None:
    check(_POLICY, properties)
    policies.check(properties["PolicyDocument"])
    for arn in properties["Topics"]:
        if arn not in sns._topics:
            raise no_topic()


def _change_policy(
    original: Callable[..., Made], physical_id: str, old: Properties, *more: Any
) -> Made:
    made = original(physical_id, old, *more)
    _restore(old)
    return made


def _delete_policy(original: Callable[..., None], physical_id: str, properties: Properties) -> None:
    original(physical_id, properties)
    _restore(properties)


def _restore(properties: Properties) -> None:
    """A topic whose policy is gone has the default one again."""
    for arn in properties.get("Topics") or []:
        if arn in sns._topics:
            sns._topics[arn]["attributes"].setdefault("Policy", policies.default(arn))


def _check_subscription(properties: Properties, old: Properties | None) -> None:
    check(_SUBSCRIPTION, properties)
    if properties["TopicArn"] not in sns._topics:
        raise no_topic()
    subscriptions.check(properties["Protocol"], properties.get("Endpoint", ""), properties)


def _make_subscription(
    original: Callable[..., Made], logical_id: str, properties: Properties, stack: str
) -> Made:
    topic = sns._topics[properties["TopicArn"]]
    protocol, endpoint = properties["Protocol"], properties.get("Endpoint", "")
    known = subscriptions.find(topic, protocol, endpoint)
    # Subscribe says of what there is already the same again.
    if known is not None:
        return known["arn"], {"Arn": known["arn"]}
    made = original(logical_id, properties, stack)
    subscriptions.complete(topic, topic["subscriptions"][-1])
    return made


def _delete_subscription(
    original: Callable[..., None], physical_id: str, properties: Properties
) -> None:
    topic = sns._topics.get(sns._sub_arn_to_topic.get(physical_id) or "")
    found = sns._find_subscription(topic["arn"], physical_id) if topic else None
    # SNS deletes none that is pending, for whomever it is: it goes with its topic, or after days
    # in which nobody confirms it. CloudFormation goes on.
    if found is None or found["confirmed"]:
        original(physical_id, properties)
