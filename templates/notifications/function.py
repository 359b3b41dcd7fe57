"""A function that tells of the jobs that have ended: it publishes a message of each that has the
word `hpcapi:notify` in its comment.

It is called with each object of the job memory that is written, looks at the whole of it, and does
what is not done yet. What it has done lies in the bucket, too:

    jobs/<object>.ndjson.gz                              read: the jobs that have ended, one a line
    runs/<run>/run.json                                  read: which trigger a run is of
    operations/notified/<object>/<job>[_<task>]-<end>    the marker of a message, with its state:
        begun     a call is about to publish it, or has done so and ended before it could say so
        told      it is published
        refused   SNS does not take it, whoever sends it

It may end anywhere. What is begun and not told after a call's longest life is published by the next
one: no message is lost, and one is there twice only if a call ended, or the answer of SNS was lost,
between the message and its marker. Tasks of one array that are found together are one message.

What users write (names, comments, paths, keys) goes into messages as text without control
characters and cut to a length, or into JSON; nothing of it is logged.

Standard library and boto3 alone.
"""

import collections
import concurrent.futures
import functools
import gzip
import io
import json
import os
import re
import secrets
import time
import unicodedata
import zlib
from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

TELLING = 45  # seconds after which nothing more is begun; Lambda ends a call after 60
ABANDONED = 90  # seconds after which no call is under way that was when a marker was begun
AT_ONCE = 16  # requests to AWS at once
LOT = 64  # jobs whose markers are begun together, and whole arrays

LARGEST_PACKED, LARGEST_OBJECT = 64 << 20, 256 << 20  # bytes
LONGEST_LINE = 16 << 20  # bytes
LARGEST_RUN = 1 << 20  # bytes of a run.json
LONGEST_BEGUN = 72  # bytes; the markers of what is done are longer
LARGEST_MESSAGE = 250_000  # bytes with the attributes; SNS takes 262,144
LONGEST_SUBJECT = 99  # characters; SNS takes less than 100
LONGEST_ATTRIBUTE, LONGEST_TEXT, LONGEST_NAME, LONGEST_PATH = 256, 1024, 80, 1024  # characters
LONGEST_LIST = 300  # characters of a list of tasks
MOST_KINDS = 8  # of ends that are told apart in a text
LONGEST_REASON = 500
END = 253_402_300_800  # the first second that four digits of a year cannot show

OBJECT = re.compile(r"jobs/([0-9]{4}-[0-9]{2}-[0-9]{2}/[A-Za-z0-9._-]{1,200})\.ndjson\.gz")
MARKED = re.compile(r"hpcapi:run-([0-9]{8}-[0-9]{6}-[0-9a-f]{8})")
TRIGGER = re.compile(r"[a-z][a-z0-9-]{0,31}")
NAMED = re.compile(r"%([0-9]*)([jJAauxNnts%])")
WISH = "hpcapi:notify"
NOTHING = ("", "(null)", "None", "None assigned", "N/A")
UNSET = (0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF)
# The states of what the journal may tell of although it will go on.
UNENDED = ("PENDING", "RUNNING", "SUSPENDED", "REQUEUED", "RESIZING")
# Characters without an image of their own: controls, marks of direction, halves of characters.
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
GONE = ("NoSuchKey", "404", "NotFound")
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
# What SNS says of a message that it will never take.
REFUSALS = (
    "InvalidParameter",
    "InvalidParameterException",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "ParameterValueInvalid",
    "ValidationError",
    "ValidationException",
)
NOT_UNDERSTOOD = (LookupError, TypeError, AttributeError, ValueError, RecursionError, OverflowError)

OVER, TOLD, REFUSED, LEFT = "over", "told", "refused", "left"


class Left(Exception):
    """Something is left. Lambda calls again with the same event, in a minute and after two more."""


