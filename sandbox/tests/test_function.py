"""The function behind the operations: what it takes, what it sends, and what it answers."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import importlib.util
import io
import json
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError, EndpointConnectionError

FILE = Path(__file__).parents[2] / "templates/operations/function.py"
ARN = "arn:aws:sts::123456789012:assumed-role/operator/ada"
CALLER = hashlib.sha256(ARN.encode()).hexdigest()[:16]
INSTANCE = "i-0123456789abcdef0"
LISTS = {
    "GET /operations/partitions": "partitions",
    "GET /operations/nodes": "nodes",
    "GET /operations/jobs": "jobs",
}
SECRET = "a line that belongs to the caller alone"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("function", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": SECRET}}, "Call")


def line(**said: Any) -> str:
    return json.dumps(said) + "\n"


def packed(body: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()


def invocation(status: str, printed: str = "", details: str = "") -> dict[str, str]:
    return {
        "Status": status,
        "StatusDetails": details or status,
        "StandardOutputContent": printed,
    }


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class FunctionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.function = load()
        self.clock = Clock()
        self.ssm, self.s3 = mock.Mock(), mock.Mock()
        self.ssm.send_command.return_value = {"Command": {"CommandId": "the-command"}}
        self.prints(line(status=200, body={"jobs": []}))
        clients = {"ssm": self.ssm, "s3": self.s3}
        variables = {"DOCUMENT": "x-operations", "INSTANCE": INSTANCE, "BUCKET": "orders"}
        for patch in (
            mock.patch.object(self.function, "client", clients.__getitem__),
            mock.patch.object(self.function, "time", self.clock),
            mock.patch.dict("os.environ", variables),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def prints(self, printed: str) -> None:
        self.comes_to(invocation("Success", printed))

    def comes_to(self, *looks: Any) -> None:
        self.ssm.get_command_invocation.side_effect = looks

    def ask(self, route: str, arn: str | None = ARN, **members: Any) -> dict[str, Any]:
        """The function's answer, with its body as a value; what it logs is kept."""
        identity = {"authorizer": {"iam": {"userArn": arn}}} if arn is not None else {}
        event = {
            "version": "2.0",
            "routeKey": route,
            "requestContext": {"requestId": "r-1", **identity},
            "isBase64Encoded": False,
            **members,
        }
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            answered = self.function.handler(event, None)
        (logged,) = printed.getvalue().splitlines()
        self.logged = json.loads(logged)
        self.assertEqual(self.logged["status"], answered["statusCode"])
        self.assertEqual(answered["headers"]["content-type"], "application/json")
        return {**answered, "body": json.loads(answered["body"])}

    def job(self, route: str, job: Any) -> dict[str, Any]:
        return self.ask(f"{route} /operations/jobs/{{id}}", pathParameters={"id": job})

    def post(self, body: Any, **members: Any) -> dict[str, Any]:
        text = body if isinstance(body, str) else json.dumps(body)
        return self.ask("POST /operations/jobs", body=text, **members)

    def submit(self, **members: Any) -> dict[str, Any]:
        return self.post({"script": "#!/bin/sh\n", **members})

    def sent(self) -> dict[str, str]:
        """The parameters of the one command that was sent."""
        (call,) = self.ssm.send_command.call_args_list
        return {name: value for name, (value,) in call.kwargs["Parameters"].items()}

    def order(self) -> dict[str, Any]:
        (call,) = self.s3.put_object.call_args_list
        return json.loads(call.kwargs["Body"])

    def refused(self, answered: dict[str, Any], status: int, *, untouched: bool = True) -> str:
        """The error of an answer, which has to be of a form."""
        self.assertEqual(answered["statusCode"], status, answered["body"])
        self.assertEqual(set(answered["body"]), {"error", "hints"})
        self.assertIsInstance(answered["body"]["hints"], list)
        if untouched:
            self.ssm.send_command.assert_not_called()
            self.s3.put_object.assert_not_called()
        return answered["body"]["error"]


