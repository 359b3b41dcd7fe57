"""Documents of one's own: the API that makes them, and AWS::SSM::Document."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from emulator import EmulatorTest

CONTENT = {
    "schemaVersion": "2.2",
    "description": "Greets",
    "parameters": {
        "name": {"type": "String", "description": "whom", "default": "world"},
        "more": {"type": "StringList", "default": ["a", "b"]},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "greet",
            "inputs": {"runCommand": ["echo hello {{ name }}"]},
        }
    ],
}
YAML = """
schemaVersion: "2.2"
description: Greets
mainSteps:
  - {action: "aws:runShellScript", name: greet, inputs: {runCommand: [echo hello]}}
"""


class Documents(EmulatorTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ssm = cls.client("ssm")

    def create(self, name: str, content: Any = CONTENT, **more: Any) -> dict[str, Any]:
        text = content if isinstance(content, str) else json.dumps(content)
        made = self.ssm.create_document(Name=name, Content=text, DocumentType="Command", **more)
        self.addCleanup(self.remove, name)
        return made["DocumentDescription"]

    def remove(self, name: str) -> None:
        try:
            self.ssm.delete_document(Name=name)
        except self.ssm.exceptions.InvalidDocument:
            pass

    def test_a_document_is_described_and_read(self) -> None:
        made = self.create("greet", Tags=[{"Key": "a", "Value": "b"}])
        text = json.dumps(CONTENT)
        self.assertEqual(made["Status"], "Creating")
        found = self.ssm.describe_document(Name="greet")["Document"]
        self.assertEqual(found["Hash"], hashlib.sha256(text.encode()).hexdigest())
        self.assertEqual((found["Owner"], found["Status"]), (self.account, "Active"))
        self.assertEqual((found["LatestVersion"], found["DefaultVersion"]), ("1", "1"))
        self.assertEqual(found["PlatformTypes"], ["Linux", "MacOS"])
        self.assertEqual(found["Tags"], [{"Key": "a", "Value": "b"}])
        self.assertEqual(
            found["Parameters"],
            [
                {
                    "Name": "name",
                    "Type": "String",
                    "Description": "whom",
                    "DefaultValue": "world",
                },
                {"Name": "more", "Type": "StringList", "DefaultValue": '["a", "b"]'},
            ],
        )
        self.assertEqual(self.ssm.get_document(Name="greet")["Content"], text)

    def test_yaml_is_taken_and_can_be_had_as_json(self) -> None:
        self.create("greet-yaml", YAML, DocumentFormat="YAML")
        self.assertEqual(self.ssm.get_document(Name="greet-yaml")["Content"], YAML)
        found = self.ssm.get_document(Name="greet-yaml", DocumentFormat="JSON")
        self.assertEqual(json.loads(found["Content"])["description"], "Greets")

    def test_versions(self) -> None:
        self.create("versions", VersionName="one")
        second = {**CONTENT, "description": "second"}
        update = {"Name": "versions", "Content": json.dumps(second)}
        code, _ = self.refusal(self.ssm.update_document, **update, DocumentVersion="2")
        self.assertEqual(code, "InvalidDocumentVersion")
        self.ssm.update_document(**update, DocumentVersion="$LATEST")
        code, _ = self.refusal(self.ssm.update_document, **update, DocumentVersion="$LATEST")
        self.assertEqual(code, "DuplicateDocumentContent")

        def description(**version: str) -> str:
            return self.ssm.describe_document(Name="versions", **version)["Document"]["Description"]

        self.assertEqual(description(), "Greets")
        self.assertEqual(description(DocumentVersion="$LATEST"), "second")
        self.assertEqual(description(VersionName="one"), "Greets")
        self.ssm.update_document_default_version(Name="versions", DocumentVersion="2")
        self.assertEqual(description(), "second")
        code, _ = self.refusal(self.ssm.delete_document, Name="versions", DocumentVersion="2")
        self.assertEqual(code, "InvalidDocumentOperation")
        self.ssm.delete_document(Name="versions", DocumentVersion="1")
        (left,) = self.ssm.list_document_versions(Name="versions")["DocumentVersions"]
        self.assertEqual((left["DocumentVersion"], left["IsDefaultVersion"]), ("2", True))

    def test_what_is_wrong_is_refused(self) -> None:
        self.create("taken")
        without_steps = {**CONTENT, "mainSteps": []}
        bad_type = {**CONTENT, "parameters": {"a": {"type": "Text"}}}
        tries = {
            "DocumentAlreadyExists": ("taken", CONTENT),
            "ValidationException": ("AWS-mine", CONTENT),
            "InvalidDocumentContent": ("other", "{"),
            "InvalidDocumentSchemaVersion": ("other", {**CONTENT, "schemaVersion": "0.3"}),
            "MaxDocumentSizeExceeded": ("other", {**CONTENT, "description": "x" * 65536}),
        }
        for code, (name, content) in tries.items():
            with self.subTest(code):
                text = content if isinstance(content, str) else json.dumps(content)
                refused = self.refusal(self.ssm.create_document, Name=name, Content=text)
                self.assertEqual(refused[0], code)
        for content in (without_steps, bad_type):
            text = json.dumps(content)
            refused = self.refusal(self.ssm.create_document, Name="other", Content=text)
            self.assertEqual(refused[0], "InvalidDocumentContent")
        for action in ("describe_document", "get_document", "delete_document"):
            refused = self.refusal(getattr(self.ssm, action), Name="nowhere")
            self.assertEqual(refused[0], "InvalidDocument")

    def test_a_list_can_be_filtered(self) -> None:
        self.create("listed-1")
        self.create("listed-2", Tags=[{"Key": "team", "Value": "x"}])

        def names(*filters: tuple[str, str]) -> list[str]:
            wanted = [{"Key": key, "Values": [value]} for key, value in filters]
            found = self.ssm.list_documents(Filters=wanted)["DocumentIdentifiers"]
            return [one["Name"] for one in found]

        self.assertEqual(names(("Owner", "Amazon")), ["AWS-RunShellScript"])
        self.assertEqual(names(("Owner", "Self"), ("Name", "listed")), ["listed-1", "listed-2"])
        self.assertEqual(names(("tag:team", "x")), ["listed-2"])

    def test_tags_can_change(self) -> None:
        self.create("tagged")
        resource = {"ResourceType": "Document", "ResourceId": "tagged"}
        self.ssm.add_tags_to_resource(**resource, Tags=[{"Key": "a", "Value": "b"}])
        found = self.ssm.list_tags_for_resource(**resource)["TagList"]
        self.assertEqual(found, [{"Key": "a", "Value": "b"}])
        self.ssm.remove_tags_from_resource(**resource, TagKeys=["a"])
        self.assertEqual(self.ssm.list_tags_for_resource(**resource)["TagList"], [])


class DocumentType(EmulatorTest):
    def template(self, description: str, **more: Any) -> str:
        properties = {"Content": {**CONTENT, "description": description}, **more}
        resource = {"Type": "AWS::SSM::Document", "Properties": properties}
        outputs = {"Name": {"Value": {"Ref": "Document"}}}
        return json.dumps({"Resources": {"Document": resource}, "Outputs": outputs})

    def update(self, stack: str, template: str) -> str:
        self.cloudformation.update_stack(StackName=stack, TemplateBody=template)
        return self.settled(stack)

    def described(self, stack: str) -> tuple[str, str, str]:
        name = self.outputs(stack)["Name"]
        found = self.client("ssm").describe_document(Name=name)["Document"]
        return name, found["Description"], found["DefaultVersion"]

    def test_a_new_version_becomes_the_default(self) -> None:
        more = {"Name": "in-place", "UpdateMethod": "NewVersion"}
        self.create("in-place", self.template("one", **more))
        self.assertEqual(self.described("in-place"), ("in-place", "one", "1"))
        self.update("in-place", self.template("two", **more))
        self.assertEqual(self.described("in-place"), ("in-place", "two", "2"))
        self.assertEqual(self.deleted("in-place"), "DELETE_COMPLETE")
        code, _ = self.refusal(self.client("ssm").describe_document, Name="in-place")
        self.assertEqual(code, "InvalidDocument")

    def test_a_named_document_is_not_replaced(self) -> None:
        self.create("named", self.template("one", Name="custom"))
        ended = self.update("named", self.template("two", Name="custom"))
        self.assertEqual(ended, "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("custom-named", self.reason("named", "Document", "UPDATE_FAILED"))
        self.assertEqual(self.described("named"), ("custom", "one", "1"))

    def test_a_document_without_a_name_is_replaced(self) -> None:
        self.create("unnamed", self.template("one"))
        before = self.described("unnamed")[0]
        self.assertRegex(before, "^unnamed-Document-[A-Za-z0-9]{12}$")
        self.assertEqual(self.update("unnamed", self.template("two")), "UPDATE_COMPLETE")
        name, description, _ = self.described("unnamed")
        self.assertNotEqual(name, before)
        self.assertEqual(description, "two")
        code, _ = self.refusal(self.client("ssm").describe_document, Name=before)
        self.assertEqual(code, "InvalidDocument")
