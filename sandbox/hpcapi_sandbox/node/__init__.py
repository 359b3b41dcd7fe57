"""Head nodes that really boot.

`Node` is one machine: a systemd of its own over the node image, in namespaces of its own.
`bootstrap` does on it what ParallelCluster's cookbook does on an instance: custom actions,
Slurm as the cluster's config says, the static part of the fleet; `update` what it does when the
config changes.
"""

from .bootstrap import BootstrapFailure, ClusterSpec, bootstrap
from .machine import Completed, Node, NodeError
from .slurm_conf import Ports, queue_names
from .update import UpdateFailed, power_down_all, start_static_nodes, update

__all__ = [
    "BootstrapFailure",
    "ClusterSpec",
    "Completed",
    "Node",
    "NodeError",
    "Ports",
    "UpdateFailed",
    "bootstrap",
    "power_down_all",
    "queue_names",
    "start_static_nodes",
    "update",
]
