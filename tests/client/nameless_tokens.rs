//! Tokens as identity providers make them, which may not say whose they are, and names as their
//! users have them.

use serde_json::Value;

use crate::answers::{good, job};
use crate::command::User;
use crate::server::Server;

const NAMELESS: &str = r#"{"exp":4000000000.5,"preferred_username":"alice"}"#;

fn server() -> Server {
    Server::start(|asked| good(asked, &[job(5, "RUNNING", "")]))
}

#[test]
fn a_name_is_only_wanted_where_it_is_needed() {
    let server = server();
    for command in [
        &["ping"][..],
        &["partitions"],
        &["nodes"],
        &["jobs", "list"],
        &["jobs", "show", "5"],
        &["jobs", "submit", "job.sh", "--user", "alice"],
    ] {
        let outcome = User::with_claims(NAMELESS).run(&server.endpoint(), command);
        assert_eq!(outcome.code, Some(0), "{command:?} {}", outcome.stderr);
        assert_eq!(outcome.stderr, "", "{command:?}");
    }
    for command in [
        &["jobs", "submit", "job.sh"][..],
        &["jobs", "submit", "--curl", "job.sh"],
        &["jobs", "list", "--me"],
        &["jobs", "cancel", "--all"],
    ] {
        let outcome = User::with_claims(NAMELESS).run(&server.endpoint(), command);
        assert_eq!(outcome.code, Some(2), "{command:?} {}", outcome.stderr);
        let words = "error: the token does not say whose it is: --user NAME or SLURM_USER";
        assert!(
            outcome.stderr.contains(words),
            "{command:?} {}",
            outcome.stderr
        );
    }
    assert_eq!(server.count("POST", "/job/submit"), 1);
}

#[test]
fn a_name_is_what_a_directory_of_users_has() {
    for name in ["1234567", "alice@corp.example", "DOM\\alice", "a.b-c_d"] {
        let server = server();
        let submit = ["jobs", "submit", "job.sh", "--user", name];
        let outcome = User::with_claims(NAMELESS).run(&server.endpoint(), &submit);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let claims = serde_json::json!({"exp": 4_000_000_000_u64, "sun": name}).to_string();
        let outcome = User::with_claims(&claims).run(&server.endpoint(), &submit[..3]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let asked = server.asked();
        let posts: Vec<_> = asked
            .iter()
            .filter(|asked| asked.method == "POST")
            .collect();
        assert_eq!(posts.len(), 2);
        for post in posts {
            assert_eq!(post.header("x-slurm-user-name"), Some(name));
            let body: Value = serde_json::from_slice(&post.body).unwrap();
            let variables = body["job"]["environment"].to_string();
            let own = serde_json::json!(format!("USER={name}")).to_string();
            assert!(variables.contains(&own), "{variables}");
        }
    }
}
