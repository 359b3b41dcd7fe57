"""What the function behind the notifications reaches, in memory: a bucket, a topic that refuses
what SNS refuses, and Lambda, which calls again when the function fails. Time passes by waiting.

Each call to AWS has a number, and the function can be killed at any of them, before or after the
call has had its effect.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import gzip
import hashlib
import io
import itertools
import json
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.session import get_session
from botocore.validate import ParamValidator
from trigger_world import START, Clock, Killed, Serial, error

FILE = Path(__file__).parents[2] / "templates/notifications/function.py"
BUCKET = "the-bucket"
TOPIC = "arn:aws:sns:eu-north-1:123456789012:hpc-notifications-Topic-0123456789ab"
OBJECT = "2026-11-29/1-0-i-0123456789-0a1b2c3d"
KEY = f"jobs/{OBJECT}.ndjson.gz"
FOLDER = f"operations/notified/{OBJECT}/"
VARIABLES = {"BUCKET": BUCKET, "TOPIC": TOPIC, "DEPLOYMENT": "hpc"}
# Seconds that Lambda waits before it calls again.
PAUSES = (60, 120)
LARGEST = 262_144
# What a String may hold: the characters of XML 1.0.
UNTELLABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
ATTRIBUTE = re.compile(r"(?!\.)(?!(?i:aws\.|amazon\.))(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")


CALLS = {
    "get_object": ("s3", "GetObject"),
    "put_object": ("s3", "PutObject"),
    "list_objects_v2": ("s3", "ListObjectsV2"),
    "publish": ("sns", "Publish"),
}


@functools.cache
def input_of(name: str) -> Any:
    """What the SDK takes for a call."""
    service, operation = CALLS[name]
    return get_session().get_service_model(service).operation_model(operation).input_shape


@functools.cache
def compiled() -> types.CodeType:
    return compile(FILE.read_text(), str(FILE), "exec")


def job(number: int, **members: Any) -> dict[str, Any]:
    """A line of the job memory, as record-jobs.py writes it."""
    return {
        "standard_output": "/home/ada/slurm-%j.out",
        "comment": "hpcapi:notify",
        "tasks": 1,
        "submit_line": "sbatch job.sh",
        "job_id": number,
        "user_name": "ada",
        "user_id": 1001,
        "name": "train",
        "job_state": "COMPLETED",
        "partition": "q1",
        "time_limit": 60,
        "start_time": START - 3725,
        "end_time": START,
        "nodes": "q1-dy-c1-[1-2]",
        "node_count": 2,
        "cpus": 8,
        "current_working_directory": "/home/ada",
        "submit_time": START - 3730,
        "eligible_time": START - 3730,
        "derived_exit_code": 0,
        "exit_code": 0,
        **members,
    }


def task(index: int, **members: Any) -> dict[str, Any]:
    """A task of the array 100."""
    return job(1000 + index, array_job_id=100, array_task_id=index, **members)


def event(key: str = KEY, **changed: Any) -> dict[str, Any]:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 3, "etag": "e"}}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, **changed}


class Left(Exception):
    """The function has said that something is left."""


class World:
    """Everything that is outside of the function. `client` is in the place of the function's."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.lines: list[bytes] = []
        self.published: list[dict[str, Any]] = []
        self.refusals: list[str] = []
        self.calls: list[str] = []
        self.logged: list[dict[str, Any]] = []
        self.kill_at: tuple[int, str] | None = None
        self.fails: Callable[[str, dict[str, Any]], Exception | None] = lambda name, given: None
        self.pace = 0.0
        self.constants: dict[str, int] = {}
        self.pool: Any = Serial
        self.numbers = itertools.count(1)

    def load(self) -> Any:
        """The function as it is when it starts, with nothing remembered."""
        function = types.ModuleType("function")
        exec(compiled(), vars(function))
        function.client = lambda service: self
        function.time = self.clock
        function.pool = lambda: self.pool
        vars(function).update(self.constants)
        return function

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A call to AWS."""
        act = object.__getattribute__(self, f"_{name}")

        def call(**given: Any) -> Any:
            wrong = ParamValidator().validate(given, input_of(name))
            assert not wrong.has_errors(), wrong.generate_report()
            number = len(self.calls)
            self.calls.append(name)
            self.clock.now += self.pace
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
        assert re.fullmatch(r"jobs/.*|runs/[^/]+/run\.json|operations/notified/.*", Key), Key
        if Key not in self.objects:
            raise error("NoSuchKey", 404)
        body, changed = self.objects[Key]
        moment = datetime.datetime.fromtimestamp(changed, datetime.timezone.utc)
        return {"Body": io.BytesIO(body), "LastModified": moment, "ETag": etag(body)}

    def _put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", IfMatch: str = ""
    ) -> None:
        assert Bucket == BUCKET and isinstance(Body, bytes)
        # The role may write nothing else.
        assert re.fullmatch(r"operations/notified/[A-Za-z0-9._/-]{1,900}", Key), Key
        there = self.objects.get(Key)
        if IfMatch and there is None:
            raise error("NoSuchKey", 404)
        if (IfNoneMatch and there) or (IfMatch and etag(there[0]) != IfMatch):
            raise error("PreconditionFailed", 412)
        self.objects[Key] = Body, self.clock.now

    def _list_objects_v2(
        self, Bucket: str, Prefix: str, ContinuationToken: str = ""
    ) -> dict[str, Any]:
        """Three names a page."""
        assert Bucket == BUCKET and Prefix.startswith("operations/notified/")
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix)]
        keys = [key for key in keys if key > ContinuationToken]
        page: dict[str, Any] = {"IsTruncated": len(keys) > 3}
        if len(keys) > 3:
            page["NextContinuationToken"] = keys[2]
        found = [{"Key": key, "Size": len(self.objects[key][0])} for key in keys[:3]]
        return {**page, "Contents": found} if found else page

    # The topic

    def _publish(self, **message: Any) -> dict[str, Any]:
        problem = problem_of(message)
        if problem:
            self.refusals.append(problem)
            raise error("InvalidParameter")
        self.published.append(message)
        return {"MessageId": f"00000000-0000-4000-8000-{next(self.numbers):012}"}

    # Lambda

    def call(self, given: Any = None) -> None:
        """Calls the function, which may fail, or be killed."""
        printed = io.StringIO()
        function = self.load()
        try:
            with mock.patch.dict("os.environ", VARIABLES), contextlib.redirect_stdout(printed):
                function.tell(event() if given is None else given, None)
        except function.Left as left:
            raise Left(*left.args) from None
        finally:
            (line,) = printed.getvalue().splitlines()
            self.logged.append(json.loads(line))

    def invoke(self, given: Any = None) -> bool:
        """Calls the function; returns whether it ended well. It may be killed."""
        try:
            self.call(given)
        except Left:
            return False
        return True

    def deliver(self, given: Any = None) -> bool:
        """Calls the function as Lambda does with an event; returns whether it ended well."""
        for pause in (*PAUSES, None):
            try:
                if self.invoke(given):
                    return True
            except Killed:
                self.kill_at = None
            if pause:
                self.clock.now += pause
        return False

    # What a test does and looks at

    def record(self, *lines: Any, key: str = KEY) -> None:
        """Writes the object of the job memory anew, with more lines."""
        for line in lines:
            self.lines.append(line if isinstance(line, bytes) else json.dumps(line).encode())
        text = b"".join(line + b"\n" for line in self.lines)
        self.objects[key] = gzip.compress(text), self.clock.now

    def run(self, *lines: Any) -> bool:
        self.record(*lines)
        return self.deliver()

    def marks(self) -> dict[str, Any]:
        return {
            key.removeprefix(FOLDER): json.loads(body)
            for key, (body, _) in sorted(self.objects.items())
            if key.startswith(FOLDER)
        }

    def documents(self) -> list[dict[str, Any]]:
        """What programs are told."""
        return [json.loads(json.loads(one["Message"])["https"]) for one in self.published]

    def told(self) -> list[str]:
        """Which jobs messages tell of, each as often as it is told."""
        found = []
        for document in self.documents():
            jobs = document.get("jobs", [document])
            found += [f"{one['array_job_id'] or ''}:{one['id']}" for one in jobs]
        return sorted(found)

    def text(self, at: int = -1) -> str:
        """What people are told."""
        return json.loads(self.published[at]["Message"])["default"]


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def problem_of(message: dict[str, Any]) -> str | None:
    """Why SNS would not take a message."""
    known = {"TopicArn", "Message", "Subject", "MessageStructure", "MessageAttributes"}
    assert set(message) <= known and message["TopicArn"] == TOPIC
    if not SUBJECT.fullmatch(message["Subject"]):
        return "Subject"
    attributes = message["MessageAttributes"]
    for name, said in attributes.items():
        value = said["StringValue"]
        if not ATTRIBUTE.fullmatch(name) or said["DataType"] != "String" or len(said) != 2:
            return "attribute"
        if not isinstance(value, str) or not value or UNTELLABLE.search(value):
            return "value of an attribute"
    try:
        size = len(message["Message"].encode())
        size += sum(
            len((name + said["DataType"] + said["StringValue"]).encode())
            for name, said in attributes.items()
        )
        protocols = json.loads(message["Message"])
    except ValueError:
        return "Message"
    if not message["Message"] or size > LARGEST:
        return "Message too long"
    if message["MessageStructure"] != "json":
        return "MessageStructure"
    if not isinstance(protocols, dict) or not isinstance(protocols.get("default"), str):
        return "no default"
    if any(not isinstance(one, str) or UNTELLABLE.search(one) for one in protocols.values()):
        return "message of a protocol"
    return None
