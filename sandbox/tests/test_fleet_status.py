"""The compute fleet does what pcluster asks of it in its table."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from emulator import EmulatorTest
from hpcapi_sandbox import fleet_status
from hpcapi_sandbox.node import Completed, NodeError
from ministack.core.responses import request_scope

TABLE = "parallelcluster-fleet"
CLUSTER = SimpleNamespace(
    config={"Scheduling": {"SlurmQueues": [{"Name": "a"}, {"Name": "b"}]}}
)


class Machine:
    """A head node that notes what is run on it, or does not answer."""

    def __init__(self, is_broken: bool = False) -> None:
        self.ran: list[str] = []
        self.is_broken = is_broken

    def execute(self, argv: list[str], **how: Any) -> Completed:
        if self.is_broken:
            raise NodeError("it does not answer")
        self.ran.append(argv[-1])
        return Completed(0, b"", b"")


class FleetStatus(EmulatorTest):
    def setUp(self) -> None:
        self.tables = self.client("dynamodb")
        self.tables.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.addCleanup(self.tables.delete_table, TableName=TABLE)
        self.is_up = True

    def status(self) -> str:  # type: ignore[override]
        item = self.tables.get_item(TableName=TABLE, Key={"Id": {"S": "COMPUTE_FLEET"}})["Item"]
        return item["Data"]["M"]["status"]["S"]

    def serve(self, machine: Machine, cluster: Any = CLUSTER) -> None:
        self.ask_for("RUNNING")

        def run() -> None:
            with request_scope(self.account, "us-east-1"):
                fleet_status.serve(TABLE, machine, cluster, lambda: self.is_up)  # type: ignore[arg-type]

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(setattr, self, "is_up", False)

    def ask_for(self, status: str) -> None:
        with request_scope(self.account, "us-east-1"):
            fleet_status.report(TABLE, status)

    def test_a_stop_closes_every_queue_and_a_start_opens_them(self) -> None:
        machine = Machine()
        self.serve(machine)
        self.ask_for("STOP_REQUESTED")
        self.wait_for(lambda: self.status() == "STOPPED")
        closed = [line for line in machine.ran if "state=inactive" in line]
        self.assertEqual(len(closed), 2)
        self.assertIn("partitionname=b", closed[1])
        machine.ran.clear()
        self.ask_for("START_REQUESTED")
        self.wait_for(lambda: self.status() == "RUNNING")
        self.assertEqual(
            machine.ran,
            [f"scontrol update partitionname={queue} state=up" for queue in "ab"],
        )

    def test_a_start_starts_the_static_nodes(self) -> None:
        resource = {"Name": "r", "InstanceType": "t3.micro", "MinCount": 2, "MaxCount": 3}
        queue = {"Name": "a", "ComputeResources": [resource]}
        cluster = SimpleNamespace(config={"Scheduling": {"SlurmQueues": [queue]}})
        machine = Machine()
        self.serve(machine, cluster)
        self.ask_for("START_REQUESTED")
        self.wait_for(lambda: self.status() == "RUNNING")
        self.assertIn("a-st-r-1,a-st-r-2", machine.ran[-1])
        self.assertIn("state=power_up", machine.ran[-1])

    def test_a_machine_that_does_not_answer_does_not_end_it(self) -> None:
        machine = Machine(is_broken=True)
        self.serve(machine)
        self.ask_for("STOP_REQUESTED")
        self.wait_for(lambda: self.status() == "STOPPED")
        machine.is_broken = False
        self.ask_for("START_REQUESTED")
        self.wait_for(lambda: machine.ran)
