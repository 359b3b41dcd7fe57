//! The arguments that say which Slurm is meant and who asks it, and how they become a client:
//! the deployment's API, or any other slurmrestd.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::deploy;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::hint::Again;
use crate::runs::Runs;
use crate::shell::quoted;
use crate::slurm::client::{Client, Identity, LookUp, Memory, Request, Server, Transport, Trust};
use crate::slurm::jobs::{Job, JobId, JobMemory};
use crate::slurm::operations::{Operations, require_url};
use crate::slurm::{ApiVersion, UserName};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::identity::{given_token, minting, no_token, with};
use super::remembered;

/// Which Slurm is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct ReachArgs {
    #[command(flatten)]
    pub(super) deployment: DeploymentArgs,

    /// Any other slurmrestd instead: a URL, or unix:/path/of/socket; its token comes from SLURM_JWT
    #[arg(
        long,
        value_name = "URL",
        env = "HPCAPI_ENDPOINT",
        hide_env_values = true
    )]
    endpoint: Option<String>,

    /// How Slurm is reached: operations needs no token, but credentials that IAM lets in, and a
    /// deployment made with `up --operations`
    #[arg(long, value_enum, default_value_t = Via::Slurmrestd, env = "HPCAPI_VIA", hide_env_values = true)]
    pub(super) via: Via,

    /// The CA certificates, or the server's own, to know a server over https by, in PEM
    /// [default: SSL_CERT_FILE and SSL_CERT_DIR, or the system's]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// The version of Slurm's REST API to speak, as in v0.0.42 [default: the newest that both sides know]
    #[arg(long, value_name = "VERSION")]
    api_version: Option<ApiVersion>,

    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// How Slurm is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Via {
    /// Slurm's own REST API, with a token of Slurm's.
    Slurmrestd,
    /// The operations path, signed with AWS credentials.
    Operations,
}

/// A client, and what it was made from.
pub(super) struct Reach {
    pub(super) client: Arc<Client>,
    pub(super) deployment: DeploymentArgs,
    memory: Memory,
    /// The memory of the deployment, if the server is known to be its own.
    pub(super) own: Option<Memory>,
    pub(super) events: Events,
    /// Whether the user named the server.
    is_given: bool,
}

/// What a deployment's bucket holds of jobs.
pub(super) struct JobBucket {
    pub(super) memory: JobMemory,
    pub(super) runs: Runs,
    /// The bucket's region.
    pub(super) region: String,
}

impl ReachArgs {
    /// Returns a client that asks as `user`, or else as the token's own user.
    pub(super) async fn open(&self, user: Option<&UserName>, events: &Events) -> Result<Reach> {
        if self.via == Via::Operations {
            return self.open_operations(user, events).await;
        }
        let deployment = self.deployment.clone();
        let given = self.given_server()?;
        let memory = self.memory(given.as_ref(), user);
        let is_given = given.is_some();
        let is_remembered = !is_given && memory.endpoint().is_some();
        let (server, identity, memory) = match (given, given_token()?) {
            (Some(server), Some(token)) => (server, with(token, user), memory),
            (Some(server @ Server::Socket(_)), None) => (server, Identity::Anonymous, memory),
            (Some(server), None) => {
                // A token of the deployment's goes to the deployment alone.
                let memory = self.memory(None, user);
                let mut own = self.deployed(&deployment, &memory, events).await;
                if memory.endpoint().is_some() && own.as_ref().is_ok_and(|own| *own != server) {
                    // The deployment may have been made anew since.
                    memory.forget_endpoint();
                    own = self.deployed(&deployment, &memory, events).await;
                }
                if !own.is_ok_and(|own| own == server) {
                    return Err(no_token(&server));
                }
                let mint = minting(&deployment, user, events);
                (server, Identity::minted(mint, memory.clone()), memory)
            }
            (None, token) => {
                let server = self.deployed(&deployment, &memory, events).await?;
                let identity = match token {
                    Some(token) => with(token, user),
                    None => Identity::minted(minting(&deployment, user, events), memory.clone()),
                };
                (server, identity, memory)
            }
        };
        if server.is_open_to_listeners() {
            events.warn(format!(
                "whoever listens on the way to {server} can read the token: use https"
            ));
        }
        let client = Client::new(self.transport(server)?, identity, memory.clone());
        let mut client = client.speaking(self.api_version);
        if is_remembered {
            client = client.looking_up(looking_up(&deployment, &memory, events));
        }
        Ok(Reach {
            client: Arc::new(client),
            deployment,
            memory,
            own: self.deployment_memory(user)?,
            events: events.clone(),
            is_given,
        })
    }

