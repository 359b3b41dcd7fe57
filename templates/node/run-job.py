#!/usr/bin/env python3
"""Runs a staged job on its first node, as the job's user: fetches its inputs from the bucket, runs
its script among them, and sends what the script wrote:

    run-job.py RUN BUCKET REGION DIGEST

    blobs/<sha256>                      read: the bytes of the inputs
    runs/<run>/run.json                 read: what to do; DIGEST is its sha256
    runs/<run>/script, in.ndjson        read: their digests are in run.json
    runs/<run>/parts/<task>/<attempt>/  written:
        started.json                    before the script runs
        log/stdout/<n>, log/stderr/<n>  pieces of the job's log, as it grows
        out/<n>, out.ndjson             the bytes of the outputs, and what they are
        ended.json                      last: how it ended

A run that an event has begun, a new object in the bucket, tells its script of that event, and its
outputs are for others to find:

    <outbox><path>                      written: the outputs, each as an object of its own
    <outbox>manifest.json               last of all: how it ended, and what the outputs are

Those are written anew by the next attempt. Each other object is written once, and whole. A run that is started again is another attempt, with its own
objects and its own work folder; it removes what killed ones have left here. Inputs go to
`<work>/<run>/<task>-<attempt>/`, and the script lies beside that. Nothing is a link in there until
every input is in its place, so that no input is ever written through one.

Standard library alone, for Python 3.6 and later; the bucket is reached by the AWS CLI.
"""

import concurrent.futures
import contextlib
import errno
import functools
import glob
import hashlib
import json
import os
import pwd
import re
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

UNSTAGED = 74  # exit code when inputs or outputs could not be staged
FETCHERS = 8  # calls of the AWS CLI that fetch at once
SENDERS = 3  # calls of the AWS CLI that send outputs at once
CALL = 128  # MiB of memory for one call of the AWS CLI
PACK = 16 << 20  # bytes of one object of outputs; each sender holds one, and one is being filled
CHUNK = 1 << 20  # bytes read at once
PIECE = 4 << 20  # bytes of one piece of a log
PAUSES = (0.5, 3)  # seconds before something is tried again
PATIENCE = 60  # seconds for one small object
FIRST_TICK, LAST_TICK = 3, 30  # seconds between two looks at the logs
BATCH = 64  # files that one thread checks in a row
LONGEST_KEY = 1024  # bytes of the key of an object
PARAMETER_FILES = ("file://", "fileb://", "http://", "https://")
KEPT = 0o1700  # mode of the script's folder when the work folder is to stay

# The AWS CLI asks once, for a second, whose credentials it has: too little for a busy node.
METADATA = {b"AWS_METADATA_SERVICE_TIMEOUT": b"5", b"AWS_METADATA_SERVICE_NUM_ATTEMPTS": b"3"}

# Slurm kills what is left of a job KillWait after its SIGTERM, which is 30 s if not set otherwise.
# Seconds after SIGTERM until which the script, the outputs, the logs, and the last word may last.
SCRIPT_GRACE, OUTPUTS_GRACE, LOGS_GRACE, LAST_GRACE = 15, 20, 22, 28
MANIFEST = 3  # seconds of the last ones that are for the manifest

TOGETHER = 3  # seconds within which Slurm sends the two signals that end a job
WITNESS = 2  # seconds within which a signal reaches all the processes that it reaches

# What Slurm and scancel send to jobs. The calls of the AWS CLI inherit that these are blocked, so
# that only this program ends them.
SIGNALS = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGCONT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGURG,
    signal.SIGXCPU,
}


def main():
    run, bucket, region, digest = sys.argv[1:]
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    witness = Witness()
    try:
        status = Job(run, Bucket(bucket, region), digest, Signals(witness, unblocked)).run()
    finally:
        witness.end()
    leave(status)


class Problem(Exception):
    """Why a job could not be staged, as its user reads it."""


class Told(Problem):
    """Slurm has told the job to end."""

    def __init__(self, when):
        super().__init__("Slurm told the job to end (SIGTERM) " + when)


