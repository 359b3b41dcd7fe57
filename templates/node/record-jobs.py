#!/usr/bin/env python3
"""Remembers the jobs that have ended: reads what slurmctld writes of each into its journal
(JobCompType=jobcomp/filetxt), adds what Slurm still knows of them, and puts both into the bucket:

    jobs/<yyyy-mm-dd>/<quarter of the day>-<number>-<instance>-<id>.ndjson.gz   a job a line
    jobs/head-node.json   which head node records, set up by which script, and what is wrong
    jobs/last-job/<instance>   nothing of worth: that it was written says when there was a job

A timer starts it as root every few seconds. An object is written again with each batch until it
is full, so a day has four of them, and one more for each 4,000 jobs. A batch is noted as read when
it is on this disk, and as sent when it is in the bucket: what is interrupted is done again, and a
reader drops what is there twice.

Standard library alone, for Python 3.6 and later; the bucket is reached by the AWS CLI.
"""

import fcntl
import glob
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

CONFIG = "/etc/hpcapi/record-jobs.json"
FOLDER = "/var/lib/hpcapi/jobs"
SLURMRESTD = "/run/slurmrestd/slurmrestd.socket"
SCONTROL = "/opt/slurm/bin/scontrol"
SQUEUE = "/opt/slurm/bin/squeue"
HEAD_NODE = "jobs/head-node.json"
LAST_JOB = "jobs/last-job/"

BATCH = 4 << 20  # bytes of the journal read at once
LONGEST = 32 << 10  # bytes of one record
REACH = 16 << 10  # bytes after the start of a record to which its texts may reach
FULL = 4000  # jobs in one object
DETAILED = 300  # jobs that Slurm is asked about at once
DETAILED_IN_SECOND = 1  # and in the long run: a question costs slurmctld half of a submission
SPARE = 16 << 20  # bytes of the journal that have been read and still take room
RESERVE = 16 << 20  # bytes that the journal has room for although the file system is full
PATIENCE = 60  # seconds for one call of the AWS CLI
ANSWER = 5  # seconds for one answer of Slurm
SILENCE = 120  # seconds that jobs wait for a Slurm that does not answer: it remembers them for 300
RENEWED = 60  # seconds after which it is said anew that there are jobs

# States of jobs that have not begun.
WAITING = "PENDING REQUEUE_HOLD SPECIAL_EXIT".split()

