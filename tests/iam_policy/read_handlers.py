#!/usr/bin/env python3
"""Writes handlers.json anew from CloudFormation's registry: which actions the handlers of each resource
type ask IAM for.

    read_handlers.py CloudformationSchema.zip

AWS publishes the archive at
https://schema.cloudformation.us-east-1.amazonaws.com/CloudformationSchema.zip. The types are those
that the file has already, and those of our templates; a type that AWS keeps to itself has no
handlers there.
"""

import json
import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
HANDLERS = HERE.parents[1] / "sandbox/hpcapi_sandbox/cloudformation/handlers.json"
TEMPLATES = HERE.parents[1] / "templates"

# `list` is asked for by nobody who makes a stack.
PARTS = ("create", "read", "update", "delete")


def main():
    types = set(json.loads(HANDLERS.read_text(encoding="utf-8")))
    for template in TEMPLATES.glob("*.yaml"):
        text = template.read_text(encoding="utf-8")
        types.update(re.findall(r"^    Type: (AWS::\w+::\w+)$", text, re.MULTILINE))
    with zipfile.ZipFile(sys.argv[1]) as schemas:
        handlers = {name: read(schemas, name) for name in sorted(types)}
    types = [f'"{name}": {{{lines(parts)}}}' for name, parts in handlers.items()]
    HANDLERS.write_text("{\n%s\n}\n" % ",\n".join(types), encoding="utf-8")


def lines(parts):
    """Returns the actions as JSON, a handler a line: a change is seen at once."""
    return ",".join(f'\n  "{part}": {json.dumps(actions)}' for part, actions in parts.items())


def read(schemas, name):
    """Returns the actions of a type by handler; those for tags are `tagging`."""
    schema = json.loads(schemas.read(name.lower().replace("::", "-") + ".json"))
    found = schema.get("handlers", {})
    parts = {part: found[part].get("permissions", []) for part in PARTS if part in found}
    parts["tagging"] = schema.get("tagging", {}).get("permissions", [])
    return {part: sorted(set(actions)) for part, actions in parts.items() if actions}


if __name__ == "__main__":
    main()