class Job:
    def __init__(self, run, bucket, digest, signals):
        self.run_name = run
        self.bucket = bucket
        self.digest = digest
        self.signals = signals
        self.place = Place(run)
        self.shipper = Shipper(self.send)
        self.stage = "inputs"
        self.ahead = {}
        self.is_announced = False
        self.order = None
        self.status = None
        self.script = None
        self.outputs_sha256 = None
        self.are_outputs_sent = False
        self.event = None
        self.listed = []
        self.began = time.time()
        self.remark = None

    def run(self):
        """Does all of it. Returns how the script ended as `Popen.returncode`, or our own code."""
        problem = None
        self.signals.begin(self)
        try:
            self.stage_in()
            self.run_script()
            self.stage = "outputs"
            self.send_outputs()
            self.stage = "done"
            problem = self.remark
        except (Problem, OSError) as error:
            problem = words(error)
        except Exception as error:  # the submitter has to hear of a mistake of ours, too
            problem = "hpcapi failed: %r" % error
        self.end(problem)
        if self.script is not None and self.status is None:
            # Slurm lets the script go on until KillWait is over.
            self.status = self.script.wait()
        self.clear()
        is_unstaged = self.status is None or (self.stage == "outputs" and self.status == 0)
        return UNSTAGED if is_unstaged else self.status

    def stage_in(self):
        """Puts the script and the inputs into their places, and tells meanwhile that it begins."""
        try:
            inputs = self.prepare()
            together(at_once(FETCHERS), [self.announce] + inputs.fetches())
        finally:
            self.announce()
        inputs.finish()

    def prepare(self):
        """Reads what to do. Returns the inputs, whose folders are made."""
        self.fetch_ahead("run.json", "script", "in.ndjson")
        self.order = read_order(self.fetched("run.json", self.digest))
        self.event = self.order["event"]
        self.place.find(self.order["work"])
        if not self.order["keep_work"]:
            self.place.remove_earlier(is_any=False)
        self.place.make()
        script = self.order["script"]
        listed = self.fetched("in.ndjson", self.order["inputs_sha256"])
        inputs = Inputs(listed, self.place.folder, self.bucket, self.signals.check)
        if self.event:
            self.event.find_file(inputs)
        self.place.write_script(script["name"], self.fetched("script", script["sha256"]))
        inputs.check_room()
        inputs.make_folders()
        return inputs

    def announce(self):
        """Tells that this attempt has begun, if it has not been told. A bucket that cannot be
        written is known before the script runs."""
        if self.is_announced:
            return
        self.is_announced = True
        try:
            self.tell("started.json", job_id=number("SLURM_JOB_ID"), node=node())
        finally:
            self.shipper.begin()

    def run_script(self):
        self.signals.check()
        ended = self.start_script()
        ended.wait()
        self.status = self.script.poll()
        if self.signals.told_at:
            raise Told("while its script ran" + self.rescue())

    def rescue(self):
        """Sends the outputs of a script that was told to end. Returns what has come of them."""
        if not self.order["out"]:
            return ""
        if self.status is None:
            return ", which went on; its outputs were not sent"
        try:
            self.send_outputs()
        except Told:
            return "; the time was too short to send its outputs"
        except (Problem, OSError) as error:
            return "; its outputs could not be sent: " + words(error)
        remark = "; " + self.remark if self.remark else ""
        return "; its outputs were sent as they were then" + remark

    def start_script(self):
        """Starts the script. Returns what is set when it has ended, or may not be waited for any
        longer."""
        environment = dict(os.environb)
        environment[b"HPCAPI_RUN"] = self.run_name.encode()
        environment[b"HPCAPI_WORK"] = self.place.folder
        if self.event:
            environment.update(self.event.environment())
        arguments = [encoded(argument) for argument in self.order["arguments"]]
        # The mask is inherited, so for a moment a signal may come here; it is taken then.
        with self.signals.unblocked():
            self.script = self.place.start_script(arguments, environment)
            self.stage = "script"
        if self.signals.told_at:
            self.script.send_signal(signal.SIGTERM)
        ended = self.signals.grace
        threading.Thread(target=lambda: (self.script.wait(), ended.set()), daemon=True).start()
        return ended

    def send_outputs(self):
        """Sends the outputs and what they are, and meanwhile what there is of the logs."""
        self.shipper.hurry()
        if not self.order["out"]:
            return
        if self.event:
            self.send_objects()
        else:
            self.send_packs()
        self.are_outputs_sent = True

    def send_objects(self):
        """Sends the outputs to the outbox."""
        check = functools.partial(self.check_time, "its outputs were sent")
        objects = Objects(self.event.outbox, self.send_object, self.listed)
        with objects:
            for path in sorted(outputs(self.place.folder, self.order["out"])):
                check()
                objects.add(path, os.path.join(self.place.folder, path))
        self.remark = objects.remark()
        if objects.unsendable:
            raise Problem(objects.unsendable[0] + more(objects.unsendable))

    def send_object(self, key, path):
        def put():
            left = self.signals.deadline(OUTPUTS_GRACE)
            self.bucket.put_file(key, path, None if left is None else max(left, 1))

        tried(put, lambda: self.check_time("its outputs were sent"))

    def send_packs(self):
        packs = Packs(self.send)
        lines = []
        with packs:
            for path in sorted(outputs(self.place.folder, self.order["out"])):
                self.check_time("its outputs were sent")
                entry = packs.entry(path, os.path.join(self.place.folder, path))
                if entry:
                    lines.append(json.dumps(entry, separators=(",", ":"), sort_keys=True) + "\n")
            listed = "".join(lines).encode()
            packs.finish(listed)
        self.remark = changed(packs.changed)
        # Only now, for whoever reads ended.json counts on all of them.
        self.outputs_sha256 = hashlib.sha256(listed).hexdigest()

    def end(self, problem):
        """Sends the rest of the logs and the last word."""
        if self.is_kept():
            self.place.keep()
        if problem and self.is_kept():
            problem += "; the work folder stays on %s: %s" % (node(), shown(self.place.folder))
        if problem:
            say(problem)
        if not self.shipper.end(self.signals.deadline(LOGS_GRACE)):
            problem = problem or "the end of the log could not be sent"
        status = self.status
        ended = {
            "stage": self.stage,
            "exit_code": status if status is not None and status >= 0 else None,
            "signal": -status if status is not None and status < 0 else None,
            "problem": problem,
        }
        self.learn_event()
        grace = LAST_GRACE - MANIFEST if self.event else LAST_GRACE
        try:
            self.tell("ended.json", grace, outputs_sha256=self.outputs_sha256, **ended)
        except Problem as error:
            say(words(error))
        if self.event:
            self.write_manifest(ended)

    def learn_event(self):
        """Reads run.json once more if this was told to end before it was there: who waits for a
        manifest gets one."""
        if self.order is None and self.signals.told_at:
            data = bytearray()
            with contextlib.suppress(Problem, OSError):
                self.bucket.get(self.key("run.json"), data.extend, LAST_GRACE - LOGS_GRACE)
                if hashlib.sha256(data).hexdigest() == self.digest:
                    self.event = read_order(bytes(data))["event"]

    def write_manifest(self, ended):
        """Tells in the outbox how this ended, and what there is."""
        logs = {log.name: self.key(self.part("log/%s/" % log.name)) for log in self.shipper.logs}
        manifest = dict(
            ended,
            trigger=self.event.trigger,
            run=self.run_name,
            job_id=number("SLURM_JOB_ID"),
            restarts=int(self.place.attempt),
            event=self.event.said,
            started=moment(self.began),
            ended=moment(time.time()),
            log={name: logs.get(name) for name in ("stdout", "stderr")},
            outputs=sorted(self.listed, key=lambda output: output["path"]),
        )
        text = json.dumps(manifest, sort_keys=True).encode()
        try:
            self.send_to(self.event.outbox + "manifest.json", text, LAST_GRACE, PATIENCE)
        except Problem as error:
            say("the manifest could not be sent: " + words(error))

    def clear(self):
        """Removes what is of no more use on this node."""
        if self.stage == "done" and not self.order["keep_work"]:
            # The outputs of the run are those of its last attempt.
            self.place.remove_earlier(is_any=True)
        if not self.is_kept():
            self.place.remove()

    def is_kept(self):
        """Returns whether the work folder has what is nowhere else, or was asked for."""
        if not self.place.folder:
            return False
        has_outputs = self.stage in ("script", "outputs") and bool(self.order["out"])
        return self.order["keep_work"] or (has_outputs and not self.are_outputs_sent)

    def fetch_ahead(self, *names):
        """Fetches what every run has, at once, for each call of the AWS CLI takes a second or so
        to begin. What fails is left to `fetched`."""

        def fetch(name):
            data = bytearray()
            with contextlib.suppress(Problem, OSError):
                self.signals.check()
                self.bucket.get(self.key(name), data.extend)
                self.ahead[name] = bytes(data)

        jobs = [functools.partial(fetch, name) for name in names]
        together(at_once(len(jobs)), jobs)

    def fetched(self, name, digest):
        """Returns one of the run's objects, whose digest is known."""
        ahead = self.ahead.pop(name, b"")
        if hashlib.sha256(ahead).hexdigest() == digest:
            return ahead
        key = self.key(name)
        data = bytearray()

        def fetch():
            del data[:]
            self.bucket.get(key, data.extend)
            found = hashlib.sha256(data).hexdigest()
            if found != digest:
                raise Problem("%s is not what was submitted: its sha256 is %s" % (key, found))

        tried(fetch, self.signals.check)
        return bytes(data)

    def key(self, name):
        return "runs/%s/%s" % (self.run_name, name)

    def part(self, name):
        """Returns the name in the run of one of this attempt's objects."""
        return "parts/%s/%s/%s" % (self.place.task, self.place.attempt, name)

    def tell(self, name, grace=LAST_GRACE, **said):
        said["time"] = int(time.time())
        if name == "started.json":
            said["folder"] = shown(self.place.folder) if self.place.folder else None
        self.send(name, json.dumps(said, sort_keys=True).encode(), grace)

    def send(self, name, data, grace=OUTPUTS_GRACE):
        """Writes one of this attempt's objects."""
        # What is sent of the outputs may take its time, as long as Slurm has not said anything.
        patience = None if name.startswith("out") else PATIENCE
        self.send_to(self.key(self.part(name)), data, grace, patience, name)

    def send_to(self, key, data, grace, patience, name="it"):
        def put():
            left = self.signals.deadline(grace)
            self.bucket.put(key, data, patience if left is None else max(left, 1))

        tried(put, lambda: self.check_time(name + " was sent", grace))

    def check_time(self, what, grace=OUTPUTS_GRACE):
        if self.signals.deadline(grace) == 0:
            raise Told("before " + what)

    def told(self):
        """Is called when Slurm has told everything of the job to end."""
        if self.stage == "outputs":
            after(OUTPUTS_GRACE, self.bucket.interrupt)
        else:
            self.bucket.interrupt()


