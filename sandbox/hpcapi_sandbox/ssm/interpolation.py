"""What the agent makes of a document and its parameters: scripts to run.

It works as the source of amazon-ssm-agent does: `{{ name }}` becomes the value as it is, in one
pass, so that no value is read again; an element that is nothing but a list parameter becomes
its lines. References to Parameter Store are resolved after that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ministack.services import ssm

from .document_content import SHELL_SCRIPT, Content, Step
from .document_parameters import SSM_REFERENCE, matches

_NAME = re.compile(r"[a-zA-Z0-9]+")
_TOKEN = re.compile(r"\{\{\s*([a-zA-Z0-9]+)\s*\}\}")
_DEFAULT_TIMEOUT, _LONGEST_TIMEOUT = 3600, 172800
# What Go's regular expressions do not know: looking around and references to a group.
_NOT_OF_GO = re.compile(r"\(\?<?[=!]|\\[1-9]")


class AgentRefusal(Exception):
    """The agent runs nothing of the document."""


@dataclass(frozen=True)
class Script:
    """A step as it runs, or why it does not."""

    name: str
    lines: list[str] = field(default_factory=list)
    timeout: int = _DEFAULT_TIMEOUT
    working_directory: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    on_failure: str = ""
    runs_always: bool = False
    skipped: str = ""
    failed: str = ""


def prepare(content: Content, values: dict[str, Any]) -> list[Script]:
    """The scripts of the steps; raises AgentRefusal."""
    known = {name: value for name, value in values.items() if _NAME.fullmatch(name)}
    for name, value in known.items():
        _check_pattern(name, content.parameters[name].get("allowedPattern"), value)
    environment = _environment(content, known)
    return [_script(step, known, environment) for step in content.steps]


def _check_pattern(name: str, pattern: Any, value: Any) -> None:
    """The agent checks what the service has checked once more, and what it has resolved."""
    if not pattern:
        return
    start = f"error thrown in 'AllowedRegexParamValidator' while validating parameter /{name}/: "
    if _NOT_OF_GO.search(str(pattern)):
        raise AgentRefusal(
            f"{start}encountered error while compiling allowed pattern - internal error: "
            f"error parsing regexp: invalid or unsupported Perl syntax: `{pattern}`"
        )
    for item in value if isinstance(value, list) else [value]:
        resolved = _resolved(item)
        if not matches(pattern, resolved):
            raise AgentRefusal(
                f"{start}parameter value /{resolved}/ does not match the allowed pattern "
                f"/{pattern}/"
            )


def _environment(content: Content, values: dict[str, Any]) -> dict[str, str]:
    """Variables for the parameters of type String that ask for it.

    A reference to Parameter Store stays as it is: agents resolve it from 3.3.3572.0 on, and
    those of this fleet are older.
    """
    return {
        f"SSM_{name}": value
        for name, value in values.items()
        if content.parameters[name].get("interpolationType") == "ENV_VAR"
        and content.parameters[name]["type"] == "String"
    }


def _script(step: Step, values: dict[str, Any], environment: dict[str, str]) -> Script:
    allowed, problems = _precondition(step, values)
    listed = ", ".join(problems)
    if not allowed:
        return Script(
            step.name,
            skipped="Step execution skipped due to unsatisfied preconditions: "
            f"'{listed}'. Step name: {step.name}",
        )
    if step.action != SHELL_SCRIPT:
        return Script(
            step.name,
            failed=f"Plugin with name {step.action} is not supported by this version of ssm "
            f"agent, please update to latest version. Step name: {step.name}",
        )
    if problems:
        return Script(
            step.name,
            failed=f"Unrecognized precondition(s): '{listed}', please update agent to latest "
            f"version. Step name: {step.name}",
        )
    inputs = _resolved(_replaced(step.inputs, values))
    return Script(
        step.name,
        _lines(inputs.get("runCommand")),
        _timeout(inputs.get("timeoutSeconds")),
        str(inputs.get("workingDirectory") or ""),
        environment,
        str(inputs.get("onFailure") or ""),
        str(inputs.get("finallyStep")).lower() == "true",
    )


def _precondition(step: Step, values: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether the step may run, and the preconditions that stand against it."""
    allowed, problems = True, []
    for operator, operands in step.precondition.items():
        if operator != "StringEquals":
            problems.append(f'unrecognized operator: "{operator}"')
        elif len(operands) != 2:
            problems.append(f'"{operator}": operator accepts exactly 2 arguments')
        elif "platformType" in operands:
            other = operands[1 - operands.index("platformType")]
            if other.lower() != "linux":
                allowed = False
                problems.append(f'"{operator}": [platformType, {other}]')
        else:
            left, right = (_replaced(operand, values) for operand in operands)
            if [left, right] == operands:
                problems.append(
                    f"\"{operator}\": at least one of operator's arguments must contain a valid "
                    "document parameter"
                )
            elif left != right:
                allowed = False
                problems.append(f'"{operator}": [{operands[0]}, {operands[1]}]')
    return allowed, problems


def _replaced(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, values) for item in value]
    if not isinstance(value, str):
        return value
    whole = _TOKEN.fullmatch(value)
    if whole and whole[1] in values:
        return values[whole[1]]

    def text(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        one = values[found[1]]
        # Old agents took `$` for the reference to a group; `$$` still stands for one of it.
        return (one if isinstance(one, str) else json.dumps(one)).replace("$$", "$")

    return _TOKEN.sub(text, value)


def _resolved(value: Any) -> Any:
    """The value with what its references to Parameter Store stand for."""
    if isinstance(value, dict):
        return {key: _resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, str):
        return value
    return SSM_REFERENCE.sub(lambda found: _parameter(found[1]), value)


def _parameter(name: str) -> str:
    status, _, body = ssm._get_parameter({"Name": name})
    if status != 200:
        raise AgentRefusal(f"Input contains invalid parameters [{name}]")
    found = json.loads(body)["Parameter"]
    if found["Type"] == "SecureString":
        raise AgentRefusal(f"Parameters [{name}] of type SecureString are not supported")
    return str(found["Value"])


def _lines(command: Any) -> list[str]:
    if isinstance(command, list):
        return [line for item in command for line in _lines(item)]
    return [command] if isinstance(command, str) else []


def _timeout(given: Any) -> int:
    """The agent takes what it cannot use for an hour; it takes less than five seconds so, too,
    which are taken at their word here."""
    try:
        seconds = int(given)
    except (TypeError, ValueError):
        return _DEFAULT_TIMEOUT
    return seconds if 0 < seconds <= _LONGEST_TIMEOUT else _DEFAULT_TIMEOUT