class Requests(FunctionTest):
    def test_each_route_is_a_verb(self) -> None:
        for route, verb in {**LISTS, "GET /operations/diag": "diag"}.items():
            with self.subTest(route):
                self.ssm.reset_mock()
                self.prints(line(status=200, body={verb: [1]}))
                answered = self.ask(route)
                self.assertEqual((answered["statusCode"], answered["body"]), (200, {verb: [1]}))
                self.assertEqual(self.sent(), {"verb": verb, "caller": CALLER})
        for method, verb in {"GET": "job", "DELETE": "cancel"}.items():
            for job in ("7", "12_3"):
                self.ssm.reset_mock()
                self.prints(line(status=200, body={"jobs": []}))
                self.assertEqual(self.job(method, job)["statusCode"], 200)
                self.assertEqual(self.sent(), {"verb": verb, "caller": CALLER, "job": job})

    def test_no_request_takes_events(self) -> None:
        # The document knows the verb, for the function behind the triggers.
        verbs = {operation.verb for operation in self.function.OPERATIONS.values()}
        self.assertNotIn("take", verbs)
        for route in ("POST /operations/take", "GET /operations/take", "take"):
            self.refused(self.ask(route), 404)

    def test_the_command_is_that_of_our_document(self) -> None:
        self.ask("GET /operations/diag")
        self.ssm.send_command.assert_called_once_with(
            InstanceIds=[INSTANCE],
            DocumentName="x-operations",
            Parameters={"verb": ["diag"], "caller": [CALLER]},
            TimeoutSeconds=30,
            Comment="hpcapi diag",
        )
        self.ssm.get_command_invocation.assert_called_once_with(
            CommandId="the-command", InstanceId=INSTANCE
        )

    def test_nothing_is_done_for_nobody(self) -> None:
        for arn in (None, "", "ada", 7):
            with self.subTest(arn):
                self.refused(self.ask("GET /operations/jobs", arn=arn), 500)
        contexts = [{}, {"authorizer": None}, {"authorizer": {"iam": None}}, {"authorizer": 1}]
        for context in [*contexts, {"authorizer": {"jwt": {"userArn": ARN}}}]:
            with self.subTest(context):
                self.refused(self.ask("GET /operations/jobs", requestContext=context), 500)

    def test_callers_are_told_apart(self) -> None:
        self.ask("GET /operations/jobs", arn=ARN + "x")
        self.assertNotEqual(self.sent()["caller"], CALLER)
        self.assertRegex(self.sent()["caller"], "^[0-9a-f]{16}$")

    def test_an_unknown_route_is_refused(self) -> None:
        for route in ("POST /operations/nodes", "$default", ""):
            self.refused(self.ask(route), 404)

    def test_an_id_is_a_number(self) -> None:
        hostile = ("", "a", "1;id", "$(id)", "1 2", "12_", "_3", "1_2_3", "1\n", "١", "1" * 11)
        for job in (*hostile, "12_12345678", "{{ssm:/x}}", "-1", "1_[1-3]", None, 7):
            with self.subTest(job):
                self.refused(self.job("GET", job), 400)
                self.refused(self.job("DELETE", job), 400)

    def test_a_page_follows_a_cursor(self) -> None:
        for route in LISTS:
            self.ssm.reset_mock()
            self.prints(line(status=200, body={}))
            self.ask(route, queryStringParameters={"after": "q1-dy-a_9.x"})
            self.assertEqual(self.sent()["after"], "q1-dy-a_9.x")
            self.ssm.reset_mock()
            for after in ("$(id)", "a b", "a,b", "a\n", "{{ssm:/x}}", "x" * 129, "é"):
                with self.subTest(after):
                    given = {"after": after}
                    self.refused(self.ask(route, queryStringParameters=given), 400)
            self.refused(self.ask(route, queryStringParameters={"afte": "1"}), 400)
        for route in ("GET /operations/diag", "POST /operations/jobs"):
            self.refused(self.ask(route, queryStringParameters={"after": "1"}), 400)

    def test_without_a_head_node_nothing_is_sent(self) -> None:
        with mock.patch.dict("os.environ", {"INSTANCE": ""}):
            self.refused(self.ask("GET /operations/jobs"), 503)
            self.refused(self.submit(), 503)


