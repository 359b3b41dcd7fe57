//! Runs: inputs go with a job, what it prints is shown, and its outputs come back.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::environment::{TestEnv, text};

/// Copies what it got, turns it around, and prints its arguments.
const SCRIPT: &str = r#"#!/bin/bash
#SBATCH --time=5
printf '%s\n' "$@"
mkdir results
cp -a data results/copy
find data -type f -print0 | sort -z | xargs -0 cat | sha256sum >results/sum
echo trouble >&2
exit "${1:-0}"
"#;

/// Makes 1,000 small files and one of two blobs, some of them with names that are no plain words.
fn make_inputs(folder: &Path) {
    let data = folder.join("data");
    for number in 0..1000 {
        let below = data.join(format!("{}", number % 7));
        fs::create_dir_all(&below).unwrap();
        fs::write(
            below.join(number.to_string()),
            format!("{number}\n").repeat(number),
        )
        .unwrap();
    }
    let large: Vec<u8> = (0..70_u32 << 18)
        .flat_map(|word| word.to_le_bytes())
        .collect();
    fs::write(data.join("large"), large).unwrap();
    for name in [
        "a\nb",
        "$(touch evil)",
        "-rf",
        "quo'te\"",
        " ",
        &"x".repeat(255),
    ] {
        fs::write(data.join(name), name).unwrap();
    }
    fs::create_dir(data.join("empty")).unwrap();
    symlink("../outside", data.join("link")).unwrap();
    let program = data.join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(folder.join("job.sh"), SCRIPT).unwrap();
}

/// Fails unless two folders hold the same: names, bytes, modes, times, links.
fn assert_same(one: &Path, other: &Path) {
    let listing = |folder: &Path| -> BTreeSet<String> {
        let mut find = std::process::Command::new("find");
        // The time of a link cannot be set everywhere, and what a folder takes is its disk's matter.
        let files = [".", "-type", "f", "-printf", "f %m %T@ %s %p\\0"];
        let others = [",", "-type", "d", "-printf", "d %m %T@ %p\\0"];
        let links = [",", "-type", "l", "-printf", "l %l %p\\0"];
        find.current_dir(folder)
            .args(files)
            .args(others)
            .args(links);
        let found = find.output().unwrap().stdout;
        text(&found).split('\0').map(ToOwned::to_owned).collect()
    };
    let (one_list, other_list) = (listing(one), listing(other));
    let differing: Vec<_> = one_list.symmetric_difference(&other_list).collect();
    assert!(
        differing.is_empty(),
        "{:#?}",
        &differing[..differing.len().min(10)]
    );
    let mut diff = std::process::Command::new("diff");
    diff.args(["-r", "--no-dereference"]).args([one, other]);
    let diff = diff.output().unwrap();
    assert!(diff.status.success(), "{}", text(&diff.stdout));
}

fn run_of(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["run"].as_str().unwrap().to_owned()
}

fn run_in(env: &TestEnv, folder: &Path, arguments: &[&str]) -> Output {
    env.hpcapi(arguments).current_dir(folder).output().unwrap()
}

#[tokio::test]
async fn a_run_takes_its_files_along_and_brings_its_outputs_back() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    make_inputs(here);

    let run = [
        "run",
        "job.sh",
        "--in",
        "data",
        "--out",
        "results/**",
        "--",
        "3",
        "a b",
    ];
    let first = run_in(&env, here, &run);
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    assert_eq!(text(&first.stdout), "3\na b\ntrouble\n");
    assert_same(&here.join("data"), &here.join("results/copy"));
    assert!(!here.join("evil").exists());
    assert!(
        text(&first.stderr).contains("ended with 3"),
        "{}",
        text(&first.stderr)
    );

    // Nothing has changed, so nothing is sent; another machine has the rest of it.
    let detached = [
        "run",
        "job.sh",
        "--in",
        "data",
        "--out",
        "results/**",
        "--detach",
        "--output",
        "json",
    ];
    let again = run_in(&env, here, &detached);
    assert!(
        text(&again.stderr).contains("0 B of it sent"),
        "{}",
        text(&again.stderr)
    );
    let run = run_of(&again.stdout);
    let elsewhere = tempfile::tempdir().unwrap();
    let attached = run_in(
        &env,
        elsewhere.path(),
        &["runs", "attach", &run, "--output", "json"],
    );
    assert_eq!(
        attached.status.code(),
        Some(0),
        "{}",
        text(&attached.stderr)
    );
    assert_same(&here.join("data"), &elsewhere.path().join("results/copy"));
    let answer: Value = serde_json::from_slice(&attached.stdout).unwrap();
    assert_eq!(answer["exit_code"], 0);
    assert_eq!(answer["tasks"][0]["problem"], Value::Null);
    assert_eq!(env.succeed(&["runs", "logs", &run]), "\ntrouble\n");

    what_was_changed_here_stays(&env, here, &run);
    tasks_have_outputs_of_their_own(&env, here);
    what_goes_wrong_is_named(&env, here);
    runs_are_deleted(&env, &run);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// At how many points a run is killed while time goes by, and how many once they are there.
