"""A staged job's outputs and its log return."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tempfile
from pathlib import Path
from unittest import mock

from staged_job import PATIENCE, UNSTAGED, Staged, load


class Logs(Staged):
    def test_they_come_while_the_job_runs(self) -> None:
        wait = "while ! [ -e go ]; do sleep 0.05; done"
        self.submit(f"#!/bin/sh\necho one; echo two >&2; {wait}; echo three")
        process = self.start()
        self.wait_for(lambda: self.log() == "one\n" and self.log("stderr") == "two\n")
        (self.folder() / "go").touch()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual((self.log(), self.log("stderr")), ("one\nthree\n", "two\n"))
        self.assert_done()

    def test_they_leave_memory_to_the_script_and_the_outputs(self) -> None:
        program = load()
        for memory, wanted in ("", 2), ("256", 1), ("512", 1), ("640", 2):
            said = {"SLURM_MEM_PER_NODE": memory}
            two_logs = mock.patch.object(program, "logs", return_value=[None, None])
            with self.subTest(memory), mock.patch.dict(os.environ, said), two_logs:
                shipper = program.Shipper(None)
                self.assertEqual(shipper.at_once, 1)
                shipper.hurry()
                self.assertEqual(shipper.at_once, wanted)

    def test_staging_is_logged_too(self) -> None:
        self.add_files({"a": b"x"})
        self.rules({"op": "get", "key": "blobs", "how": "slow300"})
        self.submit("#!/bin/sh\ntrue")
        self.start()
        self.wait_for(self.part("started.json").exists)
        with open(self.root / "stdout", "a") as file:
            file.write("from slurmstepd\n")
        self.wait_for(lambda: self.log() == "from slurmstepd\n")

    def test_both_streams_may_be_one(self) -> None:
        self.submit("#!/bin/sh\necho one; echo two >&2")
        (self.root / "stderr").symlink_to("stdout")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "one\ntwo\n")
        self.assertFalse(self.part("log/stderr").exists())

    def test_streams_that_are_no_files_are_let_be(self) -> None:
        self.submit("#!/bin/sh\necho one")
        (self.root / "stdout").symlink_to("/dev/null")
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse(self.part("log").exists())
        program = load()
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        with open(writing) as pipe, mock.patch.object(program.os, "fstat") as fstat:
            fstat.return_value = os.stat(f"/proc/self/fd/{pipe.fileno()}")
            self.assertEqual(program.logs(None), [])

    def test_what_an_attempt_before_wrote_is_its_own(self) -> None:
        self.submit("#!/bin/sh\necho one")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual((self.log(), self.log(attempt=1)), ("one\n", "one\n"))

    def test_much_comes_in_pieces(self) -> None:
        self.submit("#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' 'x'")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "x" * 9000000)
        sizes = [one.stat().st_size for one in self.part("log/stdout").glob("*")]
        self.assertLessEqual(max(sizes), 4 << 20)

    def test_a_piece_that_failed_stays_the_same(self) -> None:
        script = "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8 9; do echo $n; sleep 0.2; done"
        self.submit(script)
        self.rules({"op": "put", "key": "log/stdout/000001", "how": "lose", "times": 4})
        process = self.start()
        self.wait_for(self.part("log/stdout/000001").exists)
        first = self.part("log/stdout/000001").read_bytes()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(self.part("log/stdout/000001").read_bytes(), first)
        self.assertEqual(self.log(), "".join(f"{n}\n" for n in range(1, 10)))
        self.assert_done()

    def test_a_job_does_not_need_them(self) -> None:
        self.submit("#!/bin/sh\necho one; exit 4")
        self.rules({"op": "put", "key": "log/", "how": "fail"})
        self.assertEqual(self.run_job(), 4)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("done", 4))
        self.assertEqual(ended["problem"], "the end of the log could not be sent")

    def test_a_log_that_was_emptied_begins_again(self) -> None:
        wait = "while ! [ -e go ]; do sleep 0.05; done"
        self.submit(f"#!/bin/sh\necho long line; {wait}; : >../../../../stdout; echo new")
        process = self.start()
        self.wait_for(lambda: self.log() == "long line\n")
        (self.folder() / "go").touch()
        process.wait(PATIENCE)
        self.assertEqual(self.log(), "long line\nnew\n")


class Outputs(Staged):
    def test_all_that_is_sent_in_the_end_is_sent_at_once(self) -> None:
        self.hurry({"FIRST_TICK, LAST_TICK = 0.1, 0.3": "FIRST_TICK, LAST_TICK = 60, 60"})
        self.submit("#!/bin/sh\necho one; echo two >&2; echo three >a", out=["a"])
        self.rules({"op": "put", "key": "(out|log)/|out.ndjson$", "how": "meet4"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())
        self.assertEqual(self.outputs()["a"][3], b"three\n")
        self.assertEqual((self.log(), self.log("stderr")), ("one\n", "two\n"))
        self.assertTrue(self.puts()[-1].endswith("/ended.json"))

    def test_what_comes_while_outputs_are_sent_is_logged_too(self) -> None:
        self.submit("#!/bin/sh\necho one; touch a", out=["a"])
        self.rules({"op": "put", "key": "out.ndjson", "how": "slow2"})
        process = self.start()
        self.wait_for(lambda: list(self.root.glob("turn-0-*")))
        with open(self.root / "stdout", "a") as file:
            file.write("two\n")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(self.log(), "one\ntwo\n")
        self.assert_done()

    def test_no_list_is_told_of_whose_bytes_were_not_sent(self) -> None:
        self.submit("#!/bin/sh\necho x >a", out=["a"])
        self.rules({"op": "put", "key": "/out/000000", "how": "fail"})
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertTrue(self.part("out.ndjson").exists())
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["outputs_sha256"]), ("outputs", None))

    def test_globs_take_what_they_say(self) -> None:
        paths = [
            "a.csv",
            "b/a.csv",
            "b/c/a.csv",
            "b/.h",
            "results/x/y",
            "results/z",
            "[x]",
            "?",
            "c1",
        ]
        folders = ["b", "b/c", "results", "results/x"]
        cases = {
            "*.csv": ["a.csv"],
            "**/*.csv": ["a.csv", "b/a.csv", "b/c/a.csv"],
            "b/**/a.csv": ["b/a.csv", "b/c/a.csv"],
            "**/c/**/a.csv": ["b/c/a.csv"],
            "results/**": ["results", "results/x", "results/x/y", "results/z"],
            "./results": ["results", "results/x", "results/x/y", "results/z"],
            "result?/x/": ["results/x", "results/x/y"],
            "b/*": ["b/.h", "b/a.csv", "b/c", "b/c/a.csv"],
            "a.csv/**": [],
            "*/**": sorted(paths[1:6] + folders),
            "**": sorted(paths + folders),
            "[": [],
            "[[]x]": ["[x]"],
            "[?]": ["?"],
            "[!a-z[]*": ["?"],
            "c[0-9]": ["c1"],
            "c[z-a]": [],
            "c[!z-a]": ["c1"],
            "b[/]a.csv": [],
            "b?a.csv": [],
            "$(touch x)": [],
            ".*": [],
            "a|b": [],
        }
        program = load()
        with tempfile.TemporaryDirectory() as root:
            for path in paths:
                os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
                Path(root, path).touch()
            for pattern, wanted in cases.items():
                found = sorted(map(os.fsdecode, program.outputs(os.fsencode(root), [pattern])))
                self.assertEqual(found, wanted, pattern)
            found = program.outputs(os.fsencode(root), ["c1", "b/c"])
            self.assertEqual(sorted(found), [b"b/c", b"b/c/a.csv", b"c1"])
        for pattern in "/a", "../a", "a/../b", "", "/", ".":
            self.assertRaises(ValueError, program.expression, pattern)

    def test_links_are_not_followed(self) -> None:
        script = "#!/bin/sh\nln -s / root; mkdir d; ln -s ../root d/l; mkfifo p"
        self.submit(script, out=["**", "root/etc/*"])
        self.assertEqual(self.run_job(), 0)
        found = self.outputs()
        self.assertEqual(sorted(found), ["d", "d/l", "root"])
        self.assertEqual((found["d/l"], found["root"]), (("link", "../root"), ("link", "/")))
        said = "hpcapi: the output p is left out: it is no file, folder or link\n"
        self.assertEqual(self.log("stderr"), said)

    def test_names_that_a_script_makes_are_data(self) -> None:
        names = ["a\nb", "'", '"', "$(touch ../evil)", "`touch ../evil`", "-rf", "..a", "\\", "é☃"]
        names += [*("\x1b[0m", "%s", " ", "*"), "/".join(["d" * 255] * 4)]
        script = "#!" + sys.executable + "\nimport os\nfor name in %r:\n" % names
        script += "    os.makedirs(os.path.join(name, 'in')); open(name + '/f', 'w').write(name)\n"
        script += "os.symlink('../../../..', 'out'); os.symlink('/etc', 'etc')\n"
        self.submit(script, out=["**"])
        self.assertEqual(self.run_job(LC_ALL="C.UTF-8"), 0)
        self.assert_done()
        found = self.outputs()
        self.assertEqual([found[name + "/f"][3].decode() for name in names], names)
        self.assertEqual((found["out"], found["etc"]), (("link", "../../../.."), ("link", "/etc")))
        self.assertNotIn("etc/passwd", found)
        self.assertEqual(list(self.root.rglob("evil")), [])

    def test_what_is_no_file_or_is_gone_is_left_out_and_told(self) -> None:
        program = load()
        said: list[str] = []
        with tempfile.TemporaryDirectory() as root, socket.socket(socket.AF_UNIX) as one:
            one.bind(f"{root}/s")
            with mock.patch.object(program, "say", said.append), program.Packs(None) as packs:
                self.assertIsNone(packs.entry(b"s\n", f"{root}/s"))
                self.assertIsNone(packs.entry(b"g", f"{root}/gone"))
                self.assertIsNone(packs.entry(b"null", "/dev/null"))
                # One that was a file when it was found.
                self.assertIsNone(program.open_file("/dev/null"))
        why = "it is no file, folder or link"
        told = [(r"s\n", why), ("g", "it is gone"), ("null", why)]
        self.assertEqual(said, [f"the output {name} is left out: {it}" for name, it in told])

    def test_a_folder_may_go_while_outputs_are_found(self) -> None:
        program = load()
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/a/b")
            look = os.scandir

            def scandir(path):
                if path.endswith(b"/a/b"):
                    os.rmdir(path)
                return look(path)

            with mock.patch.object(program.os, "scandir", scandir):
                found = program.outputs(os.fsencode(root), ["**"])
            self.assertEqual(found, [b"a", b"a/b"])
            os.rmdir(f"{root}/a")
            self.assertRaises(OSError, program.outputs, os.fsencode(f"{root}/a"), ["**"])

    def test_a_file_that_grows_without_end_is_taken_as_it_was(self) -> None:
        # Whatever reads it lets it grow.
        line = "            size += len(chunk)\n"
        path = str(self.folder() / "g")
        more = f"            size < 9 << 20 and open({path!r}, 'ab').write(bytes(2 * CHUNK))\n"
        self.hurry({line: line + more})
        self.submit("#!/bin/sh\nhead -c 3000000 /dev/zero >g", out=["*"])
        self.assertEqual(self.run_job(), 0)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("done", 0))
        self.assertEqual(ended["problem"], "the output g changed while it was sent")
        self.assertEqual(self.outputs()["g"][3], bytes(3000000))

    def test_globs_that_find_nothing_make_an_empty_list(self) -> None:
        self.submit("#!/bin/sh\ntrue", out=["no/such/*"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.outputs(), {})
        self.assertFalse(self.part("out").exists())

    def test_without_globs_there_is_no_list(self) -> None:
        self.submit("#!/bin/sh\ntouch a")
        self.assertEqual(self.run_job(), 0)
        self.assertIsNone(self.ended()["outputs_sha256"])
        self.assertFalse(self.part("out.ndjson").exists())

    def test_inputs_may_be_outputs(self) -> None:
        self.add_files({"a": b"x", "b": b"y"})
        self.submit("#!/bin/sh\ntrue", out=["a"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual({path: one[3] for path, one in self.outputs().items()}, {"a": b"x"})

    def assert_unsent(self, words: str) -> None:
        self.assertEqual(self.run_job(), UNSTAGED)
        ended = self.ended()
        found = ended["stage"], ended["exit_code"], ended["outputs_sha256"]
        self.assertEqual(found, ("outputs", 0, None))
        self.assertIn(words, ended["problem"])
        self.assertIn(f"; the work folder stays on q-dy-a-1: {self.folder()}", ended["problem"])
        self.assertTrue((self.folder() / "a").exists())
        self.assertFalse(self.part("out.ndjson").exists())
        self.assertIn(words, self.log("stderr"))

    def test_names_have_to_be_text(self) -> None:
        self.submit("#!/bin/bash\nhead -c 5000000 /dev/zero >a; touch $'b\\n\\xff'", out=["**"])
        self.assert_unsent(r"the output b\n\xff has a name that is not UTF-8")
        self.assertFalse(self.part("out").exists())

    def test_outputs_that_cannot_be_sent_stay(self) -> None:
        self.submit("#!/bin/sh\nhead -c 5000000 /dev/zero >a", out=["**"])
        self.rules({"op": "put", "key": "/out/000002", "how": "fail"})
        self.assert_unsent("upload failed: no such luck")

    def test_a_failed_script_keeps_its_exit_code(self) -> None:
        self.submit("#!/bin/sh\ntouch a; exit 9", out=["**"])
        self.rules({"op": "put", "key": "/out.ndjson", "how": "fail"})
        self.assertEqual(self.run_job(), 9)
        self.assertEqual((self.ended()["stage"], self.ended()["exit_code"]), ("outputs", 9))

    def test_closed_folders_are_removed(self) -> None:
        program = load()
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/w/a/b")
            os.mkdir(f"{root}/other", 0o755)
            os.symlink(f"{root}/other", f"{root}/w/a/l")
            for path in "a/b", "a", "":
                os.chmod(f"{root}/w/{path}", 0o000)
            program.remove(os.fsencode(f"{root}/w"))
            self.assertEqual(os.listdir(root), ["other"])
            self.assertEqual(stat.S_IMODE(os.stat(f"{root}/other").st_mode), 0o755)