def tell(event, context):
    started = time.monotonic()
    line = {"object": None, "jobs": 0, "told": 0, "refused": 0, "left": 0, "damaged": 0}
    try:
        look(event, line, started + TELLING)
    except Exception as error:
        # Its text may hold what users wrote.
        line["problem"] = code_of(error)
        raise Left(line["problem"]) from None
    finally:
        line["milliseconds"] = round((time.monotonic() - started) * 1000)
        print(json.dumps(line), flush=True)
    if line["left"]:
        raise Left(f"of {line['left']} jobs nothing could be told yet")


def look(event, line, deadline):
    """Tells what the object that an event is about has to tell."""
    called = object_of(event)
    if called is None:
        line["problem"] = "the event is of no object of the job memory"
        return
    line["object"] = called
    found = fetch(f"jobs/{called}.ndjson.gz", LARGEST_PACKED)
    if found is None:
        line["problem"] = "the object is gone"
        return
    wished = wishes_in(found.text, line)
    line["jobs"] = len(wished)
    if not wished:
        return
    folder = f"operations/notified/{called}/"
    sizes = markers(folder)
    author = secrets.token_hex(8)
    tellings = [
        Telling(job, folder + name, author, is_known=name in sizes)
        for name, job in wished.items()
        # Which is which need not be read.
        if sizes.get(name, 0) <= LONGEST_BEGUN
    ]
    for lot in lots(tellings):
        if time.monotonic() >= deadline:
            for telling in lot:
                telling.end(LEFT, "there was no time")
            continue
        each(guarded(Telling.begin), lot)
        ready = groups(one for one in lot if one.is_begun)
        each(publish, ready)
        each(settle, (one for group in ready if len(group) > 1 for one in group))
    count(tellings, line)


def count(tellings, line):
    for outcome in (TOLD, REFUSED, LEFT):
        line[outcome] = sum(one.outcome == outcome for one in tellings)
    reasons = collections.Counter(one.reason for one in tellings if one.reason)
    if reasons:
        line["reasons"] = dict(reasons.most_common(MOST_KINDS))


def object_of(event):
    """Returns what an object of the job memory is called by; the event may be any."""
    try:
        detail = event["detail"]
        is_ours = event["source"] == "aws.s3" and event["detail-type"] == "Object Created"
        found = OBJECT.fullmatch(detail["object"]["key"])
        return found[1] if is_ours and detail["bucket"]["name"] == os.environ["BUCKET"] else None
    except NOT_UNDERSTOOD:
        return None


# What there is to tell


def wishes_in(packed, line):
    """Returns the jobs that asked for a message, each once, by the names of their markers."""
    wished = {}
    for text in lines_of(packed, line):
        if WISH.encode() not in text:
            line["damaged"] += bool(text) and not (text.startswith(b"{") and text.endswith(b"}"))
            continue
        try:
            job = Job(json.loads(text))
        except NOT_UNDERSTOOD:
            line["damaged"] += 1
            continue
        if job.is_wished:
            wished.setdefault(job.marker_name, job)
    return wished


def lines_of(packed, line):
    """Yields the lines of an object, up to where it is damaged."""
    left, is_rest = LARGEST_OBJECT, False
    try:
        with gzip.open(io.BytesIO(packed)) as lines:
            while left > 0:
                text = lines.readline(min(left, LONGEST_LINE))
                if not text:
                    return
                left -= len(text)
                if not is_rest:
                    yield text.rstrip(b"\n")
                # Of a line that is too long its beginning is seen, which is damaged.
                is_rest = not text.endswith(b"\n")
    except (OSError, EOFError, zlib.error):
        pass
    line["damaged"] += 1
    line["problem"] = "the object is damaged or too large"


