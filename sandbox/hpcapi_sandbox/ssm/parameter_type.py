"""AWS::SSM::Parameter in templates, where ministack is milder than the handlers of the type."""

from __future__ import annotations

from ministack.services import ssm

from ..aws_error import AwsError
from ..cloudformation.property_rules import OBJECT, Rule, check
from ..cloudformation.resource_types import Properties, guard_create

_RULES = {
    "Name": Rule(shortest=1, longest=2048),
    "Type": Rule(is_required=True, one_of=("String", "StringList")),
    "Value": Rule(is_required=True, shortest=1, longest=32768),
    "Description": Rule(longest=1024),
    "AllowedPattern": Rule(longest=1024),
    "DataType": Rule(one_of=("text", "aws:ec2:image")),
    "Policies": Rule(),
    "Tier": Rule(one_of=("Standard", "Advanced", "Intelligent-Tiering")),
    "Tags": OBJECT,
}


def install() -> None:
    guard_create("AWS::SSM::Parameter", _check)


def _check(properties: Properties, old: Properties | None) -> None:
    check(_RULES, properties)
    name = properties.get("Name")
    is_new = old is None or name != old.get("Name")
    if is_new and name and ssm._lookup_parameter(name)[1]:
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in "
            "the request to true.",
        )
