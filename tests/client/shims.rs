//! hpcapi by the names of Slurm's programs: what workflow engines call, word by word as their sources
//! have it, and what they read of it.

use std::fs;

use serde_json::{Value, json};

use crate::answers::{good, in_json, job};
use crate::command::User;
use crate::server::{Asked, Server};

/// A cluster with a job that runs, one that waits, one that has ended, and an array that waits.
fn jobs() -> Vec<Value> {
    let set = |number: u64| json!({"set": true, "infinite": false, "number": number});
    let mut running = job(5, "RUNNING", "");
    running["nodes"] = json!("n1");
    running["batch_host"] = json!("n1");
    running["start_time"] = set(1_795_406_758);
    let mut ended = job(7, "FAILED", "");
    ended["nodes"] = json!("n2");
    ended["exit_code"] = json!({"return_code": set(3)});
    ended["start_time"] = set(1_795_406_700);
    ended["end_time"] = set(1_795_406_765);
    let mut array = job(8, "PENDING", "");
    array["array_job_id"] = set(8);
    array["array_task_string"] = json!("1-2");
    array["state_reason"] = json!("Resources");
    vec![running, job(6, "PENDING", ""), ended, array]
}

/// Answers like a cluster that holds these jobs, each by its own number.
fn cluster(asked: &Asked) -> crate::server::Answer {
    let all = jobs();
    let one = asked.path.strip_prefix("/slurm/v0.0.42/job/");
    match one.filter(|_| asked.method == "GET") {
        None => good(asked, &all),
        Some(id) => {
            let found: Vec<&Value> = all
                .iter()
                .filter(|job| job["job_id"].as_u64() == id.parse().ok())
                .collect();
            match found.is_empty() {
                false => in_json(200, json!({"jobs": found}).to_string()),
                true => {
                    let error = json!({"error_number": 2017, "error": "Invalid job id specified"});
                    in_json(500, json!({"errors": [error], "jobs": []}).to_string())
                }
            }
        }
    }
}

/// Who calls, what, its exit code, and what it prints.
const CALLS: &[(&str, &[&str], i32, &str)] = &[
    // Snakemake: job_status_query.py, partitions.py
    (
        "squeue",
        &[
            "--format=%i|%T",
            "--states=all",
            "--noheader",
            "--name",
            "hello",
        ],
        0,
        "6|PENDING\n8_[1-2]|PENDING\n5|RUNNING\n7|FAILED\n",
    ),
    (
        "sacct",
        &[
            "-X",
            "--parsable2",
            "--clusters",
            "all",
            "--noheader",
            "--format=JobIdRaw,State",
            "--starttime",
            "2026-11-20T00:00",
            "--endtime",
            "now+1000weeks",
            "--name",
            "hello",
        ],
        0,
        "5|RUNNING\n6|PENDING\n7|FAILED\n8|PENDING\n",
    ),
    (
        "sacct",
        &["-j", "7", "-n", "-X", "-o", "nodelist%-8"],
        0,
        "n2       \n",
    ),
    ("sinfo", &["-o", "%P"], 0, "PARTITION\nqueue1\n"),
    // Nextflow: SlurmExecutor.groovy
    (
        "squeue",
        &[
            "--noheader",
            "-o",
            "%i %t",
            "-t",
            "all",
            "-p",
            "queue1",
            "-u",
            "me",
        ],
        0,
        "6 PD\n8_[1-2] PD\n5 R\n7 F\n",
    ),
    // Parsl: slurm.py
    (
        "squeue",
        &["--noheader", "--format=%i %t", "--job", "5,7"],
        0,
        "5 R\n",
    ),
    // Cylc: slurm.py
    (
        "squeue",
        &["-h", "-j", "5"],
        0,
        "                 5    queue1    hello       me  R ",
    ),
    ("squeue", &["-h", "-j", "99"], 1, ""),
    // AiiDA: slurm.py asks for one job twice, so that an unknown one is no error.
    (
        "squeue",
        &[
            "--noheader",
            "-o",
            "%i^^^%t^^^%r^^^%B^^^%u^^^%R^^^%P^^^%j",
            "--jobs=5,5",
        ],
        0,
        "5^^^R^^^None^^^n1^^^me^^^n1^^^queue1^^^hello\n",
    ),
    ("squeue", &["--noheader", "-o", "%i", "--jobs=99,99"], 0, ""),
    // A step of a job that failed, of which nobody tells without an accounting database.
    ("sacct", &["-j", "7.0", "-n", "-o", "JobID,State"], 0, ""),
    (
        "sacct",
        &["-j", "7.batch,5", "-n", "-X", "-P", "-o", "JobID,State"],
        0,
        "5|RUNNING\n",
    ),
    // submitit: slurm.py
    (
        "sacct",
        &[
            "-o",
            "JobID,State,NodeList",
            "--parsable2",
            "-j",
            "7",
            "-j",
            "5",
        ],
        0,
        "JobID|State|NodeList\n5|RUNNING|n1\n7|FAILED|n2\n",
    ),
    ("scancel", &["5", "--signal", "USR2"], 0, ""),
    // dask-jobqueue: core.py; and what people type.
    ("scancel", &["5"], 0, ""),
    (
        "squeue",
        &["-r", "-h", "-t", "PD", "-o", "%i %F %K %R"],
        0,
        "6 6 N/A (None)\n8_1 8 1 (Resources)\n8_2 8 2 (Resources)\n",
    ),
    (
        "squeue",
        &["-h", "-S", "-i", "-O", "jobarrayid:.4,state:|"],
        0,
        "8_[1PENDING|\n   6PENDING|\n   5RUNNING|\n",
    ),
    (
        "sacct",
        &["-j", "7", "--format=jobid,jobname%4,exitcode,elapsed"],
        0,
        "       JobID JobN ExitCode    Elapsed \n------------ ---- -------- ---------- \n           7 hel+      3:0   00:01:05 \n",
    ),
    (
        "sacct",
        &["-p", "-n", "--delimiter=;", "-j", "7", "-o", "jobid,state"],
        0,
        "7;FAILED;\n",
    ),
    (
        "sinfo",
        &[],
        0,
        "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\nqueue1       up   infinite      1   idle n1\n",
    ),
    ("sinfo", &["-h", "-N", "-o", "%N %t"], 0, "n1 idle\n"),
    (
        "scontrol",
        &["ping"],
        0,
        "Slurmctld(primary) at head is UP\n",
    ),
    ("scontrol", &["show", "job", "99"], 1, ""),
];

