"""Two functions that send commands of the document `<name>-operations` to the head node.

`handler` stands behind the routes below /operations: it makes of a signed request one command, and
of the line that is printed there the answer.

`take` makes a job of each object that a trigger waits for. The messages of its queue tell of what
came into the bucket, each at least once and in no order; what it has done lies in the bucket, too:

    triggers/<name>/trigger.json, script    read: what a trigger takes, and what it makes of it
    triggers/<name>/events/<event>.json     the marker: the event is taken, and this is its run
    triggers/<name>/submitted/<event>.json  the job of that run
    triggers/<name>/refused/<event>.json    why there is none, until somebody tries again
    runs/<run>/…                            the run, as `hpcapi run` makes them

It may end anywhere. Whoever gets the message again finds the marker, goes on with that run and no
other, and the head node submits a run once.

What a caller sends and what an event says is checked here and never becomes part of a command: an
id, a cursor and the digest of the caller go as parameters, jobs to submit as an object whose name
is its own digest. Nothing of it is logged either.

Standard library and boto3 alone.
"""

import base64
import calendar
import collections
import concurrent.futures
import functools
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import time
import zlib
from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE = 25  # seconds for a whole request; API Gateway gives up after 30
DELIVERY = 30  # seconds until a command is given up that no agent has taken: the least of SSM
FIRST_LOOK, LONGEST_PAUSE = 0.2, 1.0  # seconds between looks at a command
AT_ONCE = 16  # requests to AWS at once

LARGEST_BODY = 1 << 20  # bytes
LARGEST_ANSWER = 2 << 20  # bytes; as text within text it grows, and Lambda takes 6 MB
TOO_LARGE = f"the body is larger than {LARGEST_BODY} bytes"
MOST_ARGUMENTS, LONGEST_ARGUMENT = 1000, 1 << 16
MOST_OPTIONS, LONGEST_VALUE = 200, 4096

TAKING = 50  # seconds for a batch of messages; Lambda gives up after 60
FOR_THE_COMMAND = 30  # of them are left for the command
TOGETHER = 10  # messages in one request to the queue
MOST = 100  # messages taken together, and runs in one command
FRESH = 3  # seconds for which the triggers are as they were
UNFORGOTTEN = 240  # seconds for which Slurm surely knows of a job; it forgets ended ones after 300
CERTAIN = 120  # seconds after which no command is under way that was sent before
SKEW = 60  # seconds by which clocks may differ
SHORTEST_PAUSE, LONGEST_RETURN = 5, 1800  # seconds until a message comes back
LONGEST_WAIT = 13 * 24 * 3600  # seconds; the queue forgets a message after 14 days
LONGEST_KEY, LONGEST_OUTBOX = 1024, 700  # bytes
LONGEST_REASON = 500
RESERVED = ("hpcapi/", "blobs/", "runs/", "jobs/", "triggers/", "operations/")
SINCE = "ApproximateFirstReceiveTimestamp"
TIME = "%Y-%m-%dT%H:%M:%SZ"
GONE = ("NoSuchKey", "NoSuchVersion", "404", "405", "NotFound", "MethodNotAllowed")

