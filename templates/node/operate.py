#!/usr/bin/env python3
"""Carries out one operation on the head node, for those who have no token of Slurm's:

    operate.py partitions|nodes|jobs|job|submit|take|cancel|diag

What is asked for beside the verb comes in the environment: SSM_job, SSM_after, SSM_order and
SSM_caller. All of it may be hostile, and so may be what users wrote into their jobs. The answer is
one line of JSON on standard output, short enough for SSM to hand it on whole:

    {"status": 200, "body": {...}, "next": "CURSOR"}   "packed" instead of "body": gzip in base64
    {"status": 404, "error": "what is wrong", "hints": ["what to do next"]}

SSM runs it as root. Slurm is read by a slurmrestd of its own, which serves one request on standard
input and ends: that needs no service that runs, and no token. Jobs are those of the cluster's
default user; what tells their callers apart is the marker at the end of a job's comment.

Standard library alone, for Python 3.6 and later; the bucket is reached by the AWS CLI.
"""

import base64
import errno
import fcntl
import glob
import hashlib
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

CONFIG = "/etc/hpcapi/operate.json"
FOLDER = "/var/lib/hpcapi/operations"
SLURM = "/opt/slurm"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

LINE = 23999  # characters of an answer: SSM cuts off what is longer than 24,000
LARGEST = 2 << 20  # bytes of an order
LONGEST = 100000  # bytes of all options and arguments together
EXCERPT = 600  # characters of what others say
PATIENCE = 15  # seconds for one answer of Slurm, and for the AWS CLI
QUEUE = 20  # seconds that a submission waits for another one
PAUSE = 2  # seconds in which a job appears whose submission was cut off

