"""The database that a cluster's accounting is kept in.

On AWS it is the user's own, most often in RDS, and the cluster only uses it. Here it is a MariaDB
on the head node's own machine, which lives as long as the machine does. It is reached as the
user's would be: under the host name and the port of the Uri, with the user and the password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .machine import File, Node, NodeError

_PORT = 3306
_UNIT = """\
[Unit]
Description=MariaDB in the place of the user's database
Before=slurmdbd.service

[Service]
Type=notify
User=mysql
RuntimeDirectory=mysqld
ExecStart=/usr/sbin/mariadbd --port={port}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Database:
    """What a cluster's config says of its database."""

    host: str
    port: int
    name: str
    user: str
    secret: str  # the ARN of the one that holds the password


def database_of(config: dict[str, Any], cluster: str) -> Database | None:
    """Returns the database of the cluster's accounting, if it has any."""
    settings = config.get("Scheduling", {}).get("SlurmSettings") or {}
    section = settings.get("Database")
    if not section:
        return None
    address = urlsplit(f"//{section['Uri']}")
    return Database(
        host=address.hostname or "",
        port=address.port or _PORT,
        # A dash would need quotes in SQL.
        name=section.get("DatabaseName") or cluster.replace("-", "_"),
        user=section["UserName"],
        secret=section["PasswordSecretArn"],
    )


def hosts(database: Database | None) -> str:
    """Returns the line of /etc/hosts for the database's host, which has a DNS name on AWS."""
    return f"127.0.0.1 {database.host}\n" if database else ""


def start(node: Node, database: Database, password: str) -> None:
    """Starts it, with the one user that RDS, too, gives all rights."""
    unit = _UNIT.format(port=database.port)
    node.write([File("/etc/systemd/system/mariadb.service", unit.encode())])
    user = f"{_quoted(database.user)}@'%'"
    # The database, too: a slurmdbd that makes it trips over a fault of libmariadb 3.4.9, whose
    # connection has lost its limits after the first try.
    statements = f"""\
SET NAMES utf8mb4;
CREATE DATABASE `{database.name}`;
CREATE USER {user} IDENTIFIED BY {_quoted(password)};
GRANT ALL ON *.* TO {user} WITH GRANT OPTION;
"""
    enable = "systemctl daemon-reload && systemctl --quiet enable --now mariadb"
    client = f"{enable} && exec mariadb --skip-ssl"
    done = node.execute(["sh", "-c", client], stdin=statements.encode())
    if done.returncode != 0:
        # What the client says quotes the password.
        raise NodeError("the database did not start or has not taken its user")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
