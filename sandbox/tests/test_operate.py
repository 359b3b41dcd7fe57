"""What carries out operations on the head node shows Slurm as hpcapi does, and submits a job once,
as it was sent, whatever it holds."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import importlib.util
import io
import json
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "templates/node/operate.py"
RECORDED = ROOT / "tests/client/recorded"
CALLER, OTHER = "c0ffee0123456789", "0123456789c0ffee"
NASTY = (
    ";",
    "; touch /tmp/x",
    "$(id)",
    "`id`",
    "'",
    '"',
    "a\nb",
    "\r\n",
    "../../etc/passwd",
    "\x01\x1b[2J\x7f",
    "{{ssm:x}}",
    "{{ verb }}",
    "--uid=0",
    "-",
    ":",
    "*",
    "~",
    "\\",
    "%j",
    "|cat",
    "&&",
    "\u202e\ufffe\U0001f600",
    "x" * 1024,
)

# What they are asked for, they note in the folder where `mode` says how they are.
FAKE = """#!{python} -IS
import json, os, signal, sys, time
folder = {folder!r}
def note(name, said):
    with open(os.path.join(folder, name), "a") as file:
        file.write(json.dumps(said) + "\\n")
def noted(name):
    try:
        with open(os.path.join(folder, name)) as file:
            return [json.loads(line) for line in file]
    except FileNotFoundError:
        return []
with open(os.path.join(folder, "mode")) as file:
    mode = file.read()
def down():
    sys.exit("%s: error: Unable to contact slurm controller (connect failure)" % {name!r})
"""
SBATCH = """
arguments = sys.argv[1:]
path = next(one for one in arguments if not one.startswith("--"))
with open(path, newline="") as file:
    script = file.read()
note("begun", None)
given = dict(one[2:].partition("=")[::2] for one in arguments[: arguments.index(path)])
note("sbatch", dict(arguments=arguments, path=path, script=script, environment=dict(os.environ),
    given=sys.stdin.read()))
if mode == "down": down()
if mode == "bad": sys.exit("sbatch: error: invalid partition specified: nope\\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified")
if mode == "nothing": sys.exit(0)
if mode == "late": time.sleep(1)
number = 7 + len(noted("jobs"))
note("jobs", dict(job_id=number, comment=given["comment"], job_state="RUNNING", user_name="me",
    name=given.get("job-name", os.path.basename(path))))
if mode == "lost": sys.exit("sbatch: error: Batch job submission failed: Socket timed out")
if mode == "killed": os.kill(os.getpid(), signal.SIGKILL)
if mode == "slow": time.sleep(60)
print("sbatch: warning: odd", file=sys.stderr)
print(number)
"""
SQUEUE = """
if mode == "down": down()
for job in noted("jobs"):
    print(job["comment"], job["job_id"], job.get("state", "RUNNING"))
"""
SCANCEL = """
note("scancel", sys.argv[1:])
if mode == "down": down()
kill = "scancel: error: Kill job error on job id 7: "
if mode == "unanswered": sys.exit("scancel: error: Socket timed out on send/recv operation")
if mode == "late":
    os.remove(os.path.join(folder, "jobs"))
    note("jobs", dict(job_id=7, comment={comment!r}, job_state="CANCELLED", user_name="me"))
    sys.exit("scancel: error: Socket timed out on send/recv operation")
if mode == "over": sys.exit(kill + "Job/step already completing or completed")
if mode == "denied": sys.exit(kill + "Access/permission denied")
"""
SLURMRESTD = """
asked = sys.stdin.read()
note("asked", dict(request=asked, arguments=sys.argv[1:], owner=os.fstat(0).st_uid))
path = asked.split()[1].split("/", 3)[3]
answer = dict(jobs=noted("jobs"), errors=[])
if path.startswith("job/"):
    answer["jobs"] = [job for job in answer["jobs"] if str(job["job_id"]) in path]
    if not answer["jobs"]:
        answer = dict(errors=[dict(error_number=2017, error="Invalid job id specified")])
if os.path.exists(os.path.join(folder, path + ".json")):
    with open(os.path.join(folder, path + ".json"), "rb") as file:
        answer = file.read()
if mode == "down":
    answer = dict(errors=[dict(description="Failed", error="Unable to contact slurm controller")])
