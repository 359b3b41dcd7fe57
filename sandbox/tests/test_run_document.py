"""SendCommand with documents of one's own: what may be given, and what runs."""

from __future__ import annotations

import json
import time
from typing import Any

from cluster import ClusterTest


def step(name: str, *lines: str, **more: Any) -> dict[str, Any]:
    precondition = more.pop("precondition", None)
    found = {
        "action": "aws:runShellScript",
        "name": name,
        "inputs": {"runCommand": list(lines), **more},
    }
    return {**found, "precondition": precondition} if precondition else found


class RunDocument(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ssm = cls.client("ssm")

    def document(self, *steps: dict[str, Any], **parameters: dict[str, Any]) -> str:
        name = f"doc-{time.monotonic_ns()}"
        content = {"schemaVersion": "2.2", "parameters": parameters, "mainSteps": list(steps)}
        self.ssm.create_document(
            Name=name, Content=json.dumps(content), DocumentType="Command"
        )
        self.addCleanup(self.ssm.delete_document, Name=name)
        return name

    def call(self, name: str, **given: Any) -> dict[str, Any]:
        return {
            "InstanceIds": [self.made["HeadNode"]],
            "DocumentName": name,
            "Parameters": {
                key: value if isinstance(value, list) else [value] for key, value in given.items()
            },
        }

    def run_to_end(self, name: str, plugin: str = "", **given: Any) -> dict[str, Any]:
        sent = self.ssm.send_command(**self.call(name, **given))["Command"]["CommandId"]
        wanted = {"CommandId": sent, "InstanceId": self.made["HeadNode"]}
        if plugin:
            wanted["PluginName"] = plugin

        def over() -> dict[str, Any] | None:
            try:
                found = self.ssm.get_command_invocation(**wanted)
            except self.ssm.exceptions.InvocationDoesNotExist:
                return None
            return None if found["Status"] in ("Pending", "InProgress") else found

        return self.wait_for(over)

    def output(self, name: str, **given: Any) -> str:
        return self.run_to_end(name, **given)["StandardOutputContent"]

    def refused(self, name: str, **given: Any) -> str:
        code, message = self.refusal(self.ssm.send_command, **self.call(name, **given))
        self.assertEqual(code, "InvalidParameters")
        return message

    def test_a_value_becomes_part_of_the_script(self) -> None:
        name = self.document(step("say", "echo '{{ what }}' {{}}"), what={"type": "String"})
        self.assertEqual(self.output(name, what="a b"), "a b {{}}\n")
        self.assertEqual(self.output(name, what="{{ what }}"), "{{ what }} {{}}\n")
        self.assertEqual(self.output(name, what="'; echo other; : '"), "\nother\n")

    def test_a_list_becomes_lines_or_json(self) -> None:
        name = self.document(
            step("say", "{{ lines }}", "echo '{{ lines }}'"), lines={"type": "StringList"}
        )
        self.assertEqual(
            self.output(name, lines=["echo 1", "echo 2"]), '1\n2\n["echo 1", "echo 2"]\n'
        )

    def test_a_value_can_be_passed_as_a_variable(self) -> None:
        name = self.document(
            step("say", 'echo "$SSM_what"'),
            what={"type": "String", "interpolationType": "ENV_VAR", "default": "none"},
        )
        self.assertEqual(self.output(name, what='"; $(date)'), '"; $(date)\n')
        self.assertEqual(self.output(name), "none\n")

    def test_values_are_held_against_the_document(self) -> None:
        name = self.document(
            step("say", "echo {{ verb }}{{ word }}"),
            verb={"type": "String", "allowedValues": ["start", "stop"]},
            word={"type": "String", "default": "", "allowedPattern": "^[a-z]*$", "maxChars": 3},
            many={"type": "StringList", "default": [], "maxItems": 1},
        )
        self.assertEqual(self.output(name, verb="start", word="ab"), "startab\n")
        self.assertIn("verb", self.refused(name))
        self.assertIn("verb", self.refused(name, verb="kill"))
        self.assertIn("verb", self.refused(name, verb=["start", "stop"]))
        self.assertIn("word", self.refused(name, verb="stop", word="a;b"))
        self.assertIn("word", self.refused(name, verb="stop", word="ab\n"))
        self.assertIn("word", self.refused(name, verb="stop", word="abcd"))
        self.assertIn("many", self.refused(name, verb="stop", many=["a", "b"]))
        self.assertEqual(
            self.refused(name, verb="stop", other="x"),
            f"document {name} does not support parameters.",
        )

    def test_a_pattern_without_anchors_matches_anywhere(self) -> None:
        name = self.document(
            step("say", "echo {{ word }}"), word={"type": "String", "allowedPattern": "[a-z]+"}
        )
        self.assertEqual(self.output(name, word="a; echo b"), "a\nb\n")

    def test_the_agent_knows_no_lookaround(self) -> None:
        name = self.document(
            step("say", "true"), word={"type": "String", "allowedPattern": "^(?!x).*$"}
        )
        found = self.run_to_end(name, word="a")
        self.assertEqual(found["Status"], "Failed")
        self.assertIn("error parsing regexp", found["StandardErrorContent"])

    def test_parameter_store_is_read_on_the_node(self) -> None:
        self.ssm.put_parameter(Name="/greeting", Value="hello", Type="String")
        self.ssm.put_parameter(Name="/secret", Value="x", Type="SecureString")
        name = self.document(
            step("say", "echo {{ what }}"),
            what={"type": "String", "allowedPattern": "^[a-z]+$"},
        )
        self.assertEqual(self.output(name, what="{{ssm:/greeting}}"), "hello\n")
        found = self.run_to_end(name, what="{{ssm:/secret}}")
        self.assertEqual(found["Status"], "Failed")
        self.assertIn("SecureString are not supported", found["StandardErrorContent"])

    def test_steps_have_results_of_their_own(self) -> None:
        windows = {"StringEquals": ["platformType", "Windows"]}
        name = self.document(
            step("first", "echo 1; exit 3"),
            step("elsewhere", "echo 2", precondition=windows),
            step("last", "echo 3; pwd", workingDirectory="/tmp"),
        )
        whole = self.run_to_end(name)
        self.assertEqual((whole["Status"], whole["PluginName"]), ("Failed", ""))
        self.assertEqual(whole["StandardOutputContent"], "")
        (sent,) = self.ssm.list_command_invocations(
            CommandId=whole["CommandId"], Details=True
        )["CommandInvocations"]
        shown = [
            (one["Name"], one["Status"], one["ResponseCode"], one["Output"].split("\n")[0])
            for one in sent["CommandPlugins"]
        ]
        self.assertEqual(shown[0], ("first", "Failed", 3, "1"))
        self.assertEqual(shown[1][:3], ("elsewhere", "Success", 0))
        self.assertIn("unsatisfied preconditions", shown[1][3])
        self.assertEqual(shown[2], ("last", "Success", 0, "3"))
        self.assertEqual(
            self.run_to_end(name, plugin="last")["StandardOutputContent"], "3\n/tmp\n"
        )
        code, _ = self.refusal(
            self.ssm.get_command_invocation,
            CommandId=whole["CommandId"],
            InstanceId=self.made["HeadNode"],
            PluginName="none",
        )
        self.assertEqual(code, "InvalidPluginName")

    def test_a_step_can_end_the_document(self) -> None:
        name = self.document(
            step("first", "exit 1", onFailure="exit"),
            step("second", "echo 2"),
            step("always", "echo 3", finallyStep=True),
        )
        self.assertIn("skipped", self.run_to_end(name, plugin="second")["StandardOutputContent"])
        found = self.run_to_end(name, plugin="always")
        self.assertEqual(found["StandardOutputContent"], "3\n")

    def test_a_step_has_a_timeout(self) -> None:
        name = self.document(
            step("wait", "echo begun; sleep 60", timeoutSeconds="{{ seconds }}"),
            seconds={"type": "String", "default": "5"},
        )
        found = self.run_to_end(name)
        self.assertEqual(found["Status"], "TimedOut")
        self.assertEqual(found["StatusDetails"], "ExecutionTimedOut")
        self.assertEqual(found["StandardOutputContent"], "begun\n")

    def test_a_document_that_is_not_there_is_refused(self) -> None:
        code, _ = self.refusal(self.ssm.send_command, **self.call("nowhere"))
        self.assertEqual(code, "InvalidDocument")
        name = self.document(step("say", "true"))
        call = {**self.call(name), "DocumentVersion": "2"}
        self.assertEqual(self.refusal(self.ssm.send_command, **call)[0], "InvalidDocumentVersion")
