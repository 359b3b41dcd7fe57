"""Submits a job for each event of a trigger, once, whatever ends it and however often it is asked to:
what the head node's program for operations does with the verb `take`. The order is

    {"verb": "take", "region": "r", "program": {"key": "hpcapi/../run-job.sh", "sha256": ".."},
     "events": [{"run": "20261128-104500-0a1b2c3d", "digest": "SHA-256 of its run.json",
                 "trigger": "t", "user": "u", "name": "of the job", "options": [["partition", "q1"]],
                 "at_most": 4 or null, "earlier": whether a node may have been told before}]}

and the answer has, for each event, its run with `job_id`, with `later` when it is worth another
try, or with `refused`: each of the last two says why.

That an event has become a job stands in three places. The journal here says so for 30 days, Slurm
until it forgets the job, and the job memory, which whoever asks again after minutes has asked
before. An intent is on disk before sbatch begins: who finds one without a job looks in Slurm, and
gives a job whose submission was cut off some time to appear there.

Standard library alone, for Python 3.6 and later.
"""

import collections
import contextlib
import errno
import hashlib
import json
import os
import pwd
import re
import tempfile
import time

import operate
from operate import Refused

MOST = 1000  # events of an order, so that the answer has room for all
MOST_AT_ONCE = 10000  # jobs of a trigger, where they are limited
LONGEST_REASON = 300  # characters, unless the answer gets too long by it
BEGIN = 20  # seconds after which no submission begins
END = 25  # seconds after which none goes on
KEPT = 30 * 86400  # seconds that the journal is kept
FIRST_USER = 1000  # those below are the system's

MARKER = operate.MARKER + "run-"
RUN = "[0-9]{8}-[0-9]{6}-[0-9a-f]{8}"
PATTERNS = {
    "digest": "[0-9a-f]{64}",
    "trigger": "[a-z][a-z0-9-]{0,31}",
    "user": r"[^\s:/\0]{0,255}",
    "name": r"[^\0]{1,255}",
}
NO_SHELL = ("nologin", "false", "sync", "shutdown", "halt")

# What Slurm says when it takes a job some other time: it is full, its disk is, or the queue is
# stopped with the compute fleet.
LATER = re.compile(
    r"(Grp|Max)Submit\w*Limit|partition not available|writing script|writing to file|"
    "no space left|cannot allocate memory|resource temporarily",
    re.IGNORECASE,
)
ONE = "an event is one job"


