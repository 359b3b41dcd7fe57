"""Tags of documents; those of parameters are ministack's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..aws_error import AwsError
from .documents import Document, documents


def serves(action: str, asked: dict[str, Any]) -> bool:
    return action in ACTIONS and asked.get("ResourceType") == "Document"


def _tagged(asked: dict[str, Any]) -> Document:
    document = documents.get(asked["ResourceId"])
    if document is None:
        raise AwsError("InvalidResourceId", "The resource ID is not valid.")
    return document


def _add(asked: dict[str, Any]) -> dict[str, Any]:
    _tagged(asked).tags.update({tag["Key"]: tag["Value"] for tag in asked["Tags"]})
    return {}


def _remove(asked: dict[str, Any]) -> dict[str, Any]:
    tags = _tagged(asked).tags
    for key in asked["TagKeys"]:
        tags.pop(key, None)
    return {}


def _list(asked: dict[str, Any]) -> dict[str, Any]:
    tags = _tagged(asked).tags
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}


ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "AddTagsToResource": _add,
    "RemoveTagsFromResource": _remove,
    "ListTagsForResource": _list,
}