# The AWS CLI asks once, for a second, whose credentials it has: too little for a busy node.
METADATA = {"AWS_METADATA_SERVICE_TIMEOUT": "5", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3"}

ASKED = {
    "job": "[0-9]{0,10}(_[0-9]{1,7})?",
    "after": "[A-Za-z0-9._-]{0,128}",
    "order": "([0-9a-f]{64})?",
    "caller": "([0-9a-f]{16})?",
}
ORDER = "script name arguments options marker caller".split()
DAEMONS = "munge slurmctld slurmrestd hpcapi-proxy".split()

# sbatch takes whatever an option's name begins with for the option, so only whole names get there.
# Those that may stand alone: any other would take the next argument for its value.
ALONE = set(
    "consolidate-segments contiguous exclusive get-user-env hold nice no-kill no-requeue "
    "oom-kill-step overcommit oversubscribe propagate reboot requeue resv-ports spread-job "
    "spread-segments stepmgr use-min-nodes".split()
)
OPTIONS = ALONE | set(
    "account acctg-freq array batch bb begin chdir cluster-constraint comment constraint container "
    "container-id context core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline "
    "delay-boot dependency distribution env error exclude export extra extra-node-info gpu-bind "
    "gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input job-name "
    "kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu "
    "mem-per-gpu mem-update mincpus network nodelist nodes ntasks ntasks-per-core ntasks-per-gpu "
    "ntasks-per-node ntasks-per-socket ntasks-per-tres open-mode output partition prefer priority "
    "profile qos reservation resources runtime segment signal sockets-per-node switches thread-spec "
    "threads-per-core time time-min tmp tres-bind tres-per-task wait-all-nodes wckey".split()
)
# An option of hpcapi's, for a value may hold what `--export` divides by. What begins otherwise,
# sbatch itself goes by.
VARIABLE = "env"
NAMED = "(?!SLURM_|SBATCH_|LD_)[A-Za-z_][A-Za-z0-9_]*="
OF_SBATCH = "it is about how sbatch itself behaves: leave it out"
WHOSE = "a job runs as the cluster's default user"
REFUSED = {
    "bbf": "sbatch would read a file of the head node",
    "clusters": "the operations speak with one cluster",
    "export-file": "sbatch would read a file of the head node",
    "gid": WHOSE,
    "ignore-pbs": OF_SBATCH,
    "nodefile": "sbatch would read a file of the head node: --nodelist names nodes",
    "parsable": OF_SBATCH,
    "quiet": OF_SBATCH,
    "test-only": OF_SBATCH,
    "uid": WHOSE,
    "verbose": OF_SBATCH,
    "wait": OF_SBATCH,
    "wrap": "give a script instead",
}

# What Slurm's commands say when slurmctld has not answered, or munge has not vouched for them.
OUTAGE = re.compile(
    "contact slurm controller|connection refused|connection failure|connection reset|timed out|"
    "zero bytes were|communication|temporarily unable|standby mode|authentication|munge|"
    "unexpected message",
    re.IGNORECASE,
)
OVER = re.compile("already completing or completed|already finished", re.IGNORECASE)
AGAIN = "nothing is lost: send the same again, with the same marker"

# As src/slurm reads and shows them: the one shape for all versions of Slurm's API.
NO_NUMBER = (0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF)
NO_TEXT = ("", "(null)", "None", "None assigned", "N/A")
NO_INDEX = "4294967294"
FIRST_YEAR_TOO_LONG = 253402300800
SHOWN_FIRST = (
    "COMPLETING STAGE_OUT CONFIGURING RESIZING REQUEUED REQUEUE_FED REQUEUE_HOLD SPECIAL_EXIT "
    "STOPPED REVOKED RESV_DEL_HOLD SIGNALING"
).split()
ENDED = (
    "COMPLETED CANCELLED FAILED TIMEOUT NODE_FAIL PREEMPTED BOOT_FAIL DEADLINE OUT_OF_MEMORY "
    "REVOKED"
).split()
MARKER = "hpcapi:"
WISH = "hpcapi:notify"  # not a marker: its user wants to be told of the end
MARKED = "(?:^| )(hpcapi:[^ \n]+) ([0-9]+) ([A-Z_]+)$"
NUMBERS_OF_ERROR = "errno error_code error_number".split()
UNKNOWN = 2017  # Slurm's error for a job that it does not know


class Refused(Exception):
    """What is asked for is not to be had, or not now."""

    def __init__(self, status, error, *hints):
        super().__init__(error)
        self.answer = {"status": status, "error": error, "hints": list(hints)}


def main():
    os.umask(0o077)
    try:
        answer = answered(sys.argv[1:], os.environ)
    except Refused as refused:
        answer = line(refused.answer)
    except Exception as error:  # whoever waits for one line gets one
        where = traceback.extract_tb(error.__traceback__)[-1].lineno
        words = "the program on the head node failed: %s in line %d" % (type(error).__name__, where)
        answer = line({"status": 500, "error": words, "hints": []})
    print(answer)


def answered(arguments, environment):
    """Returns the line that answers."""
    asked = {name: environment.get("SSM_" + name, "") for name in ASKED}
    for name, pattern in ASKED.items():
        if not re.fullmatch(pattern, asked[name]):
            raise Refused(400, "`%s` is not written as it must be" % name)
    try:
        with open(CONFIG) as config:
            operator = Operator(json.load(config), asked)
    except FileNotFoundError:
        raise Refused(503, "the head node is not set up for operations", "hpcapi up")
    verbs = {
        "partitions": operator.partitions,
        "nodes": operator.nodes,
        "jobs": operator.jobs,
        "job": operator.job,
        "submit": operator.submit,
        "take": operator.take,
        "cancel": operator.cancel,
        "diag": operator.diag,
    }
    if len(arguments) != 1 or arguments[0] not in verbs:
        raise Refused(400, "there is no such operation")
    return verbs[arguments[0]]()


class Operator:
    """`config` has the bucket, the region, the path of Slurm's API, the options that name the
    plug-ins of slurmrestd, the user that it runs as, and the cluster's default user."""

    def __init__(self, config, asked):
        self.config = config
        self.asked = asked

    def partitions(self):
        return self.named("partitions", partition)

    def nodes(self):
        return self.named("nodes", node)

    def named(self, name, read):
        """Answers with things that have names, in Slurm's order."""
        elements = self.read(name, name, read)
        after = self.asked["after"]
        if after:
            names = [element["name"] for element in elements]
            if after not in names:
                raise Refused(409, "`%s` is no longer there" % after, "begin the list anew")
            elements = elements[names.index(after) + 1 :]
        return page(name, elements, lambda element: element["name"])

    def jobs(self):
        return self.numbered(lambda: self.read("jobs", "jobs", job))

    def job(self):
        return self.numbered(self.known_jobs)

    def known_jobs(self):
        jobs = self.look_up(self.config["rest_user"])
        if not jobs:
            raise Refused(404, unknown(self.asked["job"]))
        return jobs

    def numbered(self, read):
        """Answers with jobs, by their numbers."""
        after = self.asked["after"] or "0"
        if not re.fullmatch("[0-9]{1,10}", after):
            raise Refused(400, "`after` is no job's number")
        jobs = [job for job in read() if job["id"] > int(after)]
        return page("jobs", sorted(jobs, key=lambda job: job["id"]), lambda job: str(job["id"]))

    def diag(self):
        try:
            answer = self.ask("ping", self.config["rest_user"])[1]
        except Refused:
            answer = {}
        controllers = [controller(one) for one in elements_of(answer, "pings")]
        release = None
        if any(one["is_up"] for one in controllers):
            meta = of(answer, "meta")
            release = some(of(of(meta, "slurm") or of(meta, "Slurm"), "release"))
        states = run(["systemctl", "is-active"] + DAEMONS)[1].split()
        states += ["unknown"] * (len(DAEMONS) - len(states))
        daemons = [{"name": name, "state": state} for name, state in zip(DAEMONS, states)]
        body = {"slurm_version": release, "controllers": controllers, "daemons": daemons}
        return packed({"status": 200}, body)

    def cancel(self):
        """Cancels a job of the same caller."""
        shown, caller = self.asked["job"], self.caller()
        # As its owner, who sees it where Slurm shows users nothing but their own.
        jobs = self.look_up(self.config["user"])
        if not jobs:
            raise Refused(404, unknown(shown))
        own = "%sop-%s-" % (MARKER, caller)
        for one in jobs:
            is_user = one["user"] in (None, self.config["user"])
            if not is_user or not (one["marker"] or "").startswith(own):
                raise Refused(403, "job %s was submitted by somebody else" % shown)
        if all(one["state"] in ENDED for one in jobs):
            raise Refused(409, "job %s has ended: %s" % (shown, jobs[0]["state"]))
        status, _, said = run([slurm("scancel"), shown], self.user())
        if status != 0 and not OVER.search(said):
            self.judge_uncancelled(shown, status, said)
        return packed({"status": 200}, {"cancelled": [shown], "refused": []})

    def judge_uncancelled(self, shown, status, said):
        """Tells why scancel failed, unless the job has ended nonetheless."""
        if not is_unclear(status, said):
            is_denied = re.search("denied", said, re.IGNORECASE)
            raise Refused(403 if is_denied else 409, "Slurm says: " + excerpt(said))
        if not all(one["state"] in ENDED for one in self.look_up(self.config["user"])):
            words = "job %s is not cancelled: %s" % (shown, excerpt(said))
            raise Refused(503, words, "ask again in a minute")

    def submit(self):
        """Submits a job once, however often it is asked to."""
        order = checked(self.order(), self.caller())
        marker = "%sop-%s-%s" % (MARKER, order["caller"], order["marker"])
        with Lock(order["marker"][:2]) as lock:
            warnings = ["it had been submitted before: it is not submitted again"]
            number = self.find(marker)
            if number is None:
                number, warnings = self.sbatch(order, marker, lock)
        known, said = self.known(number), dict(map(tuple, order["options"]))
        submitted = {
            "file": order["name"],
            "id": number,
            "name": known.get("name") or said.get("job-name") or file_name(order["name"]),
            "array": said.get("array") or known.get("array_tasks"),
            "warnings": warnings,
        }
        return page("jobs", [submitted], None, 201)

    def take(self):
        """Submits the jobs of events, which is a subject of its own."""
        import take_events

        return take_events.Taker(self).take()

    def known(self, number):
        """Returns what Slurm shows of a job that it took: its script may name it, too."""
        try:
            jobs = self.read("job/%d" % number, "jobs", job, self.config["user"])
        except Refused:
            jobs = []
        return next((job for job in jobs if number in (job["id"], job["array_job_id"])), {})

    def order(self):
        """Returns what is to be submitted, as it lies in the bucket."""
        digest = self.asked["order"]
        if not digest:
            raise Refused(400, "there is no order to submit")
        text = self.fetch("operations/%s.json" % digest, digest, "the order")
        try:
            return json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Refused(400, "the order is no JSON")

    def fetch(self, key, digest, what):
        """Returns an object of the bucket, whose digest is known."""
        os.makedirs(FOLDER, mode=0o700, exist_ok=True)
        command = [aws(), "s3api", "get-object", "--bucket", self.config["bucket"]]
        command += ["--key", key, "--region", self.config["region"]]
        with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
            # One byte more than there may be.
            status, _, said = run(command + ["--range", "bytes=0-%d" % LARGEST, file.name])
            if status != 0:
                status = 404 if re.search("NoSuchKey|Not Found", said) else 503
                raise Refused(status, "the head node cannot read %s: %s" % (what, excerpt(said)))
            with open(file.name, "rb") as written:
                text = written.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise Refused(400, "%s is larger than %d bytes" % (what, LARGEST))
        if hashlib.sha256(text).hexdigest() != digest:
            raise Refused(400, "%s is not the one that was written" % what)
        return text

    def find(self, marker):
        """Returns the number of the job with a marker, or of its array, if there is one."""
        found = marked(self.user())
        return min((number for known, number, _ in found if known == marker), default=None)

    def sbatch(self, order, marker, lock):
        """Has sbatch submit the script; returns the job's number and sbatch's remarks."""
        owner = self.user()
        comment = comment_of(order)
        # The script's own name, for a job is called after it.
        with tempfile.TemporaryDirectory(prefix="hpcapi-") as folder:
            path = os.path.join(folder.encode(), file_name(order["name"]).encode("utf-8"))
            with open(path, "xb") as file:
                file.write(order["script"].encode("utf-8"))
            for one in (path, folder):
                os.chown(one, owner.pw_uid, owner.pw_gid)
            command = options(order["options"], comment, marker) + [path] + order["arguments"]
            given = variables(order["options"])
            number, status, said = sbatch(command, owner, lock, environment=given)
        if number is not None:
            return number, [one for one in map(excerpt, said.splitlines()) if one]
        if status != 0 and not is_unclear(status, said):
            raise Refused(400, "Slurm says: " + excerpt(said))
        found = self.find(marker)
        if found is None:
            time.sleep(PAUSE)
            found = self.find(marker)
        if found is not None:
            return found, ["the answer of sbatch was lost, but the job is there"]
        if status == 0:
            raise Refused(400, "sbatch has submitted nothing: " + excerpt(said))
        raise Refused(503, "Slurm does not take the job now: " + excerpt(said), AGAIN)

    def look_up(self, user):
        """Returns what Slurm knows of the job that is asked for: one, or the parts of an array."""
        number, _, task = self.asked["job"].partition("_")
        if not number or not 0 < int(number) < 1 << 32:
            raise Refused(400, "`%s` is no job's number" % self.asked["job"])
        version = re.search("([0-9]+)$", self.config["api"])
        takes_tasks = version and int(version.group(1)) >= 40
        path = "job/" + (self.asked["job"] if takes_tasks else number)
        jobs = self.read(path, "jobs", job, user)
        return [one for one in jobs if is_part(one, int(number), int(task) if task else None)]

    def read(self, path, name, read, user=None):
        """Returns the elements of a list that Slurm shows, in hpcapi's shape."""
        status, answer = self.ask(path, user or self.config["rest_user"])
        elements = elements_of(answer, name)
        problems = elements_of(answer, "errors")
        numbers = [number(one.get(key)) for one in problems for key in NUMBERS_OF_ERROR]
        if not elements and UNKNOWN in numbers:
            return []
        if not elements and (problems or status >= 400 or not isinstance(answer.get(name), list)):
            said = [one.get(key) for one in problems for key in ("description", "error")]
            said = [one for one in said if isinstance(one, str) and one]
            words = excerpt("\n".join(dict.fromkeys(said)) or "HTTP status %d" % status)
            raise Refused(503, "Slurm does not answer: " + words, "ask again in a minute")
        return [one for one in map(read, elements) if one]

    def ask(self, path, user):
        """Has a slurmrestd answer one request; returns its status and its JSON."""
        request = "GET %s/%s HTTP/1.1\r\nHost: localhost\r\n" % (self.config["api"], path)
        request += "Accept: application/json\r\nConnection: close\r\n\r\n"
        command = [os.path.join(SLURM, "sbin/slurmrestd"), "-a", "rest_auth/local"]
        # Without SLURM_JWT: with it, slurmctld would want a token.
        environment = {
            "SLURM_CONF": os.path.join(SLURM, "etc/slurm.conf"),
            "SLURMRESTD_JSON": "compact",
            "MALLOC_ARENA_MAX": "1",
        }
        owner = pwd.getpwnam(user)
        code, said, complaint = run(
            command + self.config["plugins"].split(), owner, request.encode(), environment
        )
        head, _, body = said.partition("\r\n\r\n")
        status = re.match(r"HTTP/1\.[01] ([0-9]{3})", head)
        decoder = json.JSONDecoder(strict=False, parse_int=whole, parse_constant=lambda _: None)
        try:
            # Slurm 22.05 writes a header behind the body.
            answer, _ = decoder.raw_decode(body.lstrip())
        except (ValueError, RecursionError):
            answer = None
        if status and isinstance(answer, dict):
            return int(status.group(1)), answer
        if code is None:
            raise Refused(503, "Slurm is silent for %d s" % PATIENCE, "ask again in a minute")
        raise Refused(502, "slurmrestd does not answer: " + excerpt(complaint or body))

    def caller(self):
        if not self.asked["caller"]:
            raise Refused(400, "it is not said who calls")
        return self.asked["caller"]

    def user(self):
        """Returns the cluster's default user."""
        found = pwd.getpwnam(self.config["user"])
        if found.pw_uid == 0:
            raise Refused(500, "the cluster's default user is root: no job is run as root")
        return found


class Lock:
    """Sees to it that a marker is looked for and given to a job by one at a time. There are 256 of
    them for all markers of `submit`, and one for `take`."""

    def __init__(self, name):
        os.makedirs(FOLDER, mode=0o700, exist_ok=True)
        self.path = os.path.join(FOLDER, "lock-" + name)

    def __enter__(self):
        self.file = open(self.path, "w")
        deadline = time.monotonic() + QUEUE
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self.file.fileno()
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self.file.close()
                    raise Refused(503, "another submission has not ended for %d s" % QUEUE, AGAIN)
            time.sleep(0.05)

    def __exit__(self, *_):
        self.file.close()


def checked(order, caller):
    """Returns an order that is as it must be; refuses any other."""
    if not isinstance(order, dict) or set(order) != set(ORDER):
        raise Refused(400, "an order has these fields: " + ", ".join(ORDER))
    texts = [order["script"], order["name"], order["marker"], order["caller"]]
    is_list = isinstance(order["arguments"], list) and isinstance(order["options"], list)
    if is_list:
        texts += order["arguments"]
    if is_list and all(isinstance(one, list) and len(one) == 2 for one in order["options"]):
        texts += [text for option in order["options"] for text in option]
    else:
        raise Refused(400, "options are pairs of a name and a value, and arguments are a list")
    for text in texts:
        if not isinstance(text, str) or "\0" in text or not is_utf_8(text):
            raise Refused(400, "a script, its name, options and arguments are text without NUL")
    if order["caller"] != caller or not re.fullmatch("[0-9a-f]{16}", caller):
        raise Refused(403, "the order is somebody else's")
    if not re.fullmatch("[0-9a-f]{16}", order["marker"]):
        raise Refused(400, "a marker is 16 hexadecimal digits")
    if not order["script"].startswith("#!"):
        raise Refused(400, "a script begins with #! and its interpreter, for example #!/bin/bash")
    name = file_name(order["name"])
    if not len(name.encode()) <= 255 or name in ("", ".", ".."):
        raise Refused(400, "the script's name is that of no file")
    if sum(len(text.encode()) for text in texts[4:]) > LONGEST:
        raise Refused(400, "options and arguments are longer than %d bytes" % LONGEST)
    check_options(order["options"])
    return order


def check_options(options):
    for option, value in options:
        if option in REFUSED:
            raise Refused(400, "`--%s` cannot be given here: %s" % (option, REFUSED[option]))
        if option not in OPTIONS:
            raise Refused(400, "`--%s` is no option of sbatch's known here" % excerpt(option))
        if option in ("nodelist", "exclude") and "/" in value:
            raise Refused(400, "`--%s` takes names of nodes, and no file" % option)
        if option == VARIABLE and not re.match(NAMED, value):
            raise Refused(400, "`--env` takes a variable of the job's own, as in --env NAME=VALUE")


def is_utf_8(text):
    try:
        text.encode("utf-8")
        return True
    except UnicodeEncodeError:
        return False


def file_name(name):
    return name.rsplit("/", 1)[-1]


def options(given, comment, marker):
    """Returns the options of sbatch, each in one argument, so that no value is ever an option."""
    said = [[name, value] for name, value in given if name not in ("comment", VARIABLE)]
    said.append(["comment", "%s %s" % (comment, marker) if comment else marker])
    return [
        "--" + name if name in ALONE and not value else "--%s=%s" % (name, value)
        for name, value in said
    ]


def comment_of(order):
    """Returns the comment that the job would have without a marker: that of the script would lose
    against an option."""
    comment = ""
    for text in order["script"].split("\n"):
        if text.strip() and not text.startswith("#"):
            break
        try:
            said = shlex.split(text[7:], comments=True) if text.startswith("#SBATCH") else []
        except ValueError:
            continue
        for word, following in zip(said, said[1:] + [""]):
            if word == "--comment" or word.startswith("--comment="):
                comment = following if word == "--comment" else word.partition("=")[2]
    return last_of(order["options"], "comment", comment)


def last_of(options, name, default):
    """Returns the value of an option that counts: the last one."""
    return next((value for known, value in options[::-1] if known == name), default)


def variables(options):
    """Returns the variables that options give to a job's environment."""
    return dict(value.split("=", 1) for option, value in options if option == VARIABLE)


def sbatch(arguments, owner, lock, patience=None, environment=None):
    """Has sbatch submit a script; returns the job's number if it says one, its exit code, and what
    it has to say besides."""
    # Not with the limits of what runs this. Should this be killed, sbatch keeps the lock: nobody
    # looks for the marker before it has ended.
    command = [slurm("sbatch"), "--parsable", "--propagate=NONE"] + arguments
    status, said, remarks = run(command, owner, b"", environment, (lock,), patience)
    number = re.match("([0-9]{1,10})(;|$)", said.strip())
    if status == 0 and number:
        return int(number.group(1)), status, remarks
    return None, status, remarks if status != 0 else said + "\n" + remarks


def marked(owner, patience=None):
    """Returns marker, number and state of each job of a user that has a marker. The number of a
    task is that of its array."""
    command = [slurm("squeue"), "--noheader", "--states=all", "--user=" + owner.pw_name]
    # The marker ends a comment, which may have line breaks: the rest stands behind it.
    status, found, said = run(command + ["--format=%k %F %T"], owner, patience=patience)
    if status != 0:
        raise Refused(503, "Slurm does not show its jobs: " + excerpt(said), AGAIN)
    lines = re.findall(MARKED, found, re.MULTILINE)
    return [(marker, int(number), state) for marker, number, state in lines]


def is_unclear(status, said):
    """Returns whether a command of Slurm's that failed may have done its work."""
    return status is None or status < 0 or bool(OUTAGE.search(said))


def slurm(name):
    return os.path.join(SLURM, "bin", name)


def run(command, user=None, given=b"", environment=None, keep=(), patience=None):
    """Runs a command, as a user in its home with nothing of this environment; returns its exit
    code, none when it was too slow, what it said and what it complained of."""
    patience = patience or PATIENCE
    # As bytes: what a Python makes of text depends on the locale that it was started with.
    command = [one if isinstance(one, bytes) else one.encode("utf-8") for one in command]
    reader, writer = os.pipe()
    try:
        with open(writer, "wb") as file:
            file.write(given)
        if user:
            own = {"PATH": SLURM + "/bin:" + PATH, "HOME": user.pw_dir, "SHELL": user.pw_shell}
            own.update(USER=user.pw_name, LOGNAME=user.pw_name, **(environment or {}))
            # By whose pipe it is, slurmrestd knows who asks.
            os.fchown(reader, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            command,
            stdin=reader,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own if user else dict(METADATA, **os.environ),
            preexec_fn=(lambda: become(user)) if user else None,
            pass_fds=keep,
            timeout=patience,
        )
        return done.returncode, text_of(done.stdout), text_of(done.stderr)
    except subprocess.TimeoutExpired as late:
        words = text_of(late.stderr or b"")
        return None, text_of(late.stdout or b""), words or "no answer for %d s" % patience
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise Refused(400, "options and arguments are too long")
        name = command[0].decode("utf-8")
        raise Refused(503, "the head node cannot run %s: %s" % (name, error.strerror))
    except subprocess.SubprocessError:
        name = command[0].decode("utf-8")
        raise Refused(503, "the head node cannot run %s as %s" % (name, user.pw_name))
    finally:
        os.close(reader)


def become(user):
    """Makes this process a user's, for good."""
    # A job has the mask that sbatch has.
    os.umask(0o022)
    # Slurm's daemons and jobs come first when memory is short.
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    try:
        os.chdir(user.pw_dir)
    except OSError:
        os.chdir("/")


def text_of(said):
    return said.decode("utf-8", "replace")


def excerpt(said):
    """Returns what others say as one line that can be shown, without the name of who says it."""
    lines = [re.sub(r"^\w+: (error: |fatal: )?", "", one.strip()) for one in said.splitlines()]
    said = "; ".join(one for one in lines if one)
    return "".join(one if one.isprintable() else "?" for one in said)[:EXCERPT]


def aws():
    """Returns the AWS CLI: the system's, or that of ParallelCluster's own Python."""
    path = os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin"
    own = "/opt/parallelcluster/pyenv/versions/*/envs/cookbook_virtualenv/bin/aws"
    return shutil.which("aws", path=path) or next(iter(glob.glob(own)), "aws")


def line(answer):
    return json.dumps(answer, separators=(",", ":"))


def packed(answer, body):
    """Returns the line of an answer with a body, the shorter of the two ways to write it."""
    plain = line(dict(answer, body=body))
    zipped = zlib.compressobj(9, zlib.DEFLATED, 31)
    zipped = zipped.compress(line(body).encode()) + zipped.flush()
    return min(plain, line(dict(answer, packed=base64.b64encode(zipped).decode())), key=len)


def page(name, elements, cursor, status=200):
    """Returns the line with the first of the elements, as many as fit into it, but one at least."""

    def first(count):
        rest = {"next": cursor(elements[count - 1])} if count < len(elements) else {}
        return packed(dict({"status": status}, **rest), {name: elements[:count]})

    fits, exceeds, count = 0, len(elements) + 1, min(16, len(elements))
    while exceeds - fits > 1:
        if len(first(count)) <= LINE:
            fits = count
        else:
            exceeds = count
        is_whole = exceeds > len(elements)
        count = min(2 * fits, len(elements)) if is_whole else (fits + exceeds) // 2
    if elements and not fits:
        elements, fits = list(elements), 1
        while len(first(1)) > LINE:
            elements[0] = shortened(elements[0])
    return first(fits)


def shortened(element):
    """Returns an element with half of what is longest in it."""
    name = max(element, key=lambda name: len(line(element[name])))
    value = element[name]
    half = value[: len(value) // 2]
    return dict(element, **{name: half + "\u2026" if isinstance(value, str) else half})


def elements_of(answer, name):
    found = answer.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def unknown(shown):
    return "Slurm does not know job %s: it has ended minutes ago, or never was" % shown


def of(value, name):
    """Returns a field of what should be an object."""
    return value.get(name) if isinstance(value, dict) else None


def whole(digits):
    """Reads a whole number of JSON. Python refuses to read those of thousands of digits."""
    return int(digits) if len(digits) <= 20 else None


def number(value):
    """Returns a number in any shape that Slurm's API gives it; nothing for one that is not set, for
    no limit, and for what is no number."""
    if isinstance(value, dict):
        is_set = value.get("set", True) is True and value.get("infinite", False) is False
        value = value.get("number") if is_set else None
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", value, re.ASCII):
        value = int(value)
    elif isinstance(value, float) and abs(value) < 1 << 63:
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and value not in NO_NUMBER and abs(value) < 1 << 63 else None


def count(value):
    value = number(value)
    return value if value is not None and value >= 0 else None


def positive(value):
    return count(value) or None


def text(value):
    """Returns a text; of what is no Unicode, a mark instead."""
    if not isinstance(value, str):
        return ""
    return re.sub("[\ud800-\udfff]", "\ufffd", value)


def some(value):
    """Returns a text, unless it is one of Slurm's ways to say nothing."""
    value = text(value)
    return None if value in NO_TEXT else value


def words(value):
    """Returns words: of a list, or of a text with commas between them."""
    listed = value.split(",") if isinstance(value, str) else value
    listed = listed if isinstance(listed, list) else []
    return [text(word) for word in listed if text(word)]


def moment(value):
    """Returns a moment as RFC 3339; Slurm's zero means that there is none."""
    value = positive(value)
    if value is None or value >= FIRST_YEAR_TOO_LONG:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))


