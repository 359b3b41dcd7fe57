"""AWS::SSM::Parameter: it comes with its stack, follows its template and goes with it."""

from __future__ import annotations

import json
from typing import Any

from emulator import REGION, EmulatorTest

NAME = "/hpcapi/mine/endpoint"


class ParameterType(EmulatorTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ssm = cls.client("ssm")

    def template(self, value: str, **more: Any) -> str:
        properties = {"Name": NAME, "Type": "String", "Value": value, **more}
        resource = {"Type": "AWS::SSM::Parameter", "Properties": properties}
        return json.dumps({"Resources": {"Parameter": resource}})

    def test_it_lives_as_long_as_its_stack_and_follows_the_template(self) -> None:
        tags = [{"Key": "hpcapi:deployment", "Value": "mine"}]
        self.cloudformation.create_stack(
            StackName="lives", TemplateBody=self.template("one"), Tags=tags
        )
        self.assertEqual(self.settled("lives"), "CREATE_COMPLETE")
        found = self.ssm.get_parameter(Name=NAME)["Parameter"]
        self.assertEqual((found["Value"], found["Type"], found["Version"]), ("one", "String", 1))
        arn = f"arn:aws:ssm:{REGION}:{self.account}:parameter{NAME}"
        self.assertEqual(found["ARN"], arn)
        tagging = self.client("resourcegroupstaggingapi")
        listed = tagging.get_resources(
            TagFilters=[{"Key": "hpcapi:deployment", "Values": ["mine"]}],
            ResourceTypeFilters=["ssm:parameter"],
        )
        self.assertEqual([one["ResourceARN"] for one in listed["ResourceTagMappingList"]], [arn])
        self.cloudformation.update_stack(
            StackName="lives", TemplateBody=self.template("two"), Tags=tags
        )
        self.assertEqual(self.settled("lives"), "UPDATE_COMPLETE")
        found = self.ssm.get_parameter(Name=NAME)["Parameter"]
        self.assertEqual((found["Value"], found["Version"]), ("two", 2))
        self.assertEqual(self.deleted("lives"), "DELETE_COMPLETE")
        code, _ = self.refusal(self.ssm.get_parameter, Name=NAME)
        self.assertEqual(code, "ParameterNotFound")

    def test_another_stack_reads_the_newest_value_when_it_is_made(self) -> None:
        source, copy = "/hpcapi/read/endpoint", "/copy"
        self.create("source", self.template("one", Name=source))
        self.cloudformation.update_stack(
            StackName="source", TemplateBody=self.template("two", Name=source)
        )
        self.assertEqual(self.settled("source"), "UPDATE_COMPLETE")
        template = self.template(f"{{{{resolve:ssm:{source}}}}}", Name=copy)
        self.assertEqual(self.create("reader", template), "CREATE_COMPLETE")
        self.assertEqual(self.ssm.get_parameter(Name=copy)["Parameter"]["Value"], "two")

    def test_a_name_that_is_taken_fails_the_stack_and_stays_as_it_is(self) -> None:
        name = "/hpcapi/taken/endpoint"
        self.ssm.put_parameter(Name=name, Type="String", Value="theirs")
        self.assertEqual(
            self.create("taken", self.template("ours", Name=name)), "ROLLBACK_COMPLETE"
        )
        reason = self.reason("taken", "Parameter", "CREATE_FAILED")
        self.assertIn("The parameter already exists.", reason)
        self.assertIn("(Service: Ssm, Status Code: 400", reason)
        self.assertIn("HandlerErrorCode: AlreadyExists", reason)
        self.assertEqual(self.ssm.get_parameter(Name=name)["Parameter"]["Value"], "theirs")

    def test_what_breaks_the_schema_is_refused(self) -> None:
        for number, (more, message) in enumerate(
            (
                ({"Value": ""}, "#/Value: expected minLength: 1, actual: 0"),
                ({"Type": "SecureString"}, "#/Type: SecureString is not a valid enum value"),
                ({"Tier": "Free"}, "#/Tier: Free is not a valid enum value"),
                ({"Key": "x"}, "#: extraneous key [Key] is not permitted"),
                ({"Tags": [{"Key": "a", "Value": "b"}]}, "#/Tags: expected type: JSONObject"),
            )
        ):
            with self.subTest(message):
                stack = f"refused-{number}"
                template = self.template(**{"value": "one", **more})
                self.assertEqual(self.create(stack, template), "ROLLBACK_COMPLETE")
                self.assertIn(message, self.reason(stack, "Parameter", "CREATE_FAILED"))
