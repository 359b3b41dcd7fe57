"""The shortest time of a stack operation follows from what its resources needed and took."""

from __future__ import annotations

import unittest

from cluster import ClusterTest
from emulator import EmulatorTest
from test_control import ControlTest
from test_stacks import NETWORK


class Shortest(EmulatorTest):
    def setUp(self) -> None:
        from hpcapi_sandbox.cloudformation.critical_path import Operation, Span

        self.operation = Operation("stack", "CREATE", began=100.0, ended=200.0)
        self.span = Span

    def add(self, name: str, needs: set[str], began: float, ended: float, **more: object) -> None:
        span = self.span("Type", needs, began=began, **more)
        span.ended = ended
        self.operation.spans[name] = span

    def test_idle_time_between_resources_does_not_count(self) -> None:
        self.add("A", set(), 102, 110)
        self.add("B", {"A"}, 150, 160)
        self.add("C", set(), 102, 107)
        self.add("D", {"C"}, 107, 197)
        self.operation.spans["D"].ended = 120
        self.operation.ended = 162
        # 2 s before the first, A in 8 and C in 5 s, B in 10 and D in 13 s, 2 s after the last.
        self.assertEqual(self.operation.shortest(), (2 + 18 + 2, ["A", "B"]))

    def test_an_early_release_counts_from_the_configuration(self) -> None:
        self.add("Profile", set(), 100, 190, configured=102)
        self.add("Quick", {"Profile"}, 102, 110, early={"Profile"})
        self.add("Patient", {"Profile"}, 190, 195)
        self.operation.ended = 195
        self.assertEqual(self.operation.shortest(), (95, ["Profile", "Patient"]))
        del self.operation.spans["Patient"]
        self.assertEqual(self.operation.shortest()[1], ["Profile"])

    def test_a_signal_counts_from_the_begin_of_the_one_who_signals(self) -> None:
        self.add("Network", set(), 100, 110)
        self.add("Node", {"Network"}, 130, 140)
        self.add("Wait", set(), 101, 180, signalled_by="Node")
        self.operation.ended = 180
        self.assertEqual(self.operation.shortest(), (10 + 50, ["Network", "Node", "Wait"]))

    def test_an_operation_without_resources_takes_what_it_took(self) -> None:
        self.assertEqual(self.operation.shortest(), (100, []))


class Report(ControlTest):
    def test_operations_and_chains_are_reported(self) -> None:
        self.create("net", NETWORK)
        self.deleted("net")
        self.create("other", NETWORK)
        path = f"critical-path?account={self.account}"
        status, said = self.control("GET", path)
        self.assertEqual(status, 200)
        made = [(one["stack"], one["operation"]) for one in said["operations"]]
        self.assertEqual(made, [("net", "CREATE"), ("net", "DELETE"), ("other", "CREATE")])
        for one, first in zip(said["operations"], (0, -1, 0)):
            self.assertEqual(one["path"][first]["resource"], "VPC")
            self.assertEqual(len(one["path"]), 2)
            self.assertLessEqual(one["seconds"], one["took"] + 1e-6)
        create, _, other = said["operations"]
        status, said = self.control("GET", path + "&stack=net:CREATE&stack=other")
        self.assertAlmostEqual(said["chain"]["seconds"], create["seconds"] + other["seconds"])
        self.assertEqual(self.control("GET", path + "&stack=nothing")[0], 404)
        self.assertEqual(self.control("GET", "critical-path")[0], 400)


class Signals(ControlTest, ClusterTest):
    def test_a_wait_condition_is_on_the_path_of_its_head_node(self) -> None:
        from hpcapi_sandbox.cloudformation.critical_path import _operations

        (operation,) = _operations[self.account]
        span = operation.spans["HeadNodeWaitCondition"]
        self.assertEqual(span.signalled_by, "HeadNode")


if __name__ == "__main__":
    unittest.main()
