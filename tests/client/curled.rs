//! `--curl`: the printed command works when it is pasted, and sends what hpcapi would.

use serde_json::Value;

use crate::answers::good;
use crate::command::User;
use crate::server::Server;

/// Returns the bodies of the submissions, without the marker in the comment.
fn bodies(server: &Server) -> Vec<Value> {
    let asked = server.asked();
    let posts = asked.iter().filter(|asked| asked.method == "POST");
    let body = |body: &[u8]| {
        let mut body: Value = serde_json::from_slice(body).unwrap();
        body["job"].as_object_mut().unwrap().remove("comment");
        body
    };
    posts.map(|asked| body(&asked.body)).collect()
}

#[test]
fn a_pasted_submission_is_the_one_that_is_sent_however_long_it_is() {
    for length in [0, 99_000, 200_000, 1_000_000] {
        let server = Server::start(|asked| good(asked, &[]));
        let user = User::new();
        let long = format!("#!/bin/bash\n# it's 100 % {}\n", "#".repeat(length));
        user.write("long.sh", &long);
        let submit = ["jobs", "submit", "long.sh"];
        // The version that was spoken last is the one that is printed.
        let sent = user.run(&server.endpoint(), &submit);
        assert_eq!(sent.code, Some(0), "{}", sent.stderr);
        let printed = user.run(&server.endpoint(), &[&submit[..], &["--curl"]].concat());
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        let printed = String::from_utf8(printed.stdout);
        // What the tests keep of an answer is a MiB.
        let Ok(command) = printed else {
            panic!("no text")
        };
        if command.len() >= 1 << 20 {
            continue;
        }
        let pasted = user.bash(&command);
        assert_eq!(pasted.code, Some(0), "{length}: {}", pasted.stderr);
        assert!(pasted.text().contains("77"), "{}", pasted.text());
        let bodies = bodies(&server);
        assert_eq!(bodies.len(), 2, "{length}");
        assert_eq!(bodies[0], bodies[1], "{length}");
        assert_eq!(bodies[0]["job"]["current_working_directory"], "/home/me");
    }
}

#[test]
fn a_filter_is_no_request_to_cancel() {
    let outcome = User::new().run("http://127.0.0.1:1", &["jobs", "cancel", "--all", "--curl"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert_eq!(outcome.text(), "");
}