class Job:
    """A job as the job memory knows it. Anything may stand in its texts."""

    def __init__(self, raw):
        # More of a text is never told; of a comment the end counts, too.
        self.raw = {
            name: value[: LONGEST_TEXT + 1] if isinstance(value, str) else value
            for name, value in raw.items()
            if name != "comment"
        }
        self.id = self.positive("job_id")
        state = raw["job_state"]
        self.state = state if isinstance(state, str) else state[0]
        if not self.id or not re.fullmatch("[A-Z_]{1,32}", self.state):
            raise ValueError("no job")
        self.array = self.positive("array_job_id")
        self.task = self.number("array_task_id") if self.array else None
        self.name, self.user = self.text("name"), self.text("user_name")
        self.start, self.end = self.moment("start_time"), self.moment("end_time")
        self.exit_code, self.signal = self.exit("exit_code")
        comment = raw.get("comment")
        comment, self.marker = whole(comment) if isinstance(comment, str) else "", None
        is_ended = self.state not in UNENDED
        self.is_wished = WISH in comment.split() and is_ended and not raw.get("unconfirmed")
        rest, _, last = comment.rpartition(" ")
        if last.startswith("hpcapi:") and last != WISH:
            comment, self.marker = rest, last
        self.comment = comment[: LONGEST_TEXT + 1] or None
        marked = MARKED.fullmatch(self.marker or "")
        self.run = marked and marked[1]

    def number(self, name):
        value = self.raw.get(name)
        if isinstance(value, dict):
            value = value.get("number") if value.get("set") else None
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return value if is_number and 0 <= value < 1 << 63 and value not in UNSET else None

    def positive(self, name):
        return self.number(name) or None

    def moment(self, name):
        seconds = self.positive(name)
        return seconds if seconds and seconds < END else None

    def text(self, name):
        value = self.raw.get(name)
        return whole(value) if isinstance(value, str) and value not in NOTHING else None

    def exit(self, name):
        """Returns exit code and signal of a wait status."""
        status = self.number(name)
        return (None, None) if status is None else (status >> 8 & 0xFF, status & 0x7F or None)

    @property
    def is_task(self):
        return self.task is not None

    @property
    def shown_id(self):
        return f"{self.array}_{self.task}" if self.is_task else str(self.id)

    @property
    def marker_name(self):
        return f"{self.shown_id}-{self.end or 0}"

    @property
    def how(self):
        """How it ended: its state, and with what."""
        code, signal = self.exit_code, self.signal
        return (self.state, code or None, signal)

    @property
    def stdout(self):
        return self.file("standard_output")

    def file(self, name):
        """Returns a path with Slurm's patterns filled in; none where Slurm had forgotten it."""
        pattern, folder = self.text(name) or "", self.text("current_working_directory") or ""
        if self.raw.get("undetailed") or not (folder or pattern.startswith("/")):
            return None
        pattern = pattern or ("slurm-%A_%a.out" if self.array else "slurm-%j.out")
        # A backslash anywhere turns every pattern off.
        path = pattern.replace("\\", "") if "\\" in pattern else NAMED.sub(self.fill, pattern)
        return path if path.startswith("/") or not folder else f"{folder.rstrip('/')}/{path}"

    def fill(self, found):
        width, letter = min(int(found[1][:4] or 0), 10), found[2]
        task = self.task if self.is_task else UNSET[0]
        numbers = {"j": self.id, "J": self.id, "A": self.array or self.id, "a": task}
        numbers.update(n=0, t=0)
        if letter in numbers:
            return f"{numbers[letter]:0{width}}"
        node = self.text("nodes") or ""
        return {"%": "%", "u": self.user or "", "x": self.name or "", "N": node, "s": "batch"}[
            letter
        ]

    def told(self):
        """Returns it as `hpcapi jobs show --output json` does."""
        minutes = self.number("time_limit")
        derived, _ = self.exit("derived_exit_code")
        cpus = re.search(r"(?:^|,)cpu=([0-9]{1,9})(?:,|$)", self.text("tres_req_str") or "")
        stdin = self.text("standard_input")
        return {
            "id": self.id,
            "array_job_id": self.array,
            "array_task_id": self.task,
            "array_tasks": None,
            "name": self.name,
            "user": self.user,
            "account": self.text("account"),
            "partition": self.text("partition"),
            "qos": self.text("qos"),
            "state": self.state,
            "reason": self.text("state_reason"),
            "dependency": self.text("dependency"),
            "priority": self.number("priority"),
            "nodes": self.text("nodes"),
            "node_count": self.positive("node_count"),
            "cpus": self.positive("cpus") or (cpus and int(cpus[1])) or None,
            "tasks": self.positive("tasks"),
            "memory_per_node_mb": self.positive("memory_per_node"),
            "memory_per_cpu_mb": self.positive("memory_per_cpu"),
            "submit_time": rfc3339(self.moment("submit_time")),
            "eligible_time": rfc3339(self.moment("eligible_time")),
            "start_time": rfc3339(self.start),
            "end_time": rfc3339(self.end),
            "time_limit_seconds": None if minutes is None else minutes * 60,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "derived_exit_code": derived,
            "restarts": self.number("restart_cnt") or 0,
            "directory": self.text("current_working_directory"),
            "stdin": self.file("standard_input") if stdin and stdin != "/dev/null" else None,
            "stdout": self.stdout,
            "stderr": self.file("standard_error") if self.text("standard_error") else self.stdout,
            "constraints": self.text("features"),
            "comment": self.comment,
            "marker": self.marker,
            "submit_line": self.text("submit_line"),
            "source": "memory",
        }

    def told_briefly(self):
        """What tasks of one array differ in."""
        told = self.told()
        return {
            name: told[name]
            for name in (
                *("id", "array_job_id", "array_task_id", "state", "exit_code", "signal"),
                *("start_time", "end_time", "nodes", "stdout"),
            )
        }