    /// Returns a client that asks by the operations path. Where the server is known, nothing else
    /// in AWS is looked at: a caller may be let in there and nowhere else.
    async fn open_operations(&self, user: Option<&UserName>, events: &Events) -> Result<Reach> {
        if let Some(user) = user {
            return Err(Error::usage(format!(
                "nobody is `{user}` on the operations path: it asks as the cluster's own user"
            ))
            .hint("leave out --user and SLURM_USER"));
        }
        let deployment = self.deployment.clone();
        let given = self.given_server()?;
        let is_given = given.is_some();
        let memory = self.memory(given.as_ref(), None);
        let server = match given {
            Some(server) => server,
            None => self.deployed(&deployment, &memory, events).await?,
        };
        require_url(&server)?;
        let aws = deployment.connect(events).await?;
        let transport = self.transport(server)?;
        let operations = Operations::new(transport, aws.signer());
        Ok(Reach {
            client: Arc::new(Client::by_operations(operations, memory.clone())),
            deployment,
            memory,
            own: None,
            events: events.clone(),
            is_given,
        })
    }

    /// Returns how to type a command that asks the same Slurm in the same way.
    pub(super) fn command(&self, verb: &str) -> String {
        self.again().command(verb)
    }

    /// Returns how to call this program again for the same Slurm.
    pub(super) fn again(&self) -> Again {
        let mut options = String::new();
        if let Some(endpoint) = &self.endpoint {
            options.push_str(&format!(" --endpoint {}", quoted(endpoint)));
        }
        if let Some(cacert) = &self.cacert {
            options.push_str(&format!(" --cacert {}", quoted(&cacert.to_string_lossy())));
        }
        if self.via == Via::Operations {
            options.push_str(" --via operations");
        }
        Again {
            slurm_options: options,
            ..self.deployment.again(&ClusterArgs::default())
        }
    }

    /// Returns the command that says what is wrong with a Slurm that lacks something.
    pub(super) fn examination(&self) -> String {
        match &self.endpoint {
            Some(_) => self.command("ping"),
            None => self.deployment.command("doctor"),
        }
    }

    /// Returns requests as curl commands, as far as they are known without asking anybody.
    pub(super) fn curl(&self, user: Option<&UserName>, requests: &[Request]) -> Result<String> {
        if self.via == Via::Operations {
            return Err(Error::usage("a signed request is no curl command: --curl")
                .hint("leave out --via operations, or --curl"));
        }
        let given = self.given_server()?;
        let memory = self.memory(given.as_ref(), user);
        let server = match given {
            Some(server) => Some(server),
            None => memory.endpoint().and_then(|endpoint| endpoint.parse().ok()),
        };
        let version = self.curl_version(user)?;
        // Slurm 22.05 wants to hear the name that the token has.
        let token = given_token()?.or_else(|| memory.token());
        let own = token.and_then(|token| token.user().ok());
        let user = user.or(own.as_ref()).map(UserName::as_str);
        let (server, cacert) = (server.as_ref(), self.cacert.as_deref());
        Ok(requests
            .iter()
            .map(|request| request.curl(server, cacert, version, user))
            .collect())
    }

    /// Returns the user that curl commands are printed for: the token's, which they go with.
    pub(super) fn curl_user(&self, user: Option<&UserName>) -> Result<Option<UserName>> {
        if let Some(user) = user {
            return Ok(Some(user.clone()));
        }
        let given = self.given_server()?;
        let remembered = || self.memory(given.as_ref(), user).token();
        match (given_token()?.or_else(remembered), &given) {
            (Some(token), _) => token.user().map(Some),
            // Slurm knows who calls by the socket.
            (None, Some(Server::Socket(_))) => Ok(std::env::var("USER")
                .ok()
                .and_then(|name| name.parse().ok())),
            (None, _) => Ok(None),
        }
    }

