"""AWS's list of tags (the Resource Groups Tagging API) where ministack is poorer or milder."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import tagging
from ministack.services.cloudformation import provisioners

from .patching import replace_everywhere
from .ssm.documents import documents

Answer = tuple[int, dict[str, str], bytes]
# What CloudFormation puts the tags of a stack on, but none of its own: says the registry, by
# `cloudFormationSystemTags` in the schemas of the types.
WITHOUT_SYSTEM_TAGS = {"AWS::SQS::Queue"}
_MOST, _USUAL = 100, 50


def install() -> None:
    provisioners._STACK_TAG_PROPERTY["AWS::Events::Rule"] = ("Tags", "list")
    with_stack_tags = provisioners._with_stack_tags

    def with_tags(resource_type: str, properties: dict[str, Any], *more: Any) -> dict[str, Any]:
        tagged = with_stack_tags(resource_type, properties, *more)
        if resource_type not in WITHOUT_SYSTEM_TAGS:
            return tagged
        own = [tag for tag in tagged["Tags"] if not tag["Key"].startswith("aws:cloudformation:")]
        return {**tagged, "Tags": own}

    replace_everywhere(with_stack_tags, with_tags)
    tagging._COLLECTORS["ssm"] = _in_ssm
    every = tagging._HANDLERS["GetResources"]
    tagging._HANDLERS["GetResources"] = lambda asked: _page(asked, every)


def _in_ssm() -> Iterator[tuple[str, list[dict[str, str]]]]:
    yield from tagging._collect_ssm()
    for document in documents.values():
        arn = f"arn:aws:ssm:{get_region()}:{get_account_id()}:document/{document.name}"
        yield arn, tagging._normalise_flat(document.tags)


def _page(asked: dict[str, Any], every: Any) -> Answer:
    """A page of what has tags; what has none is not listed."""
    number = asked.get("ResourcesPerPage", _USUAL)
    if not 1 <= number <= _MOST:
        return tagging._invalid_parameter(f"ResourcesPerPage must be between 1 and {_MOST}")
    try:
        start = int(base64.b64decode(asked.get("PaginationToken") or "MA==", validate=True))
    except (ValueError, binascii.Error):
        return tagging._invalid_parameter("PaginationToken is not valid")
    status, headers, body = every(asked)
    if status != 200:
        return status, headers, body
    found = [one for one in json.loads(body)["ResourceTagMappingList"] if one["Tags"]]
    if asked.get("ResourceARNList"):
        number = len(found)
    end = start + number
    token = base64.b64encode(str(end).encode()).decode() if end < len(found) else ""
    return tagging._json({"ResourceTagMappingList": found[start:end], "PaginationToken": token})