const KILLS: (u32, u32) = (4, 2);

/// After how many milliseconds one more is killed.
const STEP: u64 = 1000;

#[tokio::test]
async fn a_run_that_is_killed_anywhere_is_one_job_and_ends_the_same() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    make_inputs(here);
    let mut known = BTreeSet::new();
    for kill in 0..KILLS.0 + KILLS.1 {
        let run = [
            "run",
            "job.sh",
            "--in",
            "data",
            "--out",
            "results/sum",
            "--",
            "4",
        ];
        let mut running = env.hpcapi(&run);
        running
            .current_dir(here)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut running = running.spawn().unwrap();
        if kill < KILLS.0 {
            tokio::time::sleep(Duration::from_millis(STEP * u64::from(kill))).await;
        } else {
            while all_runs(&env).len() == known.len() && running.try_wait().unwrap().is_none() {}
        }
        running.kill().unwrap();
        running.wait().unwrap();
        let all = all_runs(&env);
        let new: Vec<_> = all.difference(&known).cloned().collect();
        // Whoever is killed before there is a run has left nothing.
        assert!(new.len() <= 1, "{new:?}");
        for run in &new {
            let there = tempfile::tempdir().unwrap();
            let attached = run_in(&env, there.path(), &["runs", "attach", run]);
            assert_eq!(
                attached.status.code(),
                Some(4),
                "{}",
                text(&attached.stderr)
            );
            let sum = fs::read(there.path().join("results/sum")).unwrap();
            assert_eq!(sum, expected_sum(here));
        }
        known = all;
    }
    assert!(known.len() > 1, "{known:?}");
    let jobs = env.json(&["jobs", "list", "--all", "--output", "json"]);
    let markers = jobs["jobs"].as_array().unwrap().iter();
    let markers: Vec<_> = markers.map(|job| job["marker"].as_str().unwrap()).collect();
    let distinct: BTreeSet<_> = markers.iter().collect();
    assert_eq!((markers.len(), distinct.len()), (known.len(), known.len()));

    a_run_that_slurm_starts_anew_ends_as_its_last_attempt(&env, here).await;
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

