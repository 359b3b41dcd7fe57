"""The machine's file tree: the image below, what the machine writes above, and the kernel's
own file systems."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from . import system
from .names import host_name

# What would reach out of the namespaces into the machine around: kernel modules, raw devices,
# the clock, the audit system.
DENIED_CAPABILITIES = {
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_TIME": 25,
    "MKNOD": 27,
    "AUDIT_CONTROL": 30,
    "MAC_OVERRIDE": 32,
    "MAC_ADMIN": 33,
    "SYSLOG": 34,
    "WAKE_ALARM": 35,
}


def enter(directory: Path, image: Path, instance_id: str, private_ip: str) -> None:
    """Makes the tree and moves into it. Only for the first process of the new namespaces."""
    top = directory / "root"
    _overlay(directory, image, top)
    _kernel_file_systems(top)
    _identity(top, instance_id, private_ip)
    system.set_hostname(host_name(private_ip))
    os.chdir(top)
    # pivot_root(".", ".") stacks the old root on the new one, from where it is taken away.
    system.pivot_root(".", ".")
    system.unmount(".", system.MNT_DETACH)
    os.chdir("/")
    for number in DENIED_CAPABILITIES.values():
        system.drop_capability(number)


def _overlay(directory: Path, image: Path, top: Path) -> None:
    upper, work = directory / "upper", directory / "work"
    # Left by a machine that was killed, it would forbid the mount.
    shutil.rmtree(work, ignore_errors=True)
    for folder in (upper, work, top):
        folder.mkdir(parents=True, exist_ok=True)
    upper.chmod(0o755)
    layers = {"lowerdir": image, "upperdir": upper, "workdir": work}
    options = ",".join(f"{name}={_escaped(path)}" for name, path in layers.items())
    # volatile: a head node of the sandbox need not survive a power cut, and is much faster.
    system.mount("overlay", top, "overlay", 0, f"{options},volatile")


def _escaped(path: Path) -> str:
    text = str(path)
    for special in ("\\", ",", ":"):
        text = text.replace(special, f"\\{special}")
    return text


def _kernel_file_systems(top: Path) -> None:
    strict = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
    system.mount("proc", top / "proc", "proc", strict)
    system.mount("sysfs", top / "sys", "sysfs", strict | system.MS_RDONLY)
    system.mount("cgroup2", top / "sys/fs/cgroup", "cgroup2", strict)
    # Kernel settings belong to the whole machine, but for the network's.
    private = [top / name for name in ("proc/sys", "proc/sysrq-trigger") if (top / name).exists()]
    for path in private:
        system.mount(path, path, None, system.MS_BIND)
    system.mount(top / "proc/sys/net", top / "proc/sys/net", None, system.MS_BIND)
    for path in private:
        flags = system.MS_BIND | system.MS_REMOUNT | system.MS_RDONLY | strict
        system.mount(None, path, None, flags)
    temporary = system.MS_NOSUID | system.MS_NODEV
    system.mount("tmpfs", top / "run", "tmpfs", temporary, "mode=755")
    system.mount("tmpfs", top / "tmp", "tmpfs", temporary, "mode=1777")
    _devices(top / "dev")


def _devices(dev: Path) -> None:
    system.mount("tmpfs", dev, "tmpfs", system.MS_NOSUID, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (dev / name).touch()
        system.mount(f"/dev/{name}", dev / name, None, system.MS_BIND)
    (dev / "pts").mkdir()
    system.mount("devpts", dev / "pts", "devpts", 0, "newinstance,ptmxmode=666,mode=620,gid=5")
    (dev / "shm").mkdir()
    system.mount("tmpfs", dev / "shm", "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=1777")
    for name, target in {
        "ptmx": "pts/ptmx",
        "fd": "/proc/self/fd",
        "stdin": "fd/0",
        "stdout": "fd/1",
        "stderr": "fd/2",
    }.items():
        (dev / name).symlink_to(target)


def _identity(top: Path, instance_id: str, private_ip: str) -> None:
    name = host_name(private_ip)
    etc = top / "etc"
    (etc / "hostname").write_text(f"{name}\n")
    hosts = etc / "hosts"
    # Bootstrap adds names to the first boot's, which a later boot needs, too.
    if not hosts.exists() or name not in hosts.read_text():
        hosts.write_text(f"127.0.0.1 localhost\n{private_ip} {name}.ec2.internal {name}\n")
    # One that is there spares systemd its first-boot work.
    machine_id = hashlib.sha256(instance_id.encode()).hexdigest()[:32]
    (etc / "machine-id").write_text(f"{machine_id}\n")
