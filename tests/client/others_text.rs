//! What other users write, byte for byte, and elements that are not what they should be: a list
//! goes on, and a job is looked for, waited for and cancelled all the same.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::answers::{good, in_json, job};
use crate::command::{Outcome, User};
use crate::server::{Asked, Server, cut};

/// Returns a job whose name a terminal in Latin-1 gave it.
fn latin_1(state: &str) -> Vec<u8> {
    let head = format!("{{\"job_id\":1,\"job_state\":[\"{state}\"],\"user_name\":\"me\",");
    [head.as_bytes(), b"\"name\":\"gr\xf6\xdfe\"}"].concat()
}

/// Returns a server with these jobs, each as bytes.
fn with_jobs(jobs: Vec<Vec<u8>>) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        path if path.ends_with("/job/1") => in_json(200, list("jobs", &jobs[..1])),
        path if path.ends_with("/jobs") => in_json(200, list("jobs", &jobs)),
        _ => good(asked, &[]),
    })
}

fn list(name: &str, elements: &[Vec<u8>]) -> Vec<u8> {
    let mut body = format!("{{\"{name}\":[").into_bytes();
    body.extend(elements.join(&b","[..]));
    body.extend(b"]}");
    body
}

fn shown(outcome: &Outcome, list: &str) -> Vec<Value> {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let mut answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    serde_json::from_value(answer[list].take()).unwrap()
}

fn json(server: &Server, command: &[&str]) -> Outcome {
    let arguments = [command, &["--output", "json"]].concat();
    User::new().run(&server.endpoint(), &arguments)
}

fn other() -> Vec<u8> {
    job(2, "RUNNING", "").to_string().into_bytes()
}

#[test]
fn a_name_that_is_no_utf_8_ends_no_list_and_no_look() {
    let server = with_jobs(vec![latin_1("COMPLETED"), other()]);
    let listed = json(&server, &["jobs", "list"]);
    let jobs = shown(&listed, "jobs");
    assert_eq!(jobs[0]["name"], "gr\u{fffd}\u{fffd}e");
    assert_eq!(jobs[1]["id"], 2);
    assert_eq!(listed.stderr, "");
    for command in ["show", "wait"] {
        let jobs = shown(&json(&server, &["jobs", command, "1"]), "jobs");
        assert_eq!(jobs[0]["name"], "gr\u{fffd}\u{fffd}e", "{command}");
    }
    let waiting = with_jobs(vec![latin_1("PENDING")]);
    let cancelled = User::new().run(&waiting.endpoint(), &["jobs", "cancel", "1"]);
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    assert_eq!(waiting.count("DELETE", "/job/1"), 1);
}

#[test]
fn a_lost_job_is_found_beside_a_name_that_is_no_utf_8() {
    let comment: Arc<Mutex<Option<String>>> = Arc::default();
    let server = Server::start(move |asked: &Asked| {
        if asked.path.ends_with("/job/submit") {
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            *comment.lock().unwrap() = body["job"]["comment"].as_str().map(ToOwned::to_owned);
            return cut("");
        }
        match comment.lock().unwrap().as_deref() {
            Some(comment) if asked.path.ends_with("/jobs") => {
                let own = job(7, "PENDING", comment).to_string().into_bytes();
                in_json(200, list("jobs", &[latin_1("COMPLETED"), own]))
            }
            _ => good(asked, &[]),
        }
    });
    let outcome = User::new().run(&server.endpoint(), &["jobs", "submit", "job.sh"]);
    assert_eq!(outcome.text(), "7\n", "{}", outcome.stderr);
}