class Taker:
    """Takes the events of one order. `operator` knows the bucket, and what is asked for."""

    def __init__(self, operator):
        self.operator = operator
        self.began = time.monotonic()
        self.journal = Journal(os.path.join(operate.FOLDER, "taken"))
        self.known = {}
        self.active = {}
        self.lanes = {}

    def take(self):
        try:
            order = checked(self.operator.order())
            default = self.operator.config["user"]
            events = [Event(said, default) for said in order["events"]]
            program = self.program(order["program"])
        except OSError as error:
            raise Refused(503, "the head node cannot read the order: %s" % error.strerror)
        script = Script(self.operator.config["bucket"], order["region"], program)
        reason = ""
        try:
            with operate.Lock("take") as lock:
                self.take_all(events, script, lock)
        except Refused as refused:
            reason = str(refused)
        except OSError as error:
            reason = "the head node cannot note what it takes: %s" % error.strerror
        # One that is there twice has one answer.
        answers = {event.run: event.answer for event in events if event.answer}
        for event in waiting(events):
            event.answer = answers.get(event.run, {"later": reason})
        return answer(events)

    def program(self, said):
        """Returns the text that each script ends with; it is fetched once."""
        folder = os.path.join(operate.FOLDER, "programs")
        path = os.path.join(folder, said["sha256"])
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            text = file.read()
            if hashlib.sha256(text).hexdigest() == said["sha256"]:
                return text
        text = self.operator.fetch(said["key"], said["sha256"], "the program of the jobs")
        # Without it the next order fetches it, too.
        with contextlib.suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(text)
            os.rename(file.name, path)
        return text

    def take_all(self, events, script, lock):
        """Answers each event. Whoever ends this leaves it so that the next one goes on."""
        self.known = self.journal.read({event.run for event in events})
        for event in events:
            event.recall(self.known.get(event.run))
        self.find(events)
        if any(event.is_unclear() for event in events):
            # It was begun, perhaps a moment ago.
            time.sleep(operate.PAUSE)
            self.find(events)
        # One that ended sbatch the last time comes after all others.
        unanswered = {event.run: event for event in events if not event.answer}
        unanswered = sorted(unanswered.values(), key=lambda event: event.is_begun)
        if unanswered:
            self.plan(unanswered)
            self.journal.write([event.intent() for event in unanswered], is_safe=True)
            self.known.update((event.run, event.intent()) for event in unanswered)
            self.submit_all(unanswered, script, lock)
            self.journal.make_safe()

    def find(self, events):
        """Answers the events whose jobs Slurm knows: one question for all of a user."""
        by_user = collections.defaultdict(list)
        for event in waiting(events):
            by_user[event.user.pw_name].append(event)
        for asking in by_user.values():
            jobs = operate.marked(asking[0].user, self.left())
            found = {marker: job for marker, job, _ in jobs}
            self.active.update(
                (marker[len(MARKER) :], job)
                for marker, job, state in jobs
                if state not in operate.ENDED and marker.startswith(MARKER)
            )
            for event in asking:
                if event.marker in found:
                    self.note(event, found[event.marker])

    def note(self, event, job):
        event.answer = {"job_id": job}
        # Without the line, the next one has to look.
        with contextlib.suppress(OSError):
            if event.run not in self.known:
                self.journal.write([event.intent()])
            self.journal.write([{"run": event.run, "job_id": job}])

    def plan(self, events):
        """Gives each job of a trigger that may have so many a lane, in which one runs after the
        other: that with the fewest jobs."""
        wanted = {event.trigger for event in events if event.at_most}
        if not wanted:
            return
        self.lanes = {trigger: collections.defaultdict(list) for trigger in wanted}
        for run, said in self.journal.read(set(self.active)).items():
            if said["trigger"] in wanted and said["lane"] is not None:
                self.lanes[said["trigger"]][said["lane"]].append(self.active[run])
        lengths = {}
        for event in events:
            if event.at_most:
                kind = event.trigger, event.at_most
                if kind not in lengths:
                    lengths[kind] = [0] * event.at_most
                    for lane, jobs in self.lanes[event.trigger].items():
                        lengths[kind][lane % event.at_most] += len(jobs)
                event.lane = lengths[kind].index(min(lengths[kind]))
                lengths[kind][event.lane] += 1

    def before(self, event):
        """Returns the jobs that this one waits for: the last in its lane, and in those that there
        were more of once."""
        lanes = self.lanes[event.trigger].items() if event.at_most else ()
        return sorted(
            max(jobs) for lane, jobs in lanes if jobs and lane % event.at_most == event.lane
        )

    def submit_all(self, events, script, lock):
        stop, over, unclear = None, [], []
        with tempfile.TemporaryDirectory(prefix="hpcapi-") as folder:
            # Its users have to get to their scripts.
            os.chmod(folder, 0o711)
            for event in events:
                if not stop and time.monotonic() > self.began + BEGIN:
                    stop = "there was no time left for it"
                if stop:
                    event.answer = {"later": stop}
                    over.append(event)
                    continue
                path = script.write(folder, event)
                command = event.command(path, self.before(event))
                status, said = self.submit(event, command, lock)
                os.remove(path)
                if event.answer:
                    continue
                words = operate.excerpt(said)
                if status == 0 or operate.is_unclear(status, said):
                    unclear.append((event, status, words))
                    stop = "Slurm does not take jobs now: " + words
                else:
                    event.answer = {"later" if LATER.search(said) else "refused": words}
                    over.append(event)
        self.journal.close(over)
        for event, status, words in unclear:
            self.settle(event, status, words)

    def submit(self, event, command, lock):
        """Has sbatch submit the job of an event; returns how that ended, and what it had to say."""
        patience = min(operate.PATIENCE, self.left())
        try:
            given = operate.variables(event.options)
            job, status, said = operate.sbatch(command, event.user, lock, patience, given)
        except Refused as refused:
            return 1 if refused.answer["status"] < 500 else None, str(refused)
        if job is not None:
            self.note(event, job)
            if event.at_most:
                self.lanes[event.trigger][event.lane].append(job)
        return status, said

    def settle(self, event, status, words):
        """Looks for a job that sbatch has not told of."""
        time.sleep(operate.PAUSE)
        with contextlib.suppress(Refused):
            self.find([event])
            if not event.answer and status == 0:
                event.answer = {"refused": "sbatch has submitted nothing: " + words}
                self.journal.close([event])
        event.answer = event.answer or {"later": "Slurm does not take the job now: " + words}

    def left(self):
        return max(self.began + END - time.monotonic(), 1)


