"""The function behind the routes below /operations: it makes of a signed request one command of the
document `<name>-operations` on the head node, and of the line that is printed there the answer.

What a caller sends is checked here and never becomes part of a command: an id, a cursor and the
digest of the caller go as parameters, a job to submit as an object whose name is its own digest.
Nothing of it is logged either.

Standard library and boto3 alone.
"""

import base64
import functools
import hashlib
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

LARGEST_BODY = 1 << 20  # bytes
LARGEST_ANSWER = 2 << 20  # bytes; as text within text it grows, and Lambda takes 6 MB
TOO_LARGE = f"the body is larger than {LARGEST_BODY} bytes"
MOST_ARGUMENTS, LONGEST_ARGUMENT = 1000, 1 << 16
MOST_OPTIONS, LONGEST_VALUE = 200, 4096

JOB = re.compile(r"[0-9]{1,10}(_[0-9]{1,7})?")
CURSOR = re.compile(r"[A-Za-z0-9._-]{0,128}")
MARKER = re.compile(r"[0-9a-f]{16}")
OPTION = re.compile(r"[a-z][a-z0-9-]{0,63}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
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
    given = {"verb": operation.verb, "caller": digest(caller)[:16], **cursor_of(event, operation)}
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
    content = json.dumps(order, sort_keys=True, separators=(",", ":"))
    called = digest(content)
    try:
        client("s3").put_object(
            Bucket=os.environ["BUCKET"],
            Key=f"operations/{called}.json",
            Body=content.encode(),
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
        status, following = said["status"], said.get("next")
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError("no status")
        if status >= 300:
            return error_of(said, status)
        body = unpacked(said["packed"]) if "packed" in said else said["body"]
        if not isinstance(body, dict):
            raise ValueError("no object")
        headers = link(event, given, following) if following else {}
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, zlib.error):
        raise Refusal(
            502,
            "the head node's answer is not understood",
            "hpcapi up, which brings its programs up to date",
            reason="NoAnswer",
        ) from None
    return answer(operation.success if status == 200 else status, body, headers)


def error_of(said, status):
    error, hints = said["error"], said.get("hints", [])
    are_lines = isinstance(hints, list) and all(isinstance(one, str) for one in [error, *hints])
    if status < 400 or not are_lines:
        raise ValueError("no error")
    return answer(status, {"error": error, "hints": hints})


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


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def client(service):
    # Tried once more, but not for so long that nobody waits for the answer any more.
    retries = {"mode": "standard", "total_max_attempts": 2}
    return boto3.client(service, config=Config(connect_timeout=1, read_timeout=3, retries=retries))