WHEN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")
TRIGGER = re.compile(r"[a-z][a-z0-9-]{0,31}")
AGAIN = re.compile(r"triggers/([a-z][a-z0-9-]{0,31})/retry/([0-9a-f]{32})/retry\.json")
MARKED = re.compile(r"(?:^|\s)hpcapi:run-([0-9]{8}-[0-9]{6}-[0-9a-f]{8})\Z")
JOB = re.compile(r"[0-9]{1,10}(_[0-9]{1,7})?")
CURSOR = re.compile(r"[A-Za-z0-9._-]{0,128}")
MARKER = re.compile(r"[0-9a-f]{16}")
OPTION = re.compile(r"[a-z][a-z0-9-]{0,63}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NOT_UNDERSTOOD = (KeyError, TypeError, AttributeError, ValueError, RecursionError, zlib.error)
BUSY = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")


class Operation(NamedTuple):
    verb: str
    success: int = 200
    has_pages: bool = False


OPERATIONS = {
    "GET /operations/partitions": Operation("partitions", has_pages=True),
    "GET /operations/nodes": Operation("nodes", has_pages=True),
    "GET /operations/jobs": Operation("jobs", has_pages=True),
    "GET /operations/jobs/{id}": Operation("job", has_pages=True),
    "GET /operations/diag": Operation("diag"),
    "POST /operations/jobs": Operation("submit", success=201),
    "DELETE /operations/jobs/{id}": Operation("cancel"),
}


class Refusal(Exception):
    """Why a request gets no answer but this one. The reason is for the log, without the caller's
    words."""

    def __init__(self, status, error, *hints, reason=None, headers=None):
        super().__init__(error)
        self.status, self.error, self.hints = status, error, hints
        self.reason, self.headers = reason, headers or {}

    def answer(self):
        return answer(self.status, {"error": self.error, "hints": list(self.hints)}, self.headers)


def handler(event, context):
    started = time.monotonic()
    line = {"request": None, "caller": None, "route": None, "status": None, "command": None}
    try:
        answered = operate(event, line, started + PATIENCE)
    except Refusal as refusal:
        answered, line["reason"] = refusal.answer(), refusal.reason
    except Exception as error:
        # Its text may hold what the caller sent.
        line["reason"] = type(error).__name__
        answered = Refusal(500, "the function behind the operations failed").answer()
    line["status"] = answered["statusCode"]
    line["milliseconds"] = round((time.monotonic() - started) * 1000)
    print(json.dumps(line), flush=True)
    return answered


def operate(event, line, deadline):
    asked = event["requestContext"]
    line["request"], line["route"] = asked.get("requestId"), event.get("routeKey")
    caller = line["caller"] = caller_of(asked)
    operation = OPERATIONS.get(event.get("routeKey"))
    if operation is None:
        raise Refusal(404, "there is no such operation")
    given = {
        "verb": operation.verb,
        "caller": digest(caller.encode())[:16],
        **cursor_of(event, operation),
    }
    if "{id}" in event["routeKey"]:
        given["job"] = job_of(event)
    instance = os.environ["INSTANCE"]
    if not instance:
        raise Refusal(503, "the cluster has no head node", "hpcapi up", reason="NoHeadNode")
    hint = "ask again"
    if operation.verb == "submit":
        order = order_of(event, given["caller"])
        given["order"] = write(order)
        hint = f"send it again with the marker {order['marker']}: it is submitted once"
    command = line["command"] = send(instance, given)
    printed = wait(instance, command, deadline, hint)
    return answer_of(printed, event, operation, given)


def caller_of(asked):
    """The ARN of who signed the request; the gateway says it, and nothing is done for nobody."""
    identity = (asked.get("authorizer") or {}).get("iam") or {}
    arn = identity.get("userArn")
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        raise Refusal(
            500,
            "the gateway does not say who is asking",
            "the routes below /operations need the authorization type AWS_IAM: hpcapi up",
            reason="NoCaller",
        )
    return arn


def cursor_of(event, operation):
    query = event.get("queryStringParameters") or {}
    known = {"after"} if operation.has_pages else set()
    if set(query) - known:
        allowed = "only `after` is known" if known else "none is known"
        raise Refusal(400, f"the query has parameters of which {allowed} here")
    after = query.get("after", "")
    if not CURSOR.fullmatch(after):
        raise Refusal(400, "`after` is not what a `Link` header of an answer said")
    return {"after": after} if after else {}


def job_of(event):
    job = (event.get("pathParameters") or {}).get("id")
    if not isinstance(job, str) or not JOB.fullmatch(job):
        raise Refusal(400, "that is not the id of a job", "an id is like 12, or 12_3 for a task")
    return job


def order_of(event, caller):
    """What to submit, with every member that the head node reads."""
    asked = body_of(event)
    if not isinstance(asked, dict) or set(asked) - set(MEMBERS):
        raise Refusal(400, f"the body has to be a JSON object of {', '.join(MEMBERS)}")
    rest = {"name": "job.sh", "arguments": [], "options": [], "marker": secrets.token_hex(8)}
    order = {**rest, **asked}
    for member, (is_right, rule) in MEMBERS.items():
        if not is_right(order.get(member)):
            raise Refusal(400, f"`{member}` has to be {rule}")
    return {**order, "caller": caller}


def body_of(event):
    body = event.get("body") or ""
    # Four characters of base64 are three bytes: what is too large is not even decoded.
    if len(body) > LARGEST_BODY * 4 // 3 + 4:
        raise Refusal(413, TOO_LARGE)
    try:
        is_coded = event.get("isBase64Encoded")
        decoded = base64.b64decode(body, validate=True) if is_coded else body.encode()
        if len(decoded) > LARGEST_BODY:
            raise Refusal(413, TOO_LARGE)
        return json.loads(decoded.decode())
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON in UTF-8") from None


def is_text(given, most=LARGEST_BODY):
    """Whether it is text that a program can be given: without NUL and halves of characters."""
    if not isinstance(given, str) or "\0" in given:
        return False
    try:
        return len(given.encode()) <= most
    except UnicodeEncodeError:
        return False


def is_line(given, most):
    return is_text(given, most) and not CONTROL.search(given)


def is_name(given):
    return is_line(given, 255) and "/" not in given and given not in ("", ".", "..")


def are_arguments(given):
    is_list = isinstance(given, list) and len(given) <= MOST_ARGUMENTS
    return is_list and all(is_text(one, LONGEST_ARGUMENT) for one in given)


def are_options(given):
    is_list = isinstance(given, list) and len(given) <= MOST_OPTIONS
    return is_list and all(
        isinstance(one, list)
        and len(one) == 2
        and isinstance(one[0], str)
        and OPTION.fullmatch(one[0])
        and is_line(one[1], LONGEST_VALUE)
        for one in given
    )


# The members of a body: how each is held against its rule.
MEMBERS = {
    "script": (
        lambda given: is_text(given) and given.startswith("#!"),
        "the text of a script, whose first line begins with #!",
    ),
    "name": (is_name, "the name of a file without its folder"),
    "arguments": (
        are_arguments,
        f"a list of at most {MOST_ARGUMENTS} texts of at most {LONGEST_ARGUMENT} bytes",
    ),
    "options": (
        are_options,
        f'a list of at most {MOST_OPTIONS} pairs like ["ntasks", "2"]: an option of sbatch by its '
        "long name, without dashes, and its value",
    ),
    "marker": (
        lambda given: isinstance(given, str) and MARKER.fullmatch(given),
        "16 hexadecimal digits in lower case",
    ),
}


def write(order):
    """Puts the order into the bucket; returns what it is called by: the digest of its bytes."""
    content = canonical(order)
    called = digest(content)
    try:
        client("s3").put_object(
            Bucket=os.environ["BUCKET"],
            Key=f"operations/{called}.json",
            Body=content,
            ContentType="application/json",
        )
    except (BotoCoreError, ClientError) as error:
        raise refused(error, "the order could not be written into the bucket") from None
    return called


def send(instance, given):
    """Sends the command; returns its id."""
    try:
        sent = client("ssm").send_command(
            InstanceIds=[instance],
            DocumentName=os.environ["DOCUMENT"],
            Parameters={name: [value] for name, value in given.items()},
            TimeoutSeconds=DELIVERY,
            Comment=f"hpcapi {given['verb']}",
        )
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == "InvalidInstanceId":
            raise unreachable(code_of(error)) from None
        raise refused(error, "the command could not be sent to the head node") from None
    return sent["Command"]["CommandId"]


def wait(instance, command, deadline, hint):
    """What the head node has printed, once the command is over."""
    pause = FIRST_LOOK
    while time.monotonic() + pause < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        try:
            found = client("ssm").get_command_invocation(CommandId=command, InstanceId=instance)
        except (BotoCoreError, ClientError) as error:
            # Right after it was sent a command cannot be seen yet; the network may be better soon.
            soon = isinstance(error, BotoCoreError)
            if soon or code_of(error) in ("InvocationDoesNotExist", *BUSY):
                continue
            raise refused(error, "the head node's answer could not be read") from None
        if found["Status"] == "Success":
            return found["StandardOutputContent"]
        if found["Status"] not in ("Pending", "InProgress", "Delayed"):
            raise failed(found)
    raise Refusal(504, "the head node has not ended the operation in time", hint)


def failed(found):
    """Why there is no answer of a command that is over."""
    reason = str(found.get("StatusDetails") or found["Status"]).replace(" ", "")
    if reason in ("DeliveryTimedOut", "Undeliverable", "Terminated"):
        return unreachable(reason)
    if found["Status"] == "TimedOut":
        return Refusal(504, "the operation took too long on the head node", reason=reason)
    end = "was cancelled" if found["Status"].startswith("Cancel") else "failed"
    return Refusal(502, f"the operation {end} on the head node", "hpcapi doctor", reason=reason)


def unreachable(reason):
    return Refusal(503, "the head node is not online", "hpcapi doctor", reason=reason)


def refused(error, what):
    """What to say of a call that AWS has not answered as it should."""
    code = code_of(error)
    if code in BUSY:
        again = {"Retry-After": "5"}
        return Refusal(429, "AWS takes no more requests at once", reason=code, headers=again)
    return Refusal(502, f"{what}: {code}", "hpcapi doctor", reason=code)


def code_of(error):
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "Unknown")
    return type(error).__name__


