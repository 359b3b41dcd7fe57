//! The client of a slurmrestd, whatever stands in front of it: finds out which API version to
//! speak, gets and renews tokens, and sends what may be sent again.

mod discovery;
mod elements;
mod identity;
mod layer;
mod lists;
mod loss;
mod memory;
mod moved;
mod problem;
mod refusal;
mod request;
mod server;
mod silence;
mod tls;
mod transport;
mod version;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::error::{Error, Result};
use crate::slurm::operations::Operations;
use crate::slurm::shape;
use crate::wait::Pace;

pub use identity::{Identity, Mint};
pub use layer::Layer;
pub use lists::{Element, Envelope, Listed};
pub use memory::{Memory, Remembered};
pub use moved::LookUp;
pub use problem::{Problem, Problems};
pub(in crate::slurm) use refusal::mint;
pub use refusal::{excerpt, not_slurm, refusal, refused, unexpected};
pub use request::{Request, VERSION, encoded};
pub use server::Server;
pub use tls::Trust;
pub use transport::{Broken, Credentials, Incoming, Lost, Reply, Transport};
pub use version::{ApiVersion, offered};

use moved::Moved;

/// How long a passing failure of a GET is worth trying again.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server that takes no connection is worth trying again.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(3);

/// A client with an identity.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    moved: Moved,
    identity: Identity,
    operations: Option<Operations>,
    memory: Memory,
    version: OnceCell<ApiVersion>,
    /// The one that the user says.
    fixed: Option<ApiVersion>,
    is_lost: AtomicBool,
    is_refused: AtomicBool,
    left_out: AtomicUsize,
}

/// The beginning of an answer.
#[derive(Debug)]
pub enum Begun {
    /// A good one (HTTP 200), whose body still comes.
    Stream(Incoming),
    /// Another one, whole.
    Reply(Reply),
}

impl Client {
    /// Returns a client that remembers in `memory` what it finds out of the server.
    pub fn new(transport: Transport, identity: Identity, memory: Memory) -> Client {
        Client {
            transport,
            moved: Moved::default(),
            identity,
            operations: None,
            memory,
            version: OnceCell::new(),
            fixed: None,
            is_lost: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
            left_out: AtomicUsize::new(0),
        }
    }

    /// Returns a client that asks by the operations path, which speaks no version of Slurm's API.
    pub fn by_operations(operations: Operations, memory: Memory) -> Client {
        let transport = operations.transport().clone();
        Client {
            operations: Some(operations),
            ..Client::new(transport, Identity::Anonymous, memory)
        }
    }

    /// Returns the operations path, if that is how this client asks.
    pub fn operations(&self) -> Option<&Operations> {
        self.operations.as_ref()
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        self.transport().server()
    }

    /// Returns who makes the requests.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns whether nobody, or somebody else than Slurm, answered a request.
    pub fn has_lost_its_server(&self) -> bool {
        match &self.operations {
            Some(operations) => operations.has_lost_its_server(),
            None => self.is_lost.load(Ordering::Relaxed),
        }
    }

