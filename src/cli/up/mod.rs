//! `hpcapi up`.

mod answer;
mod detached;

use std::io::IsTerminal;

use clap::Args as ClapArgs;

use crate::deploy::{self, Preflight, Proof};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Format, Story};

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse};
use answer::UpAnswer;
use detached::Detached;

/// Make the whole deployment, or go on with it: network, cluster, API; ends with a call
/// through the public URL
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Do not ask before making things that cost money
    #[arg(short, long, overrides_with = "yes")]
    yes: bool,

    /// Do not look first whether everything can be made (see `hpcapi doctor`)
    #[arg(long, overrides_with = "skip_preflight")]
    skip_preflight: bool,

    /// Begin, and return: the rest is done in the background, and told in a file
    #[arg(long)]
    detach: bool,

    /// Delete the cluster with its jobs and volumes, and make a new one; network, bucket and
    /// API stay
    #[arg(long)]
    replace_cluster: bool,

    /// Go on until a real job, submitted through the public URL, has run
    #[arg(long)]
    prove: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    if !args.yes && !args.deployment.is_in_sandbox() {
        confirm(&args).await?;
    }
    let (events, story) = Story::start(false);
    if args.detach {
        let begun = begin(&args, &events).await;
        drop(events);
        story.end().await;
        return output::answer(&begun?, args.output);
    }
    let done = work(&args, &events).await;
    drop(events);
    story.end().await;
    output::answer(&done?, args.output)
}

async fn confirm(args: &Args) -> Result<()> {
    // Who types `up` into a script has decided.
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let question = "`up` makes a NAT gateway, a load balancer and a head node, which cost money \
        every hour until `teardown`. Go on?";
    if output::confirm(question).await {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, "nothing was made").hint(format!(
        "without the question: {} --yes",
        args.deployment.again(&args.cluster).command("up")
    )))
}

/// Looks whether all of it can be made, and leaves the making to another process.
async fn begin(args: &Args, events: &Events) -> Result<Detached> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    if !args.skip_preflight {
        deploy::look_ahead(&context).await?;
    }
    Detached::begin(&context.settings)
}

async fn work(args: &Args, events: &Events) -> Result<UpAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    if args.replace_cluster {
        deploy::replace_cluster(&context).await?;
    }
    let preflight = if args.skip_preflight {
        Preflight::Skip
    } else {
        Preflight::Look
    };
    let up = deploy::up(&context, preflight).await?;
    let proof = if args.prove {
        Some(Proof::run(&context, &up).await?)
    } else {
        None
    };
    Ok(UpAnswer::new(&context, up, proof))
}
