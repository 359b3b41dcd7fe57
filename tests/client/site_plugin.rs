//! A job_submit plug-in of the site: what it refuses is sent once and not blamed on the token, and
//! what it says is shown.

use serde_json::{Value, json};

use crate::answers::{good, in_json};
use crate::command::User;
use crate::server::Server;

/// Returns a server whose plug-in answers each submission so.
fn answering(status: u16, body: Value) -> Server {
    Server::start(move |asked| match asked.path.ends_with("/job/submit") {
        true => in_json(status, body.to_string()),
        false => good(asked, &[]),
    })
}

const SUBMIT: [&str; 3] = ["jobs", "submit", "job.sh"];

#[test]
fn a_refusal_is_sent_once_and_tells_the_plug_in_s_words() {
    let refused = json!({"errors": [{"error": "Unspecified error", "error_number": -1}],
        "job_submit_user_msg": "this name is not allowed"});
    let server = answering(500, refused);
    let outcome = User::new().run(&server.endpoint(), &SUBMIT);
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    let because = "because: this name is not allowed";
    assert!(outcome.stderr.contains(because), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("token"), "{}", outcome.stderr);
    assert_eq!(server.count("POST", "/job/submit"), 1);
}

#[test]
fn what_it_says_of_a_job_that_is_taken_is_shown() {
    let said = "charged to project demo\nbe nice\n";
    for body in [
        json!({"job_id": 7, "job_submit_user_msg": said}),
        json!({"job_id": 7, "result": {"job_id": 7, "job_submit_user_msg": said}}),
    ] {
        let server = answering(200, body);
        let outcome = User::new().run(&server.endpoint(), &SUBMIT);
        assert_eq!((outcome.code, outcome.text().as_str()), (Some(0), "7\n"));
        assert_eq!(
            outcome.stderr,
            "job 7: charged to project demo\njob 7: be nice\n"
        );
        let arguments = [&SUBMIT[..], &["--output", "json"]].concat();
        let outcome = User::new().run(&server.endpoint(), &arguments);
        let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        assert_eq!(answer["jobs"][0]["job_submit_user_msg"], said.trim());
    }
    let outcome = User::new().run(&answering(200, json!({"job_id": 7})).endpoint(), &SUBMIT);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn every_file_that_failed_is_in_the_answer() {
    let server = answering(
        500,
        json!({"errors": [{"error": "Invalid partition", "error_number": 2000}]}),
    );
    let arguments = ["jobs", "submit", "job.sh", "job.sh", "--output", "json"];
    let outcome = User::new().run(&server.endpoint(), &arguments);
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(answer["jobs"], json!([]));
    for failed in [&answer["failed"][0], &answer["failed"][1]] {
        assert_eq!(failed["file"], "job.sh");
        let error = "Slurm refuses: Invalid partition (Slurm error 2000)";
        assert_eq!(failed["error"], error);
        assert!(
            failed["hints"][0]
                .as_str()
                .unwrap()
                .contains("hpcapi partitions")
        );
    }
    let told = "warning: `job.sh` was not submitted: Slurm refuses: Invalid partition";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
}
