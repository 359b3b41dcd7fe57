//! A submission is sent once, whatever becomes of its answer: the job is looked for by its
//! marker instead.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answers::{answer, good, in_json, job};
use crate::command::{Outcome, User, all_at_once, plainly_typed};
use crate::server::{Answer, Asked, Server, cut};

/// A way to lose an answer.
type Loss = (&'static str, fn() -> Answer);

const LOSSES: [Loss; 15] = [
    ("a cut after the request", || cut("")),
    ("a cut in the answer", || {
        cut("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"job_")
    }),
    ("half an answer", || in_json(200, "{\"job_id\":12")),
    ("an answer without a number", || in_json(200, "{}")),
    ("an empty answer", || in_json(200, "")),
    ("no answer in time", || {
        Box::new(|_| {
            thread::sleep(Duration::from_secs(12));
            Ok(())
        })
    }),
    ("503 of API Gateway", || {
        in_json(503, r#"{"message":"Service Unavailable"}"#)
    }),
    ("504 of API Gateway", || {
        in_json(504, r#"{"message":"Endpoint request timed out"}"#)
    }),
    ("502 of the load balancer", || {
        answer(502, "text/html", "<html>502 Bad Gateway")
    }),
    ("504 of the proxy", || {
        in_json(
            504,
            r#"{"errors":[{"error":"late","source":"hpcapi-proxy"}]}"#,
        )
    }),
    ("a web page", || answer(200, "text/html", "<html>log in")),
    ("slurmctld that answers late", || {
        in_json(
            504,
            r#"{"errors":[{"error":"Socket timed out","error_number":5004}]}"#,
        )
    }),
    ("slurmctld that says nothing", || {
        in_json(
            500,
            r#"{"errors":[{"error":"Zero Bytes were received","error_number":5005}]}"#,
        )
    }),
    ("slurmctld that breaks off", || {
        in_json(
            500,
            r#"{"errors":[{"error":"Connection reset by peer","error_number":104}]}"#,
        )
    }),
    ("an error of messages in a good answer", || {
        in_json(200, r#"{"errors":[{"error":"x","error_number":-1}]}"#)
    }),
];

/// What a list shows after the answer was lost.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// The job, from the list of that number on.
    Shows(usize),
    /// Everything but the job.
    ShowsOthers,
    /// Nothing, for it fails, too.
    Fails,
}

/// Returns a server that loses the answer to the submission.
fn losing(loss: fn() -> Answer, then: Then) -> Server {
    let comment: Arc<Mutex<Option<String>>> = Arc::default();
    let looks = Mutex::new(0_usize);
    Server::start(move |asked| {
        if asked.path.ends_with("/job/submit") {
            *comment.lock().unwrap() = Some(comment_of(asked));
            return loss();
        }
        let comment = comment.lock().unwrap().clone();
        let other = job(122, "RUNNING", "hpcapi:0000000000000000");
        let (true, Some(comment)) = (asked.path.contains("/jobs"), comment) else {
            return good(asked, &[]);
        };
        *looks.lock().unwrap() += 1;
        match then {
            Then::Shows(from) if *looks.lock().unwrap() >= from => {
                good(asked, &[other, job(123, "PENDING", &comment)])
            }
            Then::Shows(_) | Then::ShowsOthers => good(asked, &[other]),
            Then::Fails => in_json(500, r#"{"message":"Internal Server Error"}"#),
        }
    })
}

fn comment_of(asked: &Asked) -> String {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    body["job"]["comment"].as_str().unwrap().to_owned()
}

/// Submits a job; fails unless it was sent exactly once.
fn submit(server: &Server) -> Result<Outcome, String> {
    let submit = ["jobs", "submit", "job.sh", "--timeout", "10"];
    let outcome = User::new().run(&server.endpoint(), &submit);
    match server.count("POST", "/job/submit") {
        1 => Ok(outcome),
        count => Err(format!("it was sent {count} times\n{}", outcome.stderr)),
    }
}

#[test]
fn a_job_whose_answer_was_lost_is_found() {
    all_at_once(&LOSSES, |(name, loss)| {
        is_found(&losing(*loss, Then::Shows(1))).map_err(|wrong| format!("{name}: {wrong}"))
    });
    is_found(&losing(LOSSES[0].1, Then::Shows(3))).unwrap();
}

fn is_found(server: &Server) -> Result<(), String> {
    let outcome = submit(server)?;
    let is_told = outcome
        .stderr
        .contains("warning: job 123: the answer was lost");
    if outcome.code == Some(0) && outcome.text() == "123\n" && is_told {
        return Ok(());
    }
    Err(format!(
        "{:?} {}{}",
        outcome.code,
        outcome.text(),
        outcome.stderr
    ))
}

#[test]
fn a_job_that_does_not_appear_or_cannot_be_seen_is_told_so() {
    let mut cases = Vec::new();
    for loss in &LOSSES {
        cases.push((loss, Then::ShowsOthers, "most likely it was not submitted"));
        cases.push((
            loss,
            Then::Fails,
            "whether Slurm has the job cannot be seen",
        ));
    }
    all_at_once(&cases, |((name, loss), then, words)| {
        let case = format!("{name}, {then:?}");
        let outcome = submit(&losing(*loss, *then)).map_err(|wrong| format!("{case}: {wrong}"))?;
        let mut complaints = outcome.complaints();
        let next = "next: look before you submit it again: hpcapi jobs list --name 'hello'";
        for told in [words, next] {
            if !plainly_typed(&outcome.stderr).contains(told) {
                complaints.push(format!("it does not say `{told}`"));
            }
        }
        if !outcome.stdout.is_empty() {
            complaints.push("something on stdout".to_owned());
        }
        outcome.verdict(complaints, case)
    });
}

#[test]
fn a_number_counts_whatever_the_status() {
    let both = json!({"job_id": 9, "errors": [{"error": "Job is held", "error_number": 2042}]});
    let body = both.to_string();
    let server = Server::start(move |asked| match asked.path.ends_with("/job/submit") {
        true => in_json(500, &body),
        false => good(asked, &[]),
    });
    let outcome = submit(&server).unwrap();
    assert_eq!((outcome.code, outcome.text().as_str()), (Some(0), "9\n"));
    assert!(outcome.stderr.contains("Job is held (Slurm error 2042)"));
}

#[test]
fn what_slurm_refused_is_not_looked_for() {
    let body = r#"{"errors":[{"error":"Invalid partition name specified","error_number":2000}]}"#;
    let server = Server::start(move |asked| match asked.path.ends_with("/job/submit") {
        true => in_json(500, body),
        false => good(asked, &[]),
    });
    let outcome = submit(&server).unwrap();
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    assert_eq!(server.count("GET", "/jobs"), 0);
}

#[test]
fn what_a_plug_in_of_the_site_refuses_is_sent_once_and_told_in_slurm_s_words() {
    let body = r#"{"errors":[{"description":"Batch job submission failed","error_number":-1,"error":"Unspecified error"}]}"#;
    let server = Server::start(move |asked| match asked.path.ends_with("/job/submit") {
        true => in_json(500, body),
        false => good(asked, &[]),
    });
    let outcome = submit(&server).unwrap();
    let wrong = outcome.complaints();
    assert_eq!(wrong, Vec::<String>::new(), "{}", outcome.stderr);
    let words = "Slurm refuses: Unspecified error: Batch job submission failed (Slurm error -1)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("token"), "{}", outcome.stderr);
    assert_eq!(
        server.count("GET", "/jobs"),
        1,
        "the job was not looked for"
    );
    // The same words, but the job is there.
    let unspecified = || in_json(500, r#"{"errors":[{"error_number":-1}]}"#);
    is_found(&losing(unspecified, Then::Shows(1))).unwrap();
}

#[test]
fn each_of_several_jobs_is_sent_once_and_told_apart() {
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
    let submit = ["jobs", "submit", "job.sh", "job.sh", "job.sh"];
    let outcome = User::new().run(&server.endpoint(), &submit);
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("1 of 3 jobs were not submitted"));
    assert_eq!(outcome.text().lines().count(), 2);
    assert_eq!(server.count("POST", "/job/submit"), 3);
    let comments: std::collections::BTreeSet<_> = server
        .asked()
        .iter()
        .filter(|asked| asked.method == "POST")
        .map(comment_of)
        .collect();
    assert_eq!(comments.len(), 3, "each has a marker of its own");
}
