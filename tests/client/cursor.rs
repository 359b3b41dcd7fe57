//! What a server says does nothing to a terminal: no word of its moves the cursor.

use serde_json::{Value, json};

use crate::answers::{good, in_json};
use crate::command::{User, all_at_once};
use crate::hostile_answers::COMMANDS;
use crate::server::Server;

/// Clears the screen, names the window, colours the rest red.
const EVIL: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\r";

/// Returns a job, every word of which is evil but for these fields.
fn job(fields: &Value) -> Value {
    let mut job = json!({"job_id": 1, "job_state": [format!("RUNNING{EVIL}")], "name": EVIL,
        "user_name": "me", "partition": EVIL, "nodes": EVIL, "state_reason": EVIL,
        "comment": EVIL, "account": EVIL, "standard_output": EVIL, "dependency": EVIL,
        "current_working_directory": EVIL});
    let fields = fields.as_object().unwrap().clone();
    job.as_object_mut().unwrap().extend(fields);
    job
}

/// Returns a server that answers every command with evil words.
fn evil(fields: &'static str) -> Server {
    Server::start(move |asked| {
        let error = json!({"error": EVIL, "description": EVIL, "error_number": 5});
        let job = || job(&serde_json::from_str(fields).unwrap());
        let body = match asked.path.rsplit('/').next().unwrap() {
            "ping" => json!({"pings": [{"hostname": EVIL, "mode": EVIL, "responding": true}],
                "meta": {"slurm": {"release": EVIL}}}),
            "nodes" => json!({"nodes": [{"name": EVIL, "state": [EVIL], "reason": EVIL,
                "partitions": [EVIL], "features": [EVIL]}]}),
            "partitions" => json!({"partitions": [{"name": EVIL, "partition": {"state": [EVIL]},
                "nodes": {"configured": EVIL}}]}),
            "submit" => json!({"job_id": 7, "warnings": [error]}),
            "jobs" | "1" if asked.method == "GET" => json!({"jobs": [job()]}),
            "1" => json!({"errors": [error]}),
            _ => return good(asked, &[]),
        };
        in_json(200, body.to_string())
    })
}

fn is_plain(server: &Server, command: &[&str]) -> Result<(), String> {
    let outcome = User::new().run(&server.endpoint(), command);
    let shown = outcome.text() + &outcome.stderr;
    let is_plain = shown.chars().all(|c| c == '\n' || !c.is_control());
    match is_plain && !shown.is_empty() {
        true => Ok(()),
        false => Err(format!("{command:?} {shown:?}")),
    }
}

#[test]
fn a_good_answer_s_words_do_not_move_the_cursor() {
    let server = evil("{}");
    // What `hpcapi api` prints is what the server said.
    for command in COMMANDS.iter().filter(|command| command[0] != "api") {
        is_plain(&server, command).unwrap();
    }
}

#[test]
fn a_job_of_somebody_with_an_evil_name_is_refused_plainly() {
    let server = evil(r#"{"user_name": "\u001b[2J", "job_state": ["RUNNING"]}"#);
    is_plain(&server, &["jobs", "cancel", "1"]).unwrap();
    assert_eq!(server.count("DELETE", "/job/1"), 0);
}

#[test]
fn words_in_an_error_do_not_move_the_cursor() {
    let number = json!({"partitions": [{"name": EVIL, "nodes": {"total": "x"}}]}).to_string();
    let wrong = json!({"nodes": [{"name": {EVIL: EVIL}}], EVIL: 5}).to_string();
    let refused = json!({"errors": [{"error": EVIL, "source": EVIL}]}).to_string();
    let answers = [(200, number), (200, wrong), (500, refused)];
    let commands: [&[&str]; 3] = [&["partitions"], &["nodes"], &["jobs", "show", "1"]];
    let each = |answer| commands.map(|command| (answer, command));
    let cases: Vec<_> = answers.iter().flat_map(each).collect();
    all_at_once(&cases, |((status, body), command)| {
        let (status, body) = (*status, body.clone());
        let server = Server::start(move |asked| match asked.is_discovery() {
            true => good(asked, &[]),
            false => in_json(status, &body),
        });
        is_plain(&server, command)
    });
}