def answer_of(printed, event, operation, given):
    """The answer that the head node's line says."""
    try:
        said = json.loads(printed)
        status, following = status_of(said), said.get("next")
        if status >= 300:
            return answer(status, error_of(said, status))
        body = body_said(said)
        headers = link(event, given, following) if following else {}
    except NOT_UNDERSTOOD:
        raise not_understood() from None
    return answer(operation.success if status == 200 else status, body, headers)


def not_understood():
    return Refusal(
        502,
        "the head node's answer is not understood",
        "hpcapi up, which brings its programs up to date",
        reason="NoAnswer",
    )


def status_of(said):
    status = said["status"]
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError("no status")
    return status


def body_said(said):
    body = unpacked(said["packed"]) if "packed" in said else said["body"]
    if not isinstance(body, dict):
        raise ValueError("no object")
    return body


def error_of(said, status):
    error, hints = said["error"], said.get("hints", [])
    are_lines = isinstance(hints, list) and all(isinstance(one, str) for one in [error, *hints])
    if status < 400 or not are_lines:
        raise ValueError("no error")
    return {"error": error, "hints": hints}


def unpacked(packed):
    stream = zlib.decompressobj(wbits=31)  # gzip
    plain = stream.decompress(base64.b64decode(packed, validate=True), LARGEST_ANSWER)
    if not stream.eof:
        raise ValueError("too long, or cut off")
    return json.loads(plain)


