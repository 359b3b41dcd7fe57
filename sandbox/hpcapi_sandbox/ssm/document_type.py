"""AWS::SSM::Document in templates."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from ministack.services.cloudformation import provisioners

from ..aws_error import AwsError
from ..cloudformation.resource_types import Made, Properties, add
from . import documents
from .document_content import parse

TYPE = "AWS::SSM::Document"
_OF_THE_CONTENT = ("Content", "DocumentFormat", "TargetType", "VersionName")


def install() -> None:
    add(
        TYPE,
        _create,
        lambda name, properties: _delete(name),
        update=_update,
        replacing=("Name", "DocumentType"),
        tags="list",
    )
    provisioners._CUSTOM_NAME_REPLACEMENT[TYPE] = {
        "name": "Name",
        "requires_replacement": _is_replaced,
    }


def _is_replaced(old: Properties, new: Properties) -> bool:
    """Whether a change of the content makes another document: unless that is forbidden it does."""
    return new.get("UpdateMethod", "Replace") == "Replace" and _content_changes(old, new)


def _content_changes(old: Properties, new: Properties) -> bool:
    return any(old.get(name) != new.get(name) for name in _OF_THE_CONTENT)


def _create(logical_id: str, properties: Properties, stack_name: str) -> Made:
    document = documents.create(
        {
            **_asked(properties),
            "Name": properties.get("Name") or _generated_name(stack_name, logical_id),
            "DocumentType": properties.get("DocumentType", "Command"),
            "Tags": properties.get("Tags") or [],
        }
    )
    return document.name, {}


def _generated_name(stack_name: str, logical_id: str) -> str:
    letters = string.ascii_letters + string.digits
    return f"{stack_name}-{logical_id}-{''.join(secrets.choice(letters) for _ in range(12))}"


def _asked(properties: Properties) -> dict[str, Any]:
    """The members that creating and updating have in common."""
    content = properties.get("Content")
    return {
        "Content": content if isinstance(content, str) else json.dumps(content),
        "DocumentFormat": properties.get("DocumentFormat", "JSON"),
        "TargetType": properties.get("TargetType", ""),
        "VersionName": properties.get("VersionName", ""),
    }


def _delete(name: str) -> None:
    if name in documents.documents:
        documents.delete(name)


def _update(
    name: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> Made:
    if name not in documents.documents:
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    if _is_replaced(old, new):
        return _create(logical_id, new, stack_name)
    document = documents.own(name)
    document.tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags") or []}
    if _content_changes(old, new):
        document.default = _version_with(document, _asked(new))
    return name, {}


def _version_with(document: documents.Document, asked: dict[str, Any]) -> int:
    """The version with a content: a new one, or the one that a rollback comes back to."""
    content = parse(asked["Content"], asked["DocumentFormat"])
    for version in document.versions.values():
        if version.content.hash == content.hash:
            return version.number
    asked = {**asked, "Name": document.name, "DocumentVersion": "$LATEST"}
    return documents.update(asked).number
