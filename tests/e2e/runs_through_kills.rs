//! Runs whose parts are killed on the cluster: whatever it is, `runs attach` tells the same end from any
//! place, and the job ran once, or it is told that Slurm started it anew.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::environment::{TestEnv, text};

/// Notes that it runs, reads its input, works for a moment, and has an output.
const SCRIPT: &str = "#!/bin/bash
#SBATCH --requeue
echo >>~/ran-$HPCAPI_RUN
sleep 2
tac numbers >turned
exit 4
";

/// What is killed, where `$job` and `$run` are that of the run.
const KILLS: [(&str, &str); 3] = [
    (
        "slurmctld",
        "touch /tmp/before
        # With another job to note slurmctld soon writes what it knows of this one, too.
        runuser -u ec2-user -- bash -lc 'cd /tmp; scancel $(sbatch --parsable --hold --wrap true)'
        until [ /var/spool/slurm.state/job_state -nt /tmp/before ]; do sleep 0.1; done
        systemctl kill --signal KILL slurmctld
        while systemctl --quiet is-active slurmctld; do sleep 0.1; done
        systemctl reset-failed slurmctld; systemctl start slurmctld
        until scontrol ping | grep -q 'is UP'; do sleep 0.1; done",
    ),
    ("the wrapper", "pkill --signal KILL --full hpcapi.*$run"),
    (
        "the node",
        "node=$(squeue --noheader --jobs $job --states RUNNING --format %N 2>/dev/null)
        # As clustermgtd does with an instance that is gone.
        if [ -n \"$node\" ]; then
            scontrol update nodename=$node state=down reason=gone
            pkill --signal KILL --full hpcapi.*$run
            while squeue --noheader --jobs $job --states RUNNING 2>/dev/null | grep -q .; do
                sleep 0.1
            done
            scontrol update jobid=$job starttime=now
        fi",
    ),
];

/// Each is killed at once, a second after the run began, two seconds after, and so on until here.
const SECONDS: usize = 5;

fn run_in(env: &TestEnv, folder: &Path, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let all = [arguments, &["--output", "json"]].concat();
    let output = env.hpcapi(&all).current_dir(folder).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), answer, text(&output.stderr))
}

#[tokio::test]
async fn a_run_ends_the_same_whatever_of_its_cluster_is_killed() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("job.sh"), SCRIPT).unwrap();
    let numbers: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
    fs::write(here.join("numbers"), numbers.join("\n") + "\n").unwrap();
    let turned: Vec<_> = numbers.iter().rev().map(String::as_str).collect();
    let turned = turned.join("\n") + "\n";

    for after in 0..SECONDS {
        for (what, kill) in KILLS {
            let begin = [
                "run", "job.sh", "--in", "numbers", "--out", "turned", "--detach",
            ];
            let (_, begun, _) = run_in(&env, here, &begin);
            let (run, job) = (begun["run"].as_str().unwrap(), &begun["job"]);
            let script = format!(
                "PATH=$PATH:/opt/slurm/bin job={job} run={run}\nsleep {after}\n{kill}\ntrue"
            );
            env.on_head_node(&script).await;

            let case = format!("{what} after {after} s: {run}");
            let ends: Vec<_> = (0..2)
                .map(|_| {
                    let there = tempfile::tempdir().unwrap();
                    let attach = ["runs", "attach", run];
                    let (code, answer, words) = run_in(&env, there.path(), &attach);
                    let output = fs::read_to_string(there.path().join("turned")).ok();
                    (code, answer["tasks"][0]["state"].clone(), output, words)
                })
                .collect();
            let (code, state, output, words) = &ends[0];
            assert_eq!(
                (code, state, output),
                (&ends[1].0, &ends[1].1, &ends[1].2),
                "{case}"
            );
            let was_cut_off = what == "the wrapper" && *code != Some(4);
            if was_cut_off {
                assert_eq!((code, output), (&Some(137), &None), "{case}: {words}");
            } else {
                assert_eq!(
                    (code, output),
                    (&Some(4), &Some(turned.clone())),
                    "{case}: {words}"
                );
            }
            let count = format!("cat /home/ec2-user/ran-{run} 2>/dev/null | wc -l");
            let ran: usize = env.on_head_node(&count).await.trim().parse().unwrap();
            let (_, shown, _) = run_in(&env, here, &["runs", "show", run]);
            let attempt = shown["parts"][0]["restarts"].as_u64().unwrap_or(0) as usize;
            assert!(
                ran <= attempt + 1 && (ran > 0 || was_cut_off),
                "{case}: {ran} {shown}"
            );
            assert!(attempt == 0 || what == "the node", "{case}: {shown}");
        }
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