class Orders(FunctionTest):
    def setUp(self) -> None:
        super().setUp()
        self.prints(line(status=200, body={"jobs": [{"id": "1"}]}))

    def test_an_order_is_called_by_its_content(self) -> None:
        asked = {
            "script": f"#!/bin/sh\necho '{SECRET}' é\n",
            "name": "job.sh",
            "arguments": ["$(id)", "a\nb", ""],
            "options": [["partition", "q1"], ["ntasks", "2"], ["exclusive", ""]],
            "marker": "0123456789abcdef",
        }
        answered = self.post(asked)
        self.assertEqual((answered["statusCode"], answered["body"]), (201, {"jobs": [{"id": "1"}]}))
        self.assertEqual(self.order(), {**asked, "caller": CALLER})
        (call,) = self.s3.put_object.call_args_list
        canonical = json.dumps(self.order(), sort_keys=True, separators=(",", ":"))
        self.assertEqual(call.kwargs["Body"], canonical.encode())
        name = hashlib.sha256(call.kwargs["Body"]).hexdigest()
        self.assertEqual(call.kwargs["Bucket"], "orders")
        self.assertEqual(call.kwargs["Key"], f"operations/{name}.json")
        self.assertEqual(self.sent(), {"verb": "submit", "caller": CALLER, "order": name})
        # The same again is the same object, in whatever order its members come.
        self.s3.reset_mock()
        self.prints(line(status=200, body={"jobs": []}))
        self.post(dict(reversed(asked.items())))
        self.assertEqual(self.s3.put_object.call_args, call)

    def test_what_is_left_out_has_a_meaning(self) -> None:
        self.submit()
        order = self.order()
        self.assertRegex(order.pop("marker"), "^[0-9a-f]{16}$")
        self.assertEqual(
            order,
            {
                "script": "#!/bin/sh\n",
                "name": "job.sh",
                "arguments": [],
                "options": [],
                "caller": CALLER,
            },
        )

    def test_each_request_without_a_marker_gets_one_of_its_own(self) -> None:
        markers = set()
        for _ in range(2):
            self.s3.reset_mock()
            self.prints(line(status=200, body={"jobs": []}))
            self.submit()
            markers.add(self.order()["marker"])
        self.assertEqual(len(markers), 2)

    def test_the_body_is_an_object_in_utf8(self) -> None:
        deep = "[" * 100_000
        for body in ("", "{", "[]", '"a"', "null", "1", deep, '{"script": "#!\\ud800"}', "\ud800"):
            with self.subTest(body[:20]):
                self.refused(self.post(body), 400)
        self.refused(self.ask("POST /operations/jobs"), 400)

    def test_members_are_known_and_of_their_form(self) -> None:
        long = "x" * 5000
        for member, values in {
            "script": ["", "true", "\n#!/bin/sh", None, ["#!/bin/sh"], 1, "#!/bin/sh\0"],
            "name": [
                "",
                ".",
                "..",
                "a/b",
                "../x",
                "a\nb",
                "a\0",
                None,
                1,
                [],
                "x" * 256,
                "é" * 200,
            ],
            "arguments": [
                None,
                "a",
                {},
                [1],
                [None],
                [["a"]],
                ["a\0"],
                ["x"] * 1001,
                ["x" * 65537],
            ],
            "options": [
                *(None, "a", {"ntasks": "1"}, ["ntasks"], [["ntasks"]], [["a", "b", "c"]], ["ab"]),
                *([["ntasks", 1]], [["ntasks", None]], [[1, "1"]], [["x", "1"]] * 201),
                *([["--wrap", "id"]], [["Ntasks", "1"]], [["a b", ""]], [["", "1"]], [["a\n", ""]]),
                *([["comment", "a\nb"]], [["comment", "a\0b"]], [["comment", "\x85"]]),
                [["comment", long]],
            ],
            "marker": [None, "", "0" * 15, "0" * 17, "A" * 16, "0" * 16 + "\n", 1, ["0" * 16]],
            "caller": [CALLER],
            "other": [1],
        }.items():
            for value in values:
                with self.subTest(member, value=str(value)[:30]):
                    self.refused(self.submit(**{member: value}), 400)

    def test_a_body_has_a_largest_size(self) -> None:
        around = len(json.dumps({"script": "#!"}))
        fitting = {"script": "#!" + "x" * (2**20 - around)}
        self.assertEqual(self.post(fitting)["statusCode"], 201)
        self.ssm.reset_mock()
        self.s3.reset_mock()
        larger = json.dumps({"script": fitting["script"] + "x"})
        self.refused(self.post(larger), 413)
        coded = base64.b64encode(larger.encode()).decode()
        self.refused(self.post(coded, isBase64Encoded=True), 413)
        self.refused(self.post("A" * 6 * 2**20, isBase64Encoded=True), 413)

    def test_a_body_may_come_as_base64(self) -> None:
        body = json.dumps({"script": "#!/bin/sh\n# é"}, ensure_ascii=False).encode()
        coded = base64.b64encode(body).decode()
        self.assertEqual(self.post(coded, isBase64Encoded=True)["statusCode"], 201)
        self.assertEqual(self.order()["script"], "#!/bin/sh\n# é")
        self.ssm.reset_mock()
        self.s3.reset_mock()
        for wrong in (f"{coded[:4]}*{coded[4:]}", "abc", "é", base64.b64encode(b"\xff").decode()):
            self.refused(self.post(wrong, isBase64Encoded=True), 400)

    def test_an_order_that_cannot_be_written_is_not_sent(self) -> None:
        for code, status in {"AccessDenied": 502, "NoSuchBucket": 502, "Throttling": 429}.items():
            self.s3.put_object.side_effect = error(code)
            self.refused(self.submit(), status, untouched=False)
        self.ssm.send_command.assert_not_called()


