//! Jobs that Slurm has forgotten: a wait goes on with what the job memory says of them, and a Slurm
//! without one is asked no more than it knows.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hpcapi::slurm::Token;
use hpcapi::slurm::client::{Client, Credentials, Identity, Memory, Transport};
use hpcapi::slurm::jobs::{self, Job, JobId};

use crate::answers::{good, job};
use crate::command::{User, token};
use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(180);

fn client(server: &Server) -> Client {
    let transport = Transport::new(server.endpoint().parse().unwrap(), LIMIT);
    let credentials = Credentials {
        user: None,
        token: Token::from(token()),
    };
    let identity = Identity::Given(credentials);
    Client::new(transport.unwrap(), identity, Memory::default())
}

/// Returns a Slurm that knows a job that runs, for one look.
fn forgetful() -> Server {
    let looks = AtomicUsize::new(0);
    Server::start(move |asked| {
        let is_first = asked.path.ends_with("/job/7") && looks.fetch_add(1, Ordering::Relaxed) == 0;
        let known = [job(7, "RUNNING", "")];
        good(asked, if is_first { &known } else { &[] })
    })
}

async fn ended(state: &'static str) -> Vec<Job> {
    let server = Server::start(move |asked| good(asked, &[job(7, state, "")]));
    let looked = jobs::lookup(&client(&server), JobId::from(7)).await;
    looked.unwrap()
}

#[tokio::test]
async fn a_wait_goes_on_until_the_job_memory_has_a_job_that_was_seen() {
    let remembered = ended("COMPLETED").await;
    let asked = Cell::new(0);
    let memory = async |_| {
        asked.set(asked.get() + 1);
        // It is written some seconds after Slurm has forgotten.
        match asked.get() {
            1 | 2 => Vec::new(),
            _ => remembered.clone(),
        }
    };
    let server = forgetful();
    let (client, ids) = (client(&server), [JobId::from(7)]);
    let waited = jobs::wait(&client, &ids, LIMIT, memory, |_| {}, |_| {}).await;
    assert_eq!(waited.unwrap(), remembered);
    assert_eq!(asked.get(), 3);
}

#[tokio::test]
async fn a_wait_tells_of_a_job_that_comes_to_be_held() {
    let looks = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        if !asked.path.ends_with("/job/7") {
            return good(asked, &[]);
        }
        let mut known = job(7, "PENDING", "");
        match looks.fetch_add(1, Ordering::Relaxed) {
            0 => known["priority"] = 1.into(),
            1 => {
                known["priority"] = 0.into();
                known["state_reason"] = "launch failed requeued held".into();
            }
            _ => known["job_state"] = "COMPLETED".into(),
        }
        good(asked, &[known])
    });
    let (client, ids) = (client(&server), [JobId::from(7)]);
    let mut told = Vec::new();
    let seen = |job: &Job| told.push(job.told());
    let memory = async |_| Vec::new();
    let waited = jobs::wait(&client, &ids, LIMIT, memory, seen, |_| {}).await;
    waited.unwrap();
    let held = "PENDING: launch failed requeued held";
    assert_eq!(told, ["PENDING", held, "COMPLETED"]);
}

#[tokio::test]
async fn a_job_that_nobody_has_seen_is_not_waited_for() {
    let asked = Cell::new(0);
    let memory = async |_| {
        asked.set(asked.get() + 1);
        Vec::new()
    };
    let server = Server::start(|asked| good(asked, &[]));
    let (client, ids) = (client(&server), [JobId::from(7)]);
    let waited = jobs::wait(&client, &ids, LIMIT, memory, |_| {}, |_| {}).await;
    let words = waited.unwrap_err().to_string();
    assert_eq!(words, "Slurm knows no job 7");
    assert_eq!(asked.get(), 1);
}

#[test]
fn of_a_slurm_that_is_no_deployment_no_memory_is_missed() {
    let server = Server::start(|asked| good(asked, &[]));
    for command in ["show", "wait", "logs"] {
        let outcome = User::new().run(&server.endpoint(), &["jobs", command, "7"]);
        let words = &outcome.stderr;
        assert!(words.contains("error: Slurm knows no job 7"), "{words}");
        assert!(!words.contains("memory"), "{words}");
    }
}
