"""A head node of a cluster with a Database gets Slurm's accounting, as ParallelCluster's does."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from emulator import EmulatorTest
from hpcapi_sandbox import clock
from hpcapi_sandbox.node import BootstrapFailure, ClusterSpec, Completed, bootstrap, database
from hpcapi_sandbox.node.machine import File, NodeError

ETC = "/opt/slurm/etc"
SETTINGS = f"{ETC}/slurm_parallelcluster_slurmdbd.conf"
PASSWORD = "it's 1 secret\\"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:slurm-AbCdEf"
DATABASE = {
    "Uri": "slurm.cluster-x.us-east-1.rds.amazonaws.com",
    "UserName": "clusteradmin",
    "PasswordSecretArn": SECRET,
}


def config(section: dict[str, Any] | None) -> dict[str, Any]:
    return {"Scheduling": {"SlurmSettings": {"Database": section} if section else {}}}


class Machine:
    """Keeps what is written to it and run on it. What runs succeeds, but for `fails`."""

    private_ip = "10.0.0.5"

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.files: dict[str, File] = {}
        self.commands: list[str] = []
        self.inputs: list[str] = []
        self.logs = ""

    def write(self, files: Any) -> None:
        self.files |= {file.path: file for file in files}

    def execute(self, argv: list[str], *, stdin: bytes = b"", **_: Any) -> Completed:
        command = " ".join(argv)
        if ">>/var/log/" in command:
            self.logs += stdin.decode()
            return Completed(0, b"", b"")
        self.commands.append(command)
        self.inputs.append(stdin.decode())
        failed = self.fails and self.fails in command
        return Completed(int(bool(failed)), b"slurm 24.11.5", f"near {PASSWORD}".encode())

    def text(self, path: str) -> str:
        return self.files[path].content.decode()

    def place(self, of: str) -> int:
        return next(at for at, command in enumerate(self.commands) if of in command)


def made(
    section: dict[str, Any] | None, machine: Machine | None = None, secret: Any = None
) -> Machine:
    machine = machine or Machine()
    clock.set_scale(0)
    cluster = ClusterSpec(
        name="my-cluster",
        region="us-east-1",
        config=config(section),
        fetch=mock.Mock(),
        secret=secret or {SECRET: PASSWORD}.__getitem__,
    )
    bootstrap(machine, cluster)  # type: ignore[arg-type]
    return machine


class Accounting(unittest.TestCase):
    def test_slurm_is_told_of_it(self) -> None:
        settings = made(DATABASE).text(f"{ETC}/slurm_parallelcluster.conf").splitlines()
        for line in (
            "AccountingStorageType=accounting_storage/slurmdbd",
            "AccountingStorageHost=ip-10-0-0-5",
            "AccountingStoragePort=6819",
            "AccountingStorageUser=slurm",
        ):
            self.assertIn(line, settings)

    def test_the_daemon_is_told_of_the_database(self) -> None:
        machine = made(DATABASE)
        self.assertIn(f"include {SETTINGS[len(ETC) + 1:]}\n", machine.text(f"{ETC}/slurmdbd.conf"))
        for line in (
            "DbdHost=ip-10-0-0-5",
            "StorageHost=slurm.cluster-x.us-east-1.rds.amazonaws.com",
            "StoragePort=3306",
            "StorageLoc=my_cluster",
            "StorageUser=clusteradmin",
            f"StoragePass={PASSWORD}",
        ):
            self.assertIn(line, machine.text(SETTINGS).splitlines())
        self.assertIn(
            "127.0.0.1 slurm.cluster-x.us-east-1.rds.amazonaws.com\n", machine.text("/etc/hosts")
        )

    def test_a_port_and_a_name_of_the_config_are_used(self) -> None:
        section = {**DATABASE, "Uri": "db.example.com:3399", "DatabaseName": "jobs"}
        machine = made(section)
        settings = machine.text(SETTINGS).splitlines()
        self.assertIn("StorageHost=db.example.com", settings)
        self.assertIn("StoragePort=3399", settings)
        self.assertIn("StorageLoc=jobs", settings)
        self.assertIn(" --port=3399\n", machine.text("/etc/systemd/system/mariadb.service"))

    def test_the_files_are_whose_they_are_on_aws(self) -> None:
        files = made(DATABASE).files
        found = {path: (file.mode, file.owner) for path, file in files.items()}
        scripts = "/opt/parallelcluster/scripts/slurm"
        self.assertEqual(found[f"{ETC}/slurmdbd.conf"], (0o600, "slurm"))
        self.assertEqual(found[SETTINGS], (0o600, "slurm"))
        self.assertEqual(found["/etc/systemd/system/slurmdbd.service"], (0o644, "root"))
        self.assertEqual(
            found[f"{scripts}/update_slurm_database_password.sh"], (0o700, "root")
        )

    def test_the_daemon_starts_before_slurm_and_after_its_database(self) -> None:
        machine = made(DATABASE)
        order = ("--now mariadb", "--now slurmdbd", "show clusters", "add cluster", "slurmctld\n")
        places = [machine.place(command) for command in order]
        self.assertEqual(places, sorted(set(places)))
        records = machine.commands[machine.place("add cluster")]
        self.assertIn("CLUSTER_NAME=my-cluster\n", records)
        self.assertIn("ClusterName=my-cluster\n", machine.text(f"{ETC}/slurm.conf"))

    def test_the_password_is_told_to_nobody_else(self) -> None:
        machine = made(DATABASE)
        told = [path for path, file in machine.files.items() if PASSWORD.encode() in file.content]
        self.assertEqual(told, [SETTINGS])
        self.assertFalse([one for one in machine.commands if "1 secret" in one])
        self.assertNotIn("1 secret", machine.logs)
        statements = machine.inputs[machine.place("--now mariadb")]
        self.assertIn("IDENTIFIED BY 'it\\'s 1 secret\\\\';\n", statements)

    def test_without_a_database_there_is_none(self) -> None:
        machine = made(None)
        self.assertFalse([path for path in machine.files if "dbd" in path or "maria" in path])
        self.assertFalse([one for one in machine.commands if "dbd" in one or "sacctmgr" in one])
        self.assertNotIn("Accounting", machine.text(f"{ETC}/slurm_parallelcluster.conf"))
        self.assertIsNone(database.database_of({}, "c"))


class Failures(unittest.TestCase):
    def fails(self, machine: Machine, **given: Any) -> str:
        with self.assertRaises(BootstrapFailure) as raised:
            made(DATABASE, machine, **given)
        self.assertIn("chef recipe aws-parallelcluster-slurm::config_slurm", str(raised.exception))
        self.assertEqual(raised.exception.command, "chef")
        self.assertFalse([one for one in machine.commands if "slurmctld\n" in one])
        return machine.logs

    def test_a_secret_that_is_missing_fails_the_bootstrap(self) -> None:
        machine = Machine()
        logs = self.fails(machine, secret=mock.Mock(side_effect=LookupError("no such secret")))
        self.assertIn("STDERR: no such secret\n", logs)
        self.assertIn("execute[update Slurm database password] had an error", logs)
        self.assertIn("StoragePass=dummy\n", machine.text(SETTINGS))

    def test_a_daemon_that_does_not_answer_fails_the_bootstrap(self) -> None:
        logs = self.fails(Machine("show clusters -Pn >/dev/null"))
        self.assertIn("execute[wait for slurm database] had an error", logs)

    def test_a_database_that_does_not_start_keeps_the_password(self) -> None:
        with self.assertRaises(NodeError) as raised:
            made(DATABASE, Machine("--now mariadb"))
        self.assertNotIn("1 secret", str(raised.exception))


class Secrets(EmulatorTest):
    def read(self, arn: str) -> str:
        from hpcapi_sandbox import stored_secrets
        from ministack.core.responses import request_scope

        with request_scope(self.account, "us-east-1"):
            return stored_secrets.read(arn)

    def test_a_secret_is_read_by_its_arn(self) -> None:
        secrets = self.client("secretsmanager")
        arn = secrets.create_secret(Name="slurm", SecretString=PASSWORD)["ARN"]
        self.assertEqual(self.read(arn), PASSWORD)
        secrets.delete_secret(SecretId=arn)
        with self.assertRaisesRegex(LookupError, "InvalidRequestException.*marked for deletion"):
            self.read(arn)

    def test_one_that_is_not_there_is_refused_in_the_words_of_aws(self) -> None:
        said = r"ResourceNotFoundException\) when calling the GetSecretValue operation: Secrets"
        with self.assertRaisesRegex(LookupError, said):
            self.read(SECRET)

    def test_one_without_text_is_refused(self) -> None:
        made = self.client("secretsmanager").create_secret(Name="binary", SecretBinary=b"1")
        with self.assertRaisesRegex(LookupError, "no text"):
            self.read(made["ARN"])


if __name__ == "__main__":
    unittest.main()