#[test]
fn engines_are_answered_as_slurm_answers_them() {
    let server = Server::start(cluster);
    let user = User::new();
    for (program, arguments, code, printed) in CALLS {
        let outcome = user.run_as(program, &server.endpoint(), arguments, "");
        let text = outcome.text();
        assert_eq!(
            outcome.code,
            Some(*code),
            "{program} {arguments:?}: {}",
            outcome.stderr
        );
        let is_open = printed.ends_with(' ') && !printed.is_empty();
        match is_open {
            true => assert!(
                text.starts_with(printed),
                "{program} {arguments:?}:\n{text}"
            ),
            false => assert_eq!(text, *printed, "{program} {arguments:?}"),
        }
    }
    let signalled = server
        .asked()
        .into_iter()
        .any(|asked| asked.path.ends_with("/job/5?signal=USR2"));
    assert!(signalled);
}

/// Returns what was sent of a job.
fn sent(server: &Server) -> Value {
    let asked = server.asked();
    let submission = asked
        .iter()
        .rfind(|asked| asked.path.ends_with("job/submit"))
        .unwrap();
    serde_json::from_slice(&submission.body).unwrap()
}

#[test]
fn a_job_is_submitted_with_its_folder_and_its_environment_and_no_secrets() {
    let server = Server::start(cluster);
    let user = User::new()
        .set("SBATCH_PARTITION", "of-the-environment")
        .set("SBATCH_TIMELIMIT", "7")
        .set("MINE", "kept")
        .set("AWS_SECRET_ACCESS_KEY", "secret");
    let home = fs::canonicalize(user.home()).unwrap();
    for (arguments, stdin, printed) in [
        (
            &["--parsable", "-p", "mine", "job.sh", "-n", "2"][..],
            "",
            "77\n",
        ),
        (&["job.sh"], "", "Submitted batch job 77\n"),
        (&[], "#!/bin/sh\ntrue\n", "Submitted batch job 77\n"),
        (
            &["/dev/stdin"],
            "#!/bin/sh\ntrue\n",
            "Submitted batch job 77\n",
        ),
        (
            &["--parsable", "--export=ALL", "--wrap", "true"],
            "",
            "77\n",
        ),
        (&["-Q", "job.sh"], "", ""),
    ] {
        let outcome = user.run_as("sbatch", &server.endpoint(), arguments, stdin);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.text(), printed, "{arguments:?}");
        let job = &sent(&server)["job"];
        assert_eq!(job["current_working_directory"], home.to_str().unwrap());
        let is_named = arguments.contains(&"-p");
        let partition = if is_named {
            "mine"
        } else {
            "of-the-environment"
        };
        assert_eq!(job["partition"], partition, "{arguments:?}");
        assert_eq!(job["time_limit"]["number"], 7);
        let variables = job["environment"].to_string();
        assert!(variables.contains("MINE=kept"), "{variables}");
        assert!(
            !variables.contains("secret") && !variables.contains("SLURM_JWT"),
            "{variables}"
        );
        assert!(job["comment"].as_str().unwrap().starts_with("hpcapi:"));
    }
    let none = user.run_as(
        "sbatch",
        &server.endpoint(),
        &["--export=NONE", "job.sh"],
        "",
    );
    assert_eq!(none.code, Some(0));
    assert!(
        !sent(&server)["job"]["environment"]
            .to_string()
            .contains("MINE")
    );
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let server = Server::start(cluster);
    let user = User::new();
    for (program, arguments, words) in [
        ("sbatch", &["--foo", "job.sh"][..], "sbatch: error: `--foo`"),
        (
            "sbatch",
            &["nofile.sh"],
            "sbatch: error: cannot read the job file `nofile.sh`",
        ),
        (
            "sbatch",
            &["--wrap=true", "job.sh"],
            "sbatch: error: script arguments not permitted",
        ),
        (
            "sbatch",
            &["--test-only", "job.sh"],
            "sbatch: error: `--test-only`",
        ),
        (
            "sbatch",
            &["-M", "other", "job.sh"],
            "sbatch: error: `--clusters`",
        ),
        (
            "squeue",
            &["--foo"],
            "squeue: error: unexpected argument '--foo'",
        ),
        ("squeue", &["-o", "%X"], "squeue: error: `%X`"),
        ("squeue", &["-t", "foo"], "squeue: error: `foo`"),
        (
            "squeue",
            &["-M", "other"],
            "squeue: error: `--clusters other`",
        ),
        (
            "scancel",
            &[],
            "scancel: error: No job identification provided",
        ),
        ("scancel", &["12.0"], "scancel: error: Invalid job id 12.0"),
        ("sacct", &["-o", "foo"], "sacct: error: `foo`"),
        ("sacct", &["-D"], "sacct: error: `--duplicates`"),
        ("sinfo", &["-R"], "sinfo: error: unexpected argument '-R'"),
        (
            "scontrol",
            &["show", "config"],
            "scontrol: error: `show config`",
        ),
        ("scontrol", &["requeue", "5"], "scontrol: error: `requeue`"),
    ] {
        let outcome = user.run_as(program, &server.endpoint(), arguments, "");
        assert_eq!(
            outcome.code,
            Some(1),
            "{program} {arguments:?}: {}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.starts_with(words),
            "{program} {arguments:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.text(), "", "{program} {arguments:?}");
    }
    let posted = server
        .asked()
        .into_iter()
        .filter(|asked| asked.method != "GET");
    assert_eq!(posted.count(), 0);
}

#[test]
fn links_are_put_into_a_folder_and_nothing_else_is_touched() {
    let user = User::new();
    let folder = user.home().join("new/shims");
    let made = user.run(
        "http://127.0.0.1:9",
        &["shims", "new/shims", "--deployment", "x"],
    );
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let home = fs::canonicalize(&folder).unwrap();
    let path = format!(
        "export PATH={}:$PATH\nexport HPCAPI_DEPLOYMENT=x\n",
        home.display()
    );
    assert_eq!(made.text(), path);
    for name in ["sbatch", "squeue", "scancel", "sacct", "sinfo", "scontrol"] {
        assert_eq!(
            fs::read_link(folder.join(name)).unwrap().to_str().unwrap(),
            env!("CARGO_BIN_EXE_hpcapi")
        );
    }
    assert!(!folder.join("srun").exists());
    let again = user.run("http://127.0.0.1:9", &["shims", "new/shims"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    fs::create_dir(user.home().join("bin")).unwrap();
    user.write("bin/squeue", "mine");
    let refused = user.run("http://127.0.0.1:9", &["shims", "bin"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("`bin/squeue` is there already"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_dir(user.home().join("bin")).unwrap().count(), 1);
}