def seconds(minutes):
    """Returns minutes in seconds, up to the largest number that others read."""
    return None if minutes is None else min(minutes * 60, (1 << 64) - 1)


def partition(raw):
    """Reads a partition, which is flat up to v0.0.38 and nested after it."""
    nodes, cpus, most = (of(raw, name) for name in ("nodes", "cpus", "maximums"))
    is_flat = not isinstance(nodes, dict)
    state = raw.get("state") if is_flat else of(raw.get("partition"), "state")
    standard = raw.get("default_time_limit") if is_flat else of(raw.get("defaults"), "time")
    return text(raw.get("name")) and {
        "name": text(raw.get("name")),
        "state": next((word.upper() for word in words(state)), None),
        "nodes": text(nodes if is_flat else nodes.get("configured")) or None,
        "node_count": count(raw.get("total_nodes") if is_flat else nodes.get("total")),
        "cpus": count(raw.get("total_cpus") if is_flat else of(cpus, "total")),
        "time_limit_seconds": seconds(
            positive(raw.get("max_time_limit") if is_flat else of(most, "time"))
        ),
        "default_time_seconds": seconds(positive(standard)),
        "nodes_per_job": positive(
            raw.get("maximum_nodes_per_job") if is_flat else of(most, "nodes")
        ),
    }


