//! `hpcapi resume`.

use clap::Args as ClapArgs;
use futures_util::future::BoxFuture;

use crate::context::Context;
use crate::deploy::{self, ClusterFate, Plan, Preflight, Wish};
use crate::error::Result;
use crate::event::Events;
use crate::output::{self, Format, Volume};
use crate::prices::money;

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::prices::PriceArgs;
use super::up::answer::UpAnswer;

/// Bring a deployment that rests back to work
///
/// Makes what `pause` took away, starts the head node and the compute fleet, and ends with a call through
/// the public URL, which is the same as before. It asks nothing, and leaves the cluster's configuration as
/// it is.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    prices: PriceArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    let done = output::telling(Volume::of_story(args.deployment.verbose), async |events| {
        work(&args, events).await
    })
    .await;
    output::answer(&done?, args.output)
}

async fn work(args: &Args, events: &Events) -> Result<UpAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    deploy::require_deployed(&context, "resume").await?;
    if let Some(paid) = args.prices.paid(&context) {
        events.price(format!("{} an hour", money::fine(paid.in_all.hour)));
    }
    let agreed = |_: Plan| -> BoxFuture<'_, Result<()>> { Box::pin(async { Ok(()) }) };
    let wish = Wish {
        preflight: Preflight::Look,
        // It asks nothing: what may end jobs is for `up`.
        cluster: ClusterFate::Unchanged,
        consent: &agreed,
    };
    let up = deploy::up(&context, &wish).await?;
    Ok(answer(args, &context, up))
}

fn answer(args: &Args, context: &Context, up: deploy::Up) -> UpAnswer {
    UpAnswer::new(context, up, None, args.prices.paid(context))
}
