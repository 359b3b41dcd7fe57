//! A remembered server that is elsewhere by now: it is looked up once, and what nobody took is sent
//! again, there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hpcapi::error::Result;
use hpcapi::slurm::ApiVersion;
use hpcapi::slurm::client::{Client, Identity, Memory, Transport};
use hpcapi::slurm::jobs::{self, Filter, Listing, Marker};
use hpcapi::slurm::submission::Description;

use crate::answers::{good, in_json, job};
use crate::server::{Answer, Server, cut, refused_endpoint};

/// Returns what API Gateway says where there is no such API.
fn no_route() -> Answer {
    in_json(404, r#"{"message":"Not Found"}"#)
}

fn here() -> Server {
    Server::start(|asked| good(asked, &[job(1, "RUNNING", "")]))
}

/// Returns a client that remembers a server and a version, and how often it looks up another.
fn remembering(old: &str, new: &str) -> (Client, Arc<AtomicUsize>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::open(&folder.path().join("own"), &[]);
    memory.remember_version(ApiVersion::new(42));
    let looks = Arc::new(AtomicUsize::new(0));
    let (count, new) = (looks.clone(), new.to_owned());
    let transport = Transport::new(old.parse().unwrap(), Duration::from_secs(60)).unwrap();
    let client = Client::new(transport, Identity::Anonymous, memory.clone()).looking_up(Box::new(
        move || {
            count.fetch_add(1, Ordering::Relaxed);
            let new = new.clone();
            let memory = memory.clone();
            Box::pin(async move {
                memory.remember_endpoint(&new);
                new.parse()
            })
        },
    ));
    (client, looks, folder)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

async fn list(client: &Client) -> Result<Option<Listing>> {
    jobs::list(client, &Filter::default(), None).await
}

async fn submit(client: &Client) -> Result<jobs::Submitted> {
    let job = Description::read("job.sh", b"#!/bin/sh\ntrue\n").unwrap();
    jobs::submit(client, job, &Marker::new()?).await
}

#[test]
fn a_server_that_moved_is_looked_up_once_and_asked_there() {
    let gone = Server::start(|_| no_route());
    for old in [gone.endpoint(), refused_endpoint()] {
        let new = here();
        let (client, looks, _folder) = remembering(&old, &new.endpoint());
        run(async {
            for _ in 0..3 {
                assert_eq!(list(&client).await.unwrap().unwrap().jobs.len(), 1);
            }
            assert_eq!(submit(&client).await.unwrap().id, 77);
        });
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        assert!(!client.has_lost_its_server());
        assert_eq!(client.server().to_string(), new.endpoint());
    }
}

#[test]
fn a_submission_is_sent_again_only_if_the_gateway_itself_refused_it() {
    let gone = Server::start(|_| no_route());
    let new = here();
    let (client, _, _folder) = remembering(&gone.endpoint(), &new.endpoint());
    assert_eq!(run(submit(&client)).unwrap().id, 77);
    let sent = [&gone, &new].map(|server| server.count("POST", "/job/submit"));
    assert_eq!(sent, [1, 1]);

    let losing = Server::start(|asked| match asked.method.as_str() {
        "POST" => cut(""),
        _ => no_route(),
    });
    let new = here();
    let (client, _, _folder) = remembering(&losing.endpoint(), &new.endpoint());
    let error = run(submit(&client)).unwrap_err().to_string();
    assert!(error.contains("was lost"), "{error}");
    assert_eq!(new.count("POST", "/job/submit"), 0);
}

#[test]
fn a_server_that_is_still_there_is_told_as_it_answers() {
    let gone = Server::start(|_| no_route());
    let (client, looks, _folder) = remembering(&gone.endpoint(), &gone.endpoint());
    let error = run(list(&client)).unwrap_err().to_string();
    assert!(error.contains("API Gateway has no route"), "{error}");
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    assert_eq!(gone.asked().len(), 1);
    assert!(client.has_lost_its_server());
}