def node(raw):
    states = [word.upper() for word in words(raw.get("state")) + words(raw.get("state_flags"))]
    return some(raw.get("name")) and {
        "name": some(raw.get("name")),
        "state": states[0] if states else "UNKNOWN",
        "flags": sorted(set(states[1:])),
        "partitions": sorted(set(words(raw.get("partitions")))),
        "cpus": count(raw.get("cpus")),
        "cpus_allocated": count(raw.get("alloc_cpus")),
        "memory_mb": count(raw.get("real_memory")),
        "memory_allocated_mb": count(raw.get("alloc_memory")),
        "features": sorted(set(words(raw.get("features")))),
        "gres": some(raw.get("gres")),
        "address": some(raw.get("address")),
        "reason": some(raw.get("reason")),
        "boot_time": moment(raw.get("boot_time")),
    }


def job(raw):
    """Reads a job; nothing when it has no number."""
    get = raw.get
    array = positive(get("array_job_id"))
    task = count(get("array_task_id")) if array else None
    state = state_of(words(get("job_state")))
    has_ended = state in ENDED
    code, signal = exit_of(get("exit_code"))
    comment, marker = unmarked(some(get("comment")))
    names = {
        "id": positive(get("job_id")),
        "array": array,
        "task": task,
        "name": text(get("name")),
        "user": some(get("user_name")) or "",
        "folder": some(get("current_working_directory")) or "",
        "node": some(get("nodes")) or "",
    }

    def file(pattern):
        return output(pattern, names) if names["folder"] or pattern.startswith("/") else None

    stdin, stderr = some(get("standard_input")), text(get("standard_error"))
    stdout = file(text(get("standard_output")))
    return names["id"] and {
        "id": names["id"],
        "array_job_id": array,
        "array_task_id": task,
        "array_tasks": some(get("array_task_string")) if array and task is None else None,
        "name": some(get("name")),
        "user": some(get("user_name")),
        "account": some(get("account")),
        "partition": some(get("partition")),
        "qos": some(get("qos")),
        "state": state,
        "reason": some(get("state_reason")),
        "dependency": some(get("dependency")),
        "priority": count(get("priority")),
        "nodes": some(get("nodes")),
        "node_count": positive(get("node_count")),
        "cpus": positive(get("cpus")) or requested_cpus(text(get("tres_req_str"))),
        "tasks": positive(get("tasks")),
        "memory_per_node_mb": positive(get("memory_per_node")),
        "memory_per_cpu_mb": positive(get("memory_per_cpu")),
        "submit_time": moment(get("submit_time")),
        "eligible_time": moment(get("eligible_time")),
        "start_time": moment(get("start_time")),
        "end_time": moment(get("end_time")),
        "time_limit_seconds": seconds(count(get("time_limit"))),
        "exit_code": code if has_ended else None,
        "signal": signal if has_ended else None,
        "derived_exit_code": exit_of(get("derived_exit_code"))[0] if has_ended else None,
        "restarts": count(get("restart_cnt")) or 0,
        "directory": some(get("current_working_directory")),
        "stdin": output(stdin, names) if stdin and stdin != "/dev/null" else None,
        "stdout": stdout,
        "stderr": file(stderr) if stderr else stdout,
        "constraints": some(get("features")),
        "comment": comment,
        "marker": marker,
        "submit_line": some(get("submit_line")),
        "source": "slurm",
    }