# Telling it once


def markers(folder):
    """Returns how large the markers are that lie in a folder, by their names."""
    sizes, more = {}, {}
    while True:
        page = client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=folder, **more)
        for found in page.get("Contents", []):
            sizes[found["Key"][len(folder) :]] = found["Size"]
        if not page.get("IsTruncated"):
            return sizes
        more = {"ContinuationToken": page["NextContinuationToken"]}


class Telling:
    """A job of which there is something to tell, and its marker."""

    def __init__(self, job, key, author, is_known):
        self.job, self.key, self.author, self.is_known = job, key, author, is_known
        self.is_begun = False
        self.outcome = self.reason = self.message = None

    def end(self, outcome, reason=None):
        self.outcome, self.reason = outcome, reason

    def begin(self):
        """Sets the marker, or takes it over from a call that has ended."""
        condition = None if self.is_known else {"IfNoneMatch": "*"}
        for _ in range(3):
            now = int(time.time())
            if condition:
                mark = {"state": "begun", "time": now, "by": self.author}
                if put(self.key, mark, **condition):
                    self.is_begun = True
                    return
            found = fetch(self.key)
            if found is None:
                condition = {"IfNoneMatch": "*"}
                continue
            state, since, author = marker_of(found)
            if state != "begun":
                return self.end(OVER)
            if author == self.author:
                # It was set, and only the answer was lost.
                self.is_begun = True
                return
            if abs(now - since) < ABANDONED:
                return self.end(LEFT, "another call has begun it")
            condition = {"IfMatch": found.etag}
        self.end(LEFT, "other calls have begun it")

    def settle(self):
        """Writes down what has come of it."""
        now = int(time.time())
        if self.outcome == TOLD:
            put(self.key, {"state": "told", "time": now, "message_id": self.message})
        elif self.outcome == REFUSED:
            put(self.key, {"state": "refused", "time": now, "reason": self.reason})
        else:
            # The next call need not wait until this one is surely over.
            put(self.key, {"state": "begun", "time": 0})


def marker_of(found):
    """Returns state, time and author of a marker. A damaged one says when it was written."""
    try:
        said = json.loads(found.text)
        if said["state"] in (TOLD, REFUSED):
            return said["state"], 0, None
        return "begun", int(said["time"]), said.get("by")
    except NOT_UNDERSTOOD:
        return "begun", found.changed, None


