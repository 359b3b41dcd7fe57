//! An answer that cannot be written is a failure that tells what was done; a reader that has
//! enough is none.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Mutex;

use crate::answers::{good, in_json, job};
use crate::command::{User, all_at_once};
use crate::server::Server;

/// Every way to print an answer that needs no AWS.
const VERBS: [&[&str]; 24] = [
    &["ping"],
    &["ping", "--output", "raw"],
    &["partitions"],
    &["partitions", "--curl"],
    &["nodes", "--output", "json"],
    &["nodes", "--watch"],
    &["jobs", "list"],
    &["jobs", "list", "--output", "json"],
    &["jobs", "list", "--output", "raw"],
    &["jobs", "list", "--watch"],
    &["jobs", "list", "--watch", "--output", "json"],
    &["jobs", "show", "5"],
    &["jobs", "show", "5", "--output", "raw"],
    &["jobs", "wait", "5"],
    &["jobs", "wait", "5", "--output", "raw"],
    &["jobs", "submit", "job.sh"],
    &["jobs", "submit", "job.sh", "--output", "raw"],
    &["jobs", "submit", "job.sh", "--curl"],
    &["api", "GET", "diag"],
    &["api", "POST", "job/submit", "--data", "{}"],
    &["iam-policy", "jobs"],
    &["completions", "bash"],
    &["man"],
    &["sandbox", "stop"],
];

/// What clap prints.
const HELP: [&[&str]; 3] = [&["--help"], &["jobs", "--help"], &["--version"]];

fn server() -> Server {
    Server::start(|asked| match asked.method.as_str() {
        "DELETE" => in_json(200, "{}"),
        _ => good(asked, &[job(5, "COMPLETED", "")]),
    })
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn every_answer_that_cannot_be_written_is_a_failure() {
    let server = server();
    let cases: Vec<_> = VERBS.iter().chain(&HELP).collect();
    all_at_once(&cases, |arguments| {
        let outcome = User::new().run_into(&server.endpoint(), arguments, full());
        let mut complaints = outcome.complaints();
        let cause = "because: No space left on device";
        for told in ["cannot be written to standard output", cause] {
            if !outcome.stderr.contains(told) {
                complaints.push(format!("it does not say `{told}`"));
            }
        }
        outcome.verdict(complaints, arguments.join(" "))
    });
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let server = server();
    let cases: Vec<_> = VERBS.iter().chain(&HELP).collect();
    all_at_once(&cases, |arguments| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let outcome = User::new().run_into(&server.endpoint(), arguments, writer);
        let mut complaints = Vec::new();
        if outcome.code != Some(0) {
            complaints.push(format!("it ended with {:?}", outcome.code));
        }
        if outcome.stderr.contains("error") {
            complaints.push("it complains".to_owned());
        }
        outcome.verdict(complaints, arguments.join(" "))
    });
}

/// Returns what `arguments` say with nowhere to write the answer.
fn told(server: &Server, arguments: &[&str]) -> String {
    let outcome = User::new().run_into(&server.endpoint(), arguments, full());
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    outcome.stderr
}

#[test]
fn what_was_done_is_told_with_its_numbers() {
    let server = server();
    for (arguments, done) in [
        (
            &["jobs", "submit", "job.sh"][..],
            "the job 77 was submitted",
        ),
        (
            &["jobs", "submit", "job.sh", "job.sh"],
            "the jobs 77, 77 were submitted",
        ),
        (
            &["jobs", "submit", "job.sh", "--output", "json"],
            "the job 77 was submitted",
        ),
        (
            &["jobs", "submit", "job.sh", "--output", "raw"],
            "the job 77 was submitted",
        ),
        (
            &["jobs", "wait", "5"],
            "the job 5 has ended with exit code 0",
        ),
        (
            &["api", "POST", "job/submit", "--data", "{}"],
            "POST /slurm/{version}/job/submit is done (HTTP 200)",
        ),
    ] {
        let told = told(&server, arguments);
        let error = format!("error: {done}, but the answer cannot be written");
        assert!(told.contains(&error), "{told}");
    }
    let running = Server::start(|asked| match asked.method.as_str() {
        "DELETE" => in_json(200, "{}"),
        _ => good(asked, &[job(5, "RUNNING", "")]),
    });
    for arguments in [
        &["jobs", "cancel", "5"][..],
        &["jobs", "cancel", "5", "--output", "raw"],
    ] {
        let told = told(&running, arguments);
        let error = "error: the job 5 was cancelled, but";
        assert!(told.contains(error), "{told}");
    }
}

#[test]
fn a_refused_job_hides_no_number_of_a_submitted_one() {
    let numbers = Mutex::new(0);
    let server = Server::start(move |asked| {
        if !asked.path.ends_with("/job/submit") {
            return good(asked, &[]);
        }
        let mut number = numbers.lock().unwrap();
        *number += 1;
        match *number {
            2 => in_json(500, r#"{"errors":[{"error":"No","error_number":2000}]}"#),
            number => in_json(200, format!("{{\"job_id\":{number}}}")),
        }
    });
    let told = told(&server, &["jobs", "submit", "job.sh", "job.sh", "job.sh"]);
    assert!(told.contains("the jobs 1, 3 were submitted, but"), "{told}");
    assert!(told.contains("1 of 3 jobs were not submitted"), "{told}");
}

#[test]
fn a_configuration_replaces_no_device() {
    let outcome = User::new().run("http://x", &["config", "--output", "/dev/full"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`/dev/full` is not a regular file"));
    let there = Path::new("/dev/full").metadata().unwrap();
    assert!(there.file_type().is_char_device());
}
