"""The machines that really run behind instances.

Only head nodes have one. Every other instance is a record, and refuses connections as a host
does on which nothing listens.
"""

from __future__ import annotations

import logging
import shutil
import socket
import threading
from typing import TYPE_CHECKING

from . import settings

if TYPE_CHECKING:
    from .node import Node

logger = logging.getLogger("hpcapi.machines")

_SHUT_DOWN_SECONDS = 60

_nodes: dict[str, Node] = {}  # by instance id, from boot to shutdown
_up: set[str] = set()
_closing: dict[str, threading.Thread] = {}
_lock = threading.Lock()


def boot(instance_id: str, private_address: str) -> Node:
    """Starts the machine of an instance; returns once commands can be run on it."""
    from .node import Node

    # Whoever starts it again may be faster than its shutdown.
    closing = _closing.get(instance_id)
    if closing:
        closing.join(_SHUT_DOWN_SECONDS)
    current = settings.get()
    node = Node(current.node_directory(instance_id), current.image, instance_id, private_address)
    with _lock:
        _nodes[instance_id] = node
    node.start()
    with _lock:
        if _nodes.get(instance_id) is node:
            _up.add(instance_id)
            return node
    node.stop()
    raise InterruptedError(f"{instance_id} was stopped while it booted")


def is_up(instance_id: str) -> bool:
    return instance_id in _up


def is_wanted(instance_id: str) -> bool:
    """Whether the machine was started and nobody has asked it to stop."""
    return instance_id in _nodes


def running(instance_id: str) -> Node | None:
    return _nodes.get(instance_id) if is_up(instance_id) else None


def connect(instance_id: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection to a port of the machine."""
    node = running(instance_id)
    if node is None:
        raise ConnectionRefusedError(f"nothing listens on port {port} of {instance_id}")
    return node.connect(port, timeout)


def shut_down(instance_id: str) -> None:
    """Stops the machine of an instance, if it has one, without waiting for it."""
    with _lock:
        _up.discard(instance_id)
        node = _nodes.pop(instance_id, None)
        if node is None:
            return
        thread = threading.Thread(target=_stop, args=(instance_id, node), daemon=True)
        _closing[instance_id] = thread
    thread.start()


def _stop(instance_id: str, node: Node) -> None:
    try:
        node.stop()
    except Exception:
        logger.exception("the machine of %s did not stop", instance_id)
    finally:
        _closing.pop(instance_id, None)


def remove(instance_id: str, seconds: float) -> None:
    """Waits until the machine of a terminated instance has stopped, and deletes its files."""
    thread = _closing.get(instance_id)
    if thread:
        thread.join(seconds)
    shutil.rmtree(settings.get().node_directory(instance_id), ignore_errors=True)


def remove_leftovers() -> None:
    """Deletes the files of machines that an earlier run left: its instances are forgotten."""
    shutil.rmtree(settings.get().directory / "nodes", ignore_errors=True)


def shut_down_all(seconds: float) -> None:
    """Stops every machine and waits for them."""
    for instance_id in list(_nodes):
        shut_down(instance_id)
    for thread in list(_closing.values()):
        thread.join(seconds)
