//! Answers without an end: every command gives up, and its memory stays small.

use std::io::{Result, Write};
use std::net::TcpStream;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::answers::good;
use crate::command::{User, all_at_once};
use crate::hostile_answers::COMMANDS;
use crate::server::{Answer, Server};

/// The most memory that a command may have for what it does not keep, in MiB.
const LITTLE: u64 = 60;

/// The most that it may have for as many jobs as it takes, in MiB.
const MUCH: u64 = 600;

/// The head of an answer that ends when the client goes away.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";

/// An answer: how it begins, and what comes again and again.
struct Endless {
    what: &'static str,
    head: &'static str,
    begin: &'static str,
    again: fn() -> Vec<u8>,
}

const ENDLESS: [Endless; 6] = [
    Endless {
        what: "noise",
        head: HEAD,
        begin: "",
        again: || vec![b'a'; 1 << 16],
    },
    Endless {
        what: "a string in an element",
        head: HEAD,
        begin: r#"{"jobs":[{"name":""#,
        again: || vec![b'a'; 1 << 16],
    },
    Endless {
        what: "a string around the list",
        head: HEAD,
        begin: r#"{"jobs":[],"meta":""#,
        again: || vec![b'a'; 1 << 16],
    },
    Endless {
        what: "nesting",
        head: HEAD,
        begin: r#"{"jobs":[{"a":"#,
        again: || vec![b'['; 1 << 16],
    },
    Endless {
        what: "a header",
        head: "HTTP/1.1 200 OK\r\nX: ",
        begin: "",
        again: || vec![b'a'; 1 << 16],
    },
    Endless {
        what: "gzip of a thousandth of its length",
        head: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        begin: "",
        again: bomb,
    },
];

/// A command for each way to read: a list as it comes, and two whole answers at once.
const READERS: [&[&str]; 2] = [&["jobs", "list"], &["ping"]];

/// What the server said, as it comes.
const RAW: &[&str] = &["jobs", "list", "--output", "raw"];

#[test]
fn an_endless_answer_ends_with_an_error_and_little_memory() {
    let (noise, others) = ENDLESS.split_first().unwrap();
    let mut cases = vec![(RAW, noise)];
    cases.extend(COMMANDS.iter().map(|command| (*command, noise)));
    for reader in READERS {
        cases.extend(others.iter().map(|endless| (reader, endless)));
    }
    all_at_once(&cases, |(command, endless)| {
        let arguments = [*command, &["--timeout", "4"]].concat();
        ends_within(LITTLE, &arguments, endless)
    });
}

#[test]
fn an_endless_list_of_jobs_is_given_up() {
    let endless = Endless {
        what: "jobs",
        head: HEAD,
        begin: r#"{"jobs":[{"job_id":1,"job_state":"RUNNING"}"#,
        again: || br#",{"job_id":1,"job_state":"RUNNING"}"#.as_slice().repeat(1000),
    };
    ends_within(MUCH, &["jobs", "list"], &endless).unwrap();
}

fn ends_within(
    most: u64,
    arguments: &[&str],
    endless: &Endless,
) -> std::result::Result<(), String> {
    let (head, begin, again) = (endless.head, endless.begin, endless.again);
    let server = Server::start(move |asked| match asked.is_discovery() {
        true => good(asked, &[]),
        false => without_end(head, begin, again),
    });
    let (outcome, peak) = User::new().run_measured(&server.endpoint(), arguments);
    let mut complaints = outcome.complaints();
    if peak > most {
        complaints.push(format!("{} MiB of memory", peak));
    }
    outcome.verdict(complaints, format!("{arguments:?}, {}", endless.what))
}

fn without_end(head: &'static str, begin: &'static str, again: fn() -> Vec<u8>) -> Answer {
    Box::new(move |stream: &mut TcpStream| -> Result<()> {
        stream.write_all(head.as_bytes())?;
        stream.write_all(begin.as_bytes())?;
        let again = again();
        loop {
            stream.write_all(&again)?;
        }
    })
}

/// Returns a gzip stream of blanks, which may be repeated.
fn bomb() -> Vec<u8> {
    static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b' '; 64 << 20]).unwrap();
        encoder.finish().unwrap()
    });
    BOMB.clone()
}
