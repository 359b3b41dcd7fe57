"""The content of documents of type Command: JSON or YAML text of schema 1.2, 2.0 or 2.2."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..aws_error import AwsError

SIZE_LIMIT = 64 * 1024
SHELL_SCRIPT = "aws:runShellScript"
_SCHEMAS = ("1.2", "2.0", "2.2")
_PARAMETER_TYPES = ("String", "StringList", "Integer", "Boolean", "MapList", "StringMap")
_STEP_NAME = re.compile(r"[a-zA-Z0-9_\-]+")
_PLATFORMS = {SHELL_SCRIPT: ("Linux", "MacOS"), "aws:runPowerShellScript": ("Windows",)}


@dataclass(frozen=True)
class Step:
    """One plugin of a document, with what the document gives to it."""

    name: str
    action: str
    inputs: dict[str, Any]
    precondition: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    text: str
    format: str
    schema: str
    description: str
    parameters: dict[str, dict[str, Any]]
    steps: list[Step]

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def platforms(self) -> list[str]:
        found = {name for step in self.steps for name in _PLATFORMS.get(step.action, ())}
        return [name for name in ("Windows", "Linux", "MacOS") if name in found]

    def text_as(self, wanted: str) -> str:
        """The text in a format, as GetDocument may be asked for it."""
        if wanted == self.format:
            return self.text
        content = yaml.safe_load(self.text)
        if wanted == "JSON":
            return json.dumps(content, indent=2, default=str)
        return yaml.safe_dump(content, sort_keys=False)


def parse(text: str, document_format: str) -> Content:
    """Reads a content; what AWS would not take is refused in its words."""
    if len(text.encode()) > SIZE_LIMIT:
        raise AwsError("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    content = _read(text, document_format)
    if not isinstance(content, dict):
        raise _invalid("The content for the document is not valid.")
    schema = content.get("schemaVersion")
    if schema is None:
        raise _invalid("schemaVersion is required.")
    if str(schema) not in _SCHEMAS:
        raise AwsError(
            "InvalidDocumentSchemaVersion",
            f"{schema} is not a valid schema version for Command document type",
        )
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise _invalid("parameters is not an object.")
    for name, parameter in parameters.items():
        _check_parameter(name, parameter)
    return Content(
        text,
        document_format,
        str(schema),
        str(content.get("description") or ""),
        parameters,
        list(_steps(content, str(schema))),
    )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidDocumentContent", message)


def _read(text: str, document_format: str) -> Any:
    if document_format == "JSON":
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            place = f"Line: {error.lineno}, Column: {error.colno}"
            raise _invalid(f"JSON not well-formed. at {place}") from None
    if document_format != "YAML":
        raise _invalid(f"Document type Command does not support format {document_format}.")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at Line: {mark.line + 1}, Column: {mark.column + 1}" if mark else ""
        raise _invalid(f"YAML not well-formed.{place}") from None


def _check_parameter(name: str, parameter: Any) -> None:
    if not isinstance(parameter, dict) or parameter.get("type") not in _PARAMETER_TYPES:
        raise _invalid(f'Parameter "{name}" has an invalid type.')
    if parameter.get("interpolationType") not in (None, "ENV_VAR"):
        raise _invalid(f'Parameter "{name}" has an invalid interpolationType.')
    try:
        re.compile(str(parameter.get("allowedPattern") or ""))
    except re.error:
        raise _invalid(f'Parameter "{name}" has an invalid allowedPattern.') from None


def _steps(content: dict[str, Any], schema: str) -> Iterator[Step]:
    if schema == "1.2":
        yield from _steps_of_version_1(content)
        return
    steps = content.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        raise _invalid("mainSteps is required.")
    seen: set[str] = set()
    for step in steps:
        if not isinstance(step, dict) or not isinstance(step.get("action"), str):
            raise _invalid("Each step of mainSteps needs an action.")
        name = str(step.get("name") or "")
        if not _STEP_NAME.fullmatch(name):
            raise _invalid(f'Step name "{name}" is not valid.')
        if name in seen:
            raise _invalid(f'Step name "{name}" is not unique.')
        seen.add(name)
        if not isinstance(step.get("inputs", {}), dict):
            raise _invalid(f'The inputs of step "{name}" are not an object.')
        yield Step(
            name, step["action"], step.get("inputs") or {}, step.get("precondition") or {}
        )


def _steps_of_version_1(content: dict[str, Any]) -> Iterator[Step]:
    """Version 1.2 names its plugins only, each with a list of properties to run it with."""
    plugins = content.get("runtimeConfig")
    if not isinstance(plugins, dict) or not plugins:
        raise _invalid("runtimeConfig is required.")
    for action, plugin in plugins.items():
        properties = plugin.get("properties") if isinstance(plugin, dict) else None
        first = properties[0] if isinstance(properties, list) and properties else properties
        if not isinstance(first, dict):
            raise _invalid(f'Plugin "{action}" needs properties.')
        yield Step(action, action, first)