if mode == "silent": time.sleep(60)
if mode == "broken": sys.exit("slurmrestd: fatal: cannot")
body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
status = 500 if mode == "down" else 200
sys.stdout.buffer.write(b"HTTP/1.1 %d X\\r\\nContent-Length: %d\\r\\n\\r\\n" % (status, len(body)))
sys.stdout.buffer.write(body + b"Connection: Close\\r\\n")
"""
AWS = """
assert int(os.environ["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]) > 1
key = sys.argv[sys.argv.index("--key") + 1]
note("aws", sys.argv[1:])
try:
    with open(os.path.join(folder, key.replace("/", "-")), "rb") as file:
        body = file.read()
except FileNotFoundError:
    sys.exit("An error occurred (NoSuchKey) when calling the GetObject operation")
last = int(sys.argv[sys.argv.index("--range") + 1].partition("-")[2])
with open(sys.argv[-1], "wb") as file:
    file.write(body[: last + 1])
"""
SYSTEMCTL = """
print("active\\nfailed\\ninactive\\nactive")
sys.exit(3)
"""


def load():
    spec = importlib.util.spec_from_file_location("operate", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recorded(version: int, name: str) -> list:
    return json.loads((RECORDED / f"v{version}.json").read_text())[name][name]


def fields(path: str, struct: str) -> list[str]:
    """Returns the fields of a structure as hpcapi writes them."""
    text = (ROOT / path).read_text()
    body = re.search(r"pub struct %s \{\n(.*?)\n\}" % struct, text, re.DOTALL).group(1)
    body = re.sub(r"#\[serde\(skip\)\]\s+pub \w+", "", body)
    return re.findall(r"^    pub (\w+):", body, re.MULTILINE)


class OnHeadNode(unittest.TestCase):
    """A head node of fakes; they run as whoever runs the tests."""

    def setUp(self) -> None:
        self.program = load()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.program.SLURM = str(self.folder / "slurm")
        self.program.CONFIG = str(self.folder / "operate.json")
        self.program.FOLDER = str(self.folder / "operations")
        self.program.PAUSE = 0
        self.program.become = lambda user: None
        self.user = types.SimpleNamespace(
            pw_uid=os.getuid() or 1,
            pw_gid=os.getgid() or 1,
            pw_dir=str(self.folder),
            pw_name="me",
            pw_shell="/bin/sh",
        )
        self.program.pwd = types.SimpleNamespace(getpwnam=lambda name: self.user)
        config = {
            "bucket": "b",
            "region": "r",
            "api": "/slurm/v0.0.42",
            "plugins": "-s openapi/slurmctld",
            "rest_user": "slurmrestd",
            "user": "me",
        }
        Path(self.program.CONFIG).write_text(json.dumps(config))
        self.be("well")
        self.fake("slurm/bin/sbatch", SBATCH)
        self.fake("slurm/bin/squeue", SQUEUE)
        self.fake("slurm/bin/scancel", SCANCEL)
        self.fake("slurm/sbin/slurmrestd", SLURMRESTD)
        self.fake("bin/aws", AWS)
        self.fake("bin/systemctl", SYSTEMCTL)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{self.folder}/bin:{path}"
        # The program sets a mask of its own, for all of this process.
        mask = os.umask(0o022)
        os.umask(mask)
        self.addCleanup(os.umask, mask)

    def fake(self, name: str, body: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        head = FAKE.format(python=sys.executable, folder=str(self.folder), name=path.name)
        comment = f"hpcapi:op-{CALLER}-{'1' * 16}"
        path.write_text(head + body.replace("{comment!r}", repr(comment)))
        path.chmod(0o755)

    def be(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    def noted(self, name: str) -> list:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def ask(self, verb: str, **asked: str) -> dict:
        """Returns the answer to a verb, unpacked, after a look at the line that it is."""
        environment = {f"SSM_{name}": value for name, value in asked.items()}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.program.sys = types.SimpleNamespace(argv=["operate.py", verb])
            self.program.os = Environment(environment)
            self.program.main()
        line = said.getvalue()
        self.assertEqual(line.count("\n"), 1, line)
        self.assertLessEqual(len(line), 24000)
        self.assertTrue(line.isascii())
        answer = json.loads(line)
        if "packed" in answer:
            packed = base64.b64decode(answer.pop("packed"))
            answer["body"] = json.loads(gzip.decompress(packed))
        return answer

    def order(self, **said: object) -> dict:
        """Writes an order into the bucket; returns how it is asked for."""
        order = {
            "script": "#!/bin/bash\ntrue\n",
            "name": "job.sh",
            "arguments": [],
            "options": [],
            "marker": "1" * 16,
            "caller": CALLER,
            **said,
        }
        text = json.dumps(order, sort_keys=True).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(text).hexdigest()
        (self.folder / f"operations-{digest}.json").write_bytes(text)
        return {"order": digest, "caller": CALLER}

    def submit(self, **said: object) -> dict:
        return self.ask("submit", **self.order(**said))

    def refused(self, status: int, answer: dict, words: str = ".") -> None:
        self.assertEqual(answer["status"], status, answer)
        self.assertRegex(answer["error"], words)
        self.assertNotIn("body", answer)


class Environment:
    """The module `os`, with another environment."""

    def __init__(self, environment: dict) -> None:
        self.environ = {"PATH": os.environ["PATH"], **environment}

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


class Shapes(OnHeadNode):
    def show(self, version: int, name: str) -> list:
        answer = json.loads((RECORDED / f"v{version}.json").read_text())[name]
        (self.folder / f"{name}.json").write_text(json.dumps(answer))
        return self.ask(name)["body"][name]

    def test_fields_are_those_of_hpcapi(self) -> None:
        steps = ["steps"]
        for name, path, struct in (
            ("jobs", "src/slurm/jobs/mod.rs", "Job"),
            ("nodes", "src/slurm/nodes.rs", "Node"),
            ("partitions", "src/slurm/partitions.rs", "Partition"),
        ):
            expected = [one for one in fields(path, struct) if one not in steps]
            self.assertGreater(len(expected), 7)
            for version in (36, 38, 42, 45):
                for element in self.show(version, name):
                    self.assertEqual(list(element), expected)

    def test_recorded_jobs_read_as_in_hpcapi(self) -> None:
        for version in (36, 38, 42, 45):
            shown = {job["id"]: job for job in self.show(version, "jobs")}
            raw = recorded(version, "jobs")
            self.assertEqual(list(shown), sorted(job["job_id"] for job in raw))
            for job in raw:
                one = shown[job["job_id"]]
                self.assertEqual(one["name"], job["name"])
                self.assertEqual(one["source"], "slurm")
                self.assertTrue(one["marker"].startswith("hpcapi:"), one)
        [job] = [job for job in self.show(36, "jobs") if job["id"] == 239]
        told = {name: value for name, value in job.items() if value is not None}
        self.assertEqual(
            told,
            {
                "id": 239,
                "name": "good",
                "partition": "queue1",
                "state": "COMPLETED",
                "priority": 4294901751,
                "nodes": "queue1-dy-t3micro-1",
                "node_count": 1,
                "cpus": 1,
                "tasks": 1,
                "submit_time": "2026-11-23T05:20:13Z",
                "eligible_time": "2026-11-23T05:20:13Z",
                "start_time": "2026-11-23T05:20:15Z",
                "end_time": "2026-11-23T05:20:15Z",
                "time_limit_seconds": 600,
                "exit_code": 0,
                "derived_exit_code": 0,
                "restarts": 0,
                "directory": "/home/ec2-user",
                "stdout": "/home/ec2-user/slurm-239.out",
                "stderr": "/home/ec2-user/slurm-239.out",
                "marker": "hpcapi:d09f6d72e60c3341",
                "source": "slurm",
            },
        )

    def test_one_and_the_same_reads_the_same_in_every_version(self) -> None:
        def number(value: int) -> dict:
            return {"set": True, "infinite": False, "number": value}

        unset, infinite = {"set": False, "number": 7}, {"set": False, "infinite": True, "number": 0}
        common = {"job_id": 7, "user_name": "me", "name": "x", "nodes": "n1", "new": {}}
        common.update(comment="hi hpcapi:ab", current_working_directory="/w")
        old = {"job_state": "FAILED", "exit_code": 768, "time_limit": 5, "start_time": 100}
        old.update(end_time=160, array_job_id=0, array_task_id=None, cpus=2, priority=4294901758)
        old.update(memory_per_cpu=None, standard_output="/w/slurm-7.out", tasks=4294967294)
        new = {"job_state": ["FAILED"], "time_limit": number(5), "start_time": number(100)}
        new["exit_code"] = {"status": ["ERROR"], "return_code": number(3), "signal": {"id": unset}}
        new.update(end_time=number(160), array_job_id=number(0), array_task_id=unset)
        new.update(cpus=number(2), priority=number(4294901758), memory_per_cpu=unset)
        new.update(standard_output="slurm-%j.out", tasks=infinite)
        job = self.program.job({**common, **old})
        self.assertEqual(job, self.program.job({**common, **new}))
        self.assertEqual((job["exit_code"], job["signal"]), (3, None))
        self.assertEqual((job["comment"], job["marker"]), ("hi", "hpcapi:ab"))
        old = {"name": "q", "state": "UP", "nodes": "n[1-2]", "total_nodes": 2, "total_cpus": 4}
        old.update(max_time_limit=60, default_time_limit=None, maximum_nodes_per_job=4294967295)
        new = {"name": "q", "partition": {"state": ["UP"]}, "cpus": {"total": 4}}
        new.update(nodes={"configured": "n[1-2]", "total": 2}, defaults={"time": unset})
        new.update(maximums={"time": number(60), "nodes": infinite})
        self.assertEqual(self.program.partition(old), self.program.partition(new))
        self.assertEqual(self.program.partition(old)["time_limit_seconds"], 3600)
        common = {"name": "n1", "cpus": 2, "alloc_cpus": 0, "real_memory": 972, "gres": ""}
        old = {"state": "idle", "state_flags": ["POWERED_DOWN", "CLOUD"], "features": "t3,dynamic"}
        old.update(partitions=["b", "a"], reason=None, boot_time=0)
        new = {"state": ["IDLE", "CLOUD", "POWERED_DOWN"], "features": ["dynamic", "t3"]}
        new.update(partitions=["a", "b"], reason="", boot_time=number(0))
        node = self.program.node({**common, **old})
        self.assertEqual(node, self.program.node({**common, **new}))
        self.assertEqual((node["state"], node["flags"]), ("IDLE", ["CLOUD", "POWERED_DOWN"]))

    def test_numbers_are_read_as_in_hpcapi(self) -> None:
        for value, expected in (
            (5, 5),
            (-3, -3),
            (0.7, 0),
            (" 12 ", 12),
            ("", None),
            ("x", None),
            (True, None),
            (None, None),
            ([1], None),
            (4294967294, None),
            (4294967295, None),
            (18446744073709551615, None),
            (10**30, None),
            (float("nan"), None),
            (float("inf"), None),
            ({"number": 7}, 7),
            ({"set": True, "infinite": True, "number": 7}, None),
            ({"set": 5, "number": 7}, None),
        ):
            self.assertEqual(self.program.number(value), expected, value)
        exit_of = self.program.exit_of
        self.assertEqual(exit_of(9), (0, 9))
        signalled = {"return_code": {"set": False}, "signal": {"signal_id": {"number": 9}}}
        self.assertEqual(exit_of(signalled), (0, 9))
        self.assertEqual(exit_of(None), (None, None))
        self.assertEqual(exit_of({"return_code": 1, "signal": 5}), (1, None))
        self.assertEqual(self.program.moment(1795406758), "2026-11-23T04:05:58Z")
        self.assertEqual(self.program.moment(253402300799), "9999-12-31T23:59:59Z")
        self.assertIsNone(self.program.moment(253402300800))
        self.assertEqual(self.program.requested_cpus("mem=1M,cpu=4,node=1"), 4)
        self.assertIsNone(self.program.requested_cpus("cpu=many"))

    def test_states_and_tasks_are_read_as_in_hpcapi(self) -> None:
        state_of, may_hold = self.program.state_of, self.program.may_hold
        self.assertEqual(state_of(["RUNNING", "CONFIGURING"]), "CONFIGURING")
        self.assertEqual(state_of(["COMPLETED", "COMPLETING"]), "COMPLETING")
        self.assertEqual(state_of(["odd"]), "ODD")
        self.assertEqual(state_of([]), "UNKNOWN")
        self.assertTrue(may_hold("0-6:2,9", 4))
        self.assertTrue(may_hold("0-6:2,9%2", 9))
        self.assertFalse(may_hold("0-6:2,9", 5))
        self.assertTrue(may_hold("1,3,...", 77))
        self.assertFalse(may_hold("", 0))

    def test_files_are_filled_in_as_in_hpcapi(self) -> None:
        output = self.program.output
        names = {"id": 12, "array": 10, "task": 2, "name": "my job", "user": "me"}
        names.update(folder="/home/me/", node="n1")
        self.assertEqual(output("", names), "/home/me/slurm-10_2.out")
        filled = output("/x/%4j-%A.%a.%u.%x.%N.%%", names)
        self.assertEqual(filled, "/x/0012-10.2.me.my job.n1.%")
        self.assertEqual(output("logs/%q%", names), "/home/me/logs/%q%")
        self.assertEqual(output("/a\\%j", names), "/a%j")
        single = {**names, "array": None, "task": None}
        self.assertEqual(output("", single), "/home/me/slurm-12.out")
        waiting = {**names, "task": None}
        self.assertEqual(output("", waiting), "/home/me/slurm-10_%a.out")
        self.assertEqual(output("/x/s-10_4294967294.out", waiting), "/x/s-10_%a.out")
        self.assertEqual(output("/%" + "9" * 5000 + "j", names), "/12")

    def test_what_users_wrote_costs_no_list(self) -> None:
        odd = (
            rb'{"jobs":[{"job_id":1,"name":"gr\xf6\xdfe","job_state":["RUNNING"]},'
            rb'{"job_id":2,"name":"\ud800x","job_state":7,"priority":1e999,"cpus":'
            + b"9" * 5000
            + rb'},{"job_id":3,"name":[],"comment":{},"exit_code":[1],"job_state":[null,"X"]},'
            rb'{"job_id":4,"name":"a' + b"\x01\n" + rb'b"},5,null,{"job_id":"x"},{}],"errors":[]}'
        ).replace(rb"\xf6\xdf", b"\xf6\xdf")
        (self.folder / "jobs.json").write_bytes(odd)
        answer = self.ask("jobs")
        jobs = answer["body"]["jobs"]
        self.assertEqual([job["id"] for job in jobs], [1, 2, 3, 4])
        names = [job["name"] for job in jobs]
        self.assertEqual(names, ["gr\ufffd\ufffde", "\ufffdx", None, "a\x01\nb"])
        self.assertEqual([job["state"] for job in jobs], ["RUNNING", "UNKNOWN", "X", "UNKNOWN"])
        self.assertEqual((jobs[1]["priority"], jobs[1]["cpus"]), (None, None))


class Reading(OnHeadNode):
    def jobs(self, count: int, **fields: object) -> list:
        jobs = []
        for number in range(count, 0, -1):
            digest = hashlib.sha256(b"%d" % number).hexdigest()
            jobs.append({"job_id": number, "job_state": "RUNNING", "name": digest, **fields})
        (self.folder / "jobs.json").write_text(json.dumps({"jobs": jobs, "errors": []}))
        return jobs

    def pages(self, verb: str, **asked: str) -> list:
        pages, after = [], ""
        while True:
            answer = self.ask(verb, after=after, **asked)
            self.assertEqual(answer["status"], 200, answer)
            pages.append(answer["body"][verb])
            if "next" not in answer:
                return pages
            self.assertNotEqual(after, answer["next"])
            after = answer["next"]

    def test_pages_of_very_many_jobs_make_the_whole(self) -> None:
        jobs = self.jobs(5000)
        pages = self.pages("jobs")
        self.assertGreater(len(pages), 5)
        self.assertLess(len(pages), 60)
        shown = [(job["id"], job["name"]) for page in pages for job in page]
        self.assertEqual(shown, [(job["job_id"], job["name"]) for job in jobs[::-1]])

    def test_a_job_larger_than_a_page_is_shown_shortened(self) -> None:
        noise = "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(3000))
        self.jobs(3, comment=noise)
        pages = self.pages("jobs")
        self.assertEqual([[job["id"] for job in page] for page in pages], [[1], [2], [3]])
        comment = pages[0][0]["comment"]
        self.assertTrue(comment.endswith("\u2026") and noise.startswith(comment[:-1]), comment[-9:])
        self.assertGreater(len(comment), 5000)

    def test_nodes_come_in_slurms_order(self) -> None:
        names = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(3000)]
        nodes = [{"name": name, "state": "IDLE", "address": name[::-1]} for name in names]
        (self.folder / "nodes.json").write_text(json.dumps({"nodes": nodes}))
        pages = self.pages("nodes")
        self.assertGreater(len(pages), 2)
        self.assertEqual([node["name"] for page in pages for node in page], names)
        self.refused(409, self.ask("nodes", after="gone"), "no longer")

    def test_slurmrestd_is_asked_as_an_unprivileged_user_without_a_token(self) -> None:
        self.jobs(1)
        os.environ["SLURM_JWT"] = "secret"
        self.addCleanup(os.environ.pop, "SLURM_JWT")
        self.ask("jobs")
        [asked] = self.noted("asked")
        self.assertTrue(asked["request"].startswith("GET /slurm/v0.0.42/jobs HTTP/1.1\r\n"))
        expected = ["-a", "rest_auth/local", "-s", "openapi/slurmctld"]
        self.assertEqual(asked["arguments"], expected)
        self.assertEqual(asked["owner"], self.user.pw_uid)

    def test_one_job_and_one_task_are_found(self) -> None:
        jobs = [{"job_id": 10, "array_job_id": 10, "array_task_string": "4-9"}]
        jobs += [{"job_id": 10 + n, "array_job_id": 10, "array_task_id": n} for n in (1, 2)]
        (self.folder / "job").mkdir()
        for path in ("10", "10_2", "10_5", "10_3", "12"):
            (self.folder / f"job/{path}.json").write_text(json.dumps({"jobs": jobs}))

        def shown(number: str) -> list:
            return [one["id"] for one in self.ask("job", job=number)["body"]["jobs"]]

        self.assertEqual(shown("10"), [10, 11, 12])
        self.assertEqual(shown("10_2"), [12])
        self.assertEqual(shown("10_5"), [10])
        self.assertEqual(shown("12"), [12])
        task = self.program.job({**jobs[2], "array_task_string": "4"})
        parts = (self.program.job(jobs[0]), task)
        told = [(one["array_task_id"], one["array_tasks"]) for one in parts]
        self.assertEqual(told, [(None, "4-9"), (2, None)])
        self.refused(404, self.ask("job", job="10_3"), "does not know job 10_3")
        self.refused(404, self.ask("job", job="99"), "does not know job 99")

    def test_a_slurm_that_does_not_answer_says_so_in_its_own_words(self) -> None:
        self.be("down")
        for verb in ("jobs", "nodes", "partitions"):
            self.refused(503, self.ask(verb), "Unable to contact slurm controller")
        self.be("broken")
        self.refused(502, self.ask("jobs"), "slurmrestd does not answer: cannot")
        self.be("silent")
        self.program.PATIENCE = 0.5
        self.refused(503, self.ask("jobs"), "silent")

    def test_diag_tells_of_daemons_whatever_is_down(self) -> None:
        pings = [{"hostname": "h", "pinged": "UP", "mode": "primary"}]
        meta = {"slurm": {"release": "25.11.7"}}
        (self.folder / "ping.json").write_text(json.dumps({"pings": pings, "meta": meta}))
        body = self.ask("diag")["body"]
        self.assertEqual(body["slurm_version"], "25.11.7")
        self.assertEqual(body["controllers"], [{"host": "h", "mode": "primary", "is_up": True}])
        daemons = [(one["name"], one["state"]) for one in body["daemons"]]
        self.assertEqual(
            daemons,
            [
                ("munge", "active"),
                ("slurmctld", "failed"),
                ("slurmrestd", "inactive"),
                ("hpcapi-proxy", "active"),
            ],
        )
        pings = [{"hostname": "h", "responding": False, "primary": True}]
        (self.folder / "ping.json").write_text(json.dumps({"pings": pings, "meta": meta}))
        body = self.ask("diag")["body"]
        self.assertEqual(body["slurm_version"], None)
        self.assertEqual(body["controllers"], [{"host": "h", "mode": "primary", "is_up": False}])
        self.be("broken")
        body = self.ask("diag")["body"]
        self.assertEqual((body["slurm_version"], body["controllers"]), (None, []))

    def test_hostile_variables_are_refused(self) -> None:
        for name in ("job", "after", "order", "caller"):
            for value in (*NASTY, "7\n", "7_", "1234567\n", "a" * 64 + "\n", "\u0667"):
                if re.fullmatch(self.program.ASKED[name], value):
                    continue
                self.refused(400, self.ask("jobs", **{name: value}), f"`{name}`")
        for number in ("", "0", "_3", "4294967296"):
            self.refused(400, self.ask("job", job=number), "no job's number")
        self.refused(400, self.ask("jobs", after="n1"), "no job's number")
        self.refused(400, self.ask("remove"), "no such operation")
        self.assertEqual(self.noted("asked"), [])

    def test_a_failure_of_its_own_is_an_answer_too(self) -> None:
        Path(self.program.CONFIG).write_text("secret")
        answer = self.ask("jobs")
        self.refused(500, answer, "JSONDecodeError in line")
        self.assertNotIn("secret", json.dumps(answer))
        Path(self.program.CONFIG).unlink()
        self.refused(503, self.ask("jobs"), "not set up for operations")


class Submitting(OnHeadNode):
    def test_a_job_is_submitted_as_it_was_sent(self) -> None:
        options = [["partition", "q1"], ["exclusive", ""], ["comment", "mine"], ["ntasks", "2"]]
        script = "#!/bin/bash\n#SBATCH --comment='not mine'\necho \u00e4 $1\n"
        answer = self.submit(script=script, arguments=["a b", ""], options=options)
        self.assertEqual(answer["status"], 201, answer)
        [job] = answer["body"]["jobs"]
        told = {"file": "job.sh", "id": 7, "name": "job.sh", "array": None}
        self.assertEqual(job, {**told, "warnings": ["warning: odd"]})
        [said] = self.noted("sbatch")
        marker = f"hpcapi:op-{CALLER}-{'1' * 16}"
        self.assertEqual(
            said["arguments"],
            ["--parsable", "--propagate=NONE", "--partition=q1", "--exclusive", "--ntasks=2"]
            + [f"--comment=mine {marker}", said["path"], "a b", ""],
        )
        self.assertEqual((said["script"], said["given"]), (script, ""))
        self.assertEqual(os.path.basename(said["path"]), "job.sh")
        self.assertFalse(os.path.exists(os.path.dirname(said["path"])))
        environment = {"HOME", "USER", "LOGNAME", "SHELL", "PATH"}
        self.assertLessEqual(set(said["environment"]) - {"LC_CTYPE"}, environment)
        self.assertEqual(said["environment"]["USER"], "me")

    def test_the_scripts_own_comment_stays_before_the_marker(self) -> None:
        script = '#!/bin/sh\n\n# x\n#SBATCH -n 1 --comment "of it" # y\n'
        script += "true\n#SBATCH --comment=no\n"
        self.submit(script=script)
        self.submit(script="#!/bin/sh\n#SBATCH --comment='\n", marker="2" * 16)
        comments = [job["comment"] for job in self.noted("jobs")]
        marker = f"hpcapi:op-{CALLER}-"
        self.assertEqual(comments, [f"of it {marker}{'1' * 16}", f"{marker}{'2' * 16}"])

    def test_hostile_texts_reach_sbatch_as_single_arguments(self) -> None:
        for count, text in enumerate(NASTY):
            marker = f"{count:016x}"
            script = f"#!/bin/bash\n# {text}\n"
            values = [["job-name", text], ["output", text], ["export", text], ["comment", text]]
            sent = {"script": script, "arguments": [text, text], "options": values}
            answer = self.submit(marker=marker, **sent)
            self.assertEqual(answer["status"], 201, answer)
            said = self.noted("sbatch")[-1]
            comment = f"--comment={text} hpcapi:op-{CALLER}-{marker}"
            sent = [f"--job-name={text}", f"--output={text}", f"--export={text}", comment]
            self.assertEqual(said["arguments"][2:], [*sent, said["path"], text, text])
            self.assertEqual(said["script"], script)
            self.assertEqual(answer["body"]["jobs"][0]["id"], 7 + count)

    def test_hostile_names_stay_names_of_files(self) -> None:
        for count, name in enumerate(NASTY):
            answer = self.submit(name=name, marker=f"{count:016x}")
            base = name.rsplit("/", 1)[-1]
            if not 0 < len(base.encode()) <= 255:
                self.refused(400, answer, "name")
                continue
            self.assertEqual(answer["status"], 201, answer)
            path = self.noted("sbatch")[-1]["path"]
            self.assertEqual(os.path.basename(path), base)
            self.assertRegex(os.path.dirname(path), "^/[^\0]*/hpcapi-[a-z0-9_]+$")
        for name in ("", ".", "..", "a/", "x/.."):
            self.refused(400, self.submit(name=name), "name")

    def test_the_answer_for_a_job_with_a_long_name_is_short(self) -> None:
        noise = "/".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(3000))
        [job] = self.submit(name=noise)["body"]["jobs"]
        self.assertEqual((job["id"], job["name"]), (7, noise[-64:]))
        self.assertTrue(noise.startswith(job["file"][:-1]), job["file"][:99])

    def test_an_empty_value_takes_no_other_argument_for_its_own(self) -> None:
        self.submit(options=[["partition", ""], ["hold", ""], ["nice", "5"]])
        [said] = self.noted("sbatch")
        self.assertEqual(said["arguments"][2:5], ["--partition=", "--hold", "--nice=5"])

    def test_variables_are_the_jobs_and_none_that_sbatch_goes_by(self) -> None:
        value = "a,b='c'\n=$(id)"
        self.submit(options=[["env", f"MINE={value}"], ["env", "EMPTY="]])
        [said] = self.noted("sbatch")
        self.assertEqual(said["environment"]["MINE"], value)
        self.assertEqual(said["environment"]["EMPTY"], "")
        self.assertNotIn("--env", "".join(said["arguments"]))
        for bad in ("SBATCH_WAIT=1", "SLURM_CONF=/x", "LD_PRELOAD=/x", "NONE", "=x", "a-b=c", "1=2"):
            answer = self.submit(options=[["env", bad]])
            self.refused(400, answer, "NAME=VALUE")
        self.assertEqual(len(self.noted("sbatch")), 1)

    def test_options_that_change_who_runs_or_what_sbatch_reads_are_refused_by_name(self) -> None:
        names = "uid gid wrap parsable wait test-only export-file nodefile clusters bbf".split()
        # sbatch takes the beginning of a name for the name.
        names += ["ui", "uid=0", "u", "-uid", "export-f", "partitio", "", "hold\n", "Uid", "uid "]
        for count, name in enumerate(names):
            answer = self.submit(options=[[name, "0"]])
            words = "cannot be given here: " if count < 10 else "is no option"
            self.refused(400, answer, re.escape(f"`--{name.strip()}") + f".*{words}")
        self.assertEqual(self.noted("sbatch"), [])

    def test_what_sbatch_would_take_for_a_file_of_the_head_node_is_refused(self) -> None:
        for name in ("nodelist", "exclude"):
            answer = self.submit(options=[[name, "/etc/hosts"]])
            self.refused(400, answer, f"`--{name}` takes names of nodes")
        self.assertEqual(self.noted("sbatch"), [])

    def test_an_order_that_is_not_as_it_must_be_is_refused(self) -> None:
        for wrong in (
            {"script": "echo"},
            {"script": "#!/bin/sh\n\0"},
            {"script": 5},
            {"name": None},
            {"arguments": "a"},
            {"arguments": [5]},
            {"arguments": ["a\0"]},
            {"arguments": ["\ud800"]},
            {"arguments": ["x" * 100001]},
            {"options": {"partition": "q"}},
            {"options": [["partition"]]},
            {"options": [["partition", None]]},
            {"marker": "1" * 16 + "\n"},
            {"marker": "../../../../etc/"},
            {"more": 1},
        ):
            self.refused(400, self.submit(**wrong))
        asked = self.order()
        self.refused(403, self.ask("submit", order=asked["order"], caller=OTHER), "somebody else")
        self.refused(400, self.ask("submit", order=asked["order"]), "who calls")
        self.refused(400, self.ask("submit", caller=CALLER), "no order")
        self.refused(404, self.ask("submit", order="0" * 64, caller=CALLER), "NoSuchKey")
        (self.folder / f"operations-{'0' * 64}.json").write_text("{}")
        self.refused(400, self.ask("submit", order="0" * 64, caller=CALLER), "not the one")
        for text, words in ((b"[" * 100000, "no JSON"), (b"x" * (2 << 20) + b"y", "larger")):
            digest = hashlib.sha256(text).hexdigest()
            (self.folder / f"operations-{digest}.json").write_bytes(text)
            self.refused(400, self.ask("submit", order=digest, caller=CALLER), words)
        self.assertEqual(self.noted("sbatch"), [])

    def test_the_same_marker_is_one_job(self) -> None:
        first = self.submit()["body"]["jobs"][0]
        second = self.submit(arguments=["other"])["body"]["jobs"][0]
        self.assertEqual((first["id"], second["id"]), (7, 7))
        self.assertRegex(second["warnings"][0], "not submitted again")
        third = self.submit(marker="2" * 16)["body"]["jobs"][0]
        self.assertEqual(third["id"], 8)
        self.assertEqual(len(self.noted("sbatch")), 2)

    def test_a_marker_within_a_comment_is_none(self) -> None:
        marker = f"hpcapi:op-{CALLER}-{'1' * 16}"
        with open(self.folder / "jobs", "w") as jobs:
            for number, comment in enumerate((f"{marker} x", f"x{marker}", f"{marker}0")):
                jobs.write(json.dumps({"job_id": number, "comment": comment}) + "\n")
        self.assertEqual(self.submit()["body"]["jobs"][0]["id"], 10)

    def test_a_lost_answer_of_sbatch_is_looked_for(self) -> None:
        self.program.PATIENCE = 10
        for count, mode in enumerate(("lost", "killed", "slow")):
            self.be(mode)
            [job] = self.submit(marker=f"{count:016x}")["body"]["jobs"]
            self.assertEqual(job["id"], 7 + count, mode)
            self.assertRegex(job["warnings"][0], "lost")

    def test_a_refusal_is_told_from_an_outage(self) -> None:
        self.be("bad")
        words = "^Slurm says: invalid partition specified: nope; Batch job"
        self.refused(400, self.submit(), words)
        self.be("nothing")
        self.refused(400, self.submit(), "submitted nothing")
        self.be("down")
        answer = self.submit()
        self.refused(503, answer, "Unable to contact slurm controller")
        self.assertIn("same marker", answer["hints"][0])
        self.fake("slurm/bin/squeue", "")
        self.refused(503, self.submit(), "does not take the job now")

    def test_a_crash_between_sbatch_and_the_answer_makes_no_second_job(self) -> None:
        self.be("late")
        asked = self.order()
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                self.ask("submit", **asked)
            os._exit(0)
        while not self.noted("begun"):
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.assertEqual(self.noted("jobs"), [])
        self.assertEqual(self.ask("submit", **asked)["body"]["jobs"][0]["id"], 7)
        self.assertEqual(len(self.noted("sbatch")), 1)

    def test_nothing_is_submitted_as_root(self) -> None:
        asked = self.order()
        self.user.pw_uid = 0
        self.refused(500, self.ask("submit", **asked), "no job is run as root")
        self.assertEqual(self.noted("sbatch"), [])

    @unittest.skipUnless(os.getuid() == 0, "only root becomes another user")
    def test_a_command_runs_as_its_user(self) -> None:
        program = load()
        daemon = pwd.getpwnam("daemon")
        self.addCleanup(os.umask, os.umask(0o077))
        self.addCleanup(os.setgroups, os.getgroups())
        os.setgroups([0, 4])
        show = "id -u; id -G; umask; pwd; env; cat /etc/shadow"
        _, said, complaint = program.run(["/bin/sh", "-c", show], daemon)
        lines = said.splitlines()
        self.assertEqual(lines[:2], [str(daemon.pw_uid), str(daemon.pw_gid)])
        self.assertEqual(lines[2:4], ["0022", daemon.pw_dir])
        self.assertIn(f"HOME={daemon.pw_dir}", lines)
        self.assertIn("ermission denied", complaint)


class Cancelling(OnHeadNode):
    def job(self, **said: object) -> None:
        marker = f"hpcapi:op-{CALLER}-{'1' * 16}"
        job = {"job_id": 7, "comment": marker, "job_state": ["RUNNING"], "user_name": "me", **said}
        (self.folder / "jobs").write_text(json.dumps(job) + "\n")

    def cancel(self, caller: str = CALLER, job: str = "7") -> dict:
        return self.ask("cancel", job=job, caller=caller)

    def test_an_own_job_is_cancelled(self) -> None:
        self.job()
        answer = self.cancel()
        self.assertEqual(answer["body"], {"cancelled": ["7"], "refused": []})
        self.be("over")
        self.assertEqual(self.cancel()["status"], 200)
        self.assertEqual(self.noted("scancel"), [["7"], ["7"]])

    def test_a_job_of_somebody_else_is_left_alone(self) -> None:
        self.job()
        self.refused(403, self.cancel(OTHER), "somebody else")
        for comment in (None, "", "mine", f"hpcapi:{CALLER}", f"hpcapi:op-{CALLER[:8]}-x"):
            self.job(comment=comment)
            self.refused(403, self.cancel(), "somebody else")
        self.job(comment=f"hpcapi:op-{CALLER}-1 hpcapi:op-{OTHER}-{'1' * 16}")
        self.refused(403, self.cancel(), "somebody else")
        self.job(user_name="you")
        self.refused(403, self.cancel(), "somebody else")
        self.refused(400, self.cancel(""), "who calls")
        self.assertEqual(self.noted("scancel"), [])

    def test_why_it_is_not_cancelled_is_said(self) -> None:
        self.job()
        self.refused(404, self.cancel(job="9"), "ended minutes ago, or never was")
        self.be("denied")
        self.refused(403, self.cancel(), "denied")
        self.be("unanswered")
        self.refused(503, self.cancel(), "is not cancelled: Socket timed out")
        self.be("late")
        self.assertEqual(self.cancel()["body"], {"cancelled": ["7"], "refused": []})
        self.job(job_state=["CANCELLED"])
        self.refused(409, self.cancel(), "has ended: CANCELLED")
        self.be("down")
        self.refused(503, self.cancel(), "Unable to contact")


class Shipped(unittest.TestCase):
    def test_the_node_script_holds_its_programs_as_they_are(self) -> None:
        steps = ROOT / "src/deploy/steps"
        body = re.search(r"concat!\((.*?)\);", (steps / "node_script.rs").read_text(), re.DOTALL)
        parts = re.findall(r'include_str!\("(.*?)"\)|"(.*?)"', body.group(1))
        text = "".join(
            (steps / path).read_text() if path else one.replace("\\n", "\n")
            for path, one in parts
        )
        cut = re.search(r"^program\(\) \{.*?^\}", text, re.DOTALL | re.MULTILINE).group()
        with tempfile.NamedTemporaryFile("w") as script:
            script.write(text)
            script.flush()
            for name, path in (
                ("RECORDER", "record-jobs.py"),
                ("OPERATOR", "operate.py"),
                ("TAKER", "take_events.py"),
            ):
                command = ["bash", "-c", f"{cut}; program {name}", script.name]
                found = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
                self.assertEqual(found.decode(), (ROOT / "templates/node" / path).read_text())


if __name__ == "__main__":
    unittest.main()