    /// Returns the version that curl commands are printed for.
    pub(super) fn curl_version(&self, user: Option<&UserName>) -> Result<ApiVersion> {
        let given = self.given_server()?;
        let known = || self.memory(given.as_ref(), user).version();
        let version = self.api_version.or_else(known);
        Ok(version.unwrap_or(ApiVersion::NEWEST))
    }

    fn transport(&self, server: Server) -> Result<Transport> {
        let trust = Trust::of(self.cacert.as_deref());
        Transport::trusting(trust, server, Duration::from_secs(self.timeout))
    }

    pub(super) fn given_server(&self) -> Result<Option<Server>> {
        const VARIABLE: &str = "HPCAPI_ENDPOINT";
        let Some(endpoint) = &self.endpoint else {
            return Ok(None);
        };
        let server = endpoint.parse().map_err(|error: Error| {
            match std::env::var(VARIABLE).as_ref() == Ok(endpoint) {
                true => error.hint(format!(
                    "for the deployment's own endpoint: unset {VARIABLE}"
                )),
                false => error,
            }
        })?;
        Ok(Some(server))
    }

    /// Returns the endpoint of the deployment, remembered or looked up in AWS.
    async fn deployed(
        &self,
        deployment: &DeploymentArgs,
        memory: &Memory,
        events: &Events,
    ) -> Result<Server> {
        if let Some(endpoint) = memory.endpoint() {
            return endpoint.parse();
        }
        look_up(deployment, memory, events).await
    }

    /// Returns the memory for this Slurm and this user.
    pub(super) fn memory(&self, given: Option<&Server>, user: Option<&UserName>) -> Memory {
        match given {
            Some(server) => remembered::of_server(&self.deployment.name, server, user),
            None => remembered::of_deployment(&self.deployment.clone(), user),
        }
    }
}

impl Reach {
    /// Notes how a command ended: a place where nobody like Slurm answered is looked up anew the
    /// next time.
    pub(super) fn conclude(&self) {
        if self.client.has_lost_its_server() {
            self.memory.forget_endpoint();
        }
    }

    /// Returns whether the server is the deployment's own, as far as it is known without asking AWS.
    pub(super) fn is_of_deployment(&self) -> bool {
        !self.is_given || self.own.is_some()
    }

    /// Returns what is remembered of a job that Slurm does not know, if it is the deployment's
    /// Slurm. That it cannot be looked up is only said, and not of a Slurm that may be another.
    pub(super) async fn remembered(&self, id: JobId) -> Vec<Job> {
        let found = async { self.job_memory().await?.find(id).await };
        match found.await {
            Ok(jobs) => jobs,
            Err(error) => {
                if !self.is_given {
                    self.events
                        .warn(format!("the job memory cannot be read: {error}"));
                }
                Vec::new()
            }
        }
    }

    /// Returns the memory of the deployment that the client asks.
    pub(super) async fn job_memory(&self) -> Result<JobMemory> {
        Ok(self.bucket().await?.memory)
    }

    /// Returns what the bucket of the deployment that the client asks holds of jobs.
    pub(super) async fn bucket(&self) -> Result<JobBucket> {
        let context = self.located_there().await?;
        let there = context.requirements().map(|it| it.bucket);
        let bucket = there.ok_or_else(|| Error::failed("the deployment has no bucket"))?;
        let buckets = context.aws.buckets.clone();
        Ok(JobBucket {
            memory: JobMemory::new(buckets.clone(), bucket.clone()),
            runs: Runs::new(buckets, bucket),
            region: context.aws.region.clone(),
        })
    }

