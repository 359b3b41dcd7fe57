"""What remembers ended jobs reads the journal of Slurm, whatever its users write into it."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

PROGRAM = Path(__file__).parents[2] / "templates/node/record-jobs.py"


def load():
    spec = importlib.util.spec_from_file_location("record_jobs", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(number: int, name: str = "x", folder: str = "/w", **fields: str) -> bytes:
    said = {
        "state": "FAILED",
        "limit": "UNLIMITED",
        "nodes": "q-dy-a-1",
        "array": "",
        "exit": "3:0",
        "start": "2026-11-28T18:59:14",
        **fields,
    }
    return (
        f"JobId={number} UserId=me(1000) GroupId=us(1001) Name={name} JobState={said['state']} "
        f"Partition=q TimeLimit={said['limit']} StartTime={said['start']} "
        f"EndTime=2026-11-28T19:00:00 NodeList={said['nodes']} NodeCnt=1 ProcCnt=2 "
        f"WorkDir={folder} ReservationName= Tres=cpu=1,mem=972M,node=1,billing=1 Account= QOS=normal "
        f"WcKey= Cluster=c SubmitTime=2026-11-28T18:59:13 EligibleTime=unknown{said['array']} "
        f"DerivedExitCode=0:0 ExitCode={said['exit']} \n"
    ).encode("utf-8", "surrogateescape")


class RecordJobs(unittest.TestCase):
    def setUp(self) -> None:
        self.program = load()
        self.addCleanup(time.tzset)
        self.addCleanup(os.environ.pop, "TZ", None)
        os.environ["TZ"] = "UTC"
        time.tzset()

    def test_a_busy_node_is_asked_again_whose_credentials_a_call_has(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        aws = folder / "aws"
        aws.write_text(f"#!/bin/sh\n(env; cat) >{folder}/said\n")
        aws.chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        self.enterContext(mock.patch.dict(os.environ, PATH=path))
        config = {"bucket": "b", "region": "zz-test-1"}
        self.program.FOLDER = str(folder)
        self.program.Recorder(config).put("jobs/one", b"body")
        said = (folder / "said").read_text()
        self.assertRegex(said, "(?m)^AWS_METADATA_SERVICE_NUM_ATTEMPTS=[2-9]$")
        self.assertTrue(said.endswith("body"), said)

    def read(self, text: bytes, is_torn: bool = False):
        jobs, length, _ = self.program.read(text, is_torn)
        return jobs, text[length:]

    def numbers(self, text: bytes, is_torn: bool = False) -> list[int]:
        return [job["job_id"] for job in self.read(text, is_torn)[0]]

    def test_a_record_becomes_a_job_as_slurmrestd_writes_it(self) -> None:
        array = " ArrayJobId=4 ArrayTaskId=1"
        [job], rest = self.read(record(7, "a b", "/w x", limit="90", array=array, exit="0:9"))
        self.assertEqual(rest, b"")
        self.assertEqual(
            job,
            {
                "job_id": 7,
                "array_job_id": 4,
                "array_task_id": 1,
                "user_name": "me",
                "user_id": 1000,
                "group_name": "us",
                "group_id": 1001,
                "name": "a b",
                "job_state": "FAILED",
                "partition": "q",
                "qos": "normal",
                "time_limit": 90,
                "submit_time": 1795892353,
                "eligible_time": 0,
                "start_time": 1795892354,
                "end_time": 1795892400,
                "nodes": "q-dy-a-1",
                "node_count": 1,
                "cpus": 2,
                "current_working_directory": "/w x",
                "tres_req_str": "cpu=1,mem=972M,node=1,billing=1",
                "cluster": "c",
                "derived_exit_code": 0,
                "exit_code": 9,
            },
        )

    def test_times_are_those_of_the_node(self) -> None:
        os.environ["TZ"] = "Europe/Zurich"
        time.tzset()
        [job], _ = self.read(record(7))
        self.assertEqual(job["submit_time"], 1795892353 - 3600)

    def test_a_job_that_never_ran_has_no_nodes(self) -> None:
        [job], _ = self.read(record(7, nodes="(null)", start="Unknown", limit="Partition_Limit"))
        self.assertNotIn("nodes", job)
        self.assertEqual(job["start_time"], 0)
        self.assertNotIn("time_limit", job)

    def test_a_resized_job_goes_on(self) -> None:
        self.assertEqual(self.numbers(record(1, state="RESIZING") + record(2)), [2])

    def test_what_is_not_whole_is_read_later(self) -> None:
        first, second = record(1), record(2)
        for cut in range(len(second)):
            jobs, rest = self.read(first + second[:cut])
            self.assertEqual([job["job_id"] for job in jobs], [1], cut)
            self.assertEqual(rest, second[:cut], cut)

    def test_names_and_folders_with_line_breaks_stay_one_job(self) -> None:
        forged = record(5, "forged").decode()
        for evil in ("a\nb", f"a\n{forged}rest", f"{forged}{forged}", "\n", "a\nJobId=5 UserId=x"):
            for job in record(7, evil), record(7, folder=evil):
                jobs, _ = self.read(record(6) + job + record(8))
                sure = [job for job in jobs if "unconfirmed" not in job]
                self.assertIn(6, [job["job_id"] for job in sure])
                self.assertIn(8, [job["job_id"] for job in jobs])
                self.assertNotIn(5, [job["job_id"] for job in sure], evil)
        jobs, _ = self.read(record(7, f"a\n{forged}rest"))
        self.assertEqual((jobs[0]["job_id"], jobs[0]["name"]), (7, f"a\n{forged}rest"))

    def test_a_record_that_a_full_disk_cut_off_costs_no_other(self) -> None:
        torn = record(7)[:30]
        self.assertEqual(self.numbers(record(6) + torn + record(8)), [6])
        self.assertEqual(self.numbers(torn + record(8) + record(9), is_torn=True), [9])
        jobs, rest = self.read(record(6) + record(7, "long name")[:50] + record(8) + record(9))
        self.assertEqual(([job["job_id"] for job in jobs], rest), ([6, 7, 8, 9], b""))
        self.assertEqual(["unconfirmed" in job for job in jobs], [False, True, True, True])
        found = self.numbers(torn + record(8) + b"".join(record(n) for n in range(9, 200)))
        self.assertEqual(found, list(range(9, 200)))

    def test_doubt_ends_where_the_texts_of_a_job_cannot_reach(self) -> None:
        text = record(7, "a\nb") + b"".join(record(n) for n in range(8, 100))
        jobs, length, doubted = self.program.read(text)
        self.assertEqual((length, doubted), (len(text), 0))
        sure = [job["job_id"] for job in jobs if "unconfirmed" not in job]
        self.assertEqual(sure, list(range(sure[0], 100)))
        self.assertIn(sure[0], range(40, 70))
        cut = len(record(7, "a\nb")) + len(record(8))
        _, length, doubted = self.program.read(text[:cut])
        self.assertEqual(length, cut)
        again, _, _ = self.program.read(text[cut:], doubted=doubted)
        still = [job["job_id"] for job in again if "unconfirmed" not in job]
        self.assertEqual(still, sure)

    def test_what_punching_has_emptied_is_no_record(self) -> None:
        self.assertEqual(self.numbers(b"\0" * 5000 + b"\n" + record(8)), [8])

    def test_bytes_that_are_no_text_are_kept_readable(self) -> None:
        [job], _ = self.read(record(7, b"\xff\xfe".decode("utf-8", "surrogateescape")))
        self.assertEqual(job["name"], "??")

    def test_numbers_of_every_version_are_plain(self) -> None:
        known = {
            "priority": {"set": True, "infinite": False, "number": 5},
            "tasks": {"set": False, "infinite": False, "number": 0},
            "comment": "",
            "restart_cnt": 2,
            "job_state": ["FAILED"],
        }
        self.assertEqual(self.program.details(known), {"priority": 5, "restart_cnt": 2})


class Interrupted(unittest.TestCase):
    def test_half_a_line_costs_no_other(self) -> None:
        append = load().append
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.ndjson")
            append(path, [{"job_id": 1}])
            path.write_bytes(path.read_bytes() + b'{"job_id":2,"na')
            append(path, [{"job_id": 2}, {"job_id": 3}])
            lines = path.read_text().splitlines()
        self.assertEqual(lines, ['{"job_id":1}', '{"job_id":2,"na', '{"job_id":2}', '{"job_id":3}'])


class BusySlurm(unittest.TestCase):
    def test_it_is_asked_about_few_jobs_where_many_end_all_the_time(self) -> None:
        program, asked = load(), []

        class Slurm:
            def __init__(self, path: str) -> None:
                pass

            def job(self, number: int) -> dict:
                asked.append(number)
                return {}

        program.Slurm = Slurm
        with tempfile.TemporaryDirectory() as folder:
            program.FOLDER = folder
            recorder = program.Recorder({"job_path": ""})
            for seconds, expected in ((0, 300), (0, 0), (20, 20), (2000, 300)):
                recorder.state["asked"] -= seconds
                asked.clear()
                jobs = [{"job_id": n} for n in range(400)]
                told = list(recorder.detailed(jobs, Slurm("")))
                self.assertEqual((len(told), len(asked) // 10 * 10), (400, expected))


class SilentSlurm(unittest.TestCase):
    def test_a_slurm_that_does_not_answer_is_asked_once(self) -> None:
        program = load()
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
            program.SLURMRESTD = os.path.join(folder, "socket")
            program.SCONTROL = os.path.join(folder, "scontrol")
            Path(program.SCONTROL).write_text("#!/bin/sh\necho SLURM_JWT=x.y.z\n")
            os.chmod(program.SCONTROL, 0o700)
            silent.bind(program.SLURMRESTD)
            silent.listen()
            slurm = program.Slurm("/slurm/v0.0.42/job")
            self.assertEqual(slurm.token, "x.y.z")
            program.ANSWER = 0.05
            self.assertEqual([slurm.job(number) for number in range(100)], [{}] * 100)
            asked, _ = silent.accept()
            asked.close()
            silent.setblocking(False)
            self.assertRaises(BlockingIOError, silent.accept)

    def test_jobs_wait_for_a_slurm_that_does_not_answer_but_not_for_ever(self) -> None:
        program, is_silent = load(), True

        class Slurm:
            def __init__(self, path: str) -> None:
                pass

            def is_silent(self) -> bool:
                return is_silent

            def job(self, number: int) -> dict:
                known = {"user_id": 1000, "submit_time": 1795892353, "comment": "well"}
                return {} if is_silent else dict(known, job_id=number)

        program.Slurm = Slurm
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(program.Recorder, "questions", lambda self: 300),
        ):
            program.FOLDER = folder
            journal = Path(folder, "journal")
            config = {"job_path": "", "journal": str(journal), "instance": "i-1"}

            def read() -> list[dict]:
                """What a run has kept in all."""
                program.Recorder(config).read_all()
                lines = [path.read_text() for path in Path(folder).glob("*/*.ndjson")]
                return [json.loads(line) for line in "".join(lines).splitlines()]

            # The last record is not whole yet, and must not be taken for one that stays so.
            journal.write_bytes(record(1) + record(2)[:50])
            self.assertEqual([read(), read()], [[], []])
            is_silent = False
            journal.write_bytes(record(1) + record(2))
            told = [(job["job_id"], job.get("comment")) for job in read()]
            self.assertEqual(told, [(1, "well"), (2, "well")])
            is_silent = True
            journal.write_bytes(record(1) + record(2) + record(3))
            self.assertEqual(len(read()), 2)
            program.SILENCE = 0
            self.assertEqual(read()[2]["undetailed"], True)

    def test_a_scontrol_that_hangs_says_nothing(self) -> None:
        program = load()
        program.ANSWER = 0.05
        program.SCONTROL = "sleep"
        self.assertEqual(program.scontrol("10"), "")


class Jobs(unittest.TestCase):
    """Whether there are jobs: without any, AWS may put the deployment to rest."""

    def setUp(self) -> None:
        self.program = load()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.program.FOLDER = str(self.folder)
        self.program.SQUEUE = str(self.folder / "squeue")

    def list(self, script: str) -> bool:
        Path(self.program.SQUEUE).write_text(f"#!/bin/sh\n{script}\n")
        os.chmod(self.program.SQUEUE, 0o700)
        return self.program.has_jobs()

    def test_what_waits_for_somebody_does_not_count(self) -> None:
        for line, counts in (
            ("RUNNING 4294901757 None", True),
            ("RUNNING 0 None", True),
            ("COMPLETING 1 None", True),
            ("SUSPENDED 1 None", True),
            ("PENDING 1 Resources", True),
            ("PENDING 1 BeginTime", True),
            ("PENDING 1 Dependency", True),
            ("PENDING 1 DependencyNeverSatisfied", False),
            ("PENDING 0 JobHeldUser", False),
            ("PENDING 0 JobHeldAdmin", False),
            ("PENDING 0 launch_failed_requeued_held", False),
            ("REQUEUE_HOLD 0 JobHoldMaxRequeue", False),
            ("SPECIAL_EXIT 0 JobHeldUser", False),
        ):
            with self.subTest(line):
                self.assertEqual(self.list(f"echo '{line}'"), counts)
                self.assertTrue(self.list(f"echo '{line}'; echo 'RUNNING 1 None'"))
        self.assertFalse(self.list(""))

    def test_where_slurm_does_not_answer_there_may_be_jobs(self) -> None:
        self.assertTrue(self.list("exit 1"))
        self.program.ANSWER = 0.05
        self.assertTrue(self.list("exec sleep 10"))

    def test_it_is_said_about_once_a_minute_and_once_without_jobs(self) -> None:
        said, jobs = [], []
        recorder = self.program.Recorder({"instance": "i-1"})
        recorder.put = lambda key, body: said.append((key, body))
        self.program.has_jobs = lambda: bool(jobs)
        told = ("jobs/last-job/i-1", b"i-1")

        def after(seconds: int) -> list[tuple[str, bytes]]:
            recorder.state["told"] -= seconds
            said.clear()
            recorder.tell_of_jobs()
            return list(said)

        self.assertEqual(after(0), [told])
        self.assertEqual(after(120), [])
        jobs.append(1)
        self.assertEqual(after(0), [told])
        self.assertEqual(after(20), [])
        self.assertEqual(after(40), [told])
        jobs.clear()
        recorder.has_ended = True
        self.assertEqual(after(70), [told])
        # A node that was set back in time.
        self.assertEqual(after(-3600), [told])

    def test_what_keeps_jobs_from_being_remembered_does_not_hide_them(self) -> None:
        config = {"instance": "i-1", "script": "s", "journal": "", "is_own_journal": False}
        recorder = self.program.Recorder(config)
        said = {}
        recorder.put = said.__setitem__
        recorder.send_all = mock.Mock(side_effect=OSError("the disk is full"))
        with self.assertRaises(SystemExit), mock.patch("sys.stderr"):
            recorder.run()
        self.assertEqual(said["jobs/last-job/i-1"], b"i-1")
        self.assertIn(b"the disk is full", said["jobs/head-node.json"])
