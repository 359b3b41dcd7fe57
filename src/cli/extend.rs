//! `hpcapi extend`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::deploy;
use crate::error::Result;
use crate::event::Events;
use crate::limits::{Span, Term};
use crate::output::{self, Answer, Format, Volume};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};

/// Let a deployment with a time limit work longer
///
/// Moves the end of the time that `up --ttl` gave it. When the time is over, AWS puts the deployment to
/// rest, and `resume` brings it back.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// How much longer, as in 4h, 90m or 2days
    #[arg(value_name = "TIME")]
    by: Span,

    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let done = output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
        events.progress("moving the end of the time");
        work(&args, events).await
    })
    .await;
    output::answer(&done?, args.output)
}

async fn work(args: &Args, events: &Events) -> Result<ExtendAnswer> {
    let context = args
        .deployment
        .context(&ClusterArgs::default(), SandboxUse::Expect, events)
        .await?;
    deploy::require_deployed(&context, "extend").await?;
    let term = deploy::extend(&context, args.by).await?;
    Ok(ExtendAnswer::new(&context, term))
}

/// What `extend` says.
#[derive(Debug, Serialize)]
struct ExtendAnswer {
    name: String,
    account: String,
    region: String,
    /// When the time is over, in UTC.
    until: String,
    /// How many seconds that is from now.
    seconds_left: u64,
}

impl ExtendAnswer {
    fn new(context: &Context, term: Term) -> ExtendAnswer {
        ExtendAnswer {
            name: context.settings.name.to_string(),
            account: context.identity.account.clone(),
            region: context.aws.region.clone(),
            until: term.end(),
            seconds_left: term.until().saturating_sub(clock::now()),
        }
    }
}

impl Answer for ExtendAnswer {
    fn text(&self) -> String {
        format!(
            "{} works until {}, {} from now; then it rests\n",
            self.name,
            self.until,
            output::span(self.seconds_left)
        )
    }
}
