"""Slurm's accounting, as ParallelCluster's recipe config_slurm_accounting sets it up.

As there, a record that cannot be added at the end fails nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from . import database
from .database import Database
from .machine import Completed, File, Node
from .names import host_name
from .slurm_conf import FOLDER

_SACCTMGR = "/opt/slurm/bin/sacctmgr"
_UPDATE_PASSWORD = "/opt/parallelcluster/scripts/slurm/update_slurm_database_password.sh"
_SETTINGS = f"{FOLDER}/slurm_parallelcluster_slurmdbd.conf"

_SLURMDBD_UNIT = """\
[Unit]
Description=Slurm DBD accounting daemon
After=network-online.target munge.service mysql.service mysqld.service mariadb.service \
remote-fs.target
Wants=network-online.target
ConditionPathExists=/opt/slurm/etc/slurmdbd.conf

[Service]
Type=simple
EnvironmentFile=-/etc/sysconfig/slurmdbd
ExecStart=/opt/slurm/sbin/slurmdbd -D -s $SLURMDBD_OPTIONS
ExecReload=/bin/kill -HUP $MAINPID
LimitNOFILE=65536
TimeoutStartSec=5000

[Install]
WantedBy=multi-user.target
"""

_SLURMDBD_CONF = """\
AuthType=auth/munge
LogFile=/var/log/slurmdbd.log
DbdPort=6819
SlurmUser=slurm
StorageType=accounting_storage/mysql

# WARNING!!! The slurm_parallelcluster_slurmdbd.conf file included below can be updated by the
# pcluster process. Please do not edit it.
include slurm_parallelcluster_slurmdbd.conf
"""

# For whoever changes the password: it puts the secret's value into the settings.
_UPDATE_PASSWORD_SCRIPT = r"""#!/bin/bash
# This script updates the password used by slurmdbd to connect to the backing MySQL database
# according to the secret stored in AWS Secrets Manager.
# Usage: ./update_slurm_database_password.sh
set -e

SLURMDBD_CONFIG_FILE="{settings}"
SLURMDBD_PROPERTY="StoragePass"
SECRET_ARN="{secret}"
REGION="{region}"

echo "Reading password from ${{SLURMDBD_CONFIG_FILE}}"
password_from_dbd_config=$(grep "^${{SLURMDBD_PROPERTY}}" ${{SLURMDBD_CONFIG_FILE}} | \
    sed "s/^${{SLURMDBD_PROPERTY}}=//g")
if [ -z ${{password_from_dbd_config}} ]; then
  echo "Error reading password from ${{SLURMDBD_CONFIG_FILE}}"
  exit 1
fi

echo "Reading password from AWS Secrets Manager: ${{SECRET_ARN}}"
password_from_secrets_manager=$(aws secretsmanager get-secret-value --secret-id ${{SECRET_ARN}} \
    --region ${{REGION}} --query 'SecretString' --output text)

[ "${{password_from_dbd_config}}" == "${{password_from_secrets_manager}}" ] && \
    echo "Password match, skipping update" && exit 0

echo "Writing AWS Secrets Manager password to ${{SLURMDBD_CONFIG_FILE}}"
sed -i "/${{SLURMDBD_PROPERTY}}/d" ${{SLURMDBD_CONFIG_FILE}}
echo "${{SLURMDBD_PROPERTY}}=${{password_from_secrets_manager}}" >> ${{SLURMDBD_CONFIG_FILE}}
echo "Password updated in ${{SLURMDBD_CONFIG_FILE}}"

if systemctl --quiet is-active slurmdbd.service; then
  echo "Restarting services"
  systemctl restart slurmdbd
  echo "Services restarted"
fi

exit 0
"""

# The cookbook waits longer, and asks every 10 s.
_WAIT = f"""
for _ in $(seq 600); do
    {_SACCTMGR} show clusters -Pn >/dev/null 2>&1 && exit 0
    systemctl --quiet is-active slurmdbd || exit 1
    sleep 0.05