def link(event, given, following):
    if not CURSOR.fullmatch(following):
        raise ValueError("no cursor")
    path = event["routeKey"].partition(" ")[2].replace("{id}", given.get("job", ""))
    return {"Link": f'<{path}?after={following}>; rel="next"'}


def answer(status, body, headers=None):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }


def take(event, context):
    """Takes messages of the queue; answers which of them have to come back."""
    started = time.monotonic()
    line = {"messages": 0, "jobs": 0, "refused": 0, "later": {}, "commands": []}
    batch = Batch([Message.given(record) for record in event["Records"]], started + TAKING, line)
    try:
        batch.take()
    except Exception as error:
        batch.failed(code_of(error))
    returned = batch.return_messages()
    line["messages"] = len(batch.messages)
    line["milliseconds"] = round((time.monotonic() - started) * 1000)
    print(json.dumps(line), flush=True)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in returned]}


class Message:
    """A message of the queue."""

    def __init__(self, called, body, receipt, attributes, is_given):
        self.called, self.body, self.receipt, self.is_given = called, body, receipt, is_given
        times = [attributes.get(name) for name in ("SentTimestamp", SINCE)]
        times = [int(one) / 1000 for one in times if one]
        self.age = max(time.time() - min(times), 0) if times else 0
        self.takings, self.is_done = [], False

    @classmethod
    def given(cls, record):
        """One that Lambda hands over, and removes if it is not told otherwise."""
        called, receipt = record["messageId"], record["receiptHandle"]
        return cls(called, record["body"], receipt, record.get("attributes", {}), True)

    @classmethod
    def fetched(cls, found):
        """One that is fetched here, and removed here."""
        called, receipt = found["MessageId"], found["ReceiptHandle"]
        return cls(called, found["Body"], receipt, found.get("Attributes", {}), False)

    def bury(self, reason):
        """Puts a copy to the dead letters, for nothing comes of it; then it need not come back."""
        said = {"DataType": "String", "StringValue": plain(reason)}
        client("sqs").send_message(
            QueueUrl=os.environ["DEAD_LETTERS"],
            MessageBody=self.body,
            MessageAttributes={"reason": said},
        )


