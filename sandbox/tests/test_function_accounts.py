"""What becomes of a function in one account is nothing to one of the same name in another."""

from __future__ import annotations

from typing import Any

from emulator import EmulatorTest
from functions import archive

CODE = """
import os


def handler(event, context):
    return os.getpid()
"""
ROLE = "arn:aws:iam::{}:role/any"


class SameName(EmulatorTest):
    def test_a_function_runs_on_when_one_of_another_account_changes(self) -> None:
        own, other = self.function(self.account), self.function("2" + self.account[1:])
        before = self.process(own)
        self.process(other)
        other.update_function_configuration(FunctionName="same", Timeout=5)
        self.assertEqual(self.process(own), before)
        own.update_function_code(FunctionName="same", ZipFile=archive(CODE))
        self.assertNotEqual(self.process(own), before)

    def function(self, account: str) -> Any:
        client = self.client("lambda", account)
        client.create_function(
            FunctionName="same",
            Runtime="python3.13",
            Handler="index.handler",
            Role=ROLE.format(account),
            Code={"ZipFile": archive(CODE)},
        )
        return client

    def process(self, client: Any) -> bytes:
        return client.invoke(FunctionName="same")["Payload"].read()
