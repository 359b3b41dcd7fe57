//! How jobs end, or never start: what Slurm has only a sign for is told in words.

use serde_json::{Value, json};

use crate::answers::{good, in_json};
use crate::command::{Outcome, User};
use crate::server::Server;

/// Returns a server whose job 1, or array 1, is made of these records.
fn with_records(records: Vec<Value>) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        path if path.ends_with("/job/1") || path.ends_with("/jobs") => {
            in_json(200, json!({"jobs": records}).to_string())
        }
        _ => good(asked, &[]),
    })
}

fn run(server: &Server, arguments: &[&str]) -> Outcome {
    User::new().run(&server.endpoint(), arguments)
}

#[test]
fn an_output_file_that_slurm_could_not_open_is_told_in_words() {
    let job = json!({"job_id": 1, "job_state": ["FAILED"], "name": "x", "user_name": "me",
        "state_reason": "RaisedSignal:53(Real-time_signal_19)", "current_working_directory": "/w",
        "standard_output": "/root/x-%j.out",
        "exit_code": {"return_code": {"set": false}, "signal": {"id": {"set": true, "number": 53}}}});
    let server = with_records(vec![job]);
    let words = "Slurm could not open `/root/x-1.out`";
    let shown = run(&server, &["jobs", "show", "1"]);
    assert!(shown.text().contains(words), "{}", shown.text());
    let waited = run(&server, &["jobs", "wait", "1"]);
    assert_eq!(waited.code, Some(181), "{}", waited.stderr);
    assert!(waited.stderr.contains(words), "{}", waited.stderr);
}

#[test]
fn a_wait_for_what_can_never_start_ends_and_says_why() {
    for reason in ["DependencyNeverSatisfied", "BadConstraints"] {
        let job = json!({"job_id": 1, "job_state": ["PENDING"], "name": "x", "user_name": "me",
            "state_reason": reason, "dependency": "afterok:9(failed)"});
        let waited = run(&with_records(vec![job]), &["jobs", "wait", "1"]);
        assert_eq!(
            waited.complaints(),
            Vec::<String>::new(),
            "{}",
            waited.stderr
        );
        let words = format!("job 1: it can never start: {reason}");
        assert!(waited.stderr.contains(&words), "{}", waited.stderr);
        let awaited = waited.stderr.contains("it waits for afterok:9(failed)");
        assert_eq!(
            awaited,
            reason.starts_with("Dependency"),
            "{}",
            waited.stderr
        );
        assert!(waited.text().contains("PENDING"), "{}", waited.text());
    }
}

#[test]
fn a_wait_for_a_held_job_says_that_it_is_held() {
    let job = json!({"job_id": 1, "job_state": ["PENDING"], "state_reason": "JobHeldUser",
        "priority": 0});
    let waited = run(
        &with_records(vec![job]),
        &["jobs", "wait", "1", "--limit", "1"],
    );
    assert_eq!(waited.code, Some(1));
    let words = "job 1 is PENDING: JobHeldUser: it waits until somebody releases it";
    assert!(waited.stderr.contains(words), "{}", waited.stderr);
}

#[test]
fn the_tasks_of_an_array_come_in_the_order_of_their_indices() {
    let task = |id: u64, task: u64| {
        json!({"job_id": id, "array_job_id": 1, "array_task_id": {"set": true, "number": task},
            "job_state": ["COMPLETED"]})
    };
    // Slurm gives the array's own number to the task that starts last.
    let server = with_records(vec![task(1, 3), task(4, 2), task(3, 1), task(2, 0)]);
    for command in ["wait", "show"] {
        let outcome = run(&server, &["jobs", command, "1", "--output", "json"]);
        let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let tasks: Vec<_> = (0..4)
            .map(|at| answer["jobs"][at]["array_task_id"].clone())
            .collect();
        assert_eq!(tasks, [0, 1, 2, 3], "{command}");
    }
}
