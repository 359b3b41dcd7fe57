//! Answers that no slurmrestd gives: every command ends with one clear error, and soon.

use std::io::{Result, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::answers::{answer, good, in_json, with_headers};
use crate::command::{User, all_at_once};
use crate::server::{Answer, Server, cut, refused_endpoint};

/// Every command that asks a server.
pub(crate) const COMMANDS: [&[&str]; 9] = [
    &["ping"],
    &["partitions"],
    &["nodes"],
    &["jobs", "list"],
    &["jobs", "show", "1"],
    &["jobs", "submit", "job.sh"],
    &["jobs", "cancel", "1"],
    &["jobs", "wait", "1", "--limit", "1"],
    &["api", "GET", "jobs"],
];

/// An answer by its name.
type Hostile = (&'static str, fn() -> Answer);

/// Answers that are broken on the wire, which nobody can take for an answer.
const BROKEN: [Hostile; 9] = [
    ("a body that is shorter than announced", || {
        cut(
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"jobs\":[{\"job_id\":1,\"job_state\":\"RUNNING\"},",
        )
    }),
    ("a chunk that is cut off", || {
        cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"jobs\":[")
    }),
    ("a chunk without a length", || {
        cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}")
    }),
    ("gzip that is none", || {
        with_headers(200, "Content-Encoding: gzip\r\n", "{\"jobs\":[]}")
    }),
    ("a closed connection", || cut("")),
    ("no HTTP", || cut("\0\u{1}garbage\r\n\r\n")),
    ("half a status line", || cut("HTTP/1.1 20")),
    ("a body drop by drop", || Box::new(drip)),
    ("no end of interim answers", || Box::new(interim)),
];

/// Answers that `hpcapi api` hands on, for they are whole; but no Slurm gives them.
const STRANGE: [Hostile; 11] = [
    ("a web page", || {
        answer(200, "text/html", "<html><h1>log in</h1></html>")
    }),
    ("nothing", || in_json(200, "")),
    ("half a document", || {
        in_json(200, "{\"jobs\":[{\"job_id\":1,\"job_state\":\"RUNNING\"}")
    }),
    ("a number", || in_json(200, "5")),
    ("a list", || in_json(200, "[]")),
    ("nesting without end", || {
        in_json(200, format!("{{\"jobs\":[{{\"a\":{}", "[".repeat(1 << 20)))
    }),
    ("no lists, but numbers", || everywhere("5")),
    ("lists of numbers", || everywhere("[5]")),
    ("an object for a list", || everywhere("{\"job_id\":1}")),
    ("elements without anything", || everywhere("[{}]")),
    ("elements with a word for a number", || {
        everywhere(r#"[{"job_id":"x","job_state":7,"name":7,"state":7,"total_nodes":"x"}]"#)
    }),
];

/// Answers that say no: in a way that no Slurm does, or for ever.
const REFUSING: [Hostile; 5] = [
    ("a redirection to itself", || {
        with_headers(302, "Location: /slurm/v0.0.42/jobs\r\n", "")
    }),
    ("a web page of no known server", || {
        answer(403, "text/html", "<html>Forbidden")
    }),
    ("words that move the cursor", || {
        answer(418, "text/plain", "\u{1b}[2J\r\u{9b}1A tea")
    }),
    ("too many requests, for a year", || {
        with_headers(429, "Retry-After: 31536000\r\n", "")
    }),
    ("no service, whenever", || {
        in_json(503, r#"{"message":"Service Unavailable"}"#)
    }),
];

/// Who answers, and how.
enum Enemy {
    /// A server that tells its versions as it should.
    Later(&'static Hostile),
    /// A server that does not even do that.
    AtOnce(&'static Hostile),
    /// Nobody.
    Nobody,
}

#[test]
fn an_answer_that_no_slurm_gives_is_one_clear_error() {
    let mut cases = Vec::new();
    for command in COMMANDS {
        let is_handed_on = command[0] == "api";
        let strange = STRANGE.iter().filter(|_| !is_handed_on);
        let hostile = BROKEN.iter().chain(&REFUSING).chain(strange);
        cases.extend(hostile.map(|hostile| (command, Enemy::Later(hostile))));
        cases.push((command, Enemy::Nobody));
    }
    let any = BROKEN.iter().chain(&STRANGE).chain(&REFUSING);
    let list = COMMANDS[3];
    cases.extend(any.map(|hostile| (list, Enemy::AtOnce(hostile))));
    all_at_once(&cases, |(command, enemy)| match enemy {
        Enemy::Later((name, hostile)) => {
            let server = Server::start(move |asked| match asked.is_discovery() {
                true => good(asked, &[]),
                false => hostile(),
            });
            is_one_clear_error(&server.endpoint(), command, name)
        }
        Enemy::AtOnce((name, hostile)) => {
            let server = Server::start(move |_| hostile());
            is_one_clear_error(&server.endpoint(), command, &format!("at once {name}"))
        }
        Enemy::Nobody => is_one_clear_error(&refused_endpoint(), command, "nobody there"),
    });
}

fn is_one_clear_error(
    endpoint: &str,
    command: &[&str],
    what: &str,
) -> std::result::Result<(), String> {
    let arguments = [command, &["--timeout", "2"]].concat();
    let outcome = User::new().run(endpoint, &arguments);
    let mut complaints = outcome.complaints();
    if !outcome.stdout.is_empty() && command[0] != "api" {
        complaints.push("something on stdout".to_owned());
    }
    if complaints.is_empty() {
        return Ok(());
    }
    let complaints = complaints.join(", ");
    let (stdout, stderr) = (outcome.text(), &outcome.stderr);
    Err(format!(
        "{command:?}, {what}: {complaints}\n{stderr}{stdout}"
    ))
}

/// Returns JSON in which `value` stands for every list and every number of an answer.
fn everywhere(value: &str) -> Answer {
    let names = ["jobs", "nodes", "partitions", "pings", "statistics"];
    let fields = names.map(|name| format!("\"{name}\":{value},")).concat();
    in_json(200, format!("{{{fields}\"job_id\":{}}}", json!("x")))
}

fn drip(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"jobs\":[")?;
    loop {
        stream.write_all(b" ")?;
        thread::sleep(Duration::from_millis(300));
    }
}

fn interim(stream: &mut TcpStream) -> Result<()> {
    loop {
        stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n")?;
        thread::sleep(Duration::from_millis(50));
    }
}
