"""Nested stacks: one that fails goes when its parent is rolled back, as on AWS."""

from __future__ import annotations

from ministack.services import cloudformation as state
from ministack.services.cloudformation import provisioners

from .resource_types import Made, Properties

_TYPE = "AWS::CloudFormation::Stack"


def install() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, delete = handlers["create"], handlers["delete"]

    def create_or_clean_up(logical_id: str, properties: Properties, stack_name: str) -> Made:
        before = set(state._stacks)
        try:
            return create(logical_id, properties, stack_name)
        except Exception:
            # The parent never learns its id, so that it could not delete it.
            for name in set(state._stacks) - before:
                if name.startswith(f"{stack_name}-{logical_id}-"):
                    delete(state._stacks[name]["StackId"], {})
            raise

    handlers["create"] = create_or_clean_up
