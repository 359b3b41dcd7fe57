"""The names that CloudFormation gives: those of two stacks differ, also where the stacks are called
alike and stand in two regions. Roles and buckets have one name in all of them."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import provisioners

from ..patching import replace_everywhere


def install() -> None:
    def of_region(stack_name: str, logical_id: str, **options: Any) -> str:
        seed = provisioners._NAME_SEED
        token = seed.set(f"{get_region()}{seed.get()}")
        try:
            return original(stack_name, logical_id, **options)
        finally:
            seed.reset(token)

    original = replace_everywhere(provisioners._physical_name, of_region)
