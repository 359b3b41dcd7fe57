"""Head nodes that really boot.

`Node` is one machine: a systemd of its own over the node image, in namespaces of its own.
`bootstrap` does on it what ParallelCluster's cookbook does on an instance: custom actions,
Slurm as the cluster's config says, the static part of the fleet.
"""

from .bootstrap import BootstrapFailure, ClusterSpec, bootstrap
from .machine import Completed, Node, NodeError

__all__ = ["BootstrapFailure", "ClusterSpec", "Completed", "Node", "NodeError", "bootstrap"]
