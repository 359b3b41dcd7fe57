//! `hpcapi token`.

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Story};
use crate::slurm::{Claims, Lifespan, Token, UserName, mint};

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse};

/// Mint a Slurm token on the head node; it comes sealed, so that nobody on the way can use it
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
    let (events, story) = Story::start(!args.deployment.verbose);
    let minted = fetch(&args, &events).await;
    drop(events);
    story.end().await;
    let answer = minted?;
    match args.output {
        Shape::Text => output::answer(&answer, Format::Text),
        Shape::Json => output::answer(&answer, Format::Json),
        Shape::Env => output::raw(&answer.env()),
    }
    Ok(())
}

async fn fetch(args: &Args, events: &Events) -> Result<TokenAnswer> {
    let context = args
        .deployment
        .context(&ClusterArgs::default(), SandboxUse::Expect, events)
        .await?;
    crate::deploy::locate(&context).await?;
    let (head_node, endpoint) = {
        let facts = context.facts();
        (facts.head_node.clone(), facts.endpoint.clone())
    };
    let again = &context.settings.again;
    let head_node = head_node.ok_or_else(|| {
        Error::new(
            Kind::NotReady,
            format!("`{}` has no head node", context.settings.name),
        )
        .hint(format!("make it with `{}`", again.command("up")))
    })?;
    if !head_node.is_running() {
        return Err(Error::new(
            Kind::NotReady,
            format!("the head node `{}` is {}", head_node.id, head_node.state),
        )
        .hint(format!("look with `{}`", again.command("status"))));
    }
    let token = mint(
        &context.aws.commands,
        &head_node.id,
        args.user.as_ref(),
        args.lifespan,
    )
    .await?;
    TokenAnswer::new(&token, endpoint)
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
    user: String,
    issued_at: i64,
    expires_at: i64,
    endpoint: Option<String>,
}

impl TokenAnswer {
    fn new(token: &Token, endpoint: Option<String>) -> Result<TokenAnswer> {
        let Claims { exp, iat, sun } = token.claims()?;
        Ok(TokenAnswer {
            token: token.reveal().to_owned(),
            user: sun,
            issued_at: iat,
            expires_at: exp,
            endpoint,
        })
    }

    fn env(&self) -> String {
        let mut text = format!(
            "export SLURM_JWT={}\nexport SLURM_USER={}\n",
            self.token, self.user
        );
        if let Some(endpoint) = &self.endpoint {
            text.push_str(&format!("export HPCAPI_ENDPOINT='{endpoint}'\n"));
        }
        text
    }
}

impl Answer for TokenAnswer {
    fn text(&self) -> String {
        format!("{}\n", self.token)
    }
}
