//! Slurms with an accounting database, whatever stands in front of them: what they have forgotten is
//! told by the database, in pieces that fit into an answer.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::answers::{answer, good, in_json};
use crate::command::User;
use crate::server::{Answer, Asked, Server};

/// How many jobs fit into an answer.
const FIT: usize = 40;

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Returns a job as slurmdbd has it.
fn record(id: u64, end: u64, state: &str) -> Value {
    let steps = json!([{"step": {"id": format!("{id}.batch"), "name": "batch"}, "state": ["FAILED"],
        "time": {"start": {"set": true, "number": end - 5}, "end": {"set": true, "number": end},
            "total": {"seconds": 61}},
        "tres": {"requested": {"max": [{"type": "mem", "count": 5_000_000}]}}}]);
    json!({"job_id": id, "name": "hello", "user": "me", "partition": "queue1",
        "state": {"current": [state], "reason": "None"}, "allocation_nodes": 1,
        "exit_code": {"return_code": {"set": true, "number": 3}, "signal": {}},
        "time": {"submission": end - 10, "start": end - 5, "end": end}, "steps": steps})
}

/// Answers as slurmrestd does where slurmdbd has these jobs. Of too many at once API Gateway makes an
/// answer of its own.
fn with_database(asked: &Asked, records: &[Value]) -> Answer {
    let Some(resource) = asked.path.strip_prefix("/slurmdb/v0.0.42/") else {
        return good(asked, &[]);
    };
    let (resource, query) = resource.split_once('?').unwrap_or((resource, ""));
    if resource == "clusters" {
        return in_json(200, r#"{"clusters":[{"name":"mine"}]}"#);
    }
    let value = |name: &str| query.split('&').find_map(|one| one.strip_prefix(name));
    let time = |name: &str| value(name).map(|time| time.strip_prefix("uts").unwrap().parse());
    let found: Vec<_> = match resource.strip_prefix("job/") {
        Some(id) => {
            let is_it = |record: &&Value| record["job_id"].as_u64() == id.parse().ok();
            records.iter().filter(is_it).collect()
        }
        None => {
            assert_eq!(value("disable_truncate_usage_time="), Some("true"));
            let (from, until): (u64, u64) = (
                time("start_time=").unwrap().unwrap(),
                time("end_time=").unwrap().unwrap(),
            );
            // It tells each job that ran in a span, wherever it ended, or one state of ended ones.
            let is_of = |record: &&Value| {
                value("state=").is_none_or(|state| record["state"]["current"][0] == state)
            };
            let ran = |record: &&Value| {
                let at = |name: &str| record["time"][name].as_u64().unwrap();
                at("start") < until && (at("end") >= from || at("end") == 0)
            };
            records.iter().filter(ran).filter(is_of).collect()
        }
    };
    match found.len() > FIT {
        true => in_json(500, r#"{"message":"Internal Server Error"}"#),
        false => in_json(200, json!({"jobs": found}).to_string()),
    }
}

fn listed(user: &User, server: &Server, more: &[&str]) -> Vec<u64> {
    let list = ["jobs", "list", "--all", "--output", "json"];
    let outcome = user.run(&server.endpoint(), &[&list, more].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let jobs = answer["jobs"].as_array().unwrap().iter();
    jobs.map(|job| {
        assert_eq!(job["source"], "database", "{job}");
        job["id"].as_u64().unwrap()
    })
    .collect()
}

#[test]
fn a_long_past_is_told_whole_in_pieces_that_fit() {
    let now = now();
    // Many a second now and then, few for years, and one that still runs.
    let mut ends: Vec<_> = (0..100).map(|at| now - 5000 + at * 7).collect();
    ends.extend((0..60).map(|at| now - 90_000 + at));
    ends.extend((0..30).map(|at| now - at * 86_400 * 50));
    ends.sort_unstable();
    let mut records: Vec<_> = (1..)
        .zip(&ends)
        .map(|(id, end)| record(id, *end, "FAILED"))
        .collect();
    records.push(json!({"job_id": 999, "state": {"current": ["RUNNING"]},
        "time": {"submission": now - 50, "start": now - 40, "end": 0}}));
    let records = Arc::new(records);
    let server = Server::start(move |asked| with_database(asked, &records));
    let user = User::new();
    assert_eq!(listed(&user, &server, &[]), Vec::from_iter(1..=190));
    assert_eq!(listed(&user, &server, &["--limit", "3"]), [188, 189, 190]);
    let asked = server.count("GET", "");
    listed(&user, &server, &["--since", "3h"]);
    assert!(
        server.count("GET", "") - asked < 40,
        "a short past is a few answers"
    );
    let lately = ends.iter().filter(|end| **end - 10 >= now - 10_800).count();
    assert_eq!(listed(&user, &server, &["--since", "3h"]).len(), lately);
}

#[test]
fn a_forgotten_job_is_shown_with_its_steps() {
    let records = Arc::new([record(7, 1_700_000_100, "FAILED")]);
    let server = Server::start(
        move |asked| match asked.path.ends_with("/slurm/v0.0.42/job/7") {
            true => in_json(
                500,
                r#"{"errors":[{"error_number":2017,"error":"Invalid job id"}]}"#,
            ),
            false => with_database(asked, &*records),
        },
    );
    let user = User::new();
    let shown = user.run(&server.endpoint(), &["jobs", "show", "7"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{text}");
    let step = "step            7.batch, FAILED, elapsed 5 s, CPU time 1 min 1 s, \
                memory at most 5 MB\n";
    assert!(text.contains(step), "{text}");
    assert!(
        text.contains("source          the accounting database\n"),
        "{text}"
    );
    let waited = user.run(&server.endpoint(), &["jobs", "wait", "7"]);
    assert_eq!(waited.code, Some(3), "{}", waited.stderr);
}

#[test]
fn a_database_that_does_not_answer_is_named() {
    let down = r#"{"errors":[{"error_number":7000,"error":"Unable to connect to database"}],
        "clusters":[],"jobs":[]}"#;
    // Slurm 22.05 says so, too, with a good status.
    for status in [200, 502] {
        let server = Server::start(move |asked| match asked.path.starts_with("/slurmdb/") {
            true => in_json(status, down),
            false => good(asked, &[]),
        });
        let outcome = User::new().run(&server.endpoint(), &["jobs", "list", "--all"]);
        assert_eq!(outcome.code, Some(2));
        let words = &outcome.stderr;
        let said = "the accounting database cannot be read";
        assert!(words.contains(said), "{words}");
        assert!(words.contains("Unable to connect to database"), "{words}");
    }
}

#[test]
fn a_slurm_without_a_database_is_not_said_to_have_one() {
    let server = Server::start(|asked| match asked.path.starts_with("/slurmdb/") {
        true => answer(404, "text/plain", "Unable find requested URL"),
        false => good(asked, &[]),
    });
    let outcome = User::new().run(&server.endpoint(), &["jobs", "list", "--all"]);
    let words = &outcome.stderr;
    // Then it is the job memory's turn, which is in AWS.
    assert!(words.contains("no AWS region is set"), "{words}");
    assert!(!words.contains("accounting"), "{words}");
}

#[test]
fn an_empty_database_has_no_jobs() {
    let nothing =
        r#"{"jobs":[],"errors":[{"error_number":9003,"error":"Nothing found with query"}]}"#;
    let server =
        Server::start(
            move |asked| match asked.path.starts_with("/slurmdb/v0.0.42/jobs") {
                true => in_json(200, nothing),
                false => with_database(asked, &[]),
            },
        );
    assert!(listed(&User::new(), &server, &[]).is_empty());
}
