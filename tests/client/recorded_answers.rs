//! Answers of real servers, and a server in this process that gives them to the readers of the
//! library.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hpcapi::error::Result;
use hpcapi::slurm::client::{Client, Identity, Memory, Transport};
use hpcapi::slurm::{jobs, nodes, partitions, ping};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::answers::{in_json, offer};
use crate::server::Server;

/// What Slurm 22.05 and 26.05 answered in four versions: each list, by its name.
pub(crate) const RECORDED: [(u32, &str); 4] = [
    (36, include_str!("recorded/v36.json")),
    (38, include_str!("recorded/v38.json")),
    (42, include_str!("recorded/v42.json")),
    (45, include_str!("recorded/v45.json")),
];

pub(crate) const LISTS: [&str; 3] = ["jobs", "nodes", "partitions"];

/// A server that answers what it is told to, and clients of its versions.
pub(crate) struct Bench {
    runtime: Runtime,
    clients: Vec<Client>,
    answer: Arc<Mutex<Vec<u8>>>,
    recorded: Vec<Value>,
    _servers: Vec<Server>,
}

thread_local! {
    pub(crate) static BENCH: Bench = Bench::new();
}

impl Bench {
    fn new() -> Bench {
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let serving = |version| {
            let answer = answer.clone();
            Server::start(move |asked| match asked.is_discovery() {
                true => offer(&[version]),
                false => in_json(200, &*answer.lock().unwrap()),
            })
        };
        let servers: Vec<_> = RECORDED
            .iter()
            .map(|(version, _)| serving(*version))
            .collect();
        let client = |server: &Server| {
            let limit = Duration::from_secs(60);
            let transport = Transport::new(server.endpoint().parse().unwrap(), limit).unwrap();
            Client::new(transport, Identity::Anonymous, Memory::default())
        };
        Bench {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            clients: servers.iter().map(client).collect(),
            answer,
            recorded: RECORDED
                .iter()
                .map(|(_, text)| serde_json::from_str(text).unwrap())
                .collect(),
            _servers: servers,
        }
    }

    /// Reads `answer` as the list of that name; returns the elements as hpcapi shows them.
    pub(crate) fn read(&self, case: Case, answer: Vec<u8>) -> Result<Vec<Value>> {
        *self.answer.lock().unwrap() = answer;
        let client = &self.clients[case.version];
        let shown = |list: Value| list.as_array().unwrap().clone();
        self.runtime.block_on(async {
            Ok(shown(match case.list() {
                "jobs" => {
                    let listing = jobs::list(client, &jobs::Filter::default(), None).await?;
                    json!(listing.unwrap().jobs)
                }
                "nodes" => json!(nodes::list(client, &[]).await?),
                _ => json!(partitions::list(client).await?),
            }))
        })
    }

    /// Reads `answer` as one job, and as what a ping gets.
    pub(crate) fn read_whole(&self, case: Case, answer: Vec<u8>) -> [Result<Value>; 2] {
        *self.answer.lock().unwrap() = answer;
        let client = &self.clients[case.version];
        self.runtime.block_on(async {
            let job = jobs::lookup(client, jobs::JobId::from(7)).await;
            let ping = ping::ping(client).await;
            [job.map(|job| json!(job)), ping.map(|ping| json!(ping))]
        })
    }

    pub(crate) fn recorded(&self, case: Case) -> Value {
        self.recorded[case.version][case.list()].clone()
    }
}

/// A version and a list, by their places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) version: usize,
    pub(crate) list: usize,
}

impl Case {
    pub(crate) fn list(self) -> &'static str {
        LISTS[self.list]
    }
}
