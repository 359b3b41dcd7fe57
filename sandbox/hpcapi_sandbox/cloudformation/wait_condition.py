"""AWS::CloudFormation::WaitCondition as a coroutine, so that a failing stack can cancel it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

from ministack.services.cloudformation import wait_conditions as signals

from .resource_types import Made, Properties, slow_creates, slow_deletes

TYPE = "AWS::CloudFormation::WaitCondition"


def install() -> None:
    slow_creates[TYPE] = _create
    slow_deletes[TYPE] = _delete


async def _create(logical_id: str, properties: Properties, view: Any) -> Made:
    stack_id, stack_name = view.stack_id, view.name
    definition = view.definitions[logical_id]
    if "CreationPolicy" in definition:
        asked = (definition["CreationPolicy"] or {}).get("ResourceSignal") or {}
        count = signals.validate_count(asked.get("Count"), logical_id)
        seconds = signals.validate_resource_signal_timeout(asked.get("Timeout"), logical_id)
        token = signals.register_slot(stack_id)
    else:
        token = signals.token_from_url(properties.get("Handle"))
        if token is None or signals.handle_owner(token) != stack_id:
            raise ValueError("Wait condition handle must be the one of a handle in this stack")
        count = signals.validate_count(properties.get("Count"), logical_id)
        seconds = signals.validate_timeout_seconds(properties.get("Timeout"), logical_id)
    waiter = {"token": token, "stack_name": stack_name, "resource_type": TYPE}
    signals._waiting[stack_id, logical_id] = waiter
    try:
        data = await asyncio.wait_for(_signalled(token, count), seconds)
    except asyncio.TimeoutError:
        received = len(_received(token))
        raise RuntimeError(
            f"WaitCondition timed out. Received {received} conditions when expecting {count}"
        ) from None
    finally:
        if signals._waiting.get((stack_id, logical_id)) is waiter:
            del signals._waiting[stack_id, logical_id]
    physical_id = f"{stack_id}/{logical_id}/{uuid4()}"
    return physical_id, {"Data": json.dumps(data), "Id": physical_id}


def _received(token: str) -> dict[str, Any]:
    return dict((signals._handles.get(token) or {}).get("signals") or {})


async def _signalled(token: str, count: int) -> dict[str, Any]:
    while True:
        received = _received(token)
        for unique_id, signal in received.items():
            if signal["Status"] == "FAILURE":
                raise RuntimeError(
                    f"WaitCondition received failed message: '{signal['Reason']}' for uniqueId: "
                    f"{unique_id}"
                )
        if len(received) >= count:
            return {unique_id: signal["Data"] for unique_id, signal in received.items()}
        await asyncio.sleep(0.05)


async def _delete(physical_id: str, properties: Properties) -> None:
    """There is nothing to delete."""