class Commands(FunctionTest):
    def test_what_ssm_refuses(self) -> None:
        for code, status in {
            "InvalidInstanceId": 503,
            "ThrottlingException": 429,
            "AccessDeniedException": 502,
            "InvalidDocument": 502,
            "InvalidParameters": 502,
        }.items():
            self.ssm.send_command.side_effect = error(code)
            answered = self.ask("GET /operations/jobs")
            self.refused(answered, status, untouched=False)
            self.assertEqual(self.logged["reason"], code)
            self.assertEqual("Retry-After" in answered["headers"], status == 429)
            self.assertNotIn(SECRET, json.dumps([answered, self.logged]))
        self.ssm.send_command.side_effect = EndpointConnectionError(endpoint_url="https://x")
        self.refused(self.ask("GET /operations/jobs"), 502, untouched=False)

    def test_looks_go_on_until_there_is_an_end(self) -> None:
        done = invocation("Success", line(status=200, body={"jobs": []}))
        waits = [invocation(status) for status in ("Pending", "Delayed", "InProgress")]
        network = EndpointConnectionError(endpoint_url="https://x")
        hidden, busy = error("InvocationDoesNotExist"), error("ThrottlingException")
        self.comes_to(hidden, hidden, busy, network, *waits, done)
        self.assertEqual(self.ask("GET /operations/jobs")["statusCode"], 200)
        pauses = self.clock.pauses
        self.assertEqual((len(pauses), pauses[0], pauses[-1]), (8, 0.2, 1.0))
        self.assertEqual(pauses, sorted(pauses))

    def test_patience_ends_before_the_gateway_s(self) -> None:
        self.ssm.get_command_invocation.side_effect = lambda **_: invocation("InProgress")
        self.refused(self.ask("GET /operations/jobs"), 504, untouched=False)
        self.assertGreater(self.clock.now, 20)
        self.assertLess(self.clock.now, 25)
        self.assertEqual(self.logged["command"], "the-command")

    def test_a_late_submission_can_be_repeated(self) -> None:
        self.ssm.get_command_invocation.side_effect = lambda **_: invocation("InProgress")
        answered = self.submit()
        self.refused(answered, 504, untouched=False)
        self.assertIn(self.order()["marker"], answered["body"]["hints"][0])

    def test_bad_ends(self) -> None:
        for status, details, expected in (
            ("TimedOut", "Delivery Timed Out", 503),
            ("TimedOut", "DeliveryTimedOut", 503),
            ("TimedOut", "ExecutionTimedOut", 504),
            ("Failed", "Undeliverable", 503),
            ("Failed", "Failed", 502),
            ("Cancelled", "Cancelled", 502),
            ("Cancelling", "Cancelling", 502),
            ("SomethingNew", "", 502),
        ):
            with self.subTest(details):
                self.comes_to(invocation(status, SECRET, details))
                answered = self.ask("GET /operations/jobs")
                self.refused(answered, expected, untouched=False)
                self.assertNotIn(SECRET, json.dumps([answered, self.logged]))

    def test_an_answer_that_cannot_be_read(self) -> None:
        self.comes_to(error("AccessDeniedException"))
        self.refused(self.ask("GET /operations/jobs"), 502, untouched=False)