class Batch:
    """Messages that are taken together: with one look at the triggers, and one command."""

    def __init__(self, messages, deadline, line):
        self.messages, self.deadline, self.line = messages, deadline, line
        self.problem = None

    def take(self):
        self.messages += further(len(self.messages))
        told = [one for one in each(self.read, self.messages) if one]
        triggers = triggers_since(max((came.seconds for _, came, _ in told), default=0))
        takings = list(self.takings(told, triggers))
        each(guarded(Taking.prepare), takings)
        recall(takings, self.deadline)
        ready = [taking for taking in takings if taking.outcome is None]
        each(self.submit, orders(ready))
        each(guarded(Taking.settle), takings)
        for message, _, _ in told:
            message.is_done = all(taking.is_settled for taking in message.takings)
        self.count(takings)

    def read(self, message):
        """What a message tells of: an event, or a trigger and its event that is to be taken again.
        What tells of nothing goes to the dead letters."""
        try:
            came = event_of(message.body)
        except NOT_UNDERSTOOD:
            reason = "it tells of no new object in this bucket"
        else:
            again = AGAIN.fullmatch(came.key)
            return message, came, again and again.groups()
        try:
            message.bury(reason)
            message.is_done = True
            self.line["refused"] += 1
        except Exception as error:
            self.failed(code_of(error))

    def takings(self, told, triggers):
        """What there is to do, each once: a message may be here twice."""
        known = {}
        for message, came, again in told:
            for trigger in triggers:
                if again and again[0] == trigger.name:
                    taking = known.setdefault(again, Taking(*again, trigger))
                    taking.is_again = True
                elif not again and trigger.wants(came):
                    called = trigger.name, came.called()
                    taking = known.setdefault(called, Taking(*called, trigger))
                    taking.event = came
                else:
                    continue
                taking.messages.append(message)
                message.takings.append(taking)
        return known.values()

    def submit(self, takings):
        """Has the head node submit runs."""
        program = {"key": os.environ["PROGRAM_KEY"], "sha256": os.environ["PROGRAM_SHA256"]}
        order = {"verb": "take", "program": program, "region": os.environ["AWS_REGION"]}
        order["events"] = [taking.entry for taking in takings]
        try:
            instance = os.environ["INSTANCE"]
            if not instance:
                raise Refusal(503, "the cluster has no head node")
            command = send(instance, {"verb": "take", "order": write(order)})
            self.line["commands"].append(command)
            answers = answers_of(wait(instance, command, self.deadline, ""))
        except Refusal as refusal:
            answers, missing = {}, refusal.error
        else:
            missing = "the head node says nothing of it"
        for taking in takings:
            taking.hear(answers.get(taking.run, {}), missing)

    def failed(self, reason):
        self.problem = self.problem or reason
        self.line["later"].setdefault(plain(reason), 0)

    def count(self, takings):
        self.line["jobs"] = sum(taking.job is not None for taking in takings)
        self.line["refused"] += sum(taking.outcome == REFUSED for taking in takings)
        reasons = [taking.reason for taking in takings if taking.outcome == LATER]
        self.line["later"].update(collections.Counter(map(plain, reasons)))

    def return_messages(self):
        """Has what is not done come back, and removes of the rest what Lambda does not remove.
        Returns the names of those that Lambda has to know of."""
        for message in self.messages:
            if not message.is_done and message.age > LONGEST_WAIT and not message.takings:
                try:
                    message.bury(self.problem or "it could not be read")
                    message.is_done = True
                except Exception as error:
                    self.failed(code_of(error))
        queue = {"QueueUrl": os.environ["QUEUE"]}
        back = [one for one in self.messages if not one.is_done]
        over = [one for one in self.messages if one.is_done and not one.is_given]

        def put_off(some):
            entries = [{**name(one), "VisibilityTimeout": pause_after(one.age)} for one in some]
            client("sqs").change_message_visibility_batch(**queue, Entries=entries)

        def remove(some):
            client("sqs").delete_message_batch(**queue, Entries=[name(one) for one in some])

        for action, messages in ((put_off, back), (remove, over)):
            for at in range(0, len(messages), TOGETHER):
                try:
                    action(messages[at : at + TOGETHER])
                except (BotoCoreError, ClientError) as error:
                    # They come back by themselves when the queue's own timeout is over.
                    self.failed(code_of(error))
        return [one.called for one in back if one.is_given]


def name(message):
    return {"Id": message.called, "ReceiptHandle": message.receipt}


def pause_after(age):
    """Seconds after which a message is tried again: a tenth of the time that it has waited. So it
    comes some 700 times in 14 days; after 1,000 times the queue would give it up."""
    return round(min(max(age / 10, SHORTEST_PAUSE), LONGEST_RETURN))


def further(count):
    """Fetches what else is in the queue: a command takes a second, whether for one job or many, and
    Lambda would hand over more than ten at once only if it waited for them."""
    found = []
    while count + len(found) <= MOST - TOGETHER:
        try:
            said = client("sqs").receive_message(
                QueueUrl=os.environ["QUEUE"],
                MaxNumberOfMessages=TOGETHER,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["SentTimestamp", SINCE],
            )
        except (BotoCoreError, ClientError):
            break
        if not said.get("Messages"):
            break
        found += map(Message.fetched, said["Messages"])
    return found


class Event(NamedTuple):
    """A new object, or a new version of one."""

    bucket: str
    key: str
    version: str | None
    sequencer: str | None
    size: int
    etag: str
    time: str

    @property
    def seconds(self):
        return calendar.timegm(time.strptime(self.time, TIME))

    def called(self):
        named = (self.bucket, self.key, self.version or self.sequencer)
        return digest("\0".join(named).encode())[:32]

    def told(self):
        """What its job is told of it."""
        return {
            one: getattr(self, one) for one in ("bucket", "key", "version", "size", "etag", "time")
        }


def event_of(body):
    """Reads the event in a message; anything may stand there."""
    said = json.loads(body)
    if said["source"] != "aws.s3" or said["detail-type"] != "Object Created":
        raise ValueError("another event")
    about, moment = said["detail"]["object"], WHEN.fullmatch(said["time"])
    event = Event(
        bucket=said["detail"]["bucket"]["name"],
        key=about["key"],
        version=about.get("version-id"),
        sequencer=about.get("sequencer"),
        size=about.get("size", 0),
        etag=about.get("etag", ""),
        time=moment[1] + "Z",
    )
    texts = [event.key, event.etag, event.version or "", event.sequencer or ""]
    if not all(isinstance(one, str) and len(one.encode()) <= LONGEST_KEY for one in texts):
        raise ValueError("no text")
    if not isinstance(event.size, int) or not event.key or not any(texts[2:]):
        raise ValueError("no object")
    if event.bucket != os.environ["BUCKET"] or event.seconds < 0:
        raise ValueError("another bucket")
    return event