def state_of(states):
    states = [word.upper() for word in states]
    first = [word for word in SHOWN_FIRST if word in states]
    return (first + states + ["UNKNOWN"])[0]


def exit_of(value):
    """Returns exit code and signal: from `{status, return_code, signal}`, or from a wait status."""

    def byte(value):
        value = count(value)
        return value if value is not None and value < 256 else None

    if isinstance(value, dict) and "return_code" in value:
        signal, code = value.get("signal"), byte(value["return_code"])
        has_id = isinstance(signal, dict) and "id" in signal
        signal = byte(of(signal, "id" if has_id else "signal_id")) or None
        return 0 if code is None and signal else code, signal
    status = count(value)
    return (None, None) if status is None else (status >> 8 & 0xFF, status & 0x7F or None)


def requested_cpus(resources):
    """Returns the CPUs of a request such as `cpu=1,mem=972M,node=1,billing=1`."""
    found = re.search("(?:^|,)cpu=([0-9]{1,18})(?:,|$)", resources)
    return positive(found.group(1)) if found else None


def unmarked(comment):
    """Takes the marker out of a comment."""
    rest, _, last = (comment or "").rpartition(" ")
    is_marker = last.startswith(MARKER) and last != WISH
    return (rest or None, last) if is_marker else (comment, None)


