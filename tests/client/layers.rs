//! Every part of the way speaks in its own shape: the error names the part that spoke, and what
//! to do next. The shapes are those of API Gateway, of the load balancer, of the proxy on the head
//! node, and of slurmrestd in all versions.

use crate::answers::{good, in_json, offer, with_headers};
use crate::command::{User, all_at_once};
use crate::hostile_answers::COMMANDS;
use crate::server::{Answer, Asked, Server};

/// Answers that mean the same: status and body.
struct Meaning {
    /// What the error says.
    says: &'static str,
    /// What it says to do next.
    next: &'static str,
    answers: &'static [(u16, &'static str)],
}

/// What a second try does not change.
const FOR_GOOD: [Meaning; 9] = [
    Meaning {
        says: "API Gateway has no route",
        next: "hpcapi status",
        answers: &[(404, r#"{"message":"Not Found"}"#)],
    },
    Meaning {
        says: "the VPC link or the listener it names is not there",
        next: "hpcapi status",
        answers: &[(500, r#"{"message":"Internal Server Error"}"#)],
    },
    Meaning {
        says: "the request is too large",
        next: "10 MB",
        answers: &[(413, r#"{"message":"Request Entity Too Large"}"#)],
    },
    REFUSED_TOKEN,
    Meaning {
        says: "Invalid partition name specified",
        next: "hpcapi partitions",
        answers: &[
            (
                500,
                r#"{"errors":[{"error":"Invalid partition name specified","errno":2000}]}"#,
            ),
            (
                500,
                r#"{"errors":[{"error_number":2000,"error":"Invalid partition name specified"}]}"#,
            ),
            (
                422,
                r#"{"errors":[{"description":"Failure","error_number":2000,"error":"Invalid partition name specified","source":"x()"}]}"#,
            ),
        ],
    },
    Meaning {
        says: "(Slurm error 2010)",
        next: "only the job's own user",
        answers: &[(
            500,
            r#"{"errors":[{"error":"Invalid user id","error_number":2010}]}"#,
        )],
    },
    Meaning {
        says: "(Slurm error 6010)",
        next: "hpcapi token --user",
        answers: &[(
            500,
            r#"{"errors":[{"error":"User not found","error_number":6010}]}"#,
        )],
    },
    Meaning {
        says: "Slurm refuses: Strange (Slurm error 99)",
        next: "",
        answers: &[(200, r#"{"errors":[{"error":"Strange","error_number":99}]}"#)],
    },
    Meaning {
        says: "slurmrestd does not serve this path",
        next: "/openapi/v3",
        answers: &[(
            404,
            "Unable find requested URL. Please view /openapi/v3 for API reference.",
        )],
    },
];

/// What 22.05 to 26.05 say of a token that they do not take, and nothing else.
const REFUSED_TOKEN: Meaning = Meaning {
    says: "Slurm refuses the token of `me`",
    next: "hpcapi token",
    answers: &[
        (401, "Authentication failure"),
        (
            500,
            r#"{"errors":[{"error":"Protocol authentication error","errno":1007}]}"#,
        ),
        (
            511,
            r#"{"errors":[{"description":"Failure to query","error_number":1007,"error":"Protocol authentication error","source":"slurm_load_jobs()"}]}"#,
        ),
    ],
};

/// What may well be better in a moment.
const IN_PASSING: [Meaning; 5] = [
    Meaning {
        says: "API Gateway does not reach the load balancer",
        next: "hpcapi status",
        answers: &[
            (503, r#"{"message":"Service Unavailable"}"#),
            (504, r#"{"message":"Endpoint request timed out"}"#),
        ],
    },
    Meaning {
        says: "the load balancer has no target in use",
        next: "hpcapi status",
        answers: &[(
            503,
            "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>",
        )],
    },
    Meaning {
        says: "the load balancer does not reach port 6830",
        next: "hpcapi status",
        answers: &[
            (502, "<html>\r\n<head><title>502 Bad Gateway</title></head>"),
            (
                504,
                "<html>\r\n<head><title>504 Gateway Time-out</title></head>",
            ),
        ],
    },
    Meaning {
        says: "slurmrestd on the head node does not answer",
        next: "hpcapi status",
        answers: &[(
            502,
            r#"{"errors":[{"error":"slurmrestd does not answer","source":"hpcapi-proxy"}]}"#,
        )],
    },
    Meaning {
        says: "slurmctld on the head node does not answer",
        next: "hpcapi status",
        answers: &[
            (
                504,
                r#"{"errors":[{"error":"no answer in time","source":"hpcapi-proxy"}]}"#,
            ),
            (
                500,
                r#"{"errors":[{"error":"Unable to contact slurm controller (connect failure)","error_code":1800}]}"#,
            ),
            (
                502,
                r#"{"errors":[{"description":"Failure to query","error_number":1800,"error":"Unable to contact slurm controller (connect failure)"}]}"#,
            ),
            (
                504,
                r#"{"errors":[{"description":"Failure to query","error_number":5004,"error":"Socket timed out on send/recv operation"}]}"#,
            ),
            (504, r#"{"errors":[]}"#),
            (
                500,
                r#"{"errors":[{"error_number":104,"error":"Connection reset by peer"}]}"#,
            ),
        ],
    },
];

/// What those get who ask for a job that Slurm does not know.
const FORGOTTEN: Meaning = Meaning {
    says: "Slurm knows no job 1",
    next: "MinJobAge",
    answers: &[
        (
            500,
            r#"{"errors":[{"error":"Invalid job id specified","errno":2017}]}"#,
        ),
        (
            500,
            r#"{"meta":{},"errors":[{"error_number":2017,"error":"Invalid job id specified"}],"jobs":[]}"#,
        ),
        (
            404,
            r#"{"jobs":[],"errors":[{"description":"Unable to query JobId=1","error_number":2017,"error":"Invalid job id specified","source":"_handle_job_get"}]}"#,
        ),
    ],
};

/// A list that is read as it comes, and an answer that is read whole.
const READS: [&[&str]; 2] = [&["nodes"], &["jobs", "show", "1"]];

/// What is sent once: its failure is told at once.
const ONCE: &[&str] = &["api", "POST", "job/1", "--data", "{}"];

#[test]
fn an_error_names_the_part_of_the_way_that_spoke() {
    let mut cases = Vec::new();
    for command in READS {
        cases.extend(FOR_GOOD.iter().map(|meaning| (command, meaning)));
    }
    cases.extend(IN_PASSING.iter().map(|meaning| (ONCE, meaning)));
    cases.push((READS[1], &FORGOTTEN));
    all_at_once(&cases, |(command, meaning)| {
        tells(&User::new(), command, meaning)
    });
}

#[test]
fn an_expired_token_is_told_apart_from_a_refused_one() {
    let expired = Meaning {
        says: "the token of `me` expired",
        ..REFUSED_TOKEN
    };
    for command in READS {
        tells(&User::with_expired_token(), command, &expired).unwrap();
    }
}

/// What Slurm before 24.11 says of a token that it does not take: the same as when slurmctld does
/// not answer, but at once.
#[test]
fn a_token_that_an_old_slurm_refuses_is_told_as_such() {
    const BODIES: [&str; 3] = [
        r#"{"errors":[]}"#,
        r#"{"errors":[{"error":"Unspecified error","errno":-1}]}"#,
        r#"{"errors":[{"error":"Zero Bytes were transmitted or received","error_code":5005}]}"#,
    ];
    all_at_once(&BODIES, |&body| {
        for version in [38, 40] {
            let server = Server::start(move |asked| match asked.is_discovery() {
                true => offer(&[version]),
                false => in_json(500, body),
            });
            for command in [READS[0], READS[1], &["jobs", "submit", "job.sh"]] {
                let outcome = User::new().run(&server.endpoint(), command);
                let mut complaints = outcome.complaints();
                if !outcome.stderr.contains(REFUSED_TOKEN.says) {
                    complaints.push("it does not tell of the token".to_owned());
                }
                outcome.verdict(complaints, format!("v0.0.{version} {command:?} {body}"))?;
            }
        }
        Ok(())
    });
}

/// What Slurm 24.11 to 26.11 answer while slurmctld does not.
fn without_controller(asked: &Asked) -> Answer {
    let unspecified = r#"{"errors":[{"error_number":-1,"error":"Unspecified error"}]}"#;
    let denied = r#"{"errors":[{"error_number":1,"error":"Operation not permitted"}]}"#;
    let late = r#"{"errors":[{"error_number":5004,"error":"Socket timed out"}]}"#;
    match (asked.method.as_str(), asked.path.as_str()) {
        (_, "/openapi/v3") => good(asked, &[]),
        ("DELETE", _) => in_json(500, denied),
        ("GET", path) if path.contains("/job/") || path.ends_with("/state") => {
            in_json(500, unspecified)
        }
        (_, path) if path.ends_with("/partitions") => in_json(504, r#"{"errors":[]}"#),
        (_, path) if path.ends_with("/ping") => {
            let down = r#"{"pings":[{"hostname":"head","pinged":"DOWN","responding":false}]}"#;
            in_json(200, down)
        }
        _ => in_json(504, late),
    }
}

#[test]
fn a_slurmctld_that_does_not_answer_is_told_alike_by_every_command() {
    let more: [&[&str]; 4] = [
        &["jobs", "list", "--state", "RUNNING"],
        &["jobs", "cancel", "--all"],
        &["api", "DELETE", "job/1"],
        &["api", "GET", "job/1"],
    ];
    let commands: Vec<_> = COMMANDS.into_iter().chain(more).collect();
    all_at_once(&commands, |command| {
        let server = Server::start(without_controller);
        let outcome = User::new().run(&server.endpoint(), command);
        let mut complaints = outcome.complaints();
        if !outcome
            .stderr
            .contains("slurmctld on the head node does not answer")
        {
            complaints.push("it does not say that slurmctld does not answer".to_owned());
        }
        if outcome.stderr.contains("token") {
            complaints.push("it tells of a token".to_owned());
        }
        outcome.verdict(complaints, format!("{command:?}"))
    });
}

/// What Slurm before 24.11 answers, as late as it does, while slurmctld hangs or starts.
#[test]
fn a_slurmctld_that_an_old_slurm_waits_for_is_told_as_such() {
    const BODIES: [&str; 4] = [
        r#"{"errors":[{"error":"Unspecified error","error_number":-1}]}"#,
        r#"{"errors":[{"error":"Zero Bytes were transmitted or received","error_number":5005}]}"#,
        r#"{"errors":[{"error":"Unable to contact slurm controller","error_number":1800}]}"#,
        r#"{"errors":[]}"#,
    ];
    let mut cases = Vec::new();
    for version in [36, 38, 40] {
        cases.extend(BODIES.map(|body| (version, body)));
    }
    all_at_once(&cases, |&(version, body)| {
        let server = Server::start(move |asked| match asked.is_discovery() {
            true => offer(&[version]),
            false => Box::new(move |stream| {
                // slurmrestd gives slurmctld up after 9 s and more.
                std::thread::sleep(std::time::Duration::from_secs(6));
                in_json(500, body)(stream)
            }),
        });
        let outcome = User::new().run(&server.endpoint(), ONCE);
        let mut complaints = outcome.complaints();
        if !outcome
            .stderr
            .contains("slurmctld on the head node does not answer")
        {
            complaints.push("it does not say that slurmctld does not answer".to_owned());
        }
        if outcome.stderr.contains("token") {
            complaints.push("it tells of a token".to_owned());
        }
        outcome.verdict(complaints, format!("v0.0.{version} {body}"))
    });
}

#[test]
fn a_refusal_without_a_reason_is_told_in_slurm_s_words() {
    let body =
        r#"{"errors":[{"description":"Why","error_number":-1,"error":"Unspecified error"}]}"#;
    let server = Server::start(move |asked| match asked.path.ends_with("/job/1") {
        true => in_json(500, body),
        false => good(asked, &[]),
    });
    let outcome = User::new().run(&server.endpoint(), READS[1]);
    let complaints = outcome.complaints();
    assert_eq!(complaints, Vec::<String>::new(), "{}", outcome.stderr);
    let words = "error: Slurm refuses: Unspecified error: Why (Slurm error -1)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("token"), "{}", outcome.stderr);
    assert_eq!(server.count("GET", "/job/1"), 1);
}

/// Fails unless every answer is told as it is meant.
fn tells(user: &User, command: &[&str], meaning: &Meaning) -> Result<(), String> {
    for &(status, body) in meaning.answers {
        let server = Server::start(move |asked| match asked.is_discovery() {
            true => good(asked, &[]),
            false => with_headers(status, "", body),
        });
        let outcome = user.run(&server.endpoint(), command);
        let mut complaints = outcome.complaints();
        for (start, words) in [("error: ", meaning.says), ("  next: ", meaning.next)] {
            let mut lines = outcome.stderr.lines();
            if !lines.any(|line| line.starts_with(start) && line.contains(words)) {
                complaints.push(format!("it does not say `{start}… {words}`"));
            }
        }
        outcome.verdict(complaints, format!("{command:?}, {status} {body}"))?;
    }
    Ok(())
}
