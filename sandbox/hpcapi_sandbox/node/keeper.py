"""The process that keeps one machine: makes its namespaces, starts its init, and ends it.

Runs as `python -m hpcapi_sandbox.node.keeper`. Its standard input is a pipe whose other end
only the emulator holds: when that closes, for whatever reason, the machine is ended. When the
machine is up it prints the process id of its init.
"""

from __future__ import annotations

import argparse
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import root, system
from .names import AWS, METADATA

# systemd tells this (abstract, so per network namespace) socket when it is up.
NOTIFY = "hpcapi-boot"


def network(private_ip: str) -> None:
    """Gives the machine its interface, which leads nowhere. Loopback carries the traffic, that to
    the instance's metadata and to AWS, too."""
    commands = [
        "link set lo up",
        *(f"addr add {address}/32 dev lo" for address in (METADATA, AWS)),
        "link add ens5 type veth peer name ens5-peer",
        f"addr add {private_ip}/16 dev ens5",
        "link set ens5-peer up",
        "link set ens5 up",
        # Slurm 22.05 sends its requests to slurmdbd in pieces, and would wait 40 ms for each
        # piece to be acknowledged.
        f"route replace local {private_ip} dev ens5 table local src {private_ip}"
        " proto kernel scope host quickack 1",
    ]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands).encode(), check=True)


class ControlGroup:
    """The machine's own branch of the control group tree."""

    def __init__(self, instance_id: str) -> None:
        # Only this process and its children see this mount.
        tree = Path("/sys/fs/cgroup")
        system.mount("cgroup2", tree, "cgroup2")
        for left in tree.glob("hpcapi-*"):
            if _is_abandoned(left):
                _remove_tree(left)
        self.path = tree / f"hpcapi-{instance_id}-{os.getpid()}"
        self.path.mkdir()

    def join(self) -> None:
        (self.path / "cgroup.procs").write_text("0")

    def remove(self) -> None:
        # The kernel may need a moment after the last process.
        for _ in range(100):
            if _remove_tree(self.path):
                return
            time.sleep(0.01)


def _is_abandoned(group: Path) -> bool:
    """Whether a keeper was killed before it could remove its group. A young one may be on its
    way to its first process."""
    try:
        empty = "populated 0" in (group / "cgroup.events").read_text()
        return empty and time.time() - group.stat().st_ctime > 60
    except OSError:
        return False


def _remove_tree(group: Path) -> bool:
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    except OSError:
        return False
    return True


def start_init(
    directory: Path, image: Path, instance_id: str, private_ip: str, group: ControlGroup
) -> int:
    """Forks the machine's init and returns its process id."""
    # From here on, and not before: the first child made after it becomes the init.
    system.unshare(system.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        return pid
    try:
        system.die_with_parent(signal.SIGKILL)
        group.join()
        system.unshare(system.CLONE_NEWCGROUP | system.CLONE_NEWNS)
        root.enter(directory, image, instance_id, private_ip)
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "container": "hpcapi-sandbox",
            "NOTIFY_SOCKET": f"@{NOTIFY}",
        }
        os.execve("/lib/systemd/systemd", ["/sbin/init", "--show-status=0"], environment)
    except BaseException as error:
        print(f"the node's init could not start: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def watch(init: int, notify: socket.socket) -> None:
    """Reports when the machine is up; returns when it has ended or shall end."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    selector.register(notify, selectors.EVENT_READ)
    selector.register(os.pidfd_open(init), selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not notify:
                return
            if b"READY=1" in notify.recv(4096).split(b"\n"):
                print(init, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("instance_id")
    parser.add_argument("private_ip")
    arguments = parser.parse_args()
    directory: Path = arguments.directory

    system.unshare(
        system.CLONE_NEWNS
        | system.CLONE_NEWNET
        | system.CLONE_NEWUTS
        | system.CLONE_NEWIPC
    )
    system.mount(None, "/", None, system.MS_REC | system.MS_PRIVATE)
    network(arguments.private_ip)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(f"\0{NOTIFY}")
    group = ControlGroup(arguments.instance_id)
    init = start_init(
        directory, arguments.image, arguments.instance_id, arguments.private_ip, group
    )
    try:
        watch(init, notify)
    finally:
        os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
        group.remove()
        shutil.rmtree(directory / "work", ignore_errors=True)


if __name__ == "__main__":
    main()
