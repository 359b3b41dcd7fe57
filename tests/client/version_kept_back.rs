//! Sites that pass on `/slurm/` alone: the version is found by asking for each, or said by the user;
//! and addresses that go on where hpcapi begins.

use crate::answers::{answer, in_json};
use crate::command::User;
use crate::server::{Answer, Asked, Server};

/// Answers as a site that keeps the document from us, before a slurmrestd of v0.0.40 and v0.0.41.
fn kept_back(asked: &Asked) -> Answer {
    let not_there = || answer(404, "text/html", "<html>nginx: 404 Not Found");
    let Some(path) = asked.path.strip_prefix("/slurm/") else {
        return not_there();
    };
    match path.split_once('/') {
        Some(("v0.0.40" | "v0.0.41", "ping")) => in_json(200, r#"{"pings":[{"responding":true}]}"#),
        Some(("v0.0.40" | "v0.0.41", "diag")) => in_json(200, r#"{"statistics":{}}"#),
        Some(("v0.0.40" | "v0.0.41", _)) => in_json(200, r#"{"jobs":[]}"#),
        _ => answer(404, "text/plain", "Unable find requested URL"),
    }
}

/// As text it says that it is empty.
const LIST: [&str; 4] = ["jobs", "list", "--output", "json"];

#[test]
fn the_newest_version_that_answers_is_spoken() {
    let server = Server::start(kept_back);
    let user = User::new();
    for _ in 0..2 {
        let outcome = user.run(&server.endpoint(), &LIST);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    }
    assert_eq!(server.count("GET", "/slurm/v0.0.41/jobs"), 2);
    assert_eq!(server.count("GET", "/slurm/v0.0.45/ping"), 1);
    assert_eq!(server.count("GET", "/slurm/v0.0.40/ping"), 0);
    let outcome = User::new().run(&server.endpoint(), &["ping"]);
    assert!(outcome.text().contains("API v0.0.41"), "{}", outcome.stderr);
}

#[test]
fn a_version_that_the_user_says_is_spoken() {
    let server = Server::start(kept_back);
    let said = |version: &str, command: &[&str]| {
        let arguments = [command, &["--api-version", version]].concat();
        User::new().run(&server.endpoint(), &arguments)
    };
    let outcome = said("v0.0.40", &LIST);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(server.count("GET", "/slurm/v0.0.40/jobs"), 1);
    assert_eq!(server.count("GET", "/openapi/v3"), 0);
    let outcome = said("42", &["jobs", "list"]);
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("leave out --api-version"),
        "{}",
        outcome.stderr
    );
    assert_eq!(said("v0.0.12", &LIST).code, Some(2));
    let outcome = said("42", &["jobs", "list", "--curl"]);
    assert!(outcome.text().contains("/slurm/v0.0.42/jobs"));
}

#[test]
fn a_server_that_answers_for_no_version_is_told_so() {
    let server = Server::start(|_| answer(404, "text/html", "<html>nginx: 404 Not Found"));
    for command in [&LIST[..], &["ping"]] {
        let outcome = User::new().run(&server.endpoint(), command);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.contains("--api-version v0.0.42"),
            "{}",
            outcome.stderr
        );
        let hints_at_ping = outcome.stderr.contains("hpcapi ping");
        assert_eq!(hints_at_ping, command != ["ping"], "{}", outcome.stderr);
    }
}

#[test]
fn an_address_that_goes_on_where_hpcapi_begins_is_told_so() {
    let server = Server::start(kept_back);
    for (more, own) in [
        ("/slurm/v0.0.42", "/slurm/v0.0.42"),
        ("/openapi/v3", "/openapi/v3"),
    ] {
        let outcome = User::new().run(&format!("{}{more}", server.endpoint()), &["ping"]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        let words = format!("leave out `{own}`");
        assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
        assert!(
            !outcome.stderr.contains("hpcapi ping"),
            "{}",
            outcome.stderr
        );
    }
    assert_eq!(server.asked().len(), 0);
}