done
exit 1
"""

_FIRST_RECORDS = r"""
SACCTMGR_CMD={sacctmgr}
CLUSTER_NAME={cluster}
DEF_ACCOUNT=pcdefault
SLURM_USER=slurm
DEF_USER=ec2-user
ASSOCIATIONS="list associations -Pn cluster=$CLUSTER_NAME account=$DEF_ACCOUNT"

# Add cluster to database if it is not present yet
[[ $($SACCTMGR_CMD show clusters -Pn cluster=$CLUSTER_NAME | grep $CLUSTER_NAME) ]] || \
    $SACCTMGR_CMD -iQ add cluster $CLUSTER_NAME

# Add account-cluster association to database if it is not present yet
[[ $($SACCTMGR_CMD $ASSOCIATIONS format=account | grep $DEF_ACCOUNT) ]] || \
    $SACCTMGR_CMD -iQ add account $DEF_ACCOUNT Cluster=$CLUSTER_NAME \
        Description="ParallelCluster default account" Organization="none"

# Add user-account associations to database if they are not present yet
[[ $($SACCTMGR_CMD $ASSOCIATIONS user=$SLURM_USER format=user | grep $SLURM_USER) ]] || \
    $SACCTMGR_CMD -iQ add user $SLURM_USER Account=$DEF_ACCOUNT AdminLevel=Admin
[[ $($SACCTMGR_CMD $ASSOCIATIONS user=$DEF_USER format=user | grep $DEF_USER) ]] || \
    $SACCTMGR_CMD -iQ add user $DEF_USER Account=$DEF_ACCOUNT AdminLevel=Admin
exit 0
"""


class AccountingFailed(Exception):
    """A step of the recipe failed: `resource` is what Chef calls it, `command` what it ran."""

    def __init__(self, resource: str, command: str, said: str = "") -> None:
        super().__init__(f"{resource}: {said}")
        self.resource = resource
        self.command = command
        self.said = said


def configure(
    node: Node, chosen: Database, cluster: str, region: str, secret: Callable[[str], str]
) -> None:
    """Starts the accounting and adds the cluster to it. Slurm is configured, but does not run."""
    node.write(files(chosen, node.private_ip, region, "dummy"))
    password = _password(chosen, secret)
    database.start(node, chosen, password)
    node.write([_settings_file(chosen, node.private_ip, password)])
    _shell(node, "systemctl start munge && systemctl --quiet enable --now slurmdbd")
    if _shell(node, _WAIT).returncode != 0:
        raise AccountingFailed("wait for slurm database", f"{_SACCTMGR} show clusters -Pn")
    _shell(node, _FIRST_RECORDS.format(sacctmgr=_SACCTMGR, cluster=cluster))


def files(chosen: Database, private_ip: str, region: str, password: str) -> list[File]:
    """Returns the files of the accounting daemon."""
    script = _UPDATE_PASSWORD_SCRIPT.format(
        settings=_SETTINGS, secret=chosen.secret, region=region
    )
    return [
        File("/etc/systemd/system/slurmdbd.service", _SLURMDBD_UNIT.encode()),
        File(f"{FOLDER}/slurmdbd.conf", _SLURMDBD_CONF.encode(), 0o600, "slurm"),
        _settings_file(chosen, private_ip, password),
        File(_UPDATE_PASSWORD, script.encode(), 0o700),
    ]


def _settings_file(chosen: Database, private_ip: str, password: str) -> File:
    text = f"""\
# slurm_parallelcluster_slurmdbd.conf is managed by the pcluster processes.
# Do not modify.
# Please add user-specific slurmdbd configuration options in slurmdbd.conf
DbdHost={host_name(private_ip)}
StorageHost={chosen.host}
StoragePort={chosen.port}
StorageLoc={chosen.name}
StorageUser={chosen.user}
StoragePass={password}
"""
    return File(_SETTINGS, text.encode(), 0o600, "slurm")


def _password(chosen: Database, secret: Callable[[str], str]) -> str:
    """What the script reads that the cookbook runs for it, without the time that it takes."""
    try:
        return secret(chosen.secret)
    except LookupError as error:
        raise AccountingFailed(
            "update Slurm database password", _UPDATE_PASSWORD, str(error.args[0])
        ) from error


def _shell(node: Node, script: str) -> Completed:
    return node.execute(["bash", "-c", script])
