"""The kernel calls that Python has no name for."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _bytes(text: str | os.PathLike[str] | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def unshare(namespaces: int) -> None:
    _checked(_libc.unshare(namespaces), "unshare")


def setns(descriptor: int, namespace: int) -> None:
    _checked(_libc.setns(descriptor, namespace), "setns")


def mount(
    source: str | os.PathLike[str] | None,
    target: str | os.PathLike[str],
    kind: str | None = None,
    flags: int = 0,
    options: str | None = None,
) -> None:
    result = _libc.mount(
        _bytes(source), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(options)
    )
    _checked(result, f"mount {kind or 'bind'} on {os.fspath(target)}")


def unmount(target: str, flags: int = 0) -> None:
    _checked(_libc.umount2(_bytes(target), flags), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    _checked(_libc.pivot_root(_bytes(new_root), _bytes(put_old)), "pivot_root")


def set_hostname(name: str) -> None:
    _checked(_libc.sethostname(os.fsencode(name), len(name)), "sethostname")


def die_with_parent(signal_number: int) -> None:
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def drop_capability(number: int) -> None:
    _checked(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), "prctl")
