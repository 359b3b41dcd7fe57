//! Slurm without a token: the operations path, an API that lets callers in by IAM and runs fixed
//! commands on the head node. Its answers have the client's own JSON shapes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::aws::Signer;
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::wait::Pace;

use super::client::{Lost, Reply, Request, Server, Transport, excerpt};
use super::jobs::{Cancelled, Job, JobId, Submitted};
use super::nodes::Node;
use super::partitions::Partition;
use super::ping::Controller;

/// For how long a request is sent again that nobody took.
const PATIENCE: Duration = Duration::from_secs(20);

/// More pages than any list has: 20 of them hold 5,000 jobs.
const MOST_PAGES: usize = 10_000;

/// The operations path of a deployment.
#[derive(Debug)]
pub struct Operations {
    transport: Transport,
    signer: Signer,
    is_lost: AtomicBool,
}

/// What is to be submitted: a batch script, and what the command line says beside it. `sbatch` on
/// the head node reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// What the script is called.
    pub name: String,
    /// Its text.
    pub script: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The options of `sbatch`, by their long names.
    pub options: Vec<(String, String)>,
    /// 16 hexadecimal digits by which the job is known: sent again, the order is the same job.
    pub marker: String,
}

/// How the head node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The release of Slurm, where it answers.
    pub slurm_version: Option<String>,
    /// Slurm's controllers.
    pub controllers: Vec<Controller>,
    /// What runs on the head node.
    pub daemons: Vec<Daemon>,
}

/// A daemon of the head node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its unit.
    pub name: String,
    /// Its state, as systemd has it: `active`, `failed`, …
    pub state: String,
}

impl Daemon {
    /// Returns whether it runs.
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

#[derive(Deserialize)]
struct Partitions {
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
struct SubmittedJobs {
    jobs: Vec<Submitted>,
}

/// What the path says instead of an answer: its own words, or API Gateway's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: String,
    hints: Vec<String>,
    message: String,
}

impl Operations {
    /// Returns the operations path below a server's address.
    pub fn new(transport: Transport, signer: Signer) -> Operations {
        Operations {
            transport,
            signer,
            is_lost: AtomicBool::new(false),
        }
    }

    /// Returns whether nobody, or another API, answered a request.
    pub fn has_lost_its_server(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Returns the connections.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Lists the partitions, in Slurm's order.
    pub async fn partitions(&self) -> Result<Vec<Partition>> {
        self.pages("partitions", |page: Partitions| page.partitions)
            .await
    }

    /// Lists the nodes, in Slurm's order.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        self.pages("nodes", |page: Nodes| page.nodes).await
    }

    /// Lists the jobs that Slurm knows, by their numbers.
    pub async fn jobs(&self) -> Result<Vec<Job>> {
        self.pages("jobs", |page: Jobs| page.jobs).await
    }

    /// Returns what Slurm knows of a job, or of the parts of an array.
    pub async fn job(&self, id: JobId) -> Result<Vec<Job>> {
        let request = request(Method::GET, &format!("jobs/{id}"), None);
        let reply = self.send(&request).await?;
        match (reply.status, said(&reply).error.is_empty()) {
            (404, false) => Ok(Vec::new()),
            _ => Ok(self.read::<Jobs>(&request, &reply)?.jobs),
        }
    }

    /// Returns how the head node is.
    pub async fn diagnosis(&self) -> Result<Diagnosis> {
        let request = request(Method::GET, "diag", None);
        self.read(&request, &self.send(&request).await?)
    }

    /// Submits a job: once, however often the same order is sent.
    pub async fn submit(&self, order: &Order) -> Result<Submitted> {
        let body = serde_json::to_vec(order).expect("plain data");
        let request = request(Method::POST, "jobs", Some(body));
        let answer: SubmittedJobs = self.read(&request, &self.send(&request).await?)?;
        let submitted = answer.jobs.into_iter().next();
        submitted.ok_or_else(|| Error::failed("the operations path does not say which job it is"))
    }

    /// Cancels a job of the caller's own.
    pub async fn cancel(&self, id: JobId) -> Result<Cancelled> {
        let request = request(Method::DELETE, &format!("jobs/{id}"), None);
        self.read(&request, &self.send(&request).await?)
    }

