//! Scripts as people bring them, and what `sbatch` makes of them.

use serde_json::{Value as Json, json};

use super::Description;
use crate::slurm::client::ApiVersion;

fn job(lines: &str) -> Description {
    let script = format!("#!/bin/bash\n{lines}\ntrue\n");
    let mut job = Description::read("job.sh", script.as_bytes()).unwrap();
    job.fill(&super::owner::me()).unwrap();
    job
}

fn sent(lines: &str) -> Json {
    job(lines).body(ApiVersion::new(42)).unwrap()["job"].clone()
}

#[test]
fn each_line_sets_its_fields() {
    for (line, field, value) in [
        ("--array=[0-4]%2", "array", json!("[0-4]%2")),
        ("--mem=400MB", "memory_per_node", number(400)),
        ("--tmp=1gb", "temporary_disk_per_node", json!(1024)),
        ("--time=00:60:00", "time_limit", number(60)),
        ("--time=1-", "time_limit", number(1440)),
        ("--nodes=2k", "minimum_nodes", json!(2048)),
        ("--ntasks=+2", "tasks", json!(2)),
        (
            "--gpus=a100:2,v100:1",
            "tres_per_job",
            json!("gres/gpu:a100:2,gres/gpu:v100:1"),
        ),
        ("--gpus=0", "tres_per_job", json!("gres/gpu:0")),
        ("--gres=gres:gpu:1", "tres_per_node", json!("gres/gpu:1")),
        ("-HJ nm", "name", json!("nm")),
        ("-p=x", "partition", json!("=x")),
        ("--open-mode=a", "open_mode", json!(["append"])),
        ("--open-mode=Truncate", "open_mode", json!(["truncate"])),
        ("--signal=b:usr1@120", "kill_warning_signal", json!("USR1")),
        (
            "--signal=b:usr1@120",
            "kill_warning_flags",
            json!(["BATCH_JOB"]),
        ),
        (
            "--signal=R:SIGUSR2",
            "kill_warning_flags",
            json!(["RESERVATION_JOB"]),
        ),
        ("--signal=10@60", "kill_warning_signal", json!("10")),
        ("--signal=B:USR1@300", "kill_warning_delay", number(300)),
        ("--priority=TOP", "priority", number(4_294_967_293)),
        ("--wait-all-nodes=1", "wait_all_nodes", json!(true)),
        ("--tasks-per-node=2", "tasks_per_node", json!(2)),
        (
            "--distribution=block:block",
            "distribution",
            json!("block:block"),
        ),
        ("-m plane=4", "distribution", json!("plane=4")),
        ("--oversubscribe", "shared", json!(["oversubscribe"])),
        ("--exclusive=topo", "shared", json!(["topo"])),
        ("--no-kill", "kill_on_node_fail", json!(false)),
        (
            "--spread-job --use-min-nodes",
            "flags",
            json!(["SPREAD_JOB", "PREFER_MINIMUM_NODE_COUNT"]),
        ),
        ("--acctg-freq=30", "account_gather_frequency", json!("30")),
        ("--res=x", "reservation", json!("x")),
        (
            "--gpus=2 --cpus-per-gpu=2",
            "cpus_per_tres",
            json!("gres/gpu:2"),
        ),
        (
            "--gpus=2 --mem-per-gpu=1G",
            "memory_per_tres",
            json!("gres/gpu:1024"),
        ),
        ("--ntasks-per-gpu=1", "ntasks_per_tres", json!(1)),
        ("--gpu-bind=closest", "tres_bind", json!("gres/gpu:closest")),
        (
            "--gpus-per-socket=1",
            "tres_per_socket",
            json!("gres/gpu:1"),
        ),
        ("--mem-bind=local", "memory_binding_type", json!(["LOCAL"])),
        ("--cpu-freq=High", "cpu_frequency", json!("High")),
        (
            "--profile=all",
            "profile",
            json!(["ENERGY", "LUSTRE", "NETWORK", "TASK"]),
        ),
        (
            "--kill-on-invalid-dep=yes",
            "flags",
            json!(["KILL_INVALID_DEPENDENCY"]),
        ),
        ("--mcs-label=x", "mcs_label", json!("x")),
        ("--container-id=c", "container_id", json!("c")),
        ("--job=x", "name", json!("x")),
        ("--out=y.txt", "standard_output", json!("y.txt")),
        ("--err=z.txt", "standard_error", json!("z.txt")),
        ("--licenses=a --resources=b", "licenses", json!("a,b")),
        ("-D ./", "current_working_directory", json!("/home/me")),
        (
            "-D work/x",
            "current_working_directory",
            json!("/home/me/work/x"),
        ),
        ("-D ~/x", "current_working_directory", json!("/home/me/x")),
        ("-D /w", "current_working_directory", json!("/w")),
        ("-N 2 --ntasks-per-node=2", "tasks", json!(4)),
        ("--ntasks-per-node=2", "tasks", json!(2)),
        ("--segment=4", "segment_size", json!(4)),
        (
            "--begin=2026-11-23T08:00",
            "begin_time",
            number(1_795_420_800),
        ),
    ] {
        assert_eq!(sent(&format!("#SBATCH {line}"))[field], value, "{line}");
    }
}