class Signals:
    """Takes the signals that reach this program, and passes them on to the script.

    Slurm ends a job (time limit, scancel, preemption, requeue) with SIGCONT and SIGTERM, and kills
    what is left when KillWait is over. A SIGTERM alone (`--signal=B:TERM@60`, `scancel --batch`) is
    meant for the script, like any other signal: it decides what comes of it.

    Whether the script has had it already depends on Slurm: with proctrack/cgroup only this program
    gets it, else each process of the batch step. The witness tells, for a script may take a second
    one as a call to give up.
    """

    def __init__(self, witness, mask):
        self.witness = witness
        self.mask = mask
        self.came = {}
        self.told_at = None
        self.grace = threading.Event()
        self.early = []

    def begin(self, job):
        self.job = job
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.take(signal.sigwait(SIGNALS))

    def take(self, number):
        self.came[number] = time.monotonic()
        if signal.SIGCONT in signal.sigpending():
            # Slurm sent it first, and the kernel hands out the lower number first.
            self.came[signal.SIGCONT] = time.monotonic()
        stage = self.job.stage
        is_last = stage == "inputs" and number in (signal.SIGTERM, signal.SIGINT)
        # Before the script hears of it, which may end at once.
        if is_last or self.is_slurms_end():
            self.tell()
        if stage == "script" and number != signal.SIGCONT and not self.witness.saw(number):
            self.job.script.send_signal(number)

    def is_slurms_end(self):
        times = [self.came.get(number) for number in (signal.SIGCONT, signal.SIGTERM)]
        return None not in times and abs(times[0] - times[1]) < TOGETHER

    def tell(self):
        if self.told_at is None:
            self.told_at = time.monotonic()
            after(SCRIPT_GRACE, self.grace.set)
            self.job.told()

    def check(self):
        if self.told_at:
            raise Told("while its inputs were fetched")

    def deadline(self, grace):
        """Returns the seconds that are left; None when nobody has said anything."""
        if self.told_at is None:
            return None
        return max(self.told_at + grace - time.monotonic(), 0)

    @contextlib.contextmanager
    def unblocked(self):
        """Lets what is started meanwhile get its signals as a batch script does."""
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: self.early.append(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while self.early:
            self.take(self.early.pop(0))


class Witness:
    """A process beside this one, that tells which signals reach it, too."""

    WORD = struct.Struct("=id")

    def __init__(self):
        self.words, writing = os.pipe()
        parent = os.getpid()
        self.process = os.fork()
        if self.process == 0:
            try:
                self.watch(parent, writing)
            finally:
                os._exit(0)
        os.close(writing)

    def watch(self, parent, writing):
        while os.getppid() == parent:
            found = signal.sigtimedwait(SIGNALS, 5)
            if found:
                os.write(writing, self.WORD.pack(found.si_signo, time.monotonic()))

    def saw(self, number):
        """Returns whether a signal that has just come has come there, too."""
        now = time.monotonic()
        while select.select([self.words], [], [], max(now + WITNESS - time.monotonic(), 0))[0]:
            word = os.read(self.words, self.WORD.size)
            if not word:
                return False
            seen, at = self.WORD.unpack(word)
            # An older one was taken for the same as one before.
            if seen == number and at > now - WITNESS:
                return True
        return False

    def end(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


class Bucket:
    """The bucket, by the AWS CLI. Each call of a method is one try."""

    def __init__(self, name, region):
        self.name = name
        self.region = region
        self.aws = aws()
        # What Python this is must not decide about the Python of the AWS CLI.
        self.environment = dict(METADATA)
        self.environment.update(
            (name, value) for name, value in os.environb.items() if not name.startswith(b"PYTHON")
        )
        self.running = set()
        self.lock = threading.Lock()

    def get(self, key, sink, patience=None):
        """Hands the bytes of an object to `sink`, piece by piece."""
        self.copy([self.url(key), "-"], sink=sink, patience=patience)

    def put(self, key, data, patience):
        self.copy(["-", self.url(key)], data=data, patience=patience)

    def put_file(self, key, path, patience):
        """Sends a file, whose call goes on to its end without this program."""
        self.copy([path, self.url(key)], patience=patience)

    def get_foreign(self, url, path):
        """Fetches what lies below another URL into a folder, or one object as a file."""
        self.copy([encoded(url), path] + (["--recursive"] if url.endswith("/") else []))

    def get_version(self, url, version, path):
        """Fetches one object in one version, whatever its key is."""
        bucket, _, key = url[len("s3://") :].partition("/")
        if key.startswith(PARAMETER_FILES):
            raise Problem("the AWS CLI takes its key for the place of another text")
        # Each in one argument, so that no key is ever an option.
        command = ["s3api", "get-object", "--bucket=" + bucket, encoded("--key=" + key)]
        command += ["--version-id=" + version] if version else []
        self.call(command + [path, "--region", self.region])

    def url(self, key):
        return encoded("s3://%s/%s" % (self.name, key))

    def interrupt(self):
        """Ends the calls that are under way."""
        with self.lock:
            for process in self.running:
                process.kill()

    def copy(self, arguments, **how):
        command = ["s3", "cp"] + arguments + ["--region", self.region]
        self.call(command + ["--only-show-errors"], **how)

    def call(self, command, data=b"", sink=None, patience=None):
        with contextlib.closing(Source(data)) as source:
            process = subprocess.Popen(
                [self.aws] + command,
                stdin=source.reading,
                stdout=subprocess.DEVNULL if sink is None else subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment,
            )
            self.attend(process, source, sink, patience)

    def attend(self, process, source, sink, patience):
        with self.watched(process, patience) as complaints:
            source.feed()
            if sink is not None:
                for chunk in iter(lambda: process.stdout.read(CHUNK), b""):
                    sink(chunk)
            process.wait()
        if process.returncode != 0:
            said = b"".join(complaints).decode("utf-8", "replace").split("\n")
            said = [line.strip() for line in said if line.strip()]
            raise Problem(said[-1] if said else "aws ended with %d" % process.returncode)

    @contextlib.contextmanager
    def watched(self, process, patience):
        """Sees to it that a call ends. Yields what it complains about."""
        complaints = []
        reader = threading.Thread(target=lambda: complaints.append(process.stderr.read()))
        reader.start()
        timer = after(patience, process.kill) if patience else None
        with self.lock:
            self.running.add(process)
        try:
            yield complaints
        finally:
            with self.lock:
                self.running.discard(process)
            if timer:
                timer.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
            reader.join()
            for pipe in process.stdout, process.stderr:
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()


def after(seconds, action):
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


class Source:
    """What a call of the AWS CLI reads, in a pipe. As much as the pipe takes is in there before the
    call begins: if this program is killed, the call cannot take nothing, or a part, for the whole
    of a small object."""

    def __init__(self, data):
        reading, writing = os.pipe()
        self.reading, self.writing = open(reading, "rb", 0), open(writing, "wb", 0)
        os.set_blocking(writing, False)
        self.rest = memoryview(data)
        self.write()
        os.set_blocking(writing, True)
        if not self.rest:
            self.writing.close()

    def write(self):
        self.rest = self.rest[self.writing.write(self.rest) or 0 :]

    def feed(self):
        """Gives the rest to the call that has begun."""
        self.reading.close()
        # A call that has ended early says why by itself.
        with contextlib.suppress(BrokenPipeError):
            while self.rest:
                self.write()
        self.writing.close()

    def close(self):
        self.reading.close()
        self.writing.close()


def tried(action, check):
    """Does something that may fail for a while. `check` ends it by raising."""
    for pause in PAUSES + (None,):
        check()
        try:
            return action()
        except Problem:
            check()
            if pause is None:
                raise
            time.sleep(pause)


class Place:
    """Where the job is on this node: its work folder, and its script beside it."""

    def __init__(self, run):
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", run):
            raise SystemExit("hpcapi: %r is no name of a run" % run)
        self.run = run
        task, attempt = number("SLURM_ARRAY_TASK_ID"), number("SLURM_RESTART_COUNT")
        self.task = "main" if task is None else str(task)
        self.attempt = str(attempt or 0)
        self.root = self.folder = self.script_folder = self.script = None

    def find(self, work):
        self.root = os.path.join(encoded(work), self.run.encode())
        if not work.startswith("/"):
            home = os.fsencode(pwd.getpwuid(os.getuid()).pw_dir)
            self.root = os.path.join(home, self.root)

    def make(self):
        folder, script_folder = self.folders(self.attempt)
        while not self.folder:
            make_folders(self.root)
            # Another task may just have been the last in there.
            with contextlib.suppress(FileNotFoundError):
                os.mkdir(folder, 0o700)
                self.folder = folder
        self.script_folder = script_folder
        os.mkdir(script_folder, 0o700)

    def folders(self, attempt):
        """Returns the work folder of an attempt of this part, and the folder of its script."""
        folder = os.path.join(self.root, ("%s-%s" % (self.task, attempt)).encode())
        return folder, folder + b".script"

    def keep(self):
        """Marks the work folder as one that is to stay. A mode can be changed on a full disk, and
        the sticky bit keeps its owner from nothing."""
        with contextlib.suppress(OSError):
            os.chmod(self.script_folder, KEPT)

    def remove_earlier(self, is_any):
        """Removes what earlier attempts of this part left: all of it, or only what no attempt
        wanted to stay, for it was killed."""
        if not is_own_folder(self.root):
            return
        for attempt in range(int(self.attempt)):
            folder, script_folder = self.folders(attempt)
            if is_any or not is_own_folder(script_folder, KEPT):
                # The folder with the mark is the last to go.
                for path in folder, script_folder:
                    if is_own_folder(path):
                        remove_or_say(path)

    def write_script(self, name, text):
        if "/" in name or "\0" in name or name in ("", ".", ".."):
            raise Problem("%s is no name of a script" % shown(name))
        self.script = os.path.join(self.script_folder, encoded(name))
        with naming(self.script), open(self.script, "wb") as file:
            file.write(text)
        os.chmod(self.script, 0o700)

    def start_script(self, arguments, environment):
        def start(command):
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, cwd=self.folder, env=environment
            )

        for _ in range(100):
            try:
                return start([self.script] + arguments)
            except OSError as error:
                if error.errno == errno.ENOEXEC:
                    return start([b"/bin/bash", self.script] + arguments)
                if error.errno != errno.ETXTBSY:
                    raise Problem("the script cannot be started: %s" % error.strerror)
                # A call of the AWS CLI that began while it was written still has it open.
                time.sleep(0.05)
        raise Problem("the script cannot be started: somebody is writing it")

    def remove(self):
        for folder in self.folder, self.script_folder:
            if folder and os.path.isdir(folder):
                remove_or_say(folder)
        if self.folder:
            # That of the run, if no other task has its own in there.
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(self.folder))


