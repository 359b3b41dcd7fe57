"""An instance finds its metadata, its role's credentials and AWS in its own network."""

from __future__ import annotations

import http.client
import json
import socket
import threading

from cluster import ClusterTest
from emulator import FakeNode

METADATA = "169.254.169.254"
AWS = "169.254.169.253"


class NodeServices(ClusterTest):
    def ask(
        self, address: str, method: str, path: str, user: int = 0, **headers: str
    ) -> tuple[int, str]:
        ours, theirs = socket.socketpair()
        FakeNode.users[theirs] = user
        handle = FakeNode.served[address]
        threading.Thread(target=handle, args=(theirs,), daemon=True).start()
        connection = http.client.HTTPConnection("node")
        connection.sock = ours
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Connection": "close", **given})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def token(self) -> str:
        return self.ask(METADATA, "PUT", "/latest/api/token")[1]

    def metadata(self, path: str, user: int = 0) -> tuple[int, str]:
        headers = {"X_aws_ec2_metadata_token": self.token()}
        return self.ask(METADATA, "GET", f"/latest/meta-data/{path}", user, **headers)

    def test_without_a_token_nothing_is_told(self) -> None:
        asked = "/latest/meta-data/instance-id"
        self.assertEqual(self.ask(METADATA, "GET", asked)[0], 401)
        bad = self.ask(METADATA, "GET", asked, X_aws_ec2_metadata_token="guessed")
        self.assertEqual(bad[0], 401)
        self.assertEqual(self.metadata("instance-id"), (200, self.made["HeadNode"]))
        self.assertEqual(self.metadata("placement/region"), (200, "us-east-1"))
        self.assertEqual(self.metadata("user-data")[0], 404)

    def test_root_and_others_have_their_own_roles(self) -> None:
        found = {}
        for user, logical_id in (0, "RoleHeadNode"), (1000, "Role15b342af42246b70"):
            role = self.metadata("iam/security-credentials/", user)[1]
            self.assertIn(logical_id, role)
            given = self.metadata(f"iam/security-credentials/{role}", user)[1]
            credentials = json.loads(given)
            self.assertEqual(credentials["Code"], "Success")
            credentials["SessionToken"] = credentials.pop("Token")
            sts = self.client_with("sts", credentials)
            self.assertEqual(
                sts.get_caller_identity()["Arn"],
                f"arn:aws:sts::{self.account}:assumed-role/{role}/{self.made['HeadNode']}",
            )
            found[user] = role
        other = self.metadata(f"iam/security-credentials/{found[0]}", 1000)
        self.assertEqual(other[0], 404)

    def test_aws_is_reached(self) -> None:
        status, _ = self.ask(AWS, "GET", "/_hpcapi/clock")
        self.assertEqual(status, 200)