#[test]
fn nodes_and_partitions_are_listed_whatever_their_texts_are() {
    let node =
        b"{\"name\":\"n1\",\"state\":[\"DOWN\"],\"reason\":\"kaputt f\xfcr immer\",\"cpus\":{}}";
    let partition = b"{\"name\":\"q\",\"nodes\":{\"configured\":\"n\xff\",\"total\":\"many\"}}";
    let server = Server::start(move |asked| match asked.path.as_str() {
        path if path.ends_with("/nodes") => in_json(200, list("nodes", &[node.to_vec()])),
        path if path.ends_with("/partitions") => {
            in_json(200, list("partitions", &[partition.to_vec()]))
        }
        _ => good(asked, &[]),
    });
    let nodes = shown(&json(&server, &["nodes"]), "nodes");
    assert_eq!(nodes[0]["reason"], "kaputt f\u{fffd}r immer");
    assert_eq!(nodes[0]["cpus"], Value::Null);
    let partitions = shown(&json(&server, &["partitions"]), "partitions");
    assert_eq!(partitions[0]["nodes"], "n\u{fffd}");
    assert_eq!(partitions[0]["node_count"], Value::Null);
}

#[test]
fn an_element_that_is_not_understood_is_shown_as_well_as_can_be() {
    let half = br#"{"job_id":1,"job_state":["RUNNING"],"name":{},"priority":"x","user_name":"me"}"#;
    let stateless = br#"{"job_id":3,"job_state":[],"name":"hello"}"#;
    let numberless = br#"{"job_id":"x","job_state":7}"#;
    let jobs = vec![
        half.to_vec(),
        stateless.to_vec(),
        numberless.to_vec(),
        other(),
    ];
    let listed = json(&with_jobs(jobs), &["jobs", "list"]);
    let jobs = shown(&listed, "jobs");
    assert_eq!(jobs.len(), 3, "{jobs:?}");
    assert_eq!(
        (&jobs[2]["id"], &jobs[2]["state"]),
        (&3.into(), &"UNKNOWN".into())
    );
    assert_eq!(
        (&jobs[0]["id"], &jobs[0]["user"]),
        (&1.into(), &"me".into())
    );
    assert_eq!(
        (&jobs[0]["name"], &jobs[0]["priority"]),
        (&Value::Null, &Value::Null)
    );
    let warning = "warning: left out of the server's lists, for they are not understood: 1";
    assert!(listed.stderr.contains(warning), "{}", listed.stderr);
}

#[test]
fn what_is_no_json_is_read_as_well_as_can_be() {
    let odd = br#"{"job_id":1,"job_state":["RUNNING",5],"name":"half \ud83d","priority":NaN,
        "cpus":1e999,"node_count":99999999999999999999999,"user_name":"me"}"#;
    let (open, closed) = ("[".repeat(500), "]".repeat(500));
    let nested = format!("{{\"job_id\":4,\"job_state\":[\"RUNNING\"],\"x\":{open}{closed}}}");
    let server = with_jobs(vec![odd.to_vec(), nested.into_bytes(), other()]);
    let listed = json(&server, &["jobs", "list"]);
    let jobs = shown(&listed, "jobs");
    assert_eq!(jobs.len(), 3, "{jobs:?}");
    assert_eq!(jobs[0]["name"], "half \u{fffd}");
    assert_eq!(jobs[0]["state"], "RUNNING");
    assert_eq!(jobs[0]["priority"], Value::Null);
    assert_eq!(jobs[0]["cpus"], Value::Null);
    assert_eq!(jobs[0]["node_count"], Value::Null);
    assert_eq!(listed.stderr, "");
    let shown_job = shown(&json(&server, &["jobs", "show", "1"]), "jobs");
    assert_eq!(shown_job[0], jobs[0]);
}

#[test]
fn a_list_that_breaks_off_in_the_middle_is_told_so() {
    let whole = list("jobs", &[other(), other(), other()]);
    for length in [whole.len() - 1, whole.len() - 2, whole.len() - 9, 40] {
        let part = whole[..length].to_vec();
        let server = Server::start(move |asked| match asked.path.ends_with("/jobs") {
            true => in_json(200, &part),
            false => good(asked, &[]),
        });
        let outcome = User::new().run(&server.endpoint(), &["jobs", "list"]);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        let words = "the server's list of jobs breaks off after";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
