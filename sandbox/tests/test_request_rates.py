"""Requests that come too fast are refused as their service refuses them, and counted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from unittest import mock

from hpcapi_sandbox import clock
from test_control import ControlTest


class Rates(ControlTest):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.control, "PUT", "clock", {"rates": False})

    def switch_on(self) -> None:
        # So slow that no token comes back while a test runs.
        said = self.control("PUT", "clock", {"scale": 1e9, "rates": True})[1]
        self.assertEqual((said["rates"], said["requests"]), (True, {}))

    def refused_after(self, burst: int, call: Any, **arguments: Any) -> tuple[int, str, str]:
        """Makes as many calls as are admitted; returns how the next one is refused."""
        for _ in range(burst):
            call(**arguments)
        with self.assertRaises(Exception) as caught:
            call(**arguments)
        answer = caught.exception.response
        error = answer["Error"]
        return answer["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]

    def test_each_service_refuses_in_its_own_words(self) -> None:
        self.switch_on()
        ec2 = self.refused_after(50, self.ec2.describe_instances)
        self.assertEqual(ec2, (503, "RequestLimitExceeded", "Request limit exceeded."))
        cloudformation = self.refused_after(10, self.cloudformation.describe_stacks)
        self.assertEqual(cloudformation, (400, "Throttling", "Rate exceeded"))
        ssm = self.refused_after(20, self.client("ssm").list_commands)
        self.assertEqual(ssm, (400, "ThrottlingException", "Rate exceeded"))
        balancing = self.refused_after(40, self.client("elbv2").describe_load_balancers)
        self.assertEqual(balancing, (400, "ThrottlingException", "Rate exceeded"))
        gateway = self.refused_after(40, self.client("apigatewayv2").get_vpc_links)
        self.assertEqual(gateway, (429, "TooManyRequestsException", "Too Many Requests"))
        requests = self.control("GET", "clock")[1]["requests"]
        self.assertEqual(
            requests["ec2"], {"DescribeInstances": {"admitted": 50, "refused": 1}}
        )
        self.assertEqual(requests["apigateway"]["GetVpcLinks"]["refused"], 1)

    def test_actions_accounts_and_filtered_requests_have_buckets_of_their_own(self) -> None:
        self.switch_on()
        self.refused_after(50, self.ec2.describe_instances)
        self.ec2.describe_vpcs()
        self.ec2.describe_instances(Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}])
        self.client("ec2", account="200000000002").describe_instances()

    def test_nothing_is_refused_unless_it_is_switched_on(self) -> None:
        for _ in range(60):
            self.ec2.describe_instances()
        self.assertEqual(self.control("PUT", "clock", {"rates": 1})[0], 400)
        self.assertFalse(self.control("GET", "clock")[1]["rates"])

    def test_buckets_fill_as_fast_as_time_passes(self) -> None:
        from hpcapi_sandbox import request_rates

        def admitted(now: float) -> int:
            fake.monotonic.return_value = now
            asked = (("1", "r"), "cloudformation", "DescribeStacks", True)
            return sum(request_rates.admits(*asked) for _ in range(20))

        request_rates.switch(False)
        with mock.patch.object(request_rates, "time") as fake:
            clock.set_scale(0)
            self.assertEqual([admitted(1000.0), admitted(1001.0)], [10, 5])
            clock.set_scale(0.5)
            self.assertEqual(admitted(1001.5), 5)

    def test_every_rate_has_its_source(self) -> None:
        from hpcapi_sandbox import request_rates

        path = Path(request_rates.__file__).with_name("request_rates.csv")
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                self.assertGreater(len(row["source"]), 10, row)
                self.assertIn(row["service"], request_rates._REFUSALS)