class Trigger(NamedTuple):
    name: str
    prefix: str
    suffix: str
    is_paused: bool
    circle: bool
    created: int
    at_most: int | None
    script: dict
    asked: dict

    def wants(self, event):
        key = event.key
        is_output = key.startswith("outbox/")
        is_own = key.startswith((*RESERVED, f"outbox/{self.name}/"))
        if is_own or (is_output and not self.circle):
            return False
        is_named = key.startswith(self.prefix) and key.endswith(self.suffix)
        return is_named and self.created <= event.seconds


def trigger_of(name, text):
    said = json.loads(text)
    script = {one: said["script"][one] for one in ("name", "sha256")}
    trigger = Trigger(
        name=said["name"],
        prefix=said["prefix"],
        suffix=said.get("suffix") or "",
        is_paused=said["is_paused"],
        circle=said["circle"],
        created=said["created"],
        at_most=said.get("at_most"),
        script=script,
        asked={
            **{one: said[one] for one in ("arguments", "options", "out", "work", "keep_work")},
            **{"script": script, "user": said["user"]},
        },
    )
    texts = [trigger.prefix, trigger.suffix, *script.values(), said["user"], said["work"]]
    numbers = [trigger.created, trigger.at_most or 0]
    is_right = all(isinstance(one, str) for one in texts)
    if not is_right or not all(isinstance(one, int) for one in numbers) or trigger.name != name:
        raise ValueError("no trigger")
    return trigger


class Known:
    """The triggers as they were at a time, for whoever comes shortly after."""

    at, triggers = 0, ()


def triggers_since(seconds):
    """The triggers as they were after that time, and are now or were a moment ago."""
    now = time.time()
    # An event's time is without fractions of its second.
    if not max(seconds + 1, now - FRESH) <= Known.at <= now:
        Known.triggers = list(filter(None, each(read_trigger, trigger_names())))
        Known.at = now
    return Known.triggers


def trigger_names():
    for page in pages(Prefix="triggers/", Delimiter="/"):
        for found in page.get("CommonPrefixes", []):
            name = found["Prefix"].split("/")[1]
            if TRIGGER.fullmatch(name):
                yield name


def read_trigger(name):
    found = fetch(f"triggers/{name}/trigger.json")
    try:
        return found and trigger_of(name, found.text)
    except NOT_UNDERSTOOD:
        print(json.dumps({"trigger": name, "reason": "its trigger.json is damaged"}), flush=True)


@functools.lru_cache(maxsize=32)
def script_of(name, sha256):
    found = fetch(f"triggers/{name}/script")
    if found is None or digest(found.text) != sha256:
        raise Later("the trigger is being changed")
    return found.text


def orders(takings):
    """Parts of them, each of which the head node takes at once."""
    parts, size = [], 0
    for taking in takings:
        more = len(canonical(taking.entry))
        if not parts or len(parts[-1]) == MOST or size + more > LARGEST_BODY:
            parts, size = [*parts, []], 0
        parts[-1].append(taking)
        size += more
    return parts


class Later(Exception):
    """Why something is done when the message comes again."""


LATER, REFUSED, SUBMITTED, OVER = "later", "refused", "submitted", "over"


