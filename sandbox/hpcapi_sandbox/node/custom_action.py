"""A cluster's custom actions, run as ParallelCluster's `fetch_and_run` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from . import boot_logs
from .machine import File, Node

# What cfn-init calls the command that runs an event's scripts.
COMMANDS = {
    "OnNodeStart": "runpreinstall",
    "OnNodeConfigured": "runpostinstall",
    "OnNodeUpdated": "runpostupdate",
}
_FETCH_AND_RUN = {
    event: f"/opt/parallelcluster/scripts/fetch_and_run -{command.removeprefix('run')} -c "
    "/opt/parallelcluster/shared/cluster-config.yaml"
    for event, command in COMMANDS.items()
}

_MORE = (
    "Please check /var/log/cfn-init.log in the head node, or check the cfn-init.log in "
    "CloudWatch logs. Please refer to "
    "https://docs.aws.amazon.com/parallelcluster/latest/ug/troubleshooting-v3.html"
    "#troubleshooting-v3-get-logs for more details on ParallelCluster logs."
)

# What `aws s3 cp` says of a URL that leads to nothing, or that the role of the node may not read.
_AWS_S3 = (
    "download failed: {} to - An error occurred ({}) when calling the HeadObject operation: {}"
)


class ActionFailed(Exception):
    """A custom action failed; worded as the cookbook signals it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"fetch_and_run - {what} {_MORE}")


class ActionCrashed(Exception):
    """fetch_and_run itself came to grief, which the cookbook signals without a cause."""


@dataclass(frozen=True)
class Script:
    url: str
    arguments: list[str]


def scripts(config: dict[str, Any], event: str) -> list[Script]:
    """Returns what the head node runs on an event, such as OnNodeConfigured."""
    actions = (config.get("HeadNode") or {}).get("CustomActions") or {}
    action = actions.get(event) or {}
    sequence = [action] if "Script" in action else action.get("Sequence") or []
    return [
        Script(item["Script"], [str(argument) for argument in item.get("Args") or []])
        for item in sequence
    ]


def run(node: Node, config: dict[str, Any], event: str, fetch: Callable[[str], bytes]) -> None:
    """Fetches all scripts of the event, then runs one after the other."""
    sequence = scripts(config, event)
    if not sequence:
        return
    command = COMMANDS[event]
    printed: list[str] = []
    boot_logs.command_begins(node, command)
    code = 1
    try:
        contents = [
            _fetched(script, number, event, fetch, printed) for number, script in enumerate(sequence, 1)
        ]
        for number, (script, content) in enumerate(zip(sequence, contents), 1):
            _run(node, script, content, number, event, printed)
        code = 0
    except (ActionFailed, ActionCrashed) as error:
        printed.append(f"{error}\n")
        raise
    finally:
        boot_logs.command_ends(node, command, _FETCH_AND_RUN[event], "".join(printed), code)


def _fetched(
    script: Script, number: int, event: str, fetch: Callable[[str], bytes], printed: list[str]
) -> bytes:
    scheme = urlparse(script.url).scheme
    means = {"s3": "using aws s3", "https": "via HTTP"}.get(scheme)
    if means is None:
        raise ActionFailed(
            f"Failed to download {event} script {number}, URL must be an s3 or HTTPs."
        )
    try:
        return fetch(script.url)
    except Exception as error:
        why = (403, "Forbidden") if isinstance(error, PermissionError) else (404, "Not Found")
        said = {"s3": _AWS_S3.format(script.url, *why)}.get(scheme, f"curl: (22) {error}")
        printed.append(f"{said}\n")
        raise ActionFailed(f"Failed to download {event} script {number} {means}.") from error


def _run(
    node: Node, script: Script, content: bytes, number: int, event: str, printed: list[str]
) -> None:
    path = f"/tmp/{event}-{number}"
    node.write([File(path, content, 0o700)])
    _check_executable(node, script, content)
    together = ["bash", "-c", 'exec "$@" 2>&1', "fetch_and_run"]
    done = node.execute([*together, path, *script.arguments])
    printed.append(done.stdout.decode(errors="replace"))
    node.execute(["rm", "-f", path])
    if done.returncode != 0:
        raise ActionFailed(
            f"Failed to execute {event} script {number}, return code: {done.returncode}."
        )


def _check_executable(node: Node, script: Script, content: bytes) -> None:
    """The kernel starts programs, and scripts that name their interpreter; nothing else."""
    if content.startswith(b"\x7fELF"):
        return
    if not content.startswith(b"#!"):
        raise ActionCrashed(f"Exec format error: {script.url}")
    words = content[2:].split(b"\n", 1)[0].strip(b" \t").split(b" ")
    interpreter = words[0].decode(errors="replace")
    if node.execute(["test", "-x", interpreter]).returncode != 0:
        raise ActionCrashed(f"No such file or directory: {interpreter!r} of {script.url}")