def output(pattern, names):
    """Returns the whole path that a pattern of `sbatch --output` means."""
    pattern = pattern or ("slurm-%A_%a.out" if names["array"] else "slurm-%j.out")
    # A backslash anywhere turns every pattern off.
    is_plain = "\\" in pattern
    filled = pattern.replace("\\", "") if is_plain else filled_in(pattern, names)
    if names["array"] and names["task"] is None:
        # A server that fills patterns in itself says NO_VAL for the index.
        filled = filled.replace(NO_INDEX, "%a")
    is_whole = filled.startswith("/") or not names["folder"]
    return filled if is_whole else "%s/%s" % (names["folder"].rstrip("/"), filled)


def filled_in(pattern, names):
    array = names["array"] or names["id"]
    # Tasks that have not started share one record.
    index = "%a" if names["array"] else int(NO_INDEX)
    index = index if names["task"] is None else names["task"]
    values = {"%": "%", "j": names["id"], "J": names["id"], "A": array, "a": index, "n": 0, "t": 0}
    values.update(u=names["user"], x=names["name"], N=names["node"], s="batch")

    def value(found):
        digits, letter = found.groups()
        value = values.get(letter, found.group())
        width = min(int(digits or 0), 10) if len(digits) < 20 else 0
        return "%0*d" % (width, value) if isinstance(value, int) else value

    return re.sub("%([0-9]*)([%jJAantuxNs])", value, pattern)


