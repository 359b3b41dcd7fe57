"""Names that EC2 and ParallelCluster derive from others."""

from __future__ import annotations


def host_name(private_ip: str) -> str:
    """The host name that EC2 gives to an instance: ip-10-0-1-23."""
    return f"ip-{private_ip.replace('.', '-')}"