class Event:
    """An event of the order, and what comes of it. An order that names no user means the cluster's
    default user."""

    def __init__(self, said, default):
        self.run, self.digest = said["run"], said.get("digest")
        self.trigger, self.name = said.get("trigger"), said.get("name")
        self.options, self.at_most = said.get("options"), said.get("at_most")
        self.marker = MARKER + self.run
        self.is_begun = bool(said.get("earlier"))
        self.lane = self.answer = self.user = None
        try:
            check(said)
            self.user = login(said["user"] or default)
        except Refused as refused:
            self.answer = {"refused": str(refused)}

    def recall(self, known):
        """Goes on from what the journal knows."""
        if known and known["job_id"] is not None:
            self.answer = {"job_id": known["job_id"]}
        elif known:
            self.is_begun = not known["is_over"]

    def is_unclear(self):
        return not self.answer and self.is_begun

    def intent(self):
        return {"run": self.run, "trigger": self.trigger, "lane": self.lane}

    def command(self, path, before):
        """Returns the arguments of sbatch."""
        options = [["job-name", self.name]] + self.options
        if before:
            said = operate.last_of(options, "dependency", "")
            after = "afterany:" + ":".join(map(str, before))
            options = [one for one in options if one[0] != "dependency"]
            options.append(["dependency", "%s,%s" % (said, after) if said else after])
        comment = operate.last_of(options, "comment", "")
        return operate.options(options, comment, self.marker) + [path]


class Script:
    """The batch scripts, which differ in their first lines."""

    def __init__(self, bucket, region, program):
        self.bucket, self.region, self.program = bucket, region, program

    def write(self, folder, event):
        """Writes the script of an event for its user; returns its path."""
        head = "#!/bin/bash\n# The run {run} of hpcapi.\nrun={run}\nbucket={bucket}\n"
        head += "region={region}\ndigest={digest}\n"
        told = {"bucket": self.bucket, "region": self.region}
        head = head.format(run=event.run, digest=event.digest, **told)
        path = os.path.join(folder, event.run)
        with open(path, "xb") as file:
            file.write(head.encode("utf-8") + self.program)
            os.fchown(file.fileno(), event.user.pw_uid, event.user.pw_gid)
        return path


