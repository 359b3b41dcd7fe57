//! `hpcapi token`.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Volume};
use crate::shell::quoted;
use crate::slurm::client::{Client, Transport};
use crate::slurm::{ApiVersion, Lifespan, Minter, Token, UserName, revoke_all};

use super::cluster_args::ClusterArgs;
use super::consent;
use super::deployment::DeploymentArgs;
use super::identity::with;
use super::reach::{located, running_head_node};

/// How long it is waited for the endpoint to say which versions it speaks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Get a Slurm token for the API
///
/// It is minted on the head node, and comes sealed, so that nobody on the way can use it.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How long the token is valid: seconds, or units as in 30m and 12h
    #[arg(long, default_value = "3600")]
    lifespan: Lifespan,

    /// The user of the cluster who the token is for [default: its own, e.g. ec2-user]
    #[arg(long)]
    user: Option<UserName>,

    /// How the token is printed
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    output: Shape,

    /// End every token of the cluster, whoever has it: replaces the key that signs them
    #[arg(long, conflicts_with_all = ["lifespan", "user"])]
    revoke_all: bool,

    /// With --revoke-all: do not ask
    #[arg(long, requires = "revoke_all")]
    yes: bool,
}

/// How the token is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// The token alone.
    Text,
    /// Lines for a shell: eval "$(hpcapi token --output env)".
    Env,
    /// One JSON document.
    Json,
}

pub(super) async fn run(args: Args) -> Result<()> {
    if args.revoke_all {
        return revoke(&args).await;
    }
    let minted = output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
        fetch(&args, events).await
    })
    .await;
    let answer = minted?;
    match args.output {
        Shape::Text => output::answer(&answer, Format::Text),
        Shape::Json => output::answer(&answer, Format::Json),
        Shape::Env => output::raw(&answer.env()),
    }
}

async fn fetch(args: &Args, events: &Events) -> Result<TokenAnswer> {
    let _told = events.going_on("getting a token from the head node");
    let minter = Minter::begin();
    let context = located(&args.deployment, events).await?;
    let head_node = running_head_node(&context).await?;
    let commands = &context.aws.commands;
    let minted = minter.mint(commands, &head_node, args.user.as_ref(), args.lifespan);
    let (token, login) = minted.await?;
    let endpoint = context.facts().endpoint.clone();
    let version = match (&endpoint, args.output) {
        (Some(endpoint), Shape::Env | Shape::Json) => version(&context, endpoint, &token).await,
        _ => None,
    };
    let mut answer = TokenAnswer::new(&token, endpoint, login.map(|login| login.home))?;
    answer.api_version = version.map(|version| version.to_string());
    Ok(answer)
}

/// Returns the newest API version that the endpoint speaks; `None` when it does not answer, which is
/// no reason to lose the token.
async fn version(context: &Context, endpoint: &str, token: &Token) -> Option<ApiVersion> {
    let memory = context.memory.clone();
    if let Some(version) = memory.version() {
        return Some(version);
    }
    let transport = Transport::new(endpoint.parse().ok()?, PATIENCE).ok()?;
    let client = Client::new(transport, with(token.clone(), None), memory);
    client.version().await.ok()
}

async fn revoke(args: &Args) -> Result<()> {
    let question = "this ends every token of the cluster; jobs go on. Do it?";
    let unasked = || {
        Error::usage("no token was revoked").hint(format!(
            "without the question: {} --revoke-all --yes",
            args.deployment
                .again(&ClusterArgs::default())
                .command("token")
        ))
    };
    if !args.yes {
        consent::ask(question, unasked).await?;
    }
    let revoked: Result<_> =
        output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
            let context = located(&args.deployment, events).await?;
            let head_node = running_head_node(&context).await?;
            let key = revoke_all(&context.aws.commands, &head_node).await?;
            Ok(RevokeAnswer { head_node, key })
        })
        .await;
    let format = match args.output {
        Shape::Json => Format::Json,
        Shape::Text | Shape::Env => Format::Text,
    };
    output::answer(&revoked?, format)
}

#[derive(Serialize)]
struct RevokeAnswer {
    head_node: String,
    key: String,
}

impl Answer for RevokeAnswer {
    fn text(&self) -> String {
        format!(
            "every token is revoked: {} on {} is a new key, and slurmctld was started anew\n",
            self.key, self.head_node
        )
    }

    fn done(&self) -> Option<String> {
        Some("every token is revoked".to_owned())
    }
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
    user: String,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    endpoint: Option<String>,
    home: Option<String>,
    /// The newest version of Slurm's REST API that the endpoint speaks, as in `v0.0.42`.
    api_version: Option<String>,
}

impl TokenAnswer {
    fn new(token: &Token, endpoint: Option<String>, home: Option<String>) -> Result<TokenAnswer> {
        let claims = token.claims()?;
        Ok(TokenAnswer {
            token: token.reveal().to_owned(),
            user: token.user()?.to_string(),
            issued_at: claims.issued(),
            expires_at: claims.expires(),
            endpoint,
            home,
            api_version: None,
        })
    }

    fn env(&self) -> String {
        let mut text = format!(
            "export SLURM_JWT={}\nexport SLURM_USER={}\n",
            self.token,
            self.user.replace('\\', r"\\")
        );
        if let Some(endpoint) = &self.endpoint {
            text.push_str(&format!("export HPCAPI_ENDPOINT='{endpoint}'\n"));
        }
        if let Some(version) = &self.api_version {
            text.push_str(&format!("export SLURM_API_VERSION={version}\n"));
        }
        if let Some(home) = &self.home {
            text.push_str(&format!("export HPCAPI_HOME={}\n", quoted(home)));
        }
        text
    }
}

impl Answer for TokenAnswer {
    fn text(&self) -> String {
        format!("{}\n", self.token)
    }
}
