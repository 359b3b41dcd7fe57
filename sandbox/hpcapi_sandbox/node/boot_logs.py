"""What a head node writes down while it is set up: cloud-init's logs, and those of the cfn-init
that cloud-init starts, in their formats."""

from __future__ import annotations

import time

from .machine import Node

CLOUD_INIT_OUTPUT = "cloud-init-output.log"
_CFN_INIT = (
    "/opt/parallelcluster/pyenv/versions/3.12.11/envs/cfn_bootstrap_virtualenv/bin/cfn-init -s {} "
    "-v -c default -r HeadNodeLaunchTemplate --region {}"
)


def append(node: Node, name: str, text: str) -> None:
    """Adds text to a file of /var/log."""
    node.execute(["sh", "-c", f"cat >>/var/log/{name}"], stdin=f"{text}\n".encode())


def user_data_begins(node: Node, stack: str, region: str) -> None:
    moment = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    append(
        node,
        CLOUD_INIT_OUTPUT,
        f"Cloud-init v. 22.2.2 running 'modules:final' at {moment}. Up 21.25 seconds.\n"
        f"+ {_CFN_INIT.format(stack, region)}",
    )


def user_data_fails(node: Node, command: str) -> None:
    """The words of the user data's error_exit, and of cloud-init about it."""
    chef = node.execute(["cat", "/var/log/chef-client.log"])
    text = chef.stdout.decode(errors="replace") or "chef-client.log not found"
    append(
        node,
        CLOUD_INIT_OUTPUT,
        f"Error occurred during build: Command {command} failed\n"
        "+ error_exit 'Failed to bootstrap the head node. Please check /var/log/cfn-init.log'\n"
        "+ echo '========== BEGIN CHEF-CLIENT.LOG =========='\n"
        "========== BEGIN CHEF-CLIENT.LOG ==========\n"
        f"+ cat /var/log/chef-client.log\n{text.rstrip()}\n"
        "========== END CHEF-CLIENT.LOG ===========",
    )
    append(
        node,
        "cloud-init.log",
        f"{_time()} - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in "
        "/var/lib/cloud/instance/scripts)",
    )


def command_begins(node: Node, name: str) -> None:
    """A command of cfn-init's; what it prints is written down when it ends."""
    append(node, "cfn-init.log", f"{_time()} [DEBUG] Running command {name}")


def command_ends(node: Node, name: str, command: str, output: str, code: int) -> None:
    process = f"{_time()} P1907"
    printed = "".join(f"{process} [INFO] \t{line}\n" for line in output.splitlines())
    ended = "[INFO] Completed successfully." if code == 0 else f"[ERROR] Exited with error code {code}"
    append(
        node,
        "cfn-init-cmd.log",
        f"{process} [INFO] {'=' * 60}\n{process} [INFO] Command {name}\n"
        f"{process} [INFO] {'Command Output':-^60}\n{printed}{process} [INFO] {'-' * 60}\n"
        f"{process} {ended}",
    )
    if code == 0:
        append(node, "cfn-init.log", f"{_time()} [INFO] Command {name} succeeded")
        return
    append(
        node,
        "cfn-init.log",
        f"{_time()} [ERROR] Command {name} ({command}) failed\n"
        f"{_time()} [DEBUG] Command {name} output: {output}\n"
        f"{_time()} [ERROR] Error encountered during build of shellRun: Command {name} failed\n"
        "Traceback (most recent call last):\n"
        '  File "/opt/parallelcluster/pyenv/versions/3.12.11/envs/cfn_bootstrap_virtualenv/lib/'
        'python3.12/site-packages/cfnbootstrap/construction.py", line 573, in run_config\n'
        "    CloudFormationCarpenter(config, self._auth_config).build(worklog)\n"
        f"cfnbootstrap.construction_errors.ToolError: Command {name} failed",
    )


def _time() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S,000", time.gmtime())
