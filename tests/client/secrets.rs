//! The token goes to the server, in one header, and nowhere else; and what a server says does
//! nothing to a terminal.

use serde_json::json;

use crate::answers::{answer, good, in_json, job, with_headers};
use crate::command::{User, token};
use crate::hostile_answers::COMMANDS;
use crate::server::{Asked, Server};

#[test]
fn the_token_goes_in_one_header_and_is_never_shown() {
    let server = Server::start(|asked| good(asked, &[job(1, "COMPLETED", "")]));
    for command in COMMANDS {
        let outcome = User::new().run(&server.endpoint(), &[command, &["-v"]].concat());
        for shown in [outcome.text(), outcome.stderr] {
            assert!(!shown.contains(&token()), "{command:?} {shown}");
        }
    }
    let asked = server.asked();
    assert!(asked.len() > 2 * COMMANDS.len());
    for asked in asked {
        assert_eq!(asked.header("x-slurm-user-token"), Some(token().as_str()));
        assert_eq!(asked.header("x-slurm-user-name"), Some("me"));
        assert_eq!(asked.header("authorization"), None);
    }
}

#[test]
fn a_curl_command_leaves_the_token_out_and_sends_nothing() {
    let server = Server::start(|asked| good(asked, &[]));
    for command in COMMANDS {
        let outcome = User::new().run(&server.endpoint(), &[command, &["--curl"]].concat());
        assert_eq!(outcome.code, Some(0), "{command:?} {}", outcome.stderr);
        let shown = outcome.text();
        assert!(
            shown.contains("$SLURM_JWT") && !shown.contains(&token()),
            "{shown}"
        );
        assert!(!shown.to_lowercase().contains("authorization"), "{shown}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_redirection_does_not_carry_the_token_elsewhere() {
    let elsewhere = Server::start(|asked| good(asked, &[]));
    let location = format!("Location: {}/slurm\r\n", elsewhere.endpoint());
    let server = Server::start(move |asked| match asked.is_discovery() {
        true => good(asked, &[]),
        false => with_headers(307, &location, ""),
    });
    for command in [&["nodes"][..], &["jobs", "show", "1"]] {
        let outcome = User::new().run(&server.endpoint(), command);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn a_server_that_repeats_the_token_does_not_get_it_shown() {
    let page = |asked: &Asked| {
        let token = asked.header("x-slurm-user-token").unwrap_or_default();
        [
            answer(400, "text/html", format!("<html>bad request: {token}")),
            in_json(
                500,
                json!({"errors": [{"error": token, "error_number": 2000}]}).to_string(),
            ),
            with_headers(302, &format!("Location: /login?{token}\r\n"), ""),
        ]
    };
    for shape in 0..3 {
        let server = Server::start(move |asked| match asked.is_discovery() {
            true => good(asked, &[]),
            false => page(asked).into_iter().nth(shape).unwrap(),
        });
        for command in [
            &["nodes"][..],
            &["jobs", "show", "1"],
            &["jobs", "submit", "job.sh"],
        ] {
            let outcome = User::new().run(&server.endpoint(), command);
            assert_eq!(
                outcome.complaints(),
                Vec::<String>::new(),
                "{}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn a_server_s_words_do_not_move_the_cursor() {
    let evil = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\r";
    let server = Server::start(move |asked| {
        let error = json!({"error": evil, "description": evil, "error_number": 5});
        let one = json!({"job_id": 1, "job_state": [format!("RUNNING{evil}")], "name": evil,
            "user_name": "me", "partition": evil, "nodes": evil, "state_reason": evil,
            "comment": evil, "account": evil, "standard_output": evil,
            "current_working_directory": evil});
        let body = match asked.path.rsplit('/').next().unwrap() {
            "ping" => json!({"pings": [{"hostname": evil, "mode": evil, "responding": true}],
                "meta": {"slurm": {"release": evil}}}),
            "nodes" => json!({"nodes": [{"name": evil, "state": [evil], "reason": evil,
                "partitions": [evil], "features": [evil]}]}),
            "partitions" => json!({"partitions": [{"name": evil, "partition": {"state": [evil]},
                "nodes": {"configured": evil}}]}),
            "submit" => json!({"job_id": 7, "warnings": [error]}),
            "jobs" | "1" if asked.method == "GET" => json!({"jobs": [one]}),
            "1" => json!({"errors": [error]}),
            _ => return good(asked, &[]),
        };
        in_json(200, body.to_string())
    });
    let waiting = |command: &&&[&str]| !command.contains(&"wait") && command[0] != "api";
    for command in COMMANDS.iter().filter(waiting) {
        let outcome = User::new().run(&server.endpoint(), command);
        let shown = outcome.text() + &outcome.stderr;
        assert!(!shown.is_empty(), "{command:?}");
        let is_plain = shown.chars().all(|c| c == '\n' || !c.is_control());
        assert!(is_plain, "{command:?} {shown:?}");
    }
}