class Taking:
    """An event that a trigger takes. `called` is what the event is called by."""

    def __init__(self, name, called, trigger):
        self.name, self.called, self.trigger = name, called, trigger
        self.event, self.is_again, self.messages = None, False, []
        self.run = self.digest = self.asked = self.since = self.refusal = None
        self.is_earlier = self.is_gone = self.is_settled = self.is_slurms = False
        self.outcome = self.reason = self.job = None

    def key(self, kind):
        return f"triggers/{self.name}/{kind}/{self.called}.json"

    def end(self, outcome, reason=None):
        self.outcome, self.reason = outcome, reason

    def prepare(self):
        """Finds or sets the marker, with a run that is in the bucket as a whole."""
        marker = fetch(self.key("events"))
        if marker:
            self.go_on(marker)
        elif self.event is None or self.trigger.is_paused:
            # There is nothing to do again, or nothing to begin.
            self.end(OVER)
        else:
            self.stage()
            if not put(self.key("events"), self.marker(), is_new=True):
                self.go_on(fetch(self.key("events")))
        if self.outcome is None:
            self.is_gone = not is_there(self.event)
            if "\0" in self.event.key:
                self.end(REFUSED, "a key with a zero byte cannot be told to a job")

    def marker(self):
        marker = {**self.event.told(), "sequencer": self.event.sequencer, "trigger": self.name}
        return {**marker, "event": self.called, "run": self.run, "run_sha256": self.digest}

    def stage(self):
        """Puts the run into the bucket."""
        script, inputs = script_of(self.name, self.trigger.script["sha256"]), inputs_of(self.event)
        self.asked = self.order()
        text = canonical(self.asked)
        self.digest = digest(text)
        self.run = self.new_run(text)
        put(f"runs/{self.run}/script", script)
        put(f"runs/{self.run}/in.ndjson", inputs)

    def order(self):
        """What run.json says: the same each time, while the trigger is the same."""
        outbox = f"outbox/{self.name}/{self.event.key}/"
        if len(outbox.encode()) > LONGEST_OUTBOX:
            outbox = f"outbox/{self.name}/{self.called}/"
        return {
            **self.trigger.asked,
            "inputs_sha256": digest(inputs_of(self.event)),
            "created": self.event.seconds,
            "event": self.event.told(),
            "trigger": self.name,
            "outbox": outbox,
        }

    def new_run(self, text):
        """Returns the name of the run whose run.json this is."""
        began = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.event.seconds))
        digits = digest(f"{self.name}\0{self.called}".encode())
        for at in range(0, len(digits), 8):
            run = f"{began}-{digits[at : at + 8]}"
            if put(f"runs/{run}/run.json", text, is_new=True):
                return run
            found = fetch(f"runs/{run}/run.json")
            if found and found.text == text:
                return run
        raise Later("its run has no name left")

    def go_on(self, marker):
        """Goes on with the run of the marker, whatever the trigger has become since."""
        said = json.loads(marker.text)
        self.event = Event(**{one: said[one] for one in Event._fields})
        self.run, self.digest, self.since = said["run"], said["run_sha256"], marker.changed
        self.is_earlier = True
        if fetch(self.key("submitted")):
            return self.end(OVER)
        refusal = fetch(self.key("refused"))
        self.refusal = refusal and json.loads(refusal.text)
        if self.refusal and not self.is_again:
            return self.end(OVER)
        if self.trigger.is_paused:
            raise Later("the trigger is paused")
        self.asked = self.order()
        is_same = digest(canonical(self.asked)) == self.digest
        if not is_same and (self.refusal or {}).get("by_slurm"):
            self.begin_anew(refusal.changed)
        elif not is_same:
            found = fetch(f"runs/{self.run}/run.json")
            if found is None or digest(found.text) != self.digest:
                return self.end(REFUSED, f"the run {self.run} was changed in the bucket")
            self.asked = json.loads(found.text)

    def begin_anew(self, refused):
        """Slurm has refused the run, and the trigger is another one since."""
        if time.time() - refused < CERTAIN:
            raise Later("it was refused a moment ago")
        self.stage()
        put(self.key("events"), self.marker())
        self.is_earlier = False

    @property
    def is_doubtful(self):
        """Whether the run may have had a job that Slurm has forgotten."""
        is_old = self.is_earlier and time.time() - self.since > UNFORGOTTEN
        return self.outcome is None and (is_old or self.is_earlier and self.is_gone)

    @property
    def entry(self):
        """What the head node has to know."""
        options = self.asked["options"]
        names = [value for option, value in options if option == "job-name"]
        return {
            "run": self.run,
            "digest": self.digest,
            "trigger": self.name,
            "user": self.asked["user"],
            "name": names[-1] if names else self.asked["script"]["name"],
            "options": options,
            "at_most": self.trigger.at_most,
            "earlier": self.is_earlier,
        }

    def hear(self, answered, missing):
        """Takes what the head node has answered."""
        job = answered.get("job_id")
        if type(job) is int and job > 0:
            self.job = job
            self.end(SUBMITTED)
        elif "refused" in answered:
            self.is_slurms = True
            self.end(REFUSED, str(answered["refused"]))
        else:
            self.end(LATER, str(answered.get("later", missing)))

    def settle(self):
        """Writes down what has come of it. Then no message of it is needed any more."""
        oldest = max(message.age for message in self.messages)
        if self.outcome == LATER and oldest > LONGEST_WAIT:
            self.end(REFUSED, f"it could not be submitted for 13 days: {self.reason}")
        if self.outcome == SUBMITTED:
            done = {"job_id": self.job, "time": int(time.time())}
            put(f"runs/{self.run}/submitted.json", done)
            # What says that it is over comes last.
            if self.refusal:
                remove(self.key("refused"))
            put(self.key("submitted"), {**done, "run": self.run})
        elif self.outcome == REFUSED:
            for message in self.messages:
                message.bury(self.reason)
            said = {"reason": plain(self.reason), "run": self.run, "by_slurm": self.is_slurms}
            said["key"] = self.event.key if self.event else None
            put(self.key("refused"), {**said, "time": int(time.time())})
        self.is_settled = self.outcome in (SUBMITTED, REFUSED, OVER)


def guarded(step):
    """What goes wrong with one does not keep the others."""

    def guarded_step(taking):
        try:
            step(taking)
        except Exception as error:
            taking.is_settled = False
            taking.end(LATER, str(error) if isinstance(error, Later) else code_of(error))

    return guarded_step


