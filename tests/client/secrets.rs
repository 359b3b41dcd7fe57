//! The token goes to the server, in one header, and nowhere else.

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
        for command in [&["nodes"][..], &["jobs", "show", "1"]] {
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