def is_part(job, number, task):
    """Returns whether a job is the one with a number, or belongs to that array or is that task."""
    if task is None:
        return number in (job["id"], job["array_job_id"])
    if job["array_job_id"] != number or job["array_task_id"] is not None:
        return job["array_job_id"] == number and job["array_task_id"] == task
    return may_hold(job["array_tasks"] or "", task)


def may_hold(tasks, task):
    """Returns whether a list such as `2-3,7-11:2%2` holds a task, or may where it is shortened."""
    for part in tasks.split("%")[0].split(","):
        found = re.fullmatch("([0-9]{1,7})(?:-([0-9]{1,7}))?(?::([0-9]{1,7}))?", part)
        if found:
            first, last, step = found.groups()
            if task in range(int(first), int(last or first) + 1, int(step or 1) or 1):
                return True
        elif "..." in part:
            return True
    return False


def controller(raw):
    is_up = raw.get("responding")
    if not isinstance(is_up, bool):
        is_up = "UP" in (raw.get("ping"), raw.get("pinged"))
    mode = some(raw.get("mode")) or ("primary" if raw.get("primary") is True else None)
    return {"host": some(raw.get("hostname")) or "", "mode": mode, "is_up": is_up}


if __name__ == "__main__":
    # What is imported from beside this finds this here, and no second one.
    sys.modules["operate"] = sys.modules["__main__"]
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    sys.dont_write_bytecode = True
    main()
