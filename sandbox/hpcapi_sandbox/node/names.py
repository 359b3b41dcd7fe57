"""Names that EC2 and ParallelCluster derive from others, and addresses."""

from __future__ import annotations

# Where an instance asks what it is and for its credentials, and where in the sandbox AWS is.
METADATA = "169.254.169.254"
AWS = "169.254.169.253"


def host_name(private_ip: str) -> str:
    """The host name that EC2 gives to an instance: ip-10-0-1-23."""
    return f"ip-{private_ip.replace('.', '-')}"
