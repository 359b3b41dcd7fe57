//! Filters of jobs: what `squeue` takes, and what there is not is refused.

use serde_json::{Value, json};

use crate::answers::good;
use crate::command::{Outcome, User};
use crate::server::Server;

fn server() -> Server {
    let own = json!({"job_id": 1, "job_state": ["RUNNING"], "user_name": "me", "user_id": 1000,
        "partition": "queue1", "name": "n".repeat(1000)});
    let other = json!({"job_id": 2, "job_state": ["PENDING"], "user_name": "you", "user_id": 1001,
        "partition": "queue1"});
    Server::start(move |asked| good(asked, &[own.clone(), other.clone()]))
}

fn run(arguments: &[&str]) -> Outcome {
    User::new().run(&server().endpoint(), arguments)
}

fn ids(filter: &[&str]) -> Vec<u64> {
    let outcome = run(&[&["jobs", "list", "--output", "json"], filter].concat());
    assert_eq!(outcome.code, Some(0), "{filter:?} {}", outcome.stderr);
    let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let jobs = answer["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect()
}

#[test]
fn what_squeue_takes_is_taken() {
    for (filter, expected) in [
        (&["-t", "all"][..], &[1, 2][..]),
        (&["-t", "ALL,R"], &[1, 2]),
        (&["--me"], &[1]),
        (&["-u", "1001"], &[2]),
        (&["-u", "1000,you"], &[1, 2]),
        (&["-u", "nobody"], &[]),
        (&["-p", "queue1"], &[1, 2]),
    ] {
        assert_eq!(ids(filter), expected, "{filter:?}");
    }
}

#[test]
fn a_partition_that_does_not_exist_is_told_so() {
    for command in [&["jobs", "list"][..], &["jobs", "cancel"], &["nodes"]] {
        let outcome = run(&[command, &["-p", "queue1,nosuch"]].concat());
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        let words = "error: there is no partition `nosuch`";
        assert!(
            outcome.stderr.contains(words),
            "{command:?} {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("queue1"), "{}", outcome.stderr);
    }
    assert_eq!(run(&["jobs", "list", "-t", "nosuch"]).code, Some(2));
}

#[test]
fn a_very_long_name_makes_no_wide_table() {
    let text = run(&["jobs", "list"]).text();
    assert!(
        text.lines().all(|line| line.chars().count() < 160),
        "{text}"
    );
    let shown = run(&["jobs", "show", "1"]).text();
    assert!(shown.contains(&"n".repeat(1000)), "{shown}");
}

#[test]
fn a_shell_completes_states_and_no_files() {
    let script = run(&["completions", "bash"]).text();
    let list = script.split("hpcapi__subcmd__jobs__subcmd__list)").nth(1);
    let list = list.unwrap_or(&script);
    let state = list.split("--state)").nth(1).unwrap();
    let first = state.lines().nth(1).unwrap();
    assert!(
        first.contains("PENDING") && first.contains("all"),
        "{first}"
    );
}
