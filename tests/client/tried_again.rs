//! What is sent again: reads while the failure looks like a passing one, and what somebody
//! refused to take; nothing else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::answers::{answer, good, in_json, job, with_headers};
use crate::command::{Outcome, User, all_at_once};
use crate::server::{Answer, Server, cut};

/// Returns a server that fails the first `times` requests to what ends so, and is good then.
fn failing(end: &'static str, times: usize, failure: fn() -> Answer) -> Server {
    let left = Mutex::new(times);
    Server::start(move |asked| {
        let mut left = left.lock().unwrap();
        if *left > 0 && asked.path.ends_with(end) {
            *left -= 1;
            return failure();
        }
        good(asked, &[job(1, "RUNNING", "")])
    })
}

fn run(server: &Server, arguments: &[&str]) -> Outcome {
    User::new().run(&server.endpoint(), arguments)
}

fn unavailable() -> Answer {
    in_json(503, r#"{"message":"Service Unavailable"}"#)
}

#[test]
fn a_read_that_fails_in_passing_is_tried_again() {
    let failures: [fn() -> Answer; 5] = [
        unavailable,
        || answer(502, "text/html", "<html>502 Bad Gateway"),
        || cut(""),
        || in_json(429, r#"{"message":"Too Many Requests"}"#),
        || in_json(500, r#"{"errors":[{"error":"x","error_number":1800}]}"#),
    ];
    let mut cases = Vec::new();
    for failure in failures {
        cases.push(("/openapi/v3", &["nodes"][..], failure));
        cases.push(("/jobs", &["jobs", "list"], failure));
        cases.push(("/job/1", &["jobs", "show", "1"], failure));
    }
    all_at_once(&cases, |(end, command, failure)| {
        let server = failing(end, 2, *failure);
        let outcome = run(&server, command);
        match (outcome.code, server.count("GET", end)) {
            (Some(0), 3) if outcome.stderr.is_empty() => Ok(()),
            (_, count) => Err(format!("{command:?}, {count} times {}", outcome.stderr)),
        }
    });
}

#[test]
fn a_read_whose_answer_broke_off_is_tried_again() {
    for (end, command) in [
        ("/jobs", &["jobs", "list"][..]),
        ("/job/1", &["jobs", "show", "1"]),
    ] {
        let server = failing(end, 1, || {
            cut("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"jobs\":[")
        });
        let outcome = run(&server, command);
        assert_eq!(outcome.code, Some(0), "{command:?} {}", outcome.stderr);
    }
}

#[test]
fn a_read_that_fails_for_good_is_not_tried_again() {
    let failures: [fn() -> Answer; 4] = [
        || in_json(404, r#"{"message":"Not Found"}"#),
        || answer(401, "text/plain", "Authentication failure"),
        || in_json(500, r#"{"errors":[{"error":"x","error_number":2000}]}"#),
        || answer(200, "text/html", "<html>log in"),
    ];
    for failure in failures {
        let server = failing("/jobs", 1, failure);
        let outcome = run(&server, &["jobs", "list"]);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        assert_eq!(server.count("GET", "/jobs"), 1);
    }
}

#[test]
fn an_answer_that_is_too_long_is_not_asked_for_again() {
    let long = || with_headers(200, "", vec![b' '; 17 << 20]);
    let server = failing("/diag", 1, long);
    let outcome = run(&server, &["ping"]);
    let wrong = outcome.complaints();
    assert_eq!(wrong, Vec::<String>::new(), "{}", outcome.stderr);
}

#[test]
fn what_was_refused_for_being_too_much_is_sent_again_no_sooner_than_the_server_says() {
    // The pauses differ by chance.
    all_at_once(&[(); 16], |()| {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let times = sent.clone();
        let server = Server::start(move |asked| {
            let mut times = times.lock().unwrap();
            if asked.path.ends_with("/job/submit") {
                times.push(Instant::now());
            }
            match times.len() {
                1 => with_headers(
                    429,
                    "Retry-After: 1\r\n",
                    r#"{"message":"Too Many Requests"}"#,
                ),
                _ => good(asked, &[]),
            }
        });
        let outcome = run(&server, &["jobs", "submit", "job.sh"]);
        let times = sent.lock().unwrap();
        match times.as_slice() {
            [first, second] if outcome.text() == "77\n" => match *second - *first {
                pause if pause >= Duration::from_secs(1) => Ok(()),
                pause => Err(format!("it waited only {pause:?}")),
            },
            _ => Err(format!("{} times {}", times.len(), outcome.stderr)),
        }
    });
}

#[test]
fn what_changes_something_is_not_sent_again() {
    for (method, arguments) in [
        ("DELETE", &["jobs", "cancel", "1"][..]),
        ("DELETE", &["api", "DELETE", "job/1"]),
        ("POST", &["api", "POST", "job/1", "--data", "{}"]),
    ] {
        for failure in [unavailable as fn() -> Answer, || cut("")] {
            let server = Server::start(move |asked| match asked.method.as_str() {
                "GET" => good(asked, &[job(1, "RUNNING", "")]),
                _ => failure(),
            });
            let outcome = run(&server, arguments);
            assert_eq!(outcome.code, Some(1), "{arguments:?} {}", outcome.stderr);
            assert!(outcome.stderr.contains("error: "), "{arguments:?}");
            assert!(
                outcome.stderr.contains("  next: "),
                "{arguments:?} {}",
                outcome.stderr
            );
            assert_eq!(server.count(method, "/job/1"), 1, "{arguments:?}");
        }
    }
}