fn number(number: u64) -> Json {
    json!({"set": true, "infinite": false, "number": number})
}

#[test]
fn no_time_is_no_limit() {
    for line in ["--time=0", "--time=00:00:00", "--time=UNLIMITED"] {
        let limit = sent(&format!("#SBATCH {line}"))["time_limit"].clone();
        assert_eq!(limit["infinite"], true, "{line}");
    }
}

#[test]
fn empty_texts_are_as_if_they_were_not_there() {
    let lines =
        "#SBATCH --dependency= --mail-user= --account=\"\" --exclude=\"\" --gres= --gpus= --array=";
    let (sent, plain) = (sent(lines), sent(""));
    assert_eq!(sent, plain);
    let mut job = job("#SBATCH --account=a -L x");
    job.set("account", "").unwrap();
    job.set("licenses", "").unwrap();
    assert_eq!(job.body(ApiVersion::new(42)).unwrap()["job"], plain);
}

#[test]
fn what_is_taken_without_effect_changes_nothing() {
    let plain = sent("");
    for line in [
        "--export=ALL",
        "--gres=none",
        "--no-kill=off",
        "--parsable -Q -v",
        "--test-only -W",
    ] {
        assert_eq!(sent(&format!("#SBATCH {line}")), plain, "{line}");
    }
    assert!(job("#SBATCH --wait").wishes("wait") && !job("").wishes("wait"));
    assert_eq!(job("#SBATCH --propagate=STACK").remarks().len(), 1);
    assert!(job("#SBATCH --propagate=NONE").remarks().is_empty());
}

#[test]
fn mails_add_up_and_unknown_ones_are_told() {
    let both = sent("#SBATCH --mail-type=BEGIN\n#SBATCH --mail-type=\"END, FAIL\"");
    assert_eq!(both["mail_type"], json!(["BEGIN", "END", "FAIL"]));
    let job = job("#SBATCH --mail-type=END,REQUE");
    assert_eq!(
        job.body(ApiVersion::new(42)).unwrap()["job"]["mail_type"],
        json!(["END"])
    );
    assert!(job.remarks()[0].contains("`REQUE`"));
}

#[test]
fn what_sbatch_refuses_is_refused() {
    for line in [
        "--signal=FOO@10",
        "--signal=USR1@x",
        "--priority=-1",
        "--wait-all-nodes=2",
        "--hint=fast",
        "--distribution=triangle",
        "-m plane",
        "--mem=4Q",
        "--time=1h",
        "--nodes=0",
        "--ntasks=0",
        "--ntasks=",
        "-c=2",
        "--mail-type=SOMETIMES",
        "--begin=someday",
        "--gpu-bind=near",
        "--mem-bind=far",
        "--gres-flags=x",
        "--no-kill=x",
        "--requeue=x",
        "--oom-kill-step=2",
        "--kill-on-invalid-dep=maybe",
        "--array=x",
        "--exclusive=me",
        "--profile=x",
        "--mem-update=5",
        "--tres-per-task=mem=5",
        "--cpus-per-gpu=0",
        "--nodefile=/no/such/file",
        "--nice=x",
        "--acctg-freq=x",
        "--clusters=x",
        "--uid=x",
        "--bbf=x",
        "--export-file=x",
        "--power=x",
        "--external",
        "--help",
    ] {
        let script = format!("#!/bin/bash\n#SBATCH {line}\n");
        let error = Description::read("job.sh", script.as_bytes());
        let message = error.map(|_| line).unwrap_err().to_string();
        assert!(message.starts_with("job.sh, line 2: "), "{message}");
    }
}

#[test]
fn lines_without_a_blank_and_for_pbs_count() {
    let sent_one = sent("#SBATCH--job-name=jn\n#SBATCH--ntasks=2");
    assert_eq!(
        (&sent_one["name"], &sent_one["tasks"]),
        (&json!("jn"), &json!(2))
    );
    let pbs = "#PBS -N pbsname\n#PBS -l walltime=01:00:00,nodes=1:ppn=2";
    let sent_pbs = sent(pbs);
    assert_eq!(
        (&sent_pbs["name"], &sent_pbs["tasks"]),
        (&json!("pbsname"), &json!(2))
    );
    assert_eq!(sent_pbs["time_limit"], number(60));
    let script = format!("#!/bin/bash\n{pbs}\n");
    let without = Description::read_without_others("job.sh", script.as_bytes()).unwrap();
    assert_eq!(without.name(), "job.sh");
}