def make_folders(path):
    if not os.path.isdir(path):
        make_folders(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def is_own_folder(path, mode=None):
    """Returns whether a path is a folder of this user, with this mode if that is given. A link to
    one is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_own and mode in (None, stat.S_IMODE(status.st_mode))


def remove_or_say(folder):
    try:
        remove(folder)
    except OSError as error:
        say("the work folder could not be removed: " + words(error))


def remove(folder):
    """Removes a folder whose folders may be closed to their owner."""
    os.chmod(folder, 0o700)
    for above, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(above, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder)


class Shipper:
    """Sends what the job writes, while it does so."""

    def __init__(self, send):
        self.logs = logs(send)
        # While the script runs the memory of the job is for the script.
        self.at_once = 1
        self.is_due = threading.Event()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.began = time.monotonic()

    def begin(self):
        self.thread.start()

    def hurry(self):
        """Sends at once what there is, in the memory that the outputs leave."""
        self.at_once = max(1, at_once(SENDERS + len(self.logs)) - at_once(SENDERS))
        self.is_due.set()

    def work(self):
        pause = FIRST_TICK
        while True:
            self.is_due.wait(pause)
            self.is_due.clear()
            if self.is_over.is_set():
                return
            self.ship(self.is_over.is_set)
            elapsed = time.monotonic() - self.began
            pause = min(max(FIRST_TICK, elapsed / 20), LAST_TICK)

    def ship(self, is_over):
        def ship(log):
            # The next tick tries again. Saying it here would make the log grow.
            with contextlib.suppress(Problem, OSError):
                log.ship(is_over)

        together(self.at_once, [functools.partial(ship, log) for log in self.logs])

    def end(self, left):
        """Sends the rest, in `left` seconds if that is not None. Returns whether all is sent."""
        began = time.monotonic()
        self.is_over.set()
        self.is_due.set()
        if self.thread.is_alive():
            self.thread.join(left)
            if self.thread.is_alive():
                return False
        self.ship(lambda: left is not None and time.monotonic() - began > left)
        return all(log.is_sent() for log in self.logs)


def logs(send):
    """Returns the logs of this job: Slurm opens one file for both streams, or one for each."""
    found, known = [], set()
    for number, name in (1, "stdout"), (2, "stderr"):
        status = os.fstat(number)
        identity = status.st_dev, status.st_ino
        if stat.S_ISREG(status.st_mode) and identity not in known:
            known.add(identity)
            with contextlib.suppress(OSError):
                found.append(Log(name, number, send))
    return found


class Log:
    def __init__(self, name, number, send):
        self.name = name
        self.send = send
        self.file = os.open("/proc/self/fd/%d" % number, os.O_RDONLY)
        # An attempt before may have written into the same file.
        self.offset = os.fstat(self.file).st_size
        self.count = 0
        self.piece = b""

    def ship(self, is_over):
        """Sends what there is now. A piece that failed stays the same: it may have arrived."""
        size = os.fstat(self.file).st_size
        if size < self.offset:
            self.offset = 0
        while (self.piece or self.offset < size) and not is_over():
            self.piece = self.piece or os.pread(self.file, PIECE, self.offset)
            self.send("log/%s/%06d" % (self.name, self.count), self.piece, LOGS_GRACE)
            self.offset += len(self.piece)
            self.count += 1
            self.piece = b""

    def is_sent(self):
        return not self.piece and self.offset >= os.fstat(self.file).st_size


def read_order(text):
    """Returns what run.json says."""
    with understood("run.json"):
        said = json.loads(text.decode("utf-8"))
        order = {
            "script": {name: texts(said["script"][name]) for name in ("name", "sha256")},
            "arguments": [texts(argument) for argument in said.get("arguments", [])],
            "inputs_sha256": texts(said["inputs_sha256"]),
            "out": [texts(pattern) for pattern in said.get("out", [])],
            "work": texts(said["work"]),
            "keep_work": bool(said.get("keep_work", False)),
            "event": Event(said) if said.get("event") is not None else None,
        }
        matcher(order["out"])
        if any("\0" in text for text in order["arguments"] + [order["work"]]):
            raise ValueError("a zero byte")
    return order


class Event:
    """What has begun a run, as its run.json says."""

    FIELDS = "bucket key version size etag time".split()

    def __init__(self, order):
        self.said = {name: order["event"].get(name) for name in self.FIELDS}
        self.trigger = texts(order["trigger"])
        self.outbox = texts(order["outbox"])
        self.file = b""
        for name, value in self.said.items():
            if value is not None:
                value = str(counts(value)) if name == "size" else texts(value)
                if "\0" in value:
                    raise ValueError("a zero byte")
        if not re.fullmatch("[a-z][a-z0-9-]{0,31}", self.trigger):
            raise ValueError("%r is no trigger" % self.trigger)
        key = self.outbox + "manifest.json"
        is_below = self.outbox.startswith("outbox/%s/" % self.trigger)
        if not is_below or not self.outbox.endswith("/") or "\0" in key or is_too_long(key):
            raise ValueError("%r is no outbox" % self.outbox)

    def find_file(self, inputs):
        """Learns where the object lies that the event tells of."""
        for entry in inputs.of_kind("s3"):
            if "version" in entry:
                self.file = inputs.path(entry["path"])

    def environment(self):
        """Returns what the script is told."""
        told = {b"HPCAPI_TRIGGER": encoded(self.trigger), b"HPCAPI_EVENT_FILE": self.file}
        for name, value in self.said.items():
            value = "" if value is None else str(value)
            told[encoded("HPCAPI_EVENT_" + name.upper())] = encoded(value)
        return told


def is_too_long(key):
    return len(encoded(key)) > LONGEST_KEY


@contextlib.contextmanager
def understood(what):
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Problem("%s is not understood: %r" % (what, error))


def texts(value):
    """Returns a text of JSON that has bytes."""
    if not isinstance(value, str):
        raise ValueError("%r is no text" % (value,))
    value.encode("utf-8")
    return value


def counts(value):
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("%r is no count" % (value,))
    return value


class Inputs:
    """What in.ndjson lists, to be put into `folder`. Its paths are checked before the first byte
    is written."""

    def __init__(self, listed, folder, bucket, check):
        self.folder = folder
        self.bucket = bucket
        self.check = check
        self.entries = {}
        with understood("in.ndjson"):
            lines = listed.decode("utf-8").split("\n")
        for line, text in enumerate(lines, 1):
            if text:
                with understood("line %d of in.ndjson" % line):
                    self.add(read_input(json.loads(text)))
        self.check_parents()

    def add(self, entry):
        if entry["path"] in self.entries:
            raise Problem("the input %s is there twice" % shown(entry["path"]))
        self.entries[entry["path"]] = entry

    def check_parents(self):
        """Only folders may have something in them, and they are ours alone."""
        self.parents = set()
        for path in self.entries:
            above = path.rpartition("/")[0]
            while above and above not in self.parents:
                if self.entries.get(above, {"kind": "folder"})["kind"] != "folder":
                    raise Problem("the input %s is not in a folder" % shown(path))
                self.parents.add(above)
                above = above.rpartition("/")[0]

    def of_kind(self, kind):
        return [entry for entry in self.entries.values() if entry["kind"] == kind]

    def path(self, path):
        return os.path.join(self.folder, encoded(path))

    def check_room(self):
        room = os.statvfs(self.folder)
        needed = sum(entry["size"] for entry in self.of_kind("file"))
        if needed > room.f_bavail * room.f_frsize:
            said = needed, shown(self.folder), room.f_bavail * room.f_frsize
            raise Problem("no room: the inputs have %d bytes, and %s has %d left" % said)
        count = len(self.entries)
        if room.f_files and count > room.f_favail:
            said = count, shown(self.folder), room.f_favail
            raise Problem("no room: %d inputs, and %s has room for %d files" % said)

    def make_folders(self):
        listed = {entry["path"] for entry in self.of_kind("folder")}
        for path in sorted(self.parents | listed):
            os.mkdir(self.path(path), 0o700 if path in listed else 0o777)

    def fetches(self):
        """Returns the jobs that fill the files."""
        jobs = [
            functools.partial(Blob(name, pieces).fetch, self.bucket, self.check)
            for name, pieces in self.pieces_by_blob().items()
        ]
        return jobs + [functools.partial(self.fetch_foreign, it) for it in self.of_kind("s3")]

    def pieces_by_blob(self):
        """Returns the pieces of each blob: where they begin in it, how long they are, and the file
        and the place in it where they go."""
        blobs = {}
        for entry in self.of_kind("file"):
            path, at = self.path(entry["path"]), 0
            for name, offset, length in entry["pieces"]:
                blobs.setdefault(name, []).append((offset, length, path, at))
                at += length
        return blobs

    def fetch_foreign(self, entry):
        path = self.path(entry["path"])
        if "version" in entry:
            get = functools.partial(self.bucket.get_version, entry["url"], entry["version"], path)
        else:
            get = functools.partial(self.bucket.get_foreign, entry["url"], path)
            if entry["url"].endswith("/"):
                os.mkdir(path)
        try:
            tried(get, self.check)
        except Told:
            raise
        except Problem as error:
            raise Problem("%s could not be fetched: %s" % (shown(entry["url"]), error))

    def finish(self):
        """Checks the files, makes the links, and gives all their modes and times."""
        files = self.of_kind("file")
        batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
        together(FETCHERS, [functools.partial(self.finish_files, batch) for batch in batches])
        for entry in self.of_kind("link"):
            os.symlink(encoded(entry["target"]), self.path(entry["path"]))
        # What is put into a folder changes its time, and its mode may close it.
        for entry in sorted(self.of_kind("folder"), key=lambda it: it["path"], reverse=True):
            path = self.path(entry["path"])
            os.chmod(path, entry["mode"])
            os.utime(path, ns=(entry["mtime_ns"], entry["mtime_ns"]))

    def finish_files(self, entries):
        self.check()
        for entry in entries:
            flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW
            with open(os.open(self.path(entry["path"]), flags, 0o600), "rb") as file:
                digest = hashlib.sha256()
                for chunk in chunks(file, entry["size"]):
                    digest.update(chunk)
                if digest.hexdigest() != entry["sha256"]:
                    raise Problem("the input %s is not as it was" % shown(entry["path"]))
                os.chmod(file.fileno(), entry["mode"])
                os.utime(file.fileno(), ns=(entry["mtime_ns"], entry["mtime_ns"]))


def read_input(said):
    """Returns a line of in.ndjson, checked."""
    entry = {"path": read_path(said["path"]), "kind": said["kind"]}
    if entry["kind"] in ("file", "folder"):
        entry["mode"] = counts(said["mode"]) & 0o777
        entry["mtime_ns"] = int(said["mtime_ns"])
    if entry["kind"] == "file":
        entry.update(size=counts(said["size"]), sha256=texts(said["sha256"]))
        entry["pieces"] = [read_piece(*piece) for piece in said["pieces"]]
        if sum(length for _, _, length in entry["pieces"]) != entry["size"]:
            raise ValueError("the pieces are not the file")
    elif entry["kind"] == "link":
        entry["target"] = texts(said["target"])
    elif entry["kind"] == "s3":
        entry["url"] = texts(said["url"])
        if not entry["url"].startswith("s3://"):
            raise ValueError("%r is no URL of an object" % entry["url"])
        if "version" in said:
            # Nothing where the bucket has no versions: then it is the object as it is now.
            entry["version"] = texts(said["version"] or "")
            if not re.fullmatch("[A-Za-z0-9._-]*", entry["version"]):
                raise ValueError("%r is no version" % entry["version"])
    elif entry["kind"] != "folder":
        raise ValueError("%r is no kind" % (entry["kind"],))
    return entry


def read_path(path):
    if "\0" in texts(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("%r is no path in the work folder" % path)
    return path


def read_piece(name, offset, length):
    if not re.fullmatch("[0-9a-f]{64}", name):
        raise ValueError("%r is no blob" % (name,))
    return name, counts(offset), counts(length)


class Blob:
    """Some bytes in the bucket, and where pieces of them go."""

    def __init__(self, name, pieces):
        self.name = name
        self.pieces = sorted(pieces, reverse=True)

    def fetch(self, bucket, check):
        try:
            tried(lambda: self.fetch_once(bucket), check)
        except Told:
            raise
        except Problem as error:
            raise Problem("blob %s could not be fetched: %s" % (self.name, error))

    def fetch_once(self, bucket):
        self.digest = hashlib.sha256()
        self.position = 0
        self.ahead = list(self.pieces)
        self.open = []
        bucket.get("blobs/" + self.name, self.take)
        found = self.digest.hexdigest()
        if found != self.name:
            raise Problem("it is damaged, its sha256 is %s" % found)
        if self.ahead or self.open:
            raise Problem("in.ndjson has more of it than there is")

    def take(self, chunk):
        """Writes what the next bytes have of each piece."""
        self.digest.update(chunk)
        begin, end = self.position, self.position + len(chunk)
        while self.ahead and self.ahead[-1][0] < end:
            self.open.append(self.ahead.pop())
        for offset, length, path, at in self.open:
            first, last = max(offset, begin), min(offset + length, end)
            write_at(path, at + first - offset, memoryview(chunk)[first - begin : last - begin])
        self.open = [piece for piece in self.open if piece[0] + piece[1] > end]
        self.position = end


def write_at(path, place, data):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        with naming(path):
            while data:
                written = os.pwrite(file, data, place)
                data, place = data[written:], place + written
    finally:
        os.close(file)


def chunks(file, most):
    """Returns the first bytes of a file, no more than so many, piece by piece."""
    while most > 0:
        chunk = file.read(min(CHUNK, most))
        if not chunk:
            return
        most -= len(chunk)
        yield chunk


def together(count, jobs):
    """Does jobs in threads, until one fails."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(job) for job in jobs]
        how = concurrent.futures.FIRST_EXCEPTION
        done, undone = concurrent.futures.wait(futures, return_when=how)
        for future in undone:
            future.cancel()
        for future in done:
            future.result()


def at_once(most):
    """Returns how many calls of the AWS CLI fit into the memory of the job."""
    per_cpu = number("SLURM_MEM_PER_CPU") or 0
    memory = number("SLURM_MEM_PER_NODE") or per_cpu * (number("SLURM_CPUS_ON_NODE") or 1)
    return max(1, min(most, memory // CALL)) if memory else most


def outputs(folder, patterns):
    """Returns the paths below a folder that the patterns take, links among them as they are."""
    wanted = matcher(patterns)
    found, folders = [], [(b"", False)]
    while folders:
        above, is_taken = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(folder, above)))
        except OSError as error:
            # A folder that a container left behind may be closed; it matters if it is wanted.
            is_gone = isinstance(error, FileNotFoundError)
            if not above or (is_taken and not is_gone):
                raise
            continue
        for entry in entries:
            path = os.path.join(above, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            text = path.decode("utf-8", "surrogateescape") + ("/" if is_folder else "")
            is_wanted = is_taken or bool(wanted.fullmatch(text))
            if is_wanted:
                readable(path)
                found.append(path)
            if is_folder:
                folders.append((path, is_wanted))
    return found


def readable(name):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("the output %s has a name that is not UTF-8" % shown(name))


def matcher(patterns):
    """Returns what matches paths, those of folders with a slash at their end."""
    return re.compile("|".join(map(expression, patterns)) or "(?!)", re.DOTALL)


def expression(pattern):
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts or pattern.startswith("/") or ".." in parts:
        raise ValueError("%r is no pattern of paths in the work folder" % pattern)
    is_folder = pattern.endswith("/") or parts[-1] == "**"
    while parts and parts[-1] == "**":
        parts.pop()
    if not parts:
        return ".+"
    begin = "".join("(?:[^/]+/)*" if part == "**" else one_name(part) + "/" for part in parts[:-1])
    return begin + one_name(parts[-1]) + ("/" if is_folder else "/?")


def one_name(pattern):
    """Returns a pattern without slashes as a regular expression."""
    tokens = re.findall(r"\*+|\?|\[[!^]?\]?[^\]]*\]|.", pattern, re.DOTALL)
    return "(?=[^/])" + "".join(map(one_token, tokens))


def one_token(token):
    if token[0] == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token[0] != "[" or len(token) < 3:
        return re.escape(token)
    inner = token[1:-1]
    is_negated = inner[0] in "!^" and len(inner) > 1
    ranges = re.findall("(.)-(.)|(.)", inner[is_negated:], re.DOTALL)
    ranges = [(one or first, one or last) for first, last, one in ranges]
    said = "".join(re.escape(a) + "-" + re.escape(b) for a, b in ranges if a <= b)
    if not said:
        return "[^/]" if is_negated else "(?!)"
    return "(?!/)[%s%s]" % ("^" if is_negated else "", said)


def open_file(path):
    """Opens a file to read it; returns nothing for what is none any more."""
    file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def changed(paths):
    """Returns what is to be said of outputs that were not the same all the time."""
    if paths:
        said = shown(paths[0]), more(paths)
        return "the output %s%s changed while it was sent" % said
    return None


def more(found):
    return " and %d more" % (len(found) - 1) if len(found) > 1 else ""


class Packs:
    """The bytes of the outputs, one file after the other in objects of PACK bytes."""

    def __init__(self, send):
        self.send = send
        self.count = 0
        self.data = bytearray()
        self.pool = concurrent.futures.ThreadPoolExecutor(at_once(SENDERS))
        self.sending = []
        self.changed = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.pool:
            self.settle(0)

    def finish(self, listed):
        """Sends the last bytes, and the list of all outputs with them."""
        if self.data:
            self.flush()
        self.submit("out.ndjson", listed)

    def entry(self, path, full):
        """Returns what out.ndjson says of an output, whose bytes are on their way; nothing for
        what is no file, no folder and no link, or has gone since it was found."""
        try:
            status = os.lstat(full)
            entry = {"path": readable(path)}
            if stat.S_ISLNK(status.st_mode):
                return dict(entry, kind="link", target=readable(os.readlink(full)))
            entry.update(mode=status.st_mode & 0o777, mtime_ns=status.st_mtime_ns)
            if stat.S_ISDIR(status.st_mode):
                return dict(entry, kind="folder")
            file = open_file(full) if stat.S_ISREG(status.st_mode) else None
        except FileNotFoundError:
            say("the output %s is left out: it is gone" % shown(path))
            return None
        if not file:
            say("the output %s is left out: it is no file, folder or link" % shown(path))
            return None
        with file:
            return dict(entry, kind="file", **self.add(path, file))

    def add(self, path, file):
        """Takes a file as long as it is now; something may still be writing to it."""
        before = os.fstat(file.fileno())
        digest, size, pieces = hashlib.sha256(), 0, []
        for chunk in chunks(file, before.st_size):
            digest.update(chunk)
            size += len(chunk)
            self.append(chunk, pieces)
        after = os.fstat(file.fileno())
        is_same = size == after.st_size and before.st_mtime_ns == after.st_mtime_ns
        if not is_same:
            self.changed.append(path)
        return {"size": size, "sha256": digest.hexdigest(), "pieces": pieces}

    def append(self, chunk, pieces):
        while chunk:
            part = chunk[: PACK - len(self.data)]
            chunk = chunk[len(part) :]
            name = "%06d" % self.count
            if pieces and pieces[-1][0] == name:
                pieces[-1][2] += len(part)
            else:
                pieces.append([name, len(self.data), len(part)])
            self.data += part
            if len(self.data) == PACK:
                self.flush()

    def flush(self):
        self.submit("out/%06d" % self.count, self.data)
        self.count += 1
        self.data = bytearray()

    def submit(self, name, data):
        self.settle(SENDERS - 1)
        self.sending.append(self.pool.submit(self.send, name, data))

    def settle(self, count):
        """Waits until no more than so many are on their way."""
        while len(self.sending) > count:
            self.sending.pop(0).result()


class Objects:
    """The outputs as objects of their own. `listed` gets those that were sent."""

    def __init__(self, outbox, send, listed):
        self.outbox = outbox
        self.send = send
        self.listed = listed
        self.pool = concurrent.futures.ThreadPoolExecutor(at_once(SENDERS))
        self.sending = []
        self.changed = []
        self.left_out = []
        self.unsendable = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with self.pool:
            for future in self.sending:
                future.cancel() if kind else future.result()

    def add(self, path, full):
        """Has a file sent, unless it cannot be an object."""
        key = self.outbox + readable(path)
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            say("the output %s is left out: it is gone" % shown(path))
            return
        if stat.S_ISDIR(status.st_mode):
            return
        if not stat.S_ISREG(status.st_mode):
            self.left_out.append(path)
        elif is_too_long(key):
            said = "the output %s was not sent: its key would be longer than %d bytes"
            self.unsendable.append(said % (shown(path), LONGEST_KEY))
        elif path == b"manifest.json":
            self.unsendable.append("the output manifest.json was not sent: it is the manifest's")
        else:
            self.sending.append(self.pool.submit(self.send_file, readable(path), key, full))

    def send_file(self, path, key, full):
        file = open_file(full)
        if not file:
            self.left_out.append(encoded(path))
            return
        with file:
            before = os.fstat(file.fileno())
            digest = hashlib.sha256()
            for chunk in iter(lambda: file.read(CHUNK), b""):
                digest.update(chunk)
        self.send(key, full)
        if not is_still(full, before):
            self.changed.append(encoded(path))
        said = {"path": path, "key": key, "size": before.st_size, "sha256": digest.hexdigest()}
        self.listed.append(said)

    def remark(self):
        """Returns what is to be said of outputs that are not as they were to be."""
        said = [changed(sorted(self.changed))] if self.changed else []
        if self.left_out:
            words = "the output %s%s is left out: it is no file"
            said.append(words % (shown(self.left_out[0]), more(self.left_out)))
        return "; ".join(said) or None


def is_still(path, status):
    """Returns whether a file is as it was."""
    with contextlib.suppress(OSError):
        now = os.lstat(path)
        return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
        )
    return False


def moment(seconds):
    """Returns a moment as RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def encoded(text):
    return text.encode("utf-8")


def shown(name):
    """Returns a name that may be anything as one line of text."""
    if isinstance(name, bytes):
        name = name.decode("utf-8", "backslashreplace")
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in name
    )


def words(error):
    if isinstance(error, OSError) and error.filename is not None:
        return "%s: %s" % (shown(error.filename), error.strerror)
    return str(error)


@contextlib.contextmanager
def naming(path):
    """Sees to it that an error of the system, like that of a full disk, says where it was."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path)


def say(text):
    with contextlib.suppress(OSError):
        sys.stderr.buffer.write(("hpcapi: %s\n" % text).encode("utf-8", "backslashreplace"))
        sys.stderr.buffer.flush()


def number(name):
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else None


def node():
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def aws():
    """Returns the AWS CLI: the system's, or that of ParallelCluster's own Python."""
    path = os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin"
    own = "/opt/parallelcluster/pyenv/versions/*/envs/cookbook_virtualenv/bin/aws"
    found = shutil.which("aws", path=path) or next(iter(glob.glob(own)), None)
    if not found:
        say("this node has no AWS CLI, the job cannot be staged")
        sys.exit(UNSTAGED)
    return found


def leave(status):
    """Ends as the script did."""
    if status < 0:
        # The script has left a core file already, if it was to.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
        os.kill(os.getpid(), -status)
        status = 128 - status
    sys.exit(status)


if __name__ == "__main__":
    main()
