"""What the function behind the triggers reaches, in memory: a bucket, a queue and its dead letters,
and a head node that keeps a journal of the runs that it has submitted. Time passes by sleeping.

Each call to AWS has a number, and the function can be killed at any of them, before or after the
call has had its effect.
"""

from __future__ import annotations

import calendar
import contextlib
import datetime
import functools
import gzip
import hashlib
import io
import itertools
import json
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

FILE = Path(__file__).parents[2] / "templates/operations/function.py"
BUCKET = "the-bucket"
START = calendar.timegm((2026, 11, 29, 10, 0, 0))
SCRIPT = b"#!/bin/bash\necho $HPCAPI_EVENT_KEY\n"
PROGRAM = {"key": "hpcapi/0123456789abcdef/run-job.sh", "sha256": "ab" * 32}
VARIABLES = {
    "DOCUMENT": "x-operations",
    "INSTANCE": "i-0123456789",
    "BUCKET": BUCKET,
    "QUEUE": "the-queue",
    "DEAD_LETTERS": "the-dead-letters",
    "PROGRAM_KEY": PROGRAM["key"],
    "PROGRAM_SHA256": PROGRAM["sha256"],
    "AWS_REGION": "eu-north-1",
}
ORDER = ("run", "digest", "trigger", "user", "name", "options", "at_most", "earlier")


class Killed(BaseException):
    """The function ends here."""


class Clock:
    def __init__(self) -> None:
        self.now = float(START)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Serial:
    map = staticmethod(map)


def error(code: str, status: int = 400) -> ClientError:
    answered = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answered, "Call")


