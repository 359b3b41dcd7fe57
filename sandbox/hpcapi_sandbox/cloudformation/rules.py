"""What CloudFormation refuses of a template before it makes anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import handlers

from ..patching import replace_everywhere

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
_PSEUDO_PARAMETERS = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
}


def install() -> None:
    support = intrinsics.validate_template_support
    resolve = intrinsics._resolve_parameters

    def validate(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        check_sections(template)
        support(template, conditions, params)
        check_references(template, conditions)
        check_circles(template, conditions)

    def resolve_parameters(
        template: dict[str, Any],
        given: list[dict[str, Any]],
        previous: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        check_parameters(template, given, previous or {})
        return resolve(template, given, previous)

    replace_everywhere(support, validate)
    replace_everywhere(resolve, resolve_parameters)
    # ministack asks for the capabilities only where it checks every credential.
    replace_everywhere(handlers._capabilities_enforced, lambda: True)


def check_parameters(
    template: dict[str, Any], given: list[dict[str, Any]], previous: dict[str, Any]
) -> None:
    declared = template.get("Parameters") or {}
    unknown = [one["Key"] for one in given if one["Key"] not in declared]
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    for one in given:
        if one.get("UsePreviousValue") and one["Key"] not in previous:
            raise ValueError(
                f"Invalid input for parameter key {one['Key']}. Cannot specify usePreviousValue as "
                "true for a parameter key not in the previous template"
            )
    has_value = {one["Key"] for one in given}
    missing = [
        name
        for name, definition in declared.items()
        if name not in has_value and "Default" not in definition
    ]
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")


def check_sections(template: dict[str, Any]) -> None:
    unknown = [name for name in template if name not in _SECTIONS]
    if unknown:
        raise ValueError(f"Invalid template property or properties [{', '.join(unknown)}]")
    resources = template.get("Resources")
    if not resources:
        raise ValueError("Template format error: At least one Resources member must be defined.")
    for logical_id, definition in resources.items():
        if isinstance(definition, dict) and "Type" not in definition:
            raise ValueError(
                f"Template format error: [/Resources/{logical_id}] Every Resources object must "
                "contain a Type member."
            )


def check_references(template: dict[str, Any], conditions: dict[str, bool]) -> None:
    """Refuses a Ref, GetAtt, Sub or DependsOn of something that is not there."""
    active = {
        logical_id: definition
        for logical_id, definition in (template.get("Resources") or {}).items()
        if isinstance(definition, dict) and _holds(definition, conditions)
    }
    known = set(active) | set(template.get("Parameters") or {}) | _PSEUDO_PARAMETERS
    unresolved: list[str] = []
    for definition in active.values():
        depends = definition.get("DependsOn") or []
        names = [depends] if isinstance(depends, str) else depends
        # A dependency on a resource whose condition does not hold is ignored.
        unresolved += [name for name in names if name not in (template.get("Resources") or {})]
        unresolved += [
            name
            for name in _references(definition.get("Properties"), conditions)
            if name not in known
        ]
    _refuse(unresolved, "Resources")
    outputs = [
        output
        for output in (template.get("Outputs") or {}).values()
        if isinstance(output, dict) and _holds(output, conditions)
    ]
    _refuse(
        [
            name
            for output in outputs
            for name in _references([output.get("Value"), output.get("Export")], conditions)
            if name not in known
        ],
        "Outputs",
    )


def check_circles(template: dict[str, Any], conditions: dict[str, bool]) -> None:
    try:
        intrinsics._topological_sort(template["Resources"], conditions)
    except ValueError as error:
        names = str(error).partition("resources: ")[2]
        raise ValueError(f"Circular dependency between resources: [{names}]") from None


def _holds(definition: dict[str, Any], conditions: dict[str, bool]) -> bool:
    return conditions.get(definition.get("Condition", ""), True)


def _refuse(names: list[str], block: str) -> None:
    if names:
        unique = list(dict.fromkeys(names))
        raise ValueError(
            f"Template format error: Unresolved resource dependencies [{', '.join(unique)}] in the "
            f"{block} block of the template"
        )


def _references(value: Any, conditions: dict[str, bool]) -> Iterator[str]:
    """The names that a value refers to, of an Fn::If only those in the branch that is taken."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item, conditions)
        return
    if not isinstance(value, dict):
        return
    for key, argument in value.items():
        if key == "Ref" and isinstance(argument, str):
            yield argument
        elif key == "Fn::GetAtt":
            yield argument.partition(".")[0] if isinstance(argument, str) else argument[0]
        elif key == "Fn::Sub":
            text, bindings = argument if isinstance(argument, list) else (argument, {})
            for name in re.findall(r"\$\{([^!}][^}]*)\}", str(text)):
                if name not in bindings:
                    yield name if name.startswith("AWS::") else name.partition(".")[0]
            yield from _references(list(bindings.values()), conditions)
        elif key == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
            yield from _references(argument[1 if conditions.get(argument[0]) else 2], conditions)
        else:
            yield from _references(argument, conditions)