    /// Fails when the deployment tells nobody when a job ends. Of a Slurm that may be another, and where
    /// AWS lets nobody look, it is only said that this is not known.
    pub(super) async fn require_notifications(&self) -> Result<()> {
        match self.located_there().await {
            Ok(context) => deploy::require_notifications(&context).await,
            Err(error) => {
                let text = format!("it is not known whether anybody will be told: {error}");
                self.events.warn(text);
                Ok(())
            }
        }
    }

    /// Returns the context of the deployment that the client asks, with what is known of its
    /// head node.
    pub(super) async fn located_there(&self) -> Result<Arc<Context>> {
        let context = located(&self.deployment, &self.events).await?;
        let own = context.facts().endpoint.clone();
        if own.is_none_or(|own| own != self.client.server().to_string()) {
            return Err(Error::usage(format!(
                "files and what is remembered are the deployment's, and {} is not the endpoint of `{}`",
                self.client.server(),
                context.settings.name
            ))
            .hint("leave out --endpoint, or name the deployment with --deployment"));
        }
        Ok(context)
    }
}

/// Returns the context of a deployment and looks for its endpoint and its head node.
pub(super) async fn located(deployment: &DeploymentArgs, events: &Events) -> Result<Arc<Context>> {
    let context = deployment
        .context(&ClusterArgs::default(), SandboxUse::Expect, events)
        .await?;
    deploy::locate(&context).await?;
    Ok(context)
}

/// Returns the id of a deployment's head node; fails unless it runs.
pub(super) async fn running_head_node(context: &Context) -> Result<String> {
    if context.facts().resting {
        return Err(rests(context));
    }
    let head_node = context.facts().head_node.clone();
    let Some(head_node) = head_node else {
        return Err(not_there(context, "no head node").await);
    };
    if !head_node.is_running() {
        return Err(Error::new(
            Kind::NotReady,
            format!("the head node `{}` is {}", head_node.id, head_node.state),
        )
        .hint(format!(
            "look with `{}`",
            context.settings.again.command("status")
        )));
    }
    Ok(head_node.id)
}

/// Returns the error of a deployment that rests.
pub(super) fn rests(context: &Context) -> Error {
    let name = &context.settings.name;
    Error::new(
        Kind::NotReady,
        format!("`{name}` rests: `pause` stopped it, and its jobs and its URL stay"),
    )
    .hint(format!(
        "bring it back to work: {}",
        context.settings.again.command("resume")
    ))
}

/// Returns the error of a deployment that lacks something. Before one that costs money is made, it
/// is looked whether there is one elsewhere.
async fn not_there(context: &Context, what: &str) -> Error {
    let name = &context.settings.name;
    let error = Error::new(
        Kind::NotReady,
        format!(
            "`{name}` has {what} in {} of account {}",
            context.aws.region, context.identity.account
        ),
    );
    let elsewhere = match context.requirements() {
        Some(_) => Vec::new(),
        None => deploy::look_elsewhere(context).await,
    };
    if elsewhere.is_empty() {
        let up = context.settings.again.command("up");
        return error.hint(format!("make it with `{up}`"));
    }
    let hints = elsewhere.iter().map(|place| place.hint(context));
    hints.fold(error, Error::hint)
}

/// Looks up the endpoint of a deployment in AWS, and remembers it.
async fn look_up(deployment: &DeploymentArgs, memory: &Memory, events: &Events) -> Result<Server> {
    let told = events.going_on("looking for the deployment");
    let context = located(deployment, events).await?;
    told.end().await;
    let endpoint = context.facts().endpoint.clone();
    let Some(endpoint) = endpoint else {
        return Err(not_there(&context, "no endpoint").await);
    };
    if context.facts().resting {
        return Err(rests(&context));
    }
    memory.remember_endpoint(&endpoint);
    endpoint.parse()
}

/// Returns how to look up the endpoint of a deployment.
fn looking_up(deployment: &DeploymentArgs, memory: &Memory, events: &Events) -> LookUp {
    let (deployment, memory, events) = (deployment.clone(), memory.clone(), events.clone());
    Box::new(move || {
        let (deployment, memory, events) = (deployment.clone(), memory.clone(), events.clone());
        Box::pin(async move { look_up(&deployment, &memory, &events).await })
    })
}
