"""The certificate of the HTTPS port that CloudFormation's custom resources answer to.

On AWS a custom resource's ResponseURL is HTTPS, and code that answers it (ParallelCluster's
clean-up function) takes nothing else. Lambda functions run as children of this process, so
SSL_CERT_FILE makes them trust the certificate.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .settings import HOST


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


def make(directory: Path) -> Certificate:
    """Makes a certificate for the loopback address, valid for as long as anyone may run it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    if not made.certificate.exists() or not made.key.exists():
        subprocess.run(
            [
                "openssl", "req", "-x509", "-nodes", "-days", "3650",
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-subj", "/CN=hpcapi sandbox",
                "-addext", f"subjectAltName=IP:{HOST}",
                "-keyout", str(made.key), "-out", str(made.certificate),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    return made