fn all_runs(env: &TestEnv) -> BTreeSet<String> {
    let listed = env.json(&["runs", "list", "--output", "json"]);
    let listed = listed["runs"].as_array().unwrap().iter();
    listed
        .map(|line| line["run"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns what the script makes of the inputs, made here.
fn expected_sum(here: &Path) -> Vec<u8> {
    let mut sum = std::process::Command::new("bash");
    let script = "find data -type f -print0 | sort -z | xargs -0 cat | sha256sum";
    sum.current_dir(here).args(["-c", script]);
    sum.output().unwrap().stdout
}

async fn a_run_that_slurm_starts_anew_ends_as_its_last_attempt(env: &TestEnv, here: &Path) {
    let script = "#!/bin/bash\n#SBATCH --requeue\necho attempt $SLURM_RESTART_COUNT\n\
                  [ -n \"$SLURM_RESTART_COUNT\" ] || sleep 600\necho all >out\n";
    fs::write(here.join("again.sh"), script).unwrap();
    let begun = [
        "run", "again.sh", "--out", "out", "--detach", "--output", "json",
    ];
    let begun = run_in(env, here, &begun);
    let run = run_of(&begun.stdout);
    let job: Value = serde_json::from_slice(&begun.stdout).unwrap();
    let requeue = format!(
        "until squeue -h -j {0} -t RUNNING | grep -q .; do sleep 0.2; done; sleep 2
        scontrol requeue {0}
        until squeue -h -j {0} -t PENDING | grep -q .; do sleep 0.2; done
        scontrol update jobid={0} starttime=now",
        job["job"]
    );
    env.on_head_node(&requeue).await;
    let attached = run_in(env, here, &["runs", "attach", &run]);
    assert_eq!(
        attached.status.code(),
        Some(0),
        "{}",
        text(&attached.stderr)
    );
    assert!(
        text(&attached.stdout).ends_with("attempt 1\n"),
        "{}",
        text(&attached.stdout)
    );
    assert_eq!(fs::read_to_string(here.join("out")).unwrap(), "all\n");
}

fn what_was_changed_here_stays(env: &TestEnv, here: &Path, run: &str) {
    let sum = here.join("results/sum");
    fs::write(&sum, "mine").unwrap();
    let fetched = run_in(env, here, &["runs", "fetch", run]);
    assert!(
        text(&fetched.stderr).contains("results/sum"),
        "{}",
        text(&fetched.stderr)
    );
    assert_eq!(fs::read_to_string(&sum).unwrap(), "mine");
    run_in(env, here, &["runs", "fetch", run, "--overwrite"]);
    assert_ne!(fs::read_to_string(&sum).unwrap(), "mine");
}

fn tasks_have_outputs_of_their_own(env: &TestEnv, here: &Path) {
    let script = "#!/bin/bash\necho $SLURM_ARRAY_TASK_ID >out.txt\n";
    fs::write(here.join("tasks.sh"), script).unwrap();
    let run = [
        "run", "tasks.sh", "--array", "1-3", "--out", "*.txt", "--to", "tasks",
    ];
    let ended = run_in(env, here, &run);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    for task in ["1", "2", "3"] {
        let output = fs::read_to_string(here.join("tasks").join(task).join("out.txt"));
        assert_eq!(output.unwrap(), format!("{task}\n"));
    }
}

fn what_goes_wrong_is_named(env: &TestEnv, here: &Path) {
    for (arguments, code, words) in [
        (&["run", "nothing.sh"][..], 2, "cannot read the script"),
        (
            &["run", "job.sh", "--in", "nothing"],
            1,
            "cannot send `nothing`",
        ),
        (&["run", "job.sh", "--out", "../x"], 2, "is no pattern"),
        (&["run", "job.sh", "--time", "never"], 2, "--time"),
        (
            &["runs", "attach", "20261128-104500-0a1b2c3d"],
            1,
            "there is no run",
        ),
        (&["runs", "show", "x"], 2, "is no run"),
    ] {
        let outcome = run_in(env, here, arguments);
        assert_eq!(
            outcome.status.code(),
            Some(code),
            "{arguments:?}: {}",
            text(&outcome.stderr)
        );
        assert!(
            text(&outcome.stderr).contains(words),
            "{}",
            text(&outcome.stderr)
        );
    }
    let script = "#!/bin/bash\nkill -9 $$\n";
    fs::write(here.join("killed.sh"), script).unwrap();
    let killed = run_in(env, here, &["run", "killed.sh"]);
    assert_eq!(killed.status.code(), Some(137), "{}", text(&killed.stderr));
    let bad = ["run", "job.sh", "--in", "s3://no-such-bucket-of-ours/x/"];
    let unstaged = run_in(env, here, &bad);
    assert_eq!(
        unstaged.status.code(),
        Some(1),
        "{}",
        text(&unstaged.stderr)
    );
    let words = text(&unstaged.stderr);
    assert!(words.contains("the script did not run"), "{words}");
}

fn runs_are_deleted(env: &TestEnv, run: &str) {
    let listed = env.json(&["runs", "list", "--output", "json"]);
    let before = listed["runs"].as_array().unwrap().len();
    assert!(env.succeed(&["runs", "list"]).contains(run));
    assert!(env.succeed(&["runs", "show", run]).contains("exit code 0"));
    env.succeed(&["runs", "delete", run]);
    let words = env.fail(1, &["runs", "show", run]);
    assert!(words.contains("there is no run"), "{words}");
    let listed = env.json(&["runs", "list", "--output", "json"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), before - 1);
    env.succeed(&["runs", "delete", "--older-than", "0s"]);
    let listed = env.json(&["runs", "list", "--output", "json"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 0);
}