class Answers(FunctionTest):
    def answer(self, printed: str, route: str = "GET /operations/jobs") -> dict[str, Any]:
        self.prints(printed)
        return self.ask(route)

    def test_a_body_may_be_packed(self) -> None:
        body = {"jobs": [{"name": "é"}] * 1000}
        answered = self.answer(line(status=200, packed=packed(body)))
        self.assertEqual((answered["statusCode"], answered["body"]), (200, body))

    def test_the_next_page_is_linked(self) -> None:
        for route in LISTS:
            answered = self.answer(line(status=200, body={}, next="q1-1"), route)
            path = route.partition(" ")[2]
            self.assertEqual(answered["headers"]["Link"], f'<{path}?after=q1-1>; rel="next"')
        self.prints(line(status=200, packed=packed({"jobs": []}), next="12_9"))
        answered = self.job("GET", "12")
        link = '</operations/jobs/12?after=12_9>; rel="next"'
        self.assertEqual(answered["headers"]["Link"], link)
        self.assertNotIn("Link", self.answer(line(status=200, body={}))["headers"])

    def test_an_error_of_the_head_node_is_passed_on(self) -> None:
        for status in (400, 403, 404, 409, 503, 504):
            said = {"error": "no", "hints": ["a", "b"]}
            answered = self.answer(line(status=status, **said))
            self.assertEqual((answered["statusCode"], answered["body"]), (status, said))
        answered = self.answer(line(status=404, error="no"))
        self.assertEqual(answered["body"], {"error": "no", "hints": []})

    def test_another_good_status_stays(self) -> None:
        self.assertEqual(self.answer(line(status=202, body={}))["statusCode"], 202)

    def test_nonsense_is_told(self) -> None:
        bomb = base64.b64encode(gzip.compress(b"{}" + b" " * 2**21)).decode()
        whole = base64.b64encode(gzip.compress(b"{}"))[:-8].decode()
        for printed in (
            *("", "\n", "Traceback (most recent call last):", "[]", "1", "null", "[" * 24000),
            *("{}", line(status=200), line(body={}), '{"status": 200, "body": {}'),
            line(status=200, body={}) * 2,
            *(line(status=status, body={}) for status in ("200", 200.0, True, None, 99, 600, 302)),
            *(line(status=200, body=body) for body in ([], "x", None, 1)),
            *(line(status=200, packed=what) for what in ("*", "", "AAAA", bomb, whole, None, 1)),
            line(status=200, packed=packed([1])),
            *(
                line(status=200, body={}, next=what)
                for what in ("a b", 'x>; rel="', "a\r\nb: c", 7)
            ),
            *(line(status=500, error=what) for what in (None, 1, [])),
            *(line(status=500, error="x", hints=what) for what in ("ab", [1], {}, None)),
            *(line(status=500), line(status=302, error="x")),
        ):
            with self.subTest(printed[:60]):
                answered = self.answer(printed)
                said = self.refused(answered, 502, untouched=False)
                self.assertEqual(said, "the head node's answer is not understood")


class Log(FunctionTest):
    def test_a_request_is_a_line(self) -> None:
        self.job("GET", "12")
        self.assertEqual(
            self.logged,
            {
                "request": "r-1",
                "caller": ARN,
                "route": "GET /operations/jobs/{id}",
                "status": 200,
                "command": "the-command",
                "milliseconds": 200,
            },
        )

    def test_nothing_of_the_caller_s_is_logged(self) -> None:
        self.prints(line(status=400, error=SECRET))
        logs = []
        for ask in (
            lambda: self.submit(script=f"#!{SECRET}", arguments=[SECRET]),
            lambda: self.submit(name=f"{SECRET}\n"),
            lambda: self.job("GET", SECRET),
            lambda: self.ask("GET /operations/jobs", queryStringParameters={SECRET: SECRET}),
        ):
            ask()
            logs.append(self.logged)
        self.assertNotIn(SECRET, json.dumps(logs))

    def test_a_mistake_of_ours_is_an_answer_without_details(self) -> None:
        self.ssm.send_command.side_effect = RuntimeError(SECRET)
        answered = self.ask("GET /operations/jobs")
        self.refused(answered, 500, untouched=False)
        self.assertEqual(self.logged["reason"], "RuntimeError")
        self.assertNotIn(SECRET, json.dumps([answered, self.logged]))
        for event in ({}, {"requestContext": None}, {"requestContext": {}}):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(self.function.handler(event, None)["statusCode"], 500)


if __name__ == "__main__":
    unittest.main()