@functools.cache
def compiled() -> types.CodeType:
    return compile(FILE.read_text(), str(FILE), "exec")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class World:
    """Everything that is outside of the function. `client` is in the place of the function's."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.gone: set[tuple[str, str | None]] = set()
        self.queue: dict[str, dict[str, Any]] = {}
        self.dead: list[dict[str, Any]] = []
        self.journal: dict[str, int] = {}
        self.submissions: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self.commands: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.kill_at: tuple[int, str] | None = None
        self.fails: Callable[[str, dict[str, Any]], Exception | None] = lambda name, given: None
        self.node: Callable[[dict[str, Any]], dict[str, Any]] = self.submit
        self.numbers = itertools.count(1)
        self.at_once = 10
        self.function = self.load()

    def load(self) -> Any:
        """The function as it is when it starts, with nothing remembered."""
        function = types.ModuleType("function")
        exec(compiled(), vars(function))
        function.client = lambda service: self
        function.time = self.clock
        function.pool = Serial
        return function

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A call to AWS."""
        act = object.__getattribute__(self, f"_{name}")

        def call(**given: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            failure = self.fails(name, given)
            if failure:
                raise failure
            if self.kill_at == (number, "before"):
                raise Killed
            try:
                return act(**given)
            finally:
                if self.kill_at == (number, "after"):
                    raise Killed

        return call

    # The bucket

    def _get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == BUCKET
        if Key not in self.objects:
            raise error("NoSuchKey", 404)
        body, changed = self.objects[Key]
        moment = datetime.datetime.fromtimestamp(changed, datetime.timezone.utc)
        return {"Body": io.BytesIO(body), "LastModified": moment}

    def _put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", ContentType: str = ""
    ) -> None:
        assert Bucket == BUCKET and isinstance(Body, bytes)
        assert len(Key.encode()) <= 1024, Key
        if IfNoneMatch and Key in self.objects:
            raise error("PreconditionFailed", 412)
        self.objects[Key] = Body, self.clock.now

    def _delete_object(self, Bucket: str, Key: str) -> None:
        assert Bucket == BUCKET and "/refused/" in Key
        self.objects.pop(Key, None)

    def _head_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> None:
        assert Bucket == BUCKET
        if (Key, VersionId) in self.gone:
            raise error("404", 404)

    def _list_objects_v2(
        self,
        Bucket: str,
        Prefix: str,
        Delimiter: str = "",
        StartAfter: str = "",
        ContinuationToken: str = "",
    ) -> dict[str, Any]:
        """Two names a page."""
        assert Bucket == BUCKET
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > StartAfter]
        if Delimiter:
            folders = [key[len(Prefix) :].partition(Delimiter)[:2] for key in keys]
            keys = sorted({Prefix + "".join(folder) for folder in folders if folder[1]})
        keys = [key for key in keys if key > ContinuationToken]
        page: dict[str, Any] = {"IsTruncated": len(keys) > 2}
        if len(keys) > 2:
            page["NextContinuationToken"] = keys[1]
        if Delimiter:
            return {**page, "CommonPrefixes": [{"Prefix": key} for key in keys[:2]]}
        return {**page, "Contents": [self.listed(key) for key in keys[:2]]} if keys else page

    def listed(self, key: str) -> dict[str, Any]:
        body, changed = self.objects[key]
        moment = datetime.datetime.fromtimestamp(changed, datetime.timezone.utc)
        return {"Key": key, "ETag": sha256(body), "LastModified": moment}

    # The queue

    def _receive_message(
        self,
        QueueUrl: str,
        MaxNumberOfMessages: int,
        WaitTimeSeconds: int,
        MessageSystemAttributeNames: list[str],
    ) -> dict[str, Any]:
        found = self.receive(MaxNumberOfMessages)
        return {"Messages": found} if found else {}

    def receive(self, most: int) -> list[dict[str, Any]]:
        visible = [one for one in self.queue.values() if one["visible"] <= self.clock.now][:most]
        for one in visible:
            one["visible"] = self.clock.now + 360
            one["first"] = one["first"] or self.clock.now
            one["count"] += 1
        return [
            {
                "MessageId": one["id"],
                "ReceiptHandle": one["id"],
                "Body": one["body"],
                "Attributes": {
                    "SentTimestamp": str(int(one["sent"] * 1000)),
                    "ApproximateFirstReceiveTimestamp": str(int(one["first"] * 1000)),
                },
            }
            for one in visible
        ]

    def _delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        assert QueueUrl == "the-queue" and 0 < len(Entries) <= 10
        for entry in Entries:
            self.queue.pop(entry["Id"], None)

    def _change_message_visibility_batch(
        self, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> None:
        assert QueueUrl == "the-queue" and 0 < len(Entries) <= 10
        for entry in Entries:
            self.queue[entry["Id"]]["visible"] = self.clock.now + entry["VisibilityTimeout"]

    def _send_message(self, **message: Any) -> None:
        assert message.pop("QueueUrl") == "the-dead-letters"
        reason = message["MessageAttributes"]["reason"]["StringValue"]
        assert reason and not any(ord(one) < 32 or 0xD800 <= ord(one) < 0xE000 for one in reason)
        self.dead.append(message)

    # The head node

    def _send_command(self, **given: Any) -> dict[str, Any]:
        assert given["DocumentName"] == "x-operations" and given["InstanceIds"] == ["i-0123456789"]
        parameters = {name: value for name, (value,) in given["Parameters"].items()}
        assert set(parameters) == {"verb", "order"} and parameters["verb"] == "take"
        body, _ = self.objects[f"operations/{parameters['order']}.json"]
        assert sha256(body) == parameters["order"]
        order = json.loads(body)
        assert order["program"] == PROGRAM and order["region"] == "eu-north-1"
        self.orders.append(order)
        command = f"command-{next(self.numbers)}"
        # As on the real one, it goes on whether anybody waits or not.
        self.commands[command] = self.node(order)
        return {"Command": {"CommandId": command}}

    def _get_command_invocation(self, CommandId: str, InstanceId: str) -> dict[str, Any]:
        found = self.commands[CommandId]
        if "Status" in found:
            return found
        printed = json.dumps(found) + "\n"
        return {"Status": "Success", "StandardOutputContent": printed}

    def submit(self, order: dict[str, Any]) -> dict[str, Any]:
        return {"status": 200, "body": {"events": [self.take(one) for one in order["events"]]}}

    def take(self, one: dict[str, Any]) -> dict[str, Any]:
        """One event of an order, once, as operate.py does."""
        assert set(one) == set(ORDER)
        run = one["run"]
        text = self.object(f"runs/{run}/run.json")
        asked = json.loads(text)
        assert sha256(text) == one["digest"]
        assert sha256(self.object(f"runs/{run}/in.ndjson")) == asked["inputs_sha256"]
        assert sha256(self.object(f"runs/{run}/script")) == asked["script"]["sha256"]
        if run not in self.journal:
            self.journal[run] = 100 + len(self.journal)
            self.submissions.append(run)
        return {"run": run, "job_id": self.journal[run]}

    # What a test does and looks at

    def object(self, key: str) -> bytes:
        return self.objects[key][0]

    def json(self, key: str) -> Any:
        return json.loads(self.object(key))

    def keys(self, part: str) -> list[str]:
        return [key for key in sorted(self.objects) if part in key]

    def add(self, name: str = "t", **changed: Any) -> None:
        script = changed.pop("text", SCRIPT)
        trigger = {
            "name": name,
            "prefix": "inbox/",
            "suffix": None,
            "script": {"name": "job.sh", "sha256": sha256(script)},
            "arguments": ["-v"],
            "options": [["partition", "q1"]],
            "out": ["results/**"],
            "work": ".hpcapi/runs",
            "keep_work": False,
            "user": "ec2-user",
            "at_most": None,
            "circle": False,
            "is_paused": False,
            "created": START - 100,
            **changed,
        }
        self.objects[f"triggers/{name}/script"] = script, self.clock.now
        text = json.dumps(trigger).encode()
        self.objects[f"triggers/{name}/trigger.json"] = text, self.clock.now

    def event(self, key: str = "inbox/a.txt", **about: Any) -> dict[str, Any]:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(about.pop("at", self.clock.now)))
        thing = {"key": key, "size": 3, "etag": "e", "version-id": "v1", "sequencer": "5", **about}
        detail = {"bucket": {"name": BUCKET}, "object": thing, "reason": "PutObject"}
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": moment,
            "detail": detail,
        }

    def send(self, *bodies: Any) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            number = f"message-{next(self.numbers)}"
            self.queue[number] = {
                "id": number,
                "body": text,
                "sent": self.clock.now,
                "visible": self.clock.now,
                "first": None,
                "count": 0,
            }

    def invoke(self) -> dict[str, Any]:
        """Hands the function up to ten messages as Lambda does, and removes what is done. Returns
        what the function logs; it may be killed."""
        given = self.receive(self.at_once)
        records = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
            }
            for one in given
        ]
        printed = io.StringIO()
        with mock.patch.dict("os.environ", VARIABLES), contextlib.redirect_stdout(printed):
            answered = self.function.take({"Records": records}, None)
        failed = {one["itemIdentifier"] for one in answered["batchItemFailures"]}
        ours = {one["MessageId"] for one in given}
        assert failed <= ours
        for done in ours - failed:
            self.queue.pop(done, None)
        return json.loads(printed.getvalue().splitlines()[-1])

    def run(self, *bodies: Any) -> dict[str, Any]:
        self.send(*bodies)
        return self.invoke()

    def drain(self, most: int = 50) -> None:
        """Goes on until nothing is in the queue."""
        for _ in range(most):
            if not self.queue:
                return
            self.clock.now = max(self.clock.now, min(one["visible"] for one in self.queue.values()))
            self.invoke()
        raise AssertionError("the queue is never empty")

    def remember(self, run: str, job: int, **members: Any) -> None:
        """Writes a job into the job memory."""
        day = time.strftime("%Y-%m-%d", time.gmtime(self.clock.now))
        line = {"job_id": job, "comment": f"mine hpcapi:run-{run}", **members}
        text = b'{"job_id": 1, "comment": null}\nno json hpcapi:run-\n' + json.dumps(line).encode()
        key = f"jobs/{day}/1-0-i-1-{next(self.numbers)}.ndjson.gz"
        self.objects[key] = gzip.compress(text + b"\n"), self.clock.now


def each_call(begin: Callable[[], World]) -> Iterator[tuple[World, str]]:
    """A new world for each call to AWS that the function makes in `begin`'s, killed there."""
    whole = begin()
    whole.invoke()
    for number, name in enumerate(whole.calls):
        for moment in ("before", "after"):
            world = begin()
            world.kill_at = number, moment
            yield world, f"{moment} call {number}, {name}"
