"""The sandbox's own paths answer, and say what is wrong with a request."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from emulator import PATIENCE, EmulatorTest
from hpcapi_sandbox import clock


class ControlTest(EmulatorTest):
    """A test case that may change the clock."""

    def setUp(self) -> None:
        self.addCleanup(clock.set_scale, 0)

    def control(self, method: str, path: str, asked: Any = None) -> tuple[int, dict[str, Any]]:
        body = None if asked is None else json.dumps(asked).encode()
        request = urllib.request.Request(
            f"{self.endpoint}/_hpcapi/{path}", data=body, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


class Control(ControlTest):
    def test_the_scale_changes_while_a_stack_waits(self) -> None:
        self.assertEqual(self.control("GET", "clock")[1]["scale"], 0)
        status, said = self.control("PUT", "clock", {"scale": 1e9})
        self.assertEqual((status, said["scale"]), (200, 1e9))
        self.assertEqual(self.control("GET", "clock")[1]["scale"], 1e9)
        self.cloudformation.create_stack(
            StackName="waits", TemplateBody="Resources: {Log: {Type: AWS::Logs::LogGroup}}"
        )
        self.assertEqual(self.status("waits"), "CREATE_IN_PROGRESS")
        self.assertEqual(self.control("PUT", "clock", {"scale": 0})[0], 200)
        self.assertEqual(self.settled("waits"), "CREATE_COMPLETE")

    def test_wrong_requests_change_nothing(self) -> None:
        clock.set_scale(0.5)
        scales = (-1, "fast", True, 10**400, float("nan"))
        for asked in (*({"scale": scale} for scale in scales), {"scal": 1}, [1]):
            with self.subTest(asked=asked):
                status, said = self.control("PUT", "clock", asked)
                self.assertEqual(status, 400)
                self.assertTrue(said["message"])
        self.assertEqual(clock.scale(), 0.5)
        self.assertEqual(self.control("PUT", "ssm-agents/i-0", {"runs": "no"})[0], 400)
        self.assertEqual(self.control("PUT", "ssm-agents/i-0", {"runs": True})[0], 404)
        self.assertEqual(self.control("GET", "nothing")[0], 404)
        self.assertEqual(self.control("POST", "clock", {})[0], 404)
