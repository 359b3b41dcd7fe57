"""Puts functions of ours in the place of ministack's.

ministack has no plug-in interface, and its modules import one another's functions by name, so
a replacement has to reach every module that holds the original. The version of ministack is
pinned exactly because of this module.
"""

from __future__ import annotations

import sys
from typing import Any


def replace_everywhere(original: Any, replacement: Any) -> Any:
    """Replaces `original` in every module and module-level table of ministack; returns it."""
    places = 0
    for name, module in list(sys.modules.items()):
        if name != "ministack" and not name.startswith("ministack."):
            continue
        for attribute, value in list(vars(module).items()):
            if value is original:
                setattr(module, attribute, replacement)
                places += 1
            elif type(value) is dict and not attribute.startswith("__"):
                for key in [key for key, item in value.items() if item is original]:
                    value[key] = replacement
                    places += 1
    if not places:
        raise LookupError(f"{original!r} is nowhere in ministack")
    return original