def inputs_of(event):
    """The list of a run's inputs: the object, in the version that the event tells of."""
    called = event.key.rpartition("/")[2]
    is_file = is_text(called, 255) and called not in ("", ".", "..")
    entry = {"path": called if is_file else "object", "kind": "s3"}
    entry["url"] = f"s3://{event.bucket}/{event.key}"
    if event.version:
        entry["version"] = event.version
    return canonical(entry) + b"\n"


def is_there(event):
    version = {"VersionId": event.version} if event.version else {}
    try:
        client("s3").head_object(Bucket=event.bucket, Key=event.key, **version)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        return False
    return True


def answers_of(printed):
    """What the head node's line says of each run."""
    try:
        said = json.loads(printed)
        status = status_of(said)
        if status >= 300:
            raise Refusal(status, plain(error_of(said, status)["error"]))
        return {one["run"]: one for one in body_said(said)["events"]}
    except NOT_UNDERSTOOD:
        raise not_understood() from None


def recall(takings, deadline):
    """Asks the job memory for the jobs of runs that Slurm may have forgotten."""
    doubtful = [taking for taking in takings if taking.is_doubtful]
    if doubtful:
        since = min(taking.since for taking in doubtful)
        try:
            jobs = remembered(since, deadline - FOR_THE_COMMAND)
        except Exception as error:
            for taking in doubtful:
                taking.end(LATER, str(error) if isinstance(error, Later) else code_of(error))
            jobs = {}
        for taking in doubtful:
            if taking.outcome is None and taking.run in jobs:
                taking.job = jobs[taking.run]
                taking.end(SUBMITTED)
    for taking in takings:
        if taking.is_gone and taking.outcome is None:
            taking.end(REFUSED, "the object is gone")


def remembered(since, deadline):
    """The jobs of the runs that are remembered since a time."""
    day = time.strftime("%Y-%m-%d", time.gmtime(since))
    found = [
        one for page in pages(Prefix="jobs/", StartAfter=f"jobs/{day}") for one in page["Contents"]
    ]
    found = [one for one in found if one["Key"].endswith(".ndjson.gz")]
    found = [one for one in found if one["LastModified"].timestamp() >= since - SKEW]

    def read(one):
        if time.monotonic() > deadline:
            raise Later("the job memory is too large to be read at once")
        return jobs_in(one["Key"], one["ETag"])

    return dict(collections.ChainMap(*each(read, found)))


@functools.lru_cache(maxsize=512)
def jobs_in(key, etag):
    """The jobs of runs in an object of the job memory; what was read is read no more."""
    jobs, found = {}, fetch(key)
    try:
        with gzip.open(io.BytesIO(found.text if found else b"")) as lines:
            for line in lines:
                if b"hpcapi:run-" in line:
                    jobs.update(run_in(line))
    except (OSError, EOFError, zlib.error):
        pass  # what is damaged ends there
    return jobs


def run_in(line):
    try:
        said = json.loads(line)
        marked = MARKED.search(said["comment"])
        job = said.get("array_job_id") or said["job_id"]
        return {marked[1]: job} if marked and isinstance(job, int) and job > 0 else {}
    except NOT_UNDERSTOOD:
        return {}


class Object(NamedTuple):
    text: bytes
    changed: float


def fetch(key):
    try:
        found = client("s3").get_object(Bucket=os.environ["BUCKET"], Key=key)
        return Object(found["Body"].read(), found["LastModified"].timestamp())
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        return None


def put(key, content, is_new=False):
    """Writes an object; returns false if it is to be new and is not."""
    body = content if isinstance(content, bytes) else canonical(content)
    condition = {"IfNoneMatch": "*"} if is_new else {}
    try:
        client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=body, **condition)
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise
        return False
    return True


def remove(key):
    client("s3").delete_object(Bucket=os.environ["BUCKET"], Key=key)


def pages(**asked):
    more = {}
    while True:
        page = client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], **asked, **more)
        yield {"Contents": [], **page}
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def each(action, things):
    return list(pool().map(action, things))


@functools.cache
def pool():
    return concurrent.futures.ThreadPoolExecutor(AT_ONCE)


def plain(text):
    """A text without what a message may not hold, and not too long."""
    text = text.encode("utf-8", "replace").decode()[:LONGEST_REASON]
    return CONTROL.sub(" ", text).replace("\ufffe", " ").replace("\uffff", " ").strip() or "refused"


def canonical(value):
    """The same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def digest(content):
    return hashlib.sha256(content).hexdigest()


@functools.cache
def client(service):
    # Tried once more, but not for so long that nobody waits for the answer any more.
    retries = {"mode": "standard", "total_max_attempts": 2}
    return boto3.client(
        service,
        config=Config(
            connect_timeout=1, read_timeout=3, retries=retries, max_pool_connections=AT_ONCE
        ),
    )
