//! A filter cancels what it meets: of an array the tasks that it meets, of a heterogeneous job its
//! components, and the whole only where it meets all of it.

use serde_json::{Value, json};

use crate::answers::{good, in_json, job, offer};
use crate::command::{Outcome, User};
use crate::server::Server;

/// Returns a record of array 14: the tasks that have not started, or one that has.
fn part(id: u64, task: Option<u64>, waiting: &str, state: &str, partition: &str) -> Value {
    let mut part = job(id, state, "");
    part["array_job_id"] = json!(14);
    part["array_task_id"] = json!(task);
    part["array_task_string"] = json!(waiting);
    part["partition"] = json!(partition);
    part
}

/// Returns array 14, of which two tasks run.
fn array(waiting: &str) -> Vec<Value> {
    vec![
        part(14, None, waiting, "PENDING", "queue1"),
        part(15, Some(0), "", "RUNNING", "queue2"),
        part(16, Some(1), "", "RUNNING", "queue2"),
    ]
}

/// Returns a server of one version with these jobs, and further ones that `jobs/state` tells.
fn with_jobs(version: u32, jobs: Vec<Value>, states: Value) -> Server {
    Server::start(move |asked| {
        let Some((_, resource)) = asked.path.split_once(&format!("/v0.0.{version}/")) else {
            return offer(&[version]);
        };
        let number = resource
            .strip_prefix("job/")
            .and_then(|id| id.parse::<u64>().ok());
        match (asked.method.as_str(), resource, number) {
            ("GET", "jobs/state", _) => in_json(200, json!({"jobs": states}).to_string()),
            ("GET", _, Some(14)) | ("GET", "jobs", _) => {
                in_json(200, json!({"jobs": jobs}).to_string())
            }
            ("GET", _, Some(number)) => {
                let one = jobs.iter().filter(|job| job["job_id"] == number);
                in_json(200, json!({"jobs": one.collect::<Vec<_>>()}).to_string())
            }
            ("DELETE", ..) => in_json(200, "{}"),
            _ => good(asked, &jobs),
        }
    })
}

fn cancel(server: &Server, filter: &[&str]) -> Outcome {
    let arguments = [&["jobs", "cancel"], filter].concat();
    User::new().run(&server.endpoint(), &arguments)
}

/// Returns what was deleted, in order.
fn deleted(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter();
    let deletes = asked.filter(|asked| asked.method == "DELETE");
    let mut ids: Vec<_> = deletes
        .map(|asked| asked.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn a_filter_that_meets_the_waiting_tasks_cancels_them_alone() {
    let filters: [&[&str]; 2] = [&["--state", "PENDING"], &["--partition", "queue1"]];
    for version in 37..=45 {
        for filter in filters {
            let states = json!([{"job_id": "14_2", "state": ["PENDING"]}]);
            let server = with_jobs(version, array("2-3,7%2"), states);
            let outcome = cancel(&server, filter);
            let case = format!("v0.0.{version} {filter:?} {}", outcome.stderr);
            assert_eq!(outcome.code, Some(0), "{case}");
            assert_eq!(deleted(&server), ["14_2", "14_3", "14_7"], "{case}");
            let told = "job 14_2: cancelled\njob 14_3: cancelled\njob 14_7: cancelled\n";
            assert_eq!(outcome.text(), told, "{case}");
        }
    }
}

#[test]
fn a_filter_that_meets_all_of_an_array_cancels_it_by_one_request() {
    let server = with_jobs(42, array("2-3,7%2"), json!([]));
    let outcome = cancel(&server, &["--all"]);
    assert_eq!(outcome.text(), "job 14: cancelled\n", "{}", outcome.stderr);
    assert_eq!(deleted(&server), ["14"]);
    let running = cancel(&server, &["--partition", "queue2"]);
    assert_eq!(running.code, Some(0), "{}", running.stderr);
    assert_eq!(deleted(&server), ["14", "14_0", "14_1"]);
}

#[test]
fn a_shortened_list_of_tasks_is_asked_for_or_else_refused() {
    let state = |id: &str, state: &str| json!({"job_id": id, "state": [state]});
    let states = json!([
        state("14_0", "RUNNING"),
        state("14_1", "RUNNING"),
        state("14_5", "PENDING"),
        state("14_9", "PENDING"),
        state("15_9", "PENDING"),
        state("99", "PENDING"),
    ]);
    let short = "5,7,...%2";
    let server = with_jobs(42, array(short), states.clone());
    let outcome = cancel(&server, &["--partition", "queue1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(deleted(&server), ["14_5", "14_9"]);
    for (version, states) in [(38, states), (42, json!([]))] {
        let server = with_jobs(version, array(short), states);
        let outcome = cancel(&server, &["--partition", "queue1"]);
        let wrong = outcome.complaints();
        assert_eq!(wrong, Vec::<String>::new(), "{}", outcome.stderr);
        let words = "job 14_[5,7,...%2]: Slurm does not list all of its tasks";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert_eq!(deleted(&server), Vec::<String>::new());
    }
}

#[test]
fn a_component_is_cancelled_by_itself_and_the_first_only_with_all() {
    let component = |id: u64, partition: &str| {
        let mut component = job(id, "PENDING", "");
        component["het_job_id"] = json!(5);
        component["het_job_id_set"] = json!("5-6");
        component["partition"] = json!(partition);
        component
    };
    let jobs = || vec![component(5, "queue1"), component(6, "queue2")];
    let server = with_jobs(42, jobs(), json!([]));
    let second = cancel(&server, &["--partition", "queue2"]);
    assert_eq!(second.text(), "job 6: cancelled\n", "{}", second.stderr);
    assert_eq!(deleted(&server), ["6"]);
    let first = cancel(&server, &["--partition", "queue1"]);
    let wrong = first.complaints();
    assert_eq!(wrong, Vec::<String>::new(), "{}", first.stderr);
    assert!(first.stderr.contains("job 5: it is the first component"));
    assert_eq!(deleted(&server), ["6"]);
    let all = cancel(&server, &["--all"]);
    assert_eq!(all.text(), "job 5: cancelled\n", "{}", all.stderr);
    assert_eq!(deleted(&server), ["5", "6"]);
}

#[test]
fn a_task_that_slurm_has_not_cancelled_is_told() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "DELETE" => in_json(
            200,
            r#"{"errors":[],"status":[{"error":{"code":2017,"message":"Invalid job id specified"}}]}"#,
        ),
        _ => good(asked, &[job(1, "RUNNING", "")]),
    });
    let outcome = cancel(&server, &["1"]);
    assert_eq!(outcome.code, Some(1));
    let words = "job 1: Invalid job id specified (Slurm error 2017)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}