def guarded(step):
    """What goes wrong with one does not keep the others."""

    def guarded_step(telling):
        try:
            step(telling)
        except Exception as error:
            if telling.outcome in (None, LEFT):
                telling.end(LEFT, code_of(error))
            else:
                # What is published is published. If its marker stays as it is, there is another.
                telling.reason = f"{telling.outcome}, and not marked: {code_of(error)}"

    return guarded_step


def settle(telling):
    guarded(Telling.settle)(telling)


def lots(tellings):
    """Returns them in parts that are done one after the other, arrays as a whole."""
    lot = []
    for group in groups(tellings):
        lot += group
        if len(lot) >= LOT:
            yield lot
            lot = []
    if lot:
        yield lot


def groups(tellings):
    """Returns those that are one message together: the tasks of an array."""
    arrays = collections.defaultdict(list)
    for at, telling in enumerate(tellings):
        job = telling.job
        arrays[(job.array, job.user) if job.is_task else at].append(telling)
    return list(arrays.values())


def publish(group):
    """Publishes the message of jobs. What came of a single one is written down at once: the less is
    published and not marked, the less is there twice if the call ends here."""
    try:
        answered = client("sns").publish(**message_of([telling.job for telling in group]))
        outcome, reason, message = TOLD, None, str(answered["MessageId"])
    except Exception as error:
        is_refused = isinstance(error, ParamValidationError) or code_of(error) in REFUSALS
        outcome, reason, message = REFUSED if is_refused else LEFT, reason_of(error), None
    for telling in group:
        telling.end(outcome, reason)
        telling.message = message
    if len(group) == 1:
        settle(group[0])


# What is told


class Run(NamedTuple):
    """A run, and what has begun it, as far as that is known."""

    name: str
    trigger: str | None = None
    manifest: str | None = None
    thing: str | None = None


def run_of(name):
    """Looks a run up; whoever may write runs may have written anything there."""
    found = fetch(f"runs/{name}/run.json", LARGEST_RUN)
    try:
        said = json.loads(found.text if found else b"")
        trigger, outbox, event = said["trigger"], said["outbox"], said["event"]
        is_right = TRIGGER.fullmatch(trigger) and outbox.startswith(f"outbox/{trigger}/")
        if not is_right or not outbox.endswith("/"):
            return Run(name)
        manifest = f"s3://{os.environ['BUCKET']}/{whole(outbox)}manifest.json"
        thing = f"s3://{event['bucket']}/{event['key']}"
        return Run(name, trigger, manifest, whole(thing))
    except NOT_UNDERSTOOD:
        return Run(name)


def message_of(jobs):
    """Returns what SNS is asked to publish of a job, or of tasks of one array."""
    first = min(jobs, key=lambda job: (job.state == "COMPLETED", job.task or 0))
    run = run_of(first.run) if first.run else None
    attributes = {
        "deployment": os.environ["DEPLOYMENT"],
        "user": first.user,
        "name": first.name,
        "state": first.state,
        "trigger": run and run.trigger,
    }
    attributes = {
        name: {"DataType": "String", "StringValue": seen(value, LONGEST_ATTRIBUTE)}
        for name, value in attributes.items()
        if value and seen(value, LONGEST_ATTRIBUTE)
    }
    text = text_of(jobs, first, run)
    spent = len(json.dumps(attributes, ensure_ascii=False).encode())
    return {
        "TopicArn": os.environ["TOPIC"],
        "Subject": subject_of(jobs),
        "MessageStructure": "json",
        "Message": fitted(jobs, first, run, text, LARGEST_MESSAGE - spent),
        "MessageAttributes": attributes,
    }