class Journal:
    """What was taken: a file for each hour that runs are named after, with a line for each thing
    that has come of one. A line that is cut off counts for nothing."""

    def __init__(self, folder):
        self.folder = folder
        self.whole = set()

    def read(self, runs):
        """Returns what is known of some runs."""
        known = {}
        for name in {file_of(run) for run in runs}:
            with contextlib.suppress(FileNotFoundError), open(self.path(name), "rb") as file:
                for line in file:
                    # {"run":"20261128-104500-0a1b2c3d",…
                    run = line[8:32].decode("ascii", "replace")
                    if run in runs:
                        with contextlib.suppress(ValueError, LookupError, TypeError):
                            learn(known, json.loads(line.decode("utf-8")))
        return known

    def write(self, lines, is_safe=False):
        """Adds lines; they are on disk when this returns, if they are to be."""
        by_file = collections.defaultdict(list)
        for line in lines:
            by_file[file_of(line["run"])].append(json.dumps(line, separators=(",", ":")))
        for name, texts in by_file.items():
            path = self.path(name)
            if not os.path.exists(path):
                self.begin(path)
            # What was cut off by whoever wrote before stays a line of its own.
            first = [] if name in self.whole else [""]
            self.whole.discard(name)
            text = "\n".join(first + texts + [""]).encode("ascii")
            with open(path, "ab", 0) as file:
                if file.write(text) != len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if is_safe:
                    os.fsync(file.fileno())
            self.whole.add(name)

    def begin(self, path):
        """Makes a file, and room for it."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        for entry in list(os.scandir(self.folder)):
            if entry.stat().st_mtime < time.time() - KEPT:
                os.remove(entry.path)
        open(path, "ab").close()
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self, events):
        """Notes that these have come to nothing: nobody needs to look for their jobs."""
        with contextlib.suppress(OSError):
            self.write([{"run": event.run, "is_over": True} for event in events])

    def make_safe(self):
        with contextlib.suppress(OSError):
            for name in self.whole:
                with open(self.path(name), "ab") as file:
                    os.fsync(file.fileno())

    def path(self, name):
        return os.path.join(self.folder, name)


def file_of(run):
    return run[: len("20261128-10")]


def learn(known, line):
    """Takes a line of the journal into what is known of its run."""
    nothing = {"trigger": None, "lane": None, "job_id": None}
    said = known.setdefault(line["run"], nothing)
    said.update({name: line[name] for name in nothing if name in line})
    said["is_over"] = line.get("is_over", False)


def checked(order):
    """Returns an order that is as it must be, but for what is wrong with single events."""
    program = operate.of(order, "program")
    events, region = operate.of(order, "events"), operate.of(order, "region")
    said = {
        r"take": operate.of(order, "verb"),
        r"hpcapi/[0-9a-f]{1,64}/run-job\.sh": operate.of(program, "key"),
        r"[0-9a-f]{64}": operate.of(program, "sha256"),
        r"[a-z0-9-]{1,64}": region,
    }
    if not all(is_like(pattern, text) for pattern, text in said.items()):
        raise Refused(400, "the order is not one to take events")
    is_list = isinstance(events, list) and len(events) <= MOST
    if not is_list or not all(is_like(RUN, operate.of(one, "run")) for one in events):
        raise Refused(400, "events are a list of up to %d, each with its run" % MOST)
    return order


def is_like(pattern, text):
    return isinstance(text, str) and bool(re.fullmatch(pattern, text))


def check(said):
    """Refuses an event that is not as it must be."""
    for field, pattern in PATTERNS.items():
        text = said.get(field)
        if not is_like(pattern, text) or not operate.is_utf_8(text):
            raise Refused(400, "`%s` is not written as it must be" % field)
    options, at_most = said.get("options"), said.get("at_most")
    is_list = isinstance(options, list) and all(
        isinstance(one, list) and len(one) == 2 for one in options
    )
    texts = [text for one in options for text in one] if is_list else [None]
    for text in texts:
        if not isinstance(text, str) or "\0" in text or not operate.is_utf_8(text):
            raise Refused(400, "options are pairs of a name and a value without NUL")
    if sum(len(text.encode()) for text in texts) > operate.LONGEST:
        raise Refused(400, "options are longer than %d bytes" % operate.LONGEST)
    operate.check_options(options)
    if any(name == "array" for name, _ in options):
        raise Refused(400, "`--array` cannot be given here: " + ONE)
    is_count = isinstance(at_most, int) and not isinstance(at_most, bool)
    if at_most is not None and not (is_count and 0 < at_most <= MOST_AT_ONCE):
        raise Refused(400, "`at_most` is no count of jobs")


def login(name):
    """Returns a user that people log in as."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise Refused(400, "there is no user `%s` on the head node" % operate.excerpt(name))
    if user.pw_uid < FIRST_USER or os.path.basename(user.pw_shell) in NO_SHELL:
        raise Refused(400, "`%s` is a user of the system: no job is run as it" % name)
    return user


def waiting(events):
    return [event for event in events if not event.answer]


def answer(events):
    """Returns the line of the answer, with as much of the reasons as there is room for."""
    most = LONGEST_REASON
    while True:
        told = []
        for event in events:
            [(name, value)] = event.answer.items()
            value = value[:most] if isinstance(value, str) else value
            told.append({"run": event.run, name: value})
        said = operate.packed({"status": 200}, {"events": told})
        if len(said) <= operate.LINE or most == 0:
            return said
        most //= 2