    /// Returns whether Slurm refused the token, and a new one, if one could be minted, as well.
    pub fn has_refused_token(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// Returns how many elements of lists were left out, for they were not understood.
    pub fn left_out(&self) -> usize {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Returns the API version to speak: the newest that both sides know.
    pub async fn version(&self) -> Result<ApiVersion> {
        if let Some(operations) = &self.operations {
            return Err(Error::usage(format!(
                "{operations} is no API of Slurm's: it lists, shows, submits and cancels jobs"
            ))
            .hint("for anything else leave out --via operations"));
        }
        if let Some(version) = self.fixed {
            return Ok(version);
        }
        self.spoken()
            .get_or_try_init(|| async {
                match self.memory.version() {
                    Some(version) => Ok(version),
                    None => self.discover().await,
                }
            })
            .await
            .copied()
    }

    /// Returns the version if it is known without asking the server.
    pub fn known_version(&self) -> Option<ApiVersion> {
        if self.operations.is_some() {
            return None;
        }
        self.fixed
            .or(self.spoken().get().copied())
            .or_else(|| self.memory.version())
    }

    fn transport(&self) -> &Transport {
        self.moved.transport().unwrap_or(&self.transport)
    }

    fn spoken(&self) -> &OnceCell<ApiVersion> {
        self.moved.version().unwrap_or(&self.version)
    }

    /// Sends a request and returns the answer, whatever it says. Renews a minted token that is
    /// refused, and sends a GET again while its failure looks like a passing one.
    pub async fn call(&self, request: &Request) -> Result<Reply> {
        self.attempt(request).await.map_err(Lost::into_error)
    }

    /// Like [`Client::call`], telling whether a request without an answer reached the server.
    pub async fn attempt(&self, request: &Request) -> Result<Reply, Lost> {
        let version = self.version_for(request).await?;
        let outcome = self.answer_or_loss(request, version).await;
        if !self.has_moved(request, outcome.as_ref()).await? {
            return outcome;
        }
        let version = self.version_for(request).await?;
        self.answer_or_loss(request, version).await
    }

    /// Sends a request that is the same in every version.
    async fn answer(&self, request: &Request) -> Result<Reply, Lost> {
        let outcome = self.answer_or_loss(request, ApiVersion::NEWEST).await;
        if !self.has_moved(request, outcome.as_ref()).await? {
            return outcome;
        }
        self.answer_or_loss(request, ApiVersion::NEWEST).await
    }

    async fn version_for(&self, request: &Request) -> Result<ApiVersion, Lost> {
        if request.wants_version() {
            self.version().await.map_err(Lost::Unsent)
        } else {
            Ok(ApiVersion::NEWEST)
        }
    }

    /// Sends a GET and returns its JSON; fails unless Slurm answers it as it should.
    pub async fn fetch<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let reply = self.call(request).await?;
        self.read(request, &reply)
    }

    /// Reads an answer's JSON; fails unless Slurm answered as it should.
    pub fn read<T: DeserializeOwned>(&self, request: &Request, reply: &Reply) -> Result<T> {
        if Layer::of(reply) != Layer::Slurm {
            return Err(self.refusal(request, reply));
        }
        shape::read(&reply.body)
            .map_err(|error| unexpected(request, reply).because(error.to_string()))
    }

    /// Sends a GET whose body is wanted as it comes.
    pub async fn stream(&self, request: &Request) -> Result<Incoming> {
        match self.begin(request).await? {
            Begun::Stream(incoming) => Ok(incoming),
            Begun::Reply(reply) => Err(self.refusal(request, &reply)),
        }
    }

    /// Sends a GET; returns once the head of a good answer is there, or a whole other one.
    pub async fn begin(&self, request: &Request) -> Result<Begun> {
        let begun = self.begin_or_loss(request).await;
        let outcome = match &begun {
            Ok(Begun::Stream(_)) => return begun.map_err(Lost::into_error),
            Ok(Begun::Reply(reply)) => Ok(reply),
            Err(lost) => Err(lost),
        };
        let has_moved = self.has_moved(request, outcome).await;
        if !has_moved.map_err(Lost::into_error)? {
            return begun.map_err(Lost::into_error);
        }
        let begun = self.begin_or_loss(request).await;
        begun.map_err(Lost::into_error)
    }

    async fn begin_or_loss(&self, request: &Request) -> Result<Begun, Lost> {
        let version = self.version_for(request).await?;
        let mut pace = Pace::retries(PATIENCE);
        let began = Instant::now();
        let mut is_renewed = false;
        loop {
            let credentials = self.identity.credentials().await.map_err(Lost::Unsent)?;
            let opened = self
                .transport()
                .open(request, version, credentials.as_ref())
                .await;
            let (outcome, passing) = match opened {
                Ok(incoming) if incoming.status() == 200 => return Ok(Begun::Stream(incoming)),
                Ok(incoming) => {
                    let mut reply = incoming.complete().await.map_err(Lost::from)?;
                    self.ask_on(&mut reply, version, credentials.as_ref()).await;
                    let layer = Layer::of(&reply);
                    if layer == Layer::Token && !is_renewed {
                        is_renewed = true;
                        if self.identity.renew().await.map_err(Lost::Unsent)? {
                            continue;
                        }
                    }
                    (Ok(Begun::Reply(reply)), layer.is_passing())
                }
                Err(lost) => {
                    self.is_lost.store(true, Ordering::Relaxed);
                    let passing = is_passing(&lost, began);
                    (Err(lost), passing)
                }
            };
            if !passing || !pace.next().await {
                return outcome;
            }
        }
    }

    /// Returns the error for an answer that is not what was asked for.
    pub fn refusal(&self, request: &Request, reply: &Reply) -> Error {
        match Layer::of(reply) {
            Layer::Path => self.memory.forget_version(),
            Layer::Route | Layer::Stranger => self.is_lost.store(true, Ordering::Relaxed),
            Layer::Token => self.is_refused.store(true, Ordering::Relaxed),
            _ => {}
        }
        let sent = Request {
            path: self
                .known_version()
                .map_or_else(|| request.path.clone(), |known| request.path(known)),
            ..request.clone()
        };
        let error = refusal(&sent, reply, self.identity.token().as_ref());
        match self.fixed.filter(|_| Layer::of(reply) == Layer::Path) {
            Some(version) => error.hint(format!("leave out --api-version {version}")),
            None => error,
        }
    }

    /// Finds out who gave an answer that leaves it open.
    async fn ask_on(
        &self,
        reply: &mut Reply,
        version: ApiVersion,
        credentials: Option<&Credentials>,
    ) {
        if silence::is_open(reply, version) {
            let question = silence::question();
            let asked = self.transport().exchange(&question, version, credentials);
            reply.giver = Some(silence::verdict(reply, &asked.await, version));
        }
    }

    async fn answer_or_loss(&self, request: &Request, version: ApiVersion) -> Result<Reply, Lost> {
        let mut pace = Pace::retries(PATIENCE);
        let began = Instant::now();
        let mut is_renewed = false;
        loop {
            let credentials = self.identity.credentials().await.map_err(Lost::Unsent)?;
            let mut outcome = self
                .transport()
                .exchange(request, version, credentials.as_ref())
                .await;
            if let Ok(reply) = &mut outcome {
                self.ask_on(reply, version, credentials.as_ref()).await;
            }
            let is_passing = match &outcome {
                Ok(reply) if Layer::of(reply) == Layer::Token && !is_renewed => {
                    is_renewed = true;
                    // Whoever refuses a token has done nothing: sending again is safe.
                    if self.identity.renew().await.map_err(Lost::Unsent)? {
                        continue;
                    }
                    false
                }
                // Nobody took it, so anything may be sent again.
                Ok(reply) if Layer::of(reply) == Layer::Rate => {
                    if let Some(wait) = reply.retry_after {
                        pace.wait_at_least(wait);
                    }
                    true
                }
                Ok(reply) => request.is_repeatable() && Layer::of(reply).is_passing(),
                Err(lost @ Lost::Unsent(_)) => is_passing(lost, began),
                Err(lost) => request.is_repeatable() && is_passing(lost, began),
            };
            if !is_passing || !pace.next().await {
                if outcome.is_err() {
                    self.is_lost.store(true, Ordering::Relaxed);
                }
                return outcome;
            }
        }
    }
}

/// Returns whether a loss is worth another try, in a call that began then.
fn is_passing(lost: &Lost, began: Instant) -> bool {
    match lost {
        Lost::Unsent(_) => began.elapsed() < CONNECTION_PATIENCE,
        Lost::Unanswered(_) => true,
        Lost::Unusable(_) => false,
    }
}