def fitted(jobs, first, run, text, room):
    """Returns the message for each protocol; of what is too large, what fits."""
    count, longest, is_brief = min(len(jobs), 400), LONGEST_TEXT, len(jobs) > 100
    while True:
        document = json.dumps(document_of(jobs, first, run, count, longest, is_brief))
        message = {"default": text, "https": document, "http": document}
        message.update({"sqs": document, "lambda": document})
        message = json.dumps(message, ensure_ascii=False)
        size = len(message.encode())
        if size <= room:
            return message
        if len(jobs) == 1:
            longest //= 2
        elif not is_brief:
            is_brief = True
        else:
            count = max(min(count * room // size, count - 1), 0)


def document_of(jobs, first, run, count, longest, is_brief):
    """Returns a message for programs."""
    more = {
        "deployment": os.environ["DEPLOYMENT"],
        "run": run and run.name,
        "trigger": run and run.trigger,
        "manifest": run and run.manifest,
        "log": log_of(first, run),
    }
    if len(jobs) == 1:
        return cut_in({**more, **first.told()}, longest)
    told = Job.told_briefly if is_brief else Job.told
    states = collections.Counter(job.how for job in jobs)
    return {
        **cut_in(more, longest),
        "array_job_id": first.array,
        "name": cut(first.name or "", longest) or None,
        "user": cut(first.user or "", longest) or None,
        "state": first.state,
        "counts": [
            {"state": state, "exit_code": code or 0, "signal": signal, "jobs": many}
            for (state, code, signal), many in states.most_common(count + MOST_KINDS)
        ],
        "jobs": [cut_in(told(job), longest) for job in jobs[:count]],
        "jobs_left_out": len(jobs) - count,
    }


def cut_in(document, longest):
    return {
        name: cut(value, longest) if isinstance(value, str) else value
        for name, value in document.items()
    }


def log_of(job, run):
    """Returns where the log is: a command, or a path on the cluster."""
    if run is None:
        return job.stdout
    task = f" --task {job.task}" if job.is_task else ""
    return f"hpcapi runs logs {run.name}{task} {place()}"


def place():
    return f"--deployment {os.environ['DEPLOYMENT']}"


def subject_of(jobs):
    """Returns a subject as SNS takes it: ASCII without control characters."""
    (job, *others), how = jobs, ends_of(jobs)
    if others:
        before, after = f"hpcapi: {len(jobs)} of array {job.array}", f" ended: {how}"
    else:
        before, after = f"hpcapi: job {job.shown_id}", f" {how}"
    name = ascii_of(job.name or "")
    room = max(LONGEST_SUBJECT - len(before + after) - len(" ()"), 20)
    name = f" ({cut(name, room, '...')})" if name else ""
    return cut(ascii_of(before + name + after), LONGEST_SUBJECT, "...")


def ends_of(jobs):
    """Returns how jobs ended, the most frequent end first; an end is `FAILED, exit code 3`."""
    if len(jobs) == 1:
        return ", ".join(words_of(jobs[0].how))
    counted = collections.Counter(job.how for job in jobs).most_common()
    told = []
    for how, many in counted[:MOST_KINDS]:
        state, *more = words_of(how)
        told.append(f"{many} {state}" + (f" ({more[0]})" if more else ""))
    others = sum(many for _, many in counted[MOST_KINDS:])
    return ", ".join(told + ([f"{others} otherwise"] if others else []))


def words_of(how):
    state, code, signal = how
    if signal:
        return [state, f"signal {signal}"]
    return [state, f"exit code {code}"] if code else [state]


def text_of(jobs, first, run):
    """Returns a message for people."""
    name = seen(first.name or "", LONGEST_NAME)
    name = f" ({name})" if name else ""
    if len(jobs) == 1:
        lines = [f"Job {first.shown_id}{name} ended: {ends_of(jobs)}.", ""]
    else:
        lines = [f"{len(jobs)} of array {first.array}{name} ended: {ends_of(jobs)}.", ""]
    lines += [f"{title + ':':<12}{value}" for title, value in rows_of(jobs, first) if value]
    lines += kinds_of(jobs) if len(jobs) > 1 else []
    log = log_of(first, run)
    if log:
        of = f"The log of task {first.task}" if len(jobs) > 1 else "Its log"
        lines += ["", f"{of}:", f"  {seen(log, LONGEST_PATH)}"]
    if run and run.trigger:
        lines += ["", f"It is a run of the trigger {run.trigger}:"]
        lines += [f"  hpcapi trigger logs {run.trigger} {place()}"]
        lines += [f"  it was begun by {seen(run.thing, LONGEST_PATH)}"]
        lines += [f"  and wrote {seen(run.manifest, LONGEST_PATH)}"]
    return "\n".join(lines) + "\n"


def rows_of(jobs, first):
    starts = [job.start for job in jobs if job.start]
    ends = [job.end for job in jobs if job.end]
    start, end = min(starts, default=None), max(ends, default=None)
    yield "Deployment", os.environ["DEPLOYMENT"]
    yield "User", seen(first.user or "", LONGEST_NAME)
    yield "Partition", seen(first.text("partition") or "", LONGEST_NAME)
    yield "Started", start and moment_of(start)
    yield "Ended", end and moment_of(end)
    if start and end and start <= end:
        yield "Ran for", duration_of(end - start)
    if len(jobs) == 1:
        nodes, many = seen(first.text("nodes") or "", LONGEST_LIST), first.positive("node_count")
        yield "Nodes", f"{many} ({nodes})" if nodes and many else nodes
        yield "Run", first.run


def kinds_of(jobs):
    """Returns which tasks ended in another way than well."""
    kinds = collections.defaultdict(list)
    for job in jobs:
        if job.state != "COMPLETED":
            kinds[job.how].append(job.task)
    for how, tasks in list(kinds.items())[:MOST_KINDS]:
        yield f"{', '.join(words_of(how))}: {cut(ranges_of(tasks), LONGEST_LIST)}"


def ranges_of(numbers):
    """Returns numbers as Slurm writes them: 1,3-5."""
    ranges = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def moment_of(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def rfc3339(seconds):
    return seconds and time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def duration_of(seconds):
    days, rest = divmod(seconds, 86_400)
    parts = {"d": days, "h": rest // 3600, "min": rest // 60 % 60, "s": rest % 60}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count) or "0 s"


def whole(text):
    """A text without halves of characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def seen(text, longest):
    """A text in one line, as people may see it: what is not visible is shown to be there."""
    text = whole(text[: 4 * longest])
    text = "".join("\ufffd" if unicodedata.category(one) in UNSEEN else one for one in text)
    return cut(" ".join(text.split()), longest)


def ascii_of(text):
    return re.sub("[^ -~]", "?", seen(text, LONGEST_ATTRIBUTE))


def cut(text, longest, end="…"):
    return text if len(text) <= longest else text[: longest - len(end)].rstrip() + end


# AWS


class Object(NamedTuple):
    text: bytes
    etag: str
    changed: float


def fetch(key, most=None):
    try:
        found = client("s3").get_object(Bucket=os.environ["BUCKET"], Key=key)
        changed = found["LastModified"].timestamp()
        return Object(found["Body"].read(most), found["ETag"], changed)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        return None


def put(key, content, **condition):
    """Writes an object; returns whether the condition was met."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    try:
        client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=body, **condition)
    except ClientError as error:
        # What is to be overwritten may be gone.
        if not condition or code_of(error) not in (*TAKEN, *GONE):
            raise
        return False
    return True


def code_of(error):
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "Unknown")
    return type(error).__name__


def reason_of(error):
    """Why a message was not published; SNS's words hold nothing of it but names of parameters."""
    said = ""
    if isinstance(error, ClientError) and code_of(error) in REFUSALS:
        said = error.response["Error"].get("Message", "")
    return seen(f"{code_of(error)}: {said}" if said else code_of(error), LONGEST_REASON)


def each(action, things):
    return list(pool().map(action, things))


@functools.cache
def pool():
    return concurrent.futures.ThreadPoolExecutor(AT_ONCE)


@functools.cache
def client(service):
    retries = {"mode": "standard", "total_max_attempts": 3}
    return boto3.client(
        service,
        config=Config(
            connect_timeout=2, read_timeout=8, retries=retries, max_pool_connections=AT_ONCE
        ),
    )
