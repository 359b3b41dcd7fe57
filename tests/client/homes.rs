//! Where a job runs when nobody can be asked for its user's home: where the user says, or nowhere.

use serde_json::Value;

use crate::answers::good;
use crate::command::{Outcome, User};
use crate::server::Server;

/// Submits the job with these options; returns what it came to and what was sent of the job.
fn submitted(home: &str, options: &[&str]) -> (Outcome, Option<Value>) {
    let server = Server::start(|asked| good(asked, &[]));
    let user = User::new().set("HPCAPI_HOME", home);
    let submit = [&["jobs", "submit", "job.sh"], options].concat();
    let outcome = user.run(&server.endpoint(), &submit);
    let asked = server.asked();
    let post = asked.iter().find(|asked| asked.method == "POST");
    let body = post.map(|post| serde_json::from_slice::<Value>(&post.body).unwrap());
    (outcome, body.map(|mut body| body["job"].take()))
}

fn variable(job: &Value, name: &str) -> Option<String> {
    let own = format!("{name}=");
    let mut all = job["environment"].as_array().unwrap().iter();
    all.find_map(|one| {
        one.as_str()
            .unwrap()
            .strip_prefix(&own)
            .map(ToOwned::to_owned)
    })
}

#[test]
fn a_home_that_is_not_known_is_asked_for() {
    for options in [
        &[][..],
        &["--chdir", "work"],
        &["--chdir", "~/work"],
        &["--curl"],
    ] {
        let (outcome, sent) = submitted("", options);
        assert_eq!(outcome.code, Some(2), "{options:?} {}", outcome.stderr);
        for words in [
            "the home of `me`",
            "--chdir /",
            "--home /",
            "export HPCAPI_HOME=/",
        ] {
            assert!(outcome.stderr.contains(words), "{words} {}", outcome.stderr);
        }
        assert!(sent.is_none(), "{sent:?}");
    }
    let (outcome, _) = submitted("", &["--home", "me"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("whole path"), "{}", outcome.stderr);
}

#[test]
fn a_home_that_the_user_says_is_the_jobs() {
    for (variable_home, options, folder) in [
        ("/users/me", &[][..], "/users/me"),
        ("/users/me", &["--chdir", "work"], "/users/me/work"),
        ("/elsewhere", &["--home", "/users/me"], "/users/me"),
        ("", &["--env", "HOME=/users/me"], "/users/me"),
        ("/users/me", &["--chdir", "/scratch"], "/scratch"),
    ] {
        let (outcome, sent) = submitted(variable_home, options);
        assert_eq!(outcome.code, Some(0), "{options:?} {}", outcome.stderr);
        assert_eq!(outcome.stderr, "", "{options:?}");
        let sent = sent.unwrap();
        assert_eq!(sent["current_working_directory"], folder, "{options:?}");
        assert_eq!(variable(&sent, "HOME").as_deref(), Some("/users/me"));
        assert_eq!(variable(&sent, "SLURM_SUBMIT_DIR").as_deref(), Some(folder));
        assert_eq!(variable(&sent, "SLURM_SUBMIT_HOST"), None);
    }
}

#[test]
fn a_whole_folder_is_enough_and_no_home_is_made_up() {
    let (outcome, sent) = submitted("", &["--chdir", "/scratch"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("the job has no HOME"),
        "{}",
        outcome.stderr
    );
    assert_eq!(variable(&sent.unwrap(), "HOME"), None);
    // The node finds it itself.
    let (outcome, sent) = submitted("", &["--chdir", "/scratch", "--get-user-env"]);
    assert_eq!(outcome.stderr, "");
    assert_eq!(variable(&sent.unwrap(), "HOME"), None);
}
