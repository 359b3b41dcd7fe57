"""A request reaches the head node only over what the template wired together."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from cluster import TEMPLATE, ClusterTest
from emulator import fetch


class Endpoint(ClusterTest):
    def answer(self, path: str = "/slurm/x", body: bytes | None = None) -> tuple[int, bytes]:
        return fetch(self.made["Endpoint"] + path, body)

    def test_a_request_arrives_unchanged(self) -> None:
        status, said = self.answer("/slurm/v0.0.42/jobs?update_time=1,2&x=%20y", b'{"a": 1}')
        self.assertEqual(status, 200)
        self.assertTrue(said.startswith(b"POST /slurm/v0.0.42/jobs?update_time=1,2&x=%20y\n"))
        self.assertTrue(said.endswith(b'\n{"a": 1}'))
        self.assertIn(b"X-Forwarded-Port: 80", said)

    def test_a_path_without_a_route_is_not_found(self) -> None:
        self.assertEqual(self.answer("/other"), (404, b'{"message":"Not Found"}'))

    def test_answers_and_requests_have_their_limits(self) -> None:
        self.assertEqual(len(self.answer(f"/slurm/x?size={10 * 2**20}")[1]), 10 * 2**20)
        self.assertEqual(self.answer(f"/slurm/x?size={10 * 2**20 + 1}")[0], 500)
        self.assertEqual(self.answer(body=b"x" * (10 * 2**20 + 1))[0], 413)

    def test_the_access_log_is_written(self) -> None:
        self.answer("/slurm/logged")
        logs = self.client("logs")
        found = logs.filter_log_events(logGroupName="/test/access")["events"]
        self.assertIn("GET /slurm/logged 200 200", [event["message"] for event in found])

    def test_each_rule_of_the_security_groups_is_needed(self) -> None:
        for group, direction, status in (
            (self.made["ApiGroup"], "ingress", 503),
            (self.made["ApiGroup"], "egress", 503),
            (self.made["NodeGroup"], "ingress", 504),
        ):
            with self.subTest(group=group, direction=direction):
                key = "IpPermissions" if direction == "ingress" else "IpPermissionsEgress"
                found = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
                rule = {"GroupId": group, "IpPermissions": found[key]}
                revoke = getattr(self.ec2, f"revoke_security_group_{direction}")
                authorize = getattr(self.ec2, f"authorize_security_group_{direction}")
                self.broken_by(partial(revoke, **rule), partial(authorize, **rule), status)

    def test_the_vpc_link_of_the_integration_is_needed(self) -> None:
        api = self.client("apigatewayv2")
        ids = {"ApiId": self.made["Api"], "IntegrationId": self.made["Integration"]}
        self.broken_by(
            lambda: api.update_integration(**ids, ConnectionId="abcdef"),
            lambda: api.update_integration(**ids, ConnectionId=self.made["VpcLink"]),
            500,
        )

    def test_target_health_follows_the_node(self) -> None:
        balancing = self.client("elbv2")

        def health() -> tuple[str, str]:
            (found,) = balancing.describe_target_health(TargetGroupArn=self.made["TargetGroup"])[
                "TargetHealthDescriptions"
            ]
            return found["TargetHealth"]["State"], found["TargetHealth"].get("Reason", "")

        self.wait_for(lambda: health() == ("healthy", ""))
        balancing.modify_target_group(
            TargetGroupArn=self.made["TargetGroup"], Matcher={"HttpCode": "204"}
        )
        self.wait_for(lambda: health() == ("unhealthy", "Target.ResponseCodeMismatch"))
        self.assertEqual(
            self.answer()[0], 200, "a load balancer without healthy targets fails open"
        )
        balancing.modify_target_group(
            TargetGroupArn=self.made["TargetGroup"], Matcher={"HttpCode": "401"}
        )
        self.wait_for(lambda: health() == ("healthy", ""))

    def test_an_integration_without_a_vpc_link_is_refused(self) -> None:
        link = "      ConnectionType: VPC_LINK\n      ConnectionId: !Ref VpcLink\n"
        template = TEMPLATE.replace(link, "").replace("/test/access", "/test/other")
        self.assertEqual(self.create("wire", template, **self.parameters), "ROLLBACK_COMPLETE")
        self.assertIn(
            "Invalid HTTP endpoint specified for URI",
            self.reason("wire", "Integration", "CREATE_FAILED"),
        )

    def test_the_listener_is_needed(self) -> None:
        template = TEMPLATE.replace("/test/access", "/test/third").replace(
            "Port: 80\n", "Port: 81\n"
        )
        self.assertEqual(self.create("third", template, **self.parameters), "CREATE_COMPLETE")
        made = self.outputs("third")
        blocked = (503, b'{"message":"Service Unavailable"}')
        self.assertEqual(fetch(made["Endpoint"] + "/slurm/x"), blocked)
        balancing = self.client("elbv2")
        balancing.modify_listener(ListenerArn=made["Listener"], Port=80)
        self.wait_for(lambda: fetch(made["Endpoint"] + "/slurm/x")[0] == 200)
        balancing.delete_listener(ListenerArn=made["Listener"])
        self.assertEqual(fetch(made["Endpoint"] + "/slurm/x"), blocked)

    def test_listeners_go_with_their_load_balancer(self) -> None:
        template = TEMPLATE.replace("/test/access", "/test/fourth")
        self.assertEqual(self.create("fourth", template, **self.parameters), "CREATE_COMPLETE")
        made = self.outputs("fourth")
        balancing = self.client("elbv2")
        listener = {"ListenerArns": [made["Listener"]]}
        (found,) = balancing.describe_listeners(**listener)["Listeners"]
        balancing.delete_load_balancer(LoadBalancerArn=found["LoadBalancerArn"])
        self.assertEqual(balancing.describe_listeners(**listener)["Listeners"], [])
        (target,) = balancing.describe_target_health(TargetGroupArn=made["TargetGroup"])[
            "TargetHealthDescriptions"
        ]
        self.assertEqual(target["TargetHealth"]["Reason"], "Target.NotInUse")

    def test_another_port_is_another_target(self) -> None:
        balancing = self.client("elbv2")
        group = self.made["TargetGroup"]

        def ports() -> list[int]:
            found = balancing.describe_target_health(TargetGroupArn=group)
            return [one["Target"]["Port"] for one in found["TargetHealthDescriptions"]]

        (port,) = ports()
        other = {"Id": self.made["HeadNode"], "Port": port + 1}
        for _ in range(2):
            balancing.register_targets(TargetGroupArn=group, Targets=[other])
            self.assertEqual(ports(), [port, port + 1])
        (found,) = balancing.describe_target_health(TargetGroupArn=group, Targets=[other])[
            "TargetHealthDescriptions"
        ]
        self.assertEqual(found["Target"]["Port"], port + 1)
        balancing.deregister_targets(TargetGroupArn=group, Targets=[{"Id": other["Id"]}])
        self.assertEqual(ports(), [port + 1])
        balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": other["Id"]}])
        balancing.deregister_targets(TargetGroupArn=group, Targets=[other])
        self.assertEqual(ports(), [port])

    def broken_by(
        self, breaks: Callable[[], object], mends: Callable[[], object], status: int
    ) -> None:
        self.assertEqual(self.answer()[0], 200)
        breaks()
        try:
            self.assertEqual(self.answer()[0], status)
        finally:
            mends()
        self.assertEqual(self.answer()[0], 200)


class StoppedNode(ClusterTest):
    def test_no_answer_comes_from_a_node_that_is_gone(self) -> None:
        self.ec2.stop_instances(InstanceIds=[self.made["HeadNode"]])
        status, page = fetch(self.made["Endpoint"] + "/slurm/x")
        self.assertEqual(status, 503)
        self.assertIn(b"<title>503 Service Temporarily Unavailable</title>", page)
        self.ec2.start_instances(InstanceIds=[self.made["HeadNode"]])
        self.wait_for(lambda: fetch(self.made["Endpoint"] + "/slurm/x")[0] == 200)


class Bootstrap(ClusterTest):
    bootstrap_failure = "Failed to execute OnNodeConfigured script"

    def test_a_failure_fails_the_stack_with_its_reason(self) -> None:
        self.assertEqual(self.ended, "ROLLBACK_COMPLETE")
        said = self.reason("cluster", "HeadNodeWaitCondition", "CREATE_FAILED")
        self.assertRegex(
            said,
            "^WaitCondition received failed message: 'Failed to execute OnNodeConfigured script' "
            "for uniqueId: i-[0-9a-f]{17}$",
        )
        self.assertNotIn("running", json.dumps(self.ec2.describe_instances(), default=str))
