"""A staged job's inputs arrive as they were, and what is wrong with them is told."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import tempfile
from pathlib import Path
from unittest import mock

from staged_job import BLOB, UNSTAGED, Staged, contents, file_entry, folder_entry, load, sha256


class Inputs(Staged):
    def test_thousands_of_files_arrive_and_return_as_they_are(self) -> None:
        some = random.Random(1)
        files = {f"data/{n % 7}/{n}": some.randbytes(some.randrange(3000)) for n in range(1000)}
        files["data/large"] = some.randbytes(5 * BLOB + 17)
        files["data/same"] = files["data/large"]
        self.add_files(files)
        self.submit("#!/bin/sh\ncp -a data copied", out=["copied/**"])
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        found = self.outputs()
        returned = {path: said[3] for path, said in found.items() if said[0] == "file"}
        self.assertEqual(returned, {path.replace("data", "copied"): files[path] for path in files})
        self.assertGreater(len(list(self.part("out").glob("*"))), 5)
        self.assertFalse(self.folder().exists())
        self.assertFalse(Path(f"{self.folder()}.script").exists())
        self.assertFalse(self.folder().parent.exists())

    def test_names_are_data(self) -> None:
        deep = "/".join(["d" * 250] * 4) + "/" + "e" * 20
        names = ["a\nb", "'", '"', "$(touch ../evil)", "`x`", "-rf", "--", "é☃", "a b", " ", "\t"]
        names += ["\\", "*", "[x]", "~", "...", "s3:", "%s", "\x1b[0m", deep]
        self.add_files({name: name.encode() for name in names})
        self.add_files({f"-/{name}/{name}": b"inner" for name in names[:12]})
        self.submit("#!/bin/sh\ntrue", out=["**"], arguments=["-x", "a\nb", "$(y)", "é", ""])
        self.assertEqual(self.run_job(LC_ALL="C"), 0)
        self.assert_done()
        found = self.outputs()
        self.assertEqual({name: found[name][3] for name in names}, {n: n.encode() for n in names})
        self.assertEqual(len([one for one in found.values() if one[3] == b"inner"]), 12)
        self.assertEqual(list(self.root.rglob("evil")), [])

    def test_kinds_modes_and_times_are_kept(self) -> None:
        self.add(folder_entry("closed", mode=0o555), folder_entry("empty", mode=0o700))
        self.add(folder_entry("closed/deep", mtime_ns=5), file_entry("nothing", mode=0o600))
        self.add_files({"closed/deep/file": b"x", "run": b"y"}, mode=0o4755)
        self.add({"path": "dangling", "kind": "link", "target": "/no where/\n"})
        self.add({"path": "closed/link", "kind": "link", "target": "deep"})
        self.submit("#!/bin/sh\ntrue", out=["**"], keep_work=True)
        self.assertEqual(self.run_job(), 0)
        there = contents(self.folder())
        time_ns = 10**18 + 123456789
        self.assertEqual(
            there,
            {
                "closed": ("folder", 0o555, 10**18 + 7, None),
                "closed/deep": ("folder", 0o755, 5, None),
                "closed/deep/file": ("file", 0o755, time_ns, b"x"),
                "closed/link": ("link", "deep"),
                "dangling": ("link", "/no where/\n"),
                "empty": ("folder", 0o700, 10**18 + 7, None),
                "nothing": ("file", 0o600, time_ns, b""),
                "run": ("file", 0o755, time_ns, b"y"),
            },
        )
        self.assertEqual(self.outputs(), there)
        for path in self.work, self.work / "r-1", self.folder():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)

    def test_folders_are_closed_after_what_is_in_them(self) -> None:
        program = load()
        lines = [json.dumps(folder_entry(path, mode=0)) for path in ("a", "a/b", "a/b/c", "a b")]
        with tempfile.TemporaryDirectory() as root:
            text = "\n".join(lines).encode()
            inputs = program.Inputs(text, os.fsencode(root), None, lambda: None)
            inputs.make_folders()
            with mock.patch.object(program.os, "chmod", wraps=os.chmod) as chmod:
                inputs.finish()
            closed = [os.fsdecode(call.args[0])[len(root) + 1 :] for call in chmod.call_args_list]
            self.assertLess(closed.index("a/b/c"), closed.index("a/b"))
            self.assertLess(closed.index("a/b"), closed.index("a"))
            program.remove(os.fsencode(root))
            os.mkdir(root)

    def test_paths_that_lead_out_are_refused(self) -> None:
        outside = self.root / "outside"
        outside.mkdir()
        (outside / "old").write_text("old")
        before = contents(outside)
        link = {"path": "link", "kind": "link", "target": str(outside)}
        s3 = {"path": "link", "kind": "s3", "url": "s3://other/x/"}
        bad = [
            "../x",
            "/x",
            "a/../../x",
            "..",
            ".",
            "",
            "a//b",
            "a/./b",
            "a/",
            "a\0b",
            f"{outside}/x",
        ]
        program = load()
        for entry in (one(path) for path in bad for one in (file_entry, folder_entry)):
            self.assertRaises(ValueError, program.read_input, entry)
            self.assertRaises(ValueError, program.read_input, dict(link, path=entry["path"]))
        cases = [
            ([file_entry("../outside/x")], "is no path"),
            ([file_entry(f"{outside}/x")], "is no path"),
            ([link, file_entry("link/old")], "is not in a folder"),
            ([link, folder_entry("link/a/b")], "is not in a folder"),
            ([s3, file_entry("link/a")], "is not in a folder"),
            ([file_entry("a"), file_entry("a/b")], "is not in a folder"),
        ]
        for entries, words in cases:
            with self.subTest(entries[-1]["path"]):
                self.entries = {}
                shutil.rmtree(self.bucket)
                self.add(*entries)
                self.submit("#!/bin/sh\necho script ran")
                self.assert_unstaged(words)
                self.assertEqual(contents(outside), before)
                self.assertFalse((self.work / "r-1").exists())

    def test_an_input_is_there_once(self) -> None:
        self.add(file_entry("a"))
        self.entries["again"] = {"path": "a", "kind": "link", "target": "/etc/passwd"}
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("the input a is there twice")

    def test_what_is_no_list_is_refused(self) -> None:
        name = sha256(b"")
        entries = [
            {"path": "a", "kind": "device"},
            {"path": 1, "kind": "folder"},
            {"path": "a\ud800", "kind": "link", "target": "x"},
            {"path": "a", "kind": "s3", "url": "-x"},
            file_entry("a", pieces=[["../run.json", 0, 0]]),
            file_entry("a", pieces=[[name, -1, 0]]),
            file_entry("a", b"x", pieces=[[name, 0, 2]]),
            file_entry("a", size=True),
        ]
        for entry in entries:
            with self.subTest(entry):
                self.entries = {"a": entry}
                shutil.rmtree(self.bucket)
                self.submit("#!/bin/sh\necho script ran")
                self.assert_unstaged("line 1 of in.ndjson is not understood")

    def test_what_was_not_submitted_is_refused(self) -> None:
        for name in "run.json", "script", "in.ndjson":
            with self.subTest(name):
                shutil.rmtree(self.bucket)
                self.add(file_entry("a"))
                self.submit("#!/bin/sh\necho script ran")
                path = self.bucket / "runs/r-1" / name
                path.write_bytes(path.read_bytes() + b" ")
                self.assert_unstaged(f"runs/r-1/{name} is not what was submitted")

    def test_a_script_has_a_plain_name(self) -> None:
        for name in "../evil", "", "..", "a/b", "a\0":
            shutil.rmtree(self.bucket)
            self.submit("#!/bin/sh\necho script ran")
            order = json.loads((self.bucket / "runs/r-1/run.json").read_text())
            order["script"]["name"] = name
            self.digest = self.put("runs/r-1/run.json", json.dumps(order).encode())
            self.assert_unstaged("is no name of a script")

    def test_what_every_run_has_comes_at_once(self) -> None:
        self.submit("#!/bin/sh\ntrue")
        self.rules({"op": "get", "key": "r-1/(run.json|script|in.ndjson)$", "how": "meet3"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())

    def test_it_is_told_that_a_job_has_begun_while_its_inputs_come(self) -> None:
        self.add_files({"a": b"x" * BLOB, "b": b"y"})
        self.submit("#!/bin/sh\ntrue")
        self.rules({"op": "get|put", "key": "(blobs/.*|started.json)$", "how": "meet3"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())

    def test_a_script_does_not_run_where_the_bucket_cannot_be_written(self) -> None:
        self.submit("#!/bin/sh\ntouch ../../ran")
        self.rules({"op": "put", "key": "started.json", "how": "fail"})
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertEqual((self.ended()["stage"], self.ended()["exit_code"]), ("inputs", None))
        self.assertFalse((self.work / "ran").exists())

    def test_a_missing_blob_is_named(self) -> None:
        self.add_files({"a": b"x"})
        self.submit("#!/bin/sh\necho script ran")
        name = sha256(b"x")
        (self.bucket / "blobs" / name).unlink()
        self.assert_unstaged(f"blob {name} could not be fetched: fatal error: An error occurred")

    def test_a_damaged_blob_is_named(self) -> None:
        for how in "damage", "cut":
            shutil.rmtree(self.bucket)
            self.add_files({"a": b"xyz"})
            self.submit("#!/bin/sh\necho script ran")
            self.rules({"op": "get", "key": "blobs", "how": how})
            self.assert_unstaged(f"blob {sha256(b'xyz')} could not be fetched: it is damaged")

    def test_what_fails_twice_is_tried_again(self) -> None:
        self.add_files({"a": b"xyz"})
        self.submit("#!/bin/sh\ncat a", out=["a"])
        self.rules(
            {"op": "get", "key": "blobs", "how": "damage", "times": 1},
            {"op": "get", "key": ".", "how": "fail", "times": 2},
            {"op": "put", "key": "/out", "how": "fail", "times": 2},
            {"op": "put", "key": "ended", "how": "fail", "times": 2},
        )
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertEqual(self.outputs()["a"][3], b"xyz")

    def test_pieces_are_those_of_their_file(self) -> None:
        self.add_files({"a": b"xyz"})
        self.entries["a"]["sha256"] = sha256(b"other")
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("the input a is not as it was")
        shutil.rmtree(self.bucket)
        self.add_files({"a": b"xyz"})
        self.entries["a"].update(size=4, pieces=[[sha256(b"xyz"), 0, 4]])
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("in.ndjson has more of it than there is")

    def test_inputs_that_have_no_room_are_not_begun(self) -> None:
        self.add_files({"a": b"x"})
        length = 1 << 50
        self.entries["a"].update(size=length, pieces=[[sha256(b"x"), 0, length]])
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged(f"no room: the inputs have {length} bytes, and ")

    def test_a_disk_that_fills_is_told_apart_from_the_script(self) -> None:
        full = "os.open('/dev/full', os.O_WRONLY)"
        cases = [
            ("os.pwrite(file, data, place)", f"os.pwrite({full}, data, place)", "main-0/a"),
            ("file.write(text)", f"os.write({full}, text)", "main-0.script/job.sh"),
        ]
        for line, on_full_disk, path in cases:
            with self.subTest(path):
                shutil.rmtree(self.bucket)
                self.add_files({"a": b"x"})
                self.submit("#!/bin/sh\necho script ran", out=["**"])
                program = self.program.read_text()
                self.hurry({line: on_full_disk})
                self.assert_unstaged(f"{self.work}/r-1/{path}: No space left on device")
                self.program.write_text(program)

    def test_inputs_come_from_other_buckets(self) -> None:
        other = self.root / "s3/other/deep"
        other.mkdir(parents=True)
        (other / "one").write_bytes(b"1")
        self.add({"path": "all/of it", "kind": "s3", "url": "s3://other/deep/"})
        self.add({"path": "one", "kind": "s3", "url": "s3://other/deep/one"})
        self.submit("#!/bin/sh\ncat 'all/of it/one' one")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "11")
        shutil.rmtree(self.bucket)
        self.rules({"op": "get", "key": "other", "how": "fail"})
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("s3://other/deep/")

    def test_no_more_is_done_at_once_than_the_memory_allows(self) -> None:
        program = load()
        cases = [
            ({}, 8),
            ({"SLURM_MEM_PER_NODE": "500"}, 3),
            ({"SLURM_MEM_PER_NODE": "64"}, 1),
            ({"SLURM_MEM_PER_NODE": "64000"}, 8),
            ({"SLURM_MEM_PER_NODE": "0", "SLURM_MEM_PER_CPU": "300"}, 2),
            ({"SLURM_MEM_PER_CPU": "300", "SLURM_CPUS_ON_NODE": "2"}, 4),
        ]
        for environment, wanted in cases:
            with mock.patch.dict(os.environ, environment):
                self.assertEqual(program.at_once(8), wanted, environment)

    def test_a_work_folder_belongs_to_the_home(self) -> None:
        program = load()
        with mock.patch.object(program.pwd, "getpwuid") as user:
            user.return_value.pw_dir = str(self.root / "me")
            place = program.Place("r-1")
            place.find("scratch/é")
            place.make()
        self.assertEqual(place.folder, os.fsencode(self.root / "me/scratch/é/r-1/main-0"))
        self.assertRaises(SystemExit, program.Place, "../x")