    /// Gets a list, page by page.
    async fn pages<P: DeserializeOwned, T>(
        &self,
        what: &str,
        elements: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>> {
        let mut request = request(Method::GET, what, None);
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let reply = self.send(&request).await?;
            all.extend(elements(self.read(&request, &reply)?));
            match reply.next {
                Some(next) if next.starts_with(PATH) => request.path = next,
                Some(next) => {
                    return Err(Error::failed(format!(
                        "the list of {what} goes on at `{next}`, which is not below {PATH}"
                    )));
                }
                None => return Ok(all),
            }
        }
        Err(Error::failed(format!("the list of {what} has no end")))
    }

    /// Sends a request until somebody takes it: sent twice, each of them does what it does once.
    async fn send(&self, request: &Request) -> Result<Reply> {
        let mut pace = Pace::retries(PATIENCE);
        loop {
            let outcome = self.exchange(request).await;
            let is_passing = match &outcome {
                Ok(reply) => {
                    if let Some(wait) = reply.retry_after {
                        pace.wait_at_least(wait);
                    }
                    let is_gateway = reply.status == 503 && said(reply).error.is_empty();
                    reply.status == 429 || is_gateway
                }
                Err(Lost::Unsent(_) | Lost::Unanswered(_)) => true,
                Err(Lost::Unusable(_)) => false,
            };
            if !is_passing || !pace.next().await {
                let is_lost = outcome.as_ref().map_or(true, is_another);
                self.is_lost.store(is_lost, Ordering::Relaxed);
                return outcome.map_err(Lost::into_error);
            }
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, Lost> {
        let url = self.transport.server().url(&request.path);
        let body = request.body.as_deref().unwrap_or_default();
        let signed = self.signer.headers(request.method.as_str(), &url, body);
        let mut headers = HeaderMap::new();
        for (name, value) in signed.await.map_err(Lost::Unsent)? {
            let name = HeaderName::try_from(name);
            let value = HeaderValue::try_from(value);
            if let (Ok(name), Ok(mut value)) = (name, value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let incoming = self.transport.send(request, &url, headers).await?;
        incoming.complete().await.map_err(Lost::from)
    }

    fn read<T: DeserializeOwned>(&self, request: &Request, reply: &Reply) -> Result<T> {
        if !(200..300).contains(&reply.status) {
            return Err(self.refusal(request, reply));
        }
        serde_json::from_slice(&reply.body).map_err(|error| {
            Error::failed(format!(
                "{self} answers {} {} with what is no answer to it",
                request.method, request.path
            ))
            .because(error)
        })
    }

    fn refusal(&self, request: &Request, reply: &Reply) -> Error {
        let said = said(reply);
        if !said.error.is_empty() {
            let error = Error::failed(said.error);
            let hints = said.hints.iter().map(|words| Hint::read(words));
            return hints.fold(error, Error::hint);
        }
        match (reply.status, said.message.as_str()) {
            (403, _) => Error::failed(format!(
                "IAM does not let these credentials {} {}",
                request.method, request.path
            ))
            .because(said.message)
            .hint(Hint::run(Verb::IamPolicy.with("operations")).because("what a caller needs")),
            _ if is_another(reply) => Error::failed(format!("{self} is not there")).hint(
                Hint::run(Verb::Up.with("--operations"))
                    .because("make it, as who administers the deployment"),
            ),
            (status, _) => Error::failed(format!("{self} answers with HTTP status {status}"))
                .because(excerpt(&reply.text())),
        }
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operations path of {}", self.transport.server())
    }
}

/// Where the path begins below the server's address.
const PATH: &str = "/operations/";

fn request(method: Method, below: &str, body: Option<Vec<u8>>) -> Request {
    Request {
        method,
        path: format!("{PATH}{below}"),
        body,
    }
}

/// Returns whether an API answers that has no operations path.
fn is_another(reply: &Reply) -> bool {
    reply.status == 404 && said(reply).error.is_empty()
}

fn said(reply: &Reply) -> Said {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// Returns whether a server is one that the path may be below.
pub fn require_url(server: &Server) -> Result<()> {
    match server {
        Server::Url(_) => Ok(()),
        Server::Socket(_) => Err(Error::usage(
            "the operations path is below the URL of a deployment, not below a socket",
        )),
    }
}