# The AWS CLI asks once, for a second, whose credentials it has: too little for a busy node.
METADATA = {"AWS_METADATA_SERVICE_TIMEOUT": "5", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3"}

# What jobcomp/filetxt writes, in every version from 22.05 to 26.05. A name and a folder may hold
# anything, line breaks and the rest of a record too: the last that fits ends them.
RECORD = re.compile(
    rb"JobId=(?P<job_id>\d+) UserId=(?P<user_name>\S*)\((?P<user_id>\d+)\) "
    rb"GroupId=(?P<group_name>\S*)\((?P<group_id>\d+)\) Name=(?P<name>.*) "
    rb"JobState=(?P<job_state>[A-Z_]+) Partition=(?P<partition>\S*) TimeLimit=(?P<time_limit>\S+) "
    rb"StartTime=(?P<start_time>\S+) EndTime=(?P<end_time>\S+) NodeList=(?P<nodes>.*?) "
    rb"NodeCnt=(?P<node_count>\d+) ProcCnt=(?P<cpus>\d+) "
    rb"WorkDir=(?P<current_working_directory>.*) ReservationName=(?P<resv_name>\S*) "
    rb"Tres=(?P<tres_req_str>\S*) Account=(?P<account>\S*) QOS=(?P<qos>\S*) WcKey=(?P<wckey>\S*) "
    rb"Cluster=(?P<cluster>\S*) SubmitTime=(?P<submit_time>\S+) EligibleTime=(?P<eligible_time>\S+)"
    rb"(?: ArrayJobId=(?P<array_job_id>\d+) ArrayTaskId=(?P<array_task_id>\d+))?"
    rb"(?: HetJobId=(?P<het_job_id>\d+) HetJobOffset=(?P<het_job_offset>\d+))?"
    rb" DerivedExitCode=(?P<derived_exit_code>\d+:\d+) ExitCode=(?P<exit_code>\d+:\d+) ?\n",
    re.DOTALL,
)
START = re.compile(rb"^JobId=\d+ UserId=", re.MULTILINE)
INNER = re.compile(rb"JobId=\d+ UserId=")

NUMBERS = (
    "job_id user_id group_id node_count cpus array_job_id array_task_id het_job_id het_job_offset"
).split()
TIMES = "start_time end_time submit_time eligible_time".split()
EXITS = "derived_exit_code exit_code".split()

# What does not change while a job has its number.
IDENTITY = "user_id submit_time".split()

# What only Slurm itself knows, for as long as it remembers a job.
DETAILS = (
    "admin_comment batch_host command comment dependency features het_job_id_set memory_per_cpu "
    "memory_per_node priority restart_cnt standard_error standard_input standard_output "
    "state_reason submit_line tasks tres_alloc_str"
).split()


def main():
    os.umask(0o077)
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(CONFIG) as config:
            Recorder(json.load(config)).run()


class Recorder:
    """`config` has the bucket, the region, the journal, the instance, the path of a job in
    slurmrestd's API, and the digest of the script that set this node up."""

    def __init__(self, config):
        self.config = config
        self.has_ended = False  # whether a job has, since the last run
        self.state = State(os.path.join(FOLDER, "state.json"))

    def run(self):
        # What keeps the one from its end must not keep a deployment with jobs from being seen as such.
        problems = [self.problem(self.remember), self.problem(self.tell_of_jobs)]
        problem = next(filter(None, problems), None)
        self.report(problem or self.unread())
        if problem:
            sys.exit(1)

    @staticmethod
    def problem(work):
        """Does a piece of work, and returns what kept it from its end."""
        try:
            work()
        except (OSError, Unsent) as error:
            print(error, file=sys.stderr)
            return str(error)
        return None

    def remember(self):
        self.reserve_room()
        self.read_all()
        self.send_all()
        self.make_room()

    def tell_of_jobs(self):
        """Says in the bucket that there are jobs, or were since the last run: where none are for long,
        AWS may be asked to put the deployment to rest (templates/limits/function.py). The first time
        it is said without any: from then on it is looked for them."""
        since = time.time() - self.state["told"]
        if 0 <= since < RENEWED:
            return
        if self.has_ended or not self.state["told"] or has_jobs():
            instance = self.config["instance"]
            self.put(LAST_JOB + instance, instance.encode())
            self.state["told"] = time.time()
            self.state.save()

    def read_all(self):
        """Reads what is new in the journal, batch by batch."""
        if not self.config["journal"]:
            return
        try:
            journal = open(self.config["journal"], "rb")
        except FileNotFoundError:
            return
        with journal:
            found = os.fstat(journal.fileno())
            if found.st_ino != self.state["inode"] or found.st_size < self.state["offset"]:
                # Another journal than the one that was read.
                self.state.update(inode=found.st_ino, offset=0, torn=None, doubted=0, spared=0)
                self.state["reserved"] = 0
            while True:
                journal.seek(self.state["offset"])
                # slurmctld writes a record at once: what is half there once more stays so.
                is_torn = self.state["torn"] == self.state["offset"]
                jobs, length, doubted = read(journal.read(BATCH), is_torn, self.state["doubted"])
                if not length:
                    break
                self.has_ended = self.has_ended or bool(jobs)
                slurm = Slurm(self.config["job_path"]) if jobs else None
                detailed = list(self.detailed(jobs, slurm))
                if slurm and self.waits_for(slurm):
                    return
                self.keep(detailed)
                self.state["offset"] += length
                self.state["doubted"] = doubted
                self.state.save()
            is_at_end = self.state["offset"] == os.fstat(journal.fileno()).st_size
            torn = None if is_at_end else self.state["offset"]
            if torn != self.state["torn"]:
                self.state["torn"] = torn
                self.state.save()

    def waits_for(self, slurm):
        """Returns whether the jobs are left to the next run, since Slurm did not answer: it may be busy,
        or be started anew, and still knows them then."""
        if not slurm.is_silent():
            self.state["silent_since"] = None
            return False
        if self.state["silent_since"] is None:
            self.state["silent_since"] = time.time()
            self.state.save()
        return 0 <= time.time() - self.state["silent_since"] < SILENCE

    def detailed(self, jobs, slurm):
        """Adds what Slurm still knows of the jobs, and drops those that it knows to be otherwise."""
        left = self.questions()
        for number, job in enumerate(jobs):
            known = slurm.job(job["job_id"]) if number < left else {}
            is_this = known and all(plain(known[name]) == job[name] for name in IDENTITY)
            if "unconfirmed" in job and known:
                if not is_this or plain(known["end_time"]) != job["end_time"]:
                    continue
                del job["unconfirmed"]
            yield dict(details(known) if is_this else {"undetailed": True}, **job)
        self.state["questions"] = max(left - len(jobs), 0)

    def questions(self):
        """Returns how many jobs Slurm may be asked about now."""
        now = time.time()
        more = DETAILED_IN_SECOND * max(now - self.state["asked"], 0)
        self.state["asked"] = now
        return min(self.state["questions"] + more, DETAILED)

    def keep(self, jobs):
        """Adds jobs to the newest object, on this disk."""
        while jobs:
            piece = self.piece()
            batch, jobs = jobs[: FULL - piece["jobs"]], jobs[FULL - piece["jobs"] :]
            append(self.path(piece["name"]), batch)
            piece["jobs"] += len(batch)
            if piece["name"] not in self.state["unsent"]:
                self.state["unsent"].append(piece["name"])

    def piece(self):
        """Returns the object that the next job goes into."""
        now = time.gmtime()
        begin = time.strftime("%Y-%m-%d/", now) + str(now.tm_hour // 6)
        piece = self.state["piece"]
        if piece is None or piece["begin"] != begin:
            number = 0
        elif piece["jobs"] >= FULL:
            number = piece["number"] + 1
        else:
            return piece
        name = "%s-%d-%s-%s.ndjson" % (begin, number, self.config["instance"], self.state["id"])
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        self.state["piece"] = {"begin": begin, "number": number, "name": name, "jobs": 0}
        return self.state["piece"]

    def send_all(self):
        """Puts what has changed into the bucket, and forgets here what will not change again."""
        for name in list(self.state["unsent"]):
            with open(self.path(name), "rb") as file:
                self.put("jobs/%s.gz" % name, gzip.compress(file.read(), 6))
            self.state["unsent"].remove(name)
            self.state.save()
        for path in glob.glob(os.path.join(FOLDER, "*", "*.ndjson")):
            name = os.path.relpath(path, FOLDER)
            if name != self.state["piece"]["name"] and name not in self.state["unsent"]:
                os.remove(path)

    def reserve_room(self):
        """Takes room for what slurmctld writes next: of a job that ends while the file system is
        full there would be no record."""
        if not self.config["is_own_journal"]:
            return
        try:
            size = os.stat(self.config["journal"]).st_size
        except FileNotFoundError:
            return
        if self.state["reserved"] - size < RESERVE // 2:
            room = ["--keep-size", "--offset", str(size), "--length", str(RESERVE)]
            if fallocate(room, self.config["journal"]):
                self.state["reserved"] = size + RESERVE

    def make_room(self):
        """Gives the file system back what the journal takes that has been read. slurmctld goes on
        writing at its end."""
        read_to = self.state["offset"]
        if self.config["is_own_journal"] and read_to - self.state["spared"] >= SPARE:
            hole = ["--punch-hole", "--offset", "0", "--length", str(read_to)]
            fallocate(hole, self.config["journal"])
            self.state["spared"] = read_to
            self.state.save()

    def unread(self):
        """Returns why nothing will come, if so: a new slurm.conf has no journal any more."""
        settings = scontrol("show", "config")
        found = re.search(r"^JobCompType\s*=\s*(\S+)", settings, re.MULTILINE)
        if found and found.group(1) != "jobcomp/filetxt":
            return "slurm.conf has JobCompType=%s" % found.group(1)
        return None

    def report(self, problem):
        """Says in the bucket how it goes, when that has changed."""
        said = {
            "instance": self.config["instance"],
            "script": self.config["script"],
            "problem": problem,
        }
        if said == self.state["said"]:
            return
        try:
            self.put(HEAD_NODE, json.dumps(said).encode())
            self.state["said"] = said
            self.state.save()
        except (OSError, Unsent) as error:
            print(error, file=sys.stderr)

    def put(self, key, body):
        url = "s3://%s/%s" % (self.config["bucket"], key)
        command = [aws(), "s3", "cp", "-", url, "--region", self.config["region"]]
        try:
            done = subprocess.run(
                command + ["--only-show-errors"],
                input=body,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=dict(METADATA, **os.environ),
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise Unsent("%s: no answer for %d s" % (url, PATIENCE))
        if done.returncode != 0:
            raise Unsent(done.stderr.decode("utf-8", "replace").strip() or url)

    @staticmethod
    def path(name):
        return os.path.join(FOLDER, name)


class Unsent(Exception):
    """The bucket did not take it; the next run tries again."""


class State(dict):
    """What has been read and sent."""

    def __init__(self, path):
        super().__init__(inode=None, offset=0, torn=None, doubted=0, spared=0, reserved=0)
        # Whoever has forgotten what it wrote must not write over it.
        self.update(id=os.urandom(4).hex(), piece=None, unsent=[], said=None)
        self.update(questions=DETAILED, asked=0, told=0, silent_since=None)
        self.path = path
        try:
            with open(path) as file:
                self.update(json.load(file))
        except (FileNotFoundError, ValueError):
            pass

    def save(self):
        new = self.path + ".new"
        with open(new, "w") as file:
            json.dump(self, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)


def append(path, jobs):
    """Adds jobs to a file of lines, on this disk for good. A line that was interrupted ends where it
    broke off."""
    lines = "".join(json.dumps(job, separators=(",", ":")) + "\n" for job in jobs)
    with open(path, "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            lines = ("" if file.read() == b"\n" else "\n") + lines
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())


def fallocate(options, path):
    """Changes what room a file takes; returns whether the file system can do that, and did."""
    command = ["fallocate"] + options + [path]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


class Slurm:
    """Asks slurmrestd for jobs one by one, whose answers cannot be forged by a job's name. Once it
    does not answer it is not asked again: whoever waited for each would come too late for all."""

    def __init__(self, path):
        self.path = path
        self.token = scontrol("token", "username=root", "lifespan=600").strip().partition("=")[2]

    def is_silent(self):
        """Returns whether it did not answer."""
        return not self.token

    def job(self, number):
        """Returns what Slurm knows of a job; nothing when it cannot be asked."""
        if not self.token:
            return {}
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        headers = {"X-SLURM-USER-NAME": "root", "X-SLURM-USER-TOKEN": self.token}
        try:
            connection.sock.settimeout(ANSWER)
            connection.sock.connect(SLURMRESTD)
            connection.request("GET", "%s/%d" % (self.path, number), headers=headers)
            jobs = json.loads(connection.getresponse().read().decode("utf-8", "replace"))["jobs"]
            return next(job for job in jobs if job["job_id"] == number)
        except (OSError, http.client.HTTPException):
            self.token = None
            return {}
        except (ValueError, LookupError, StopIteration):
            return {}
        finally:
            connection.close()


def scontrol(*arguments):
    """Returns what scontrol prints; nothing when slurmctld does not answer."""
    try:
        return subprocess.run(
            [SCONTROL, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=ANSWER,
        ).stdout
    except subprocess.TimeoutExpired:
        return ""


def has_jobs():
    """Returns whether a job runs, or waits for what comes by itself: one that is held, or waits for a
    job that has failed, waits for somebody. Where Slurm does not answer, jobs may run."""
    # One that is held has priority 0, and no other has.
    command = [SQUEUE, "--noheader", "--format=%T %Q %r"]
    try:
        listed = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=ANSWER,
        )
    except subprocess.TimeoutExpired:
        return True
    return listed.returncode != 0 or any(is_work(line) for line in listed.stdout.splitlines())


def is_work(line):
    """Returns whether a job is none that waits for somebody: its state, its priority and why it waits."""
    state, priority, reason = (line.split(None, 2) + ["", "", ""])[:3]
    waits_for_somebody = priority == "0" or reason.startswith("DependencyNeverSatisfied")
    return not (state in WAITING and waits_for_somebody)


def read(text, is_torn=False, doubted=0):
    """Returns the jobs of the whole records at the beginning of the journal's text, how many bytes
    that is, and how many bytes of what follows are doubted.

    `is_torn` says that nothing will complete the first record. A name or a folder with line breaks
    may look like more records, so what stands near one, and what is no record, is marked: it is to
    be confirmed. `doubted` is how far such a one in an earlier text reaches.
    """
    jobs, done = [], 0
    while True:
        start = START.search(text, done)
        if not start:
            # What is no record ends with its line.
            done = max(done, text.rfind(b"\n") + 1)
            return jobs, done, max(doubted - done, 0)
        if start.start() != done:
            doubted = max(doubted, done + REACH)
        start = start.start()
        record, end = _record(text, start)
        if record is None:
            if not is_torn and len(text) - start < LONGEST:
                return jobs, start, max(doubted - start, 0)
            is_torn, doubted = False, start + REACH
            done = text.find(b"\n", start) + 1 or len(text)
            continue
        # A name that looks like a record, or one that was cut off within its name.
        inner = INNER.search(text, start + 1, end)
        if inner or text.count(b"\n", start, end) > 1:
            doubted = max(doubted, start + REACH)
        whole = inner and RECORD.fullmatch(text, inner.start(), end)
        for one in [record] + ([whole.groupdict()] if whole else []):
            if one["job_state"] != b"RESIZING":
                jobs.append(dict(job(one), **({"unconfirmed": True} if start < doubted else {})))
        done = end


def _record(text, start):
    """Returns the record at `start`, and where it ends: with the last line before the next one, for
    a name or a folder with line breaks may look like an end, too."""
    found, end = None, start
    while True:
        end = text.find(b"\n", end) + 1
        if not end or end - start > LONGEST:
            break
        found = RECORD.fullmatch(text, start, end) or found
        if found and (end == len(text) or START.match(text, end)):
            break
    return (found.groupdict(), found.end()) if found else (None, start)


def job(record):
    """Returns a record as slurmrestd writes jobs."""
    said = {
        name: value.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8")
        for name, value in record.items()
        if value is not None
    }
    for name in NUMBERS:
        if name in said:
            said[name] = int(said[name])
    for name in TIMES:
        said[name] = seconds(said[name])
    for name in EXITS:
        code, signal = said[name].split(":")
        said[name] = int(code) << 8 | int(signal)
    limit = said["time_limit"]
    said["time_limit"] = int(limit) if limit.isdigit() else None
    if said["nodes"] in ("(null)", "None assigned"):
        said["nodes"] = ""
    return {name: value for name, value in said.items() if value not in ("", "(null)", None)}


def seconds(text):
    """Returns a time of the journal, which is in this node's time zone, in seconds since 1970; 0
    when there is none."""
    try:
        return int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return 0


def details(known):
    """Returns what only Slurm itself knows of a job."""
    said = {name: plain(known.get(name)) for name in DETAILS}
    return {name: value for name, value in said.items() if value}


def plain(value):
    """Returns a number of slurmrestd's as it was before API version 0.0.39; None when not set."""
    if isinstance(value, dict):
        return value.get("number") if value.get("set") else None
    return value


def aws():
    """Returns the AWS CLI: the system's, or that of ParallelCluster's own Python."""
    path = os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin"
    own = "/opt/parallelcluster/pyenv/versions/*/envs/cookbook_virtualenv/bin/aws"
    return shutil.which("aws", path=path) or next(iter(glob.glob(own)), "aws")


if __name__ == "__main__":
    main()
