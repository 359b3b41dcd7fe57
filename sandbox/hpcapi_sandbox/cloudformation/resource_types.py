"""Adds resource types to ministack's table.

A type has functions that make and remove it. Where that takes real time they are coroutines,
which the engine awaits. A type without an update function is replaced when a property changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]  # physical id and attributes

# Types whose create or delete is a coroutine: (logical id, properties, the engine's view of the
# stack) and (physical id, properties).
slow_creates: dict[str, Callable[[str, Properties, Any], Awaitable[Made]]] = {}
# A slow delete takes its time itself.
slow_deletes: dict[str, Callable[[str, Properties], Awaitable[None]]] = {}
# What waits until a created resource of a type is ready: (physical id). Other types take the time
# that the clock gives them.
stabilizers: dict[str, Callable[[str], Awaitable[None]]] = {}
# What gives a resource that stays other tags, where its type has no update that does: (physical id,
# old properties, new ones).
retags: dict[str, Callable[[str, Properties, Properties], None]] = {}


def add(
    resource_type: str,
    create: Callable[[str, Properties, str], Made],
    delete: Callable[[str, Properties], Any],
    *,
    update: Callable[[str, Properties, Properties, str, str], Made] | None = None,
    replacing: tuple[str, ...] = (),
    tags: str | None = None,
) -> None:
    """Registers a type. A change of a property named in `replacing` makes a new resource.

    `tags` is the shape of its Tags property, "list" or "map"; without it the tags of the stack
    are not put on the resource.
    """
    handlers: dict[str, Any] = {"create": create, "delete": delete}
    if update:
        handlers |= {"update": update, "update_with_logical_id": True}
        provisioners._REPLACING_PROPERTIES[resource_type] = replacing
    provisioners._RESOURCE_HANDLERS[resource_type] = handlers
    if tags:
        provisioners._STACK_TAG_PROPERTY[resource_type] = ("Tags", tags)


def guard_delete(resource_type: str, check: Callable[[str, Properties], None]) -> None:
    """Lets `check` refuse the deletion of a type by raising."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    delete = handlers["delete"]

    def checked_delete(physical_id: str, properties: Properties) -> None:
        check(physical_id, properties)
        delete(physical_id, properties)

    handlers["delete"] = checked_delete


def guard_create(
    resource_type: str, check: Callable[[Properties, Properties | None], None]
) -> None:
    """Lets `check` refuse properties by raising; on an update it gets the old ones too."""
    _checks.setdefault(resource_type, []).append(check)


def check_properties(resource_type: str, new: Properties, old: Properties | None = None) -> None:
    for check in _checks.get(resource_type, []):
        check(new, old)


_checks: dict[str, list[Callable[[Properties, Properties | None], None]]] = {}
