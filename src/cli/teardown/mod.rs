//! `hpcapi teardown`.

mod answer;
mod question;

use std::io::IsTerminal;

use clap::Args as ClapArgs;

use crate::context::Context;
use crate::deploy::{self, Elsewhere, Leftover, Scan, Teardown};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Format, Volume};
use crate::settings::BucketFate;
use crate::step::Step;

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse, open_sandbox};

use answer::{Place, TeardownAnswer};
use question::confirm;

/// Delete everything, and check that nothing is left
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Leave the bucket, with the jobs that are remembered in it, for a later `up --bucket`
    #[arg(long, conflicts_with = "check")]
    keep_bucket: bool,

    /// Do not ask before deleting
    #[arg(short, long)]
    yes: bool,

    /// Delete nothing: only show what there is of the deployment, what it costs, and how to
    /// remove it
    #[arg(long)]
    check: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    if args.deployment.is_in_sandbox() {
        let sandbox = open_sandbox()?;
        if sandbox.running().is_none() && (args.check || !sandbox.is_installed().await) {
            let removed = (!args.check).then(Vec::new);
            let answer = TeardownAnswer::new(removed, Scan::default(), None);
            return output::answer(&answer, args.output);
        }
    }
    let done = output::telling(Volume::of_story(args.deployment.verbose), async |events| {
        work(&args, events).await
    })
    .await;
    let (answer, verdict) = done?;
    let written = output::answer(&answer, args.output);
    verdict.and(written)
}

/// Returns the answer, and whether all is as it should be at the end.
async fn work(args: &Args, events: &Events) -> Result<(TeardownAnswer, Result<()>)> {
    let mut cluster = args.cluster.clone();
    if args.keep_bucket {
        cluster.bucket_fate = BucketFate::Kept;
    }
    let deployment = &args.deployment;
    let mut context = deployment
        .context(&cluster, SandboxUse::Start, events)
        .await?;
    if !args.check && asks(args) && keeps_jobs(&context).await? {
        cluster.bucket_fate = BucketFate::Kept;
        context = deployment
            .context(&cluster, SandboxUse::Start, events)
            .await?;
    }
    let (removed, scan) = if args.check {
        (None, deploy::check_leftovers(&context).await?)
    } else {
        let lines = deploy::to_be_deleted(&context).await?;
        // What cannot be removed is known before anything is.
        for line in deploy::in_the_way(&context).await {
            events.warn(line);
        }
        if !lines.is_empty() {
            confirm(args, &context, &lines).await?;
        }
        let Teardown { removed, scan } = deploy::teardown(&context).await?;
        (Some(removed), scan)
    };
    let verdict = verdict(args, &context, removed.as_deref(), &scan);
    let place = Place {
        region: context.aws.region.clone(),
        account: context.identity.account.clone(),
    };
    let again = args.deployment.again(&args.cluster).command("teardown");
    Ok((
        TeardownAnswer::new(removed, scan, Some(place)).grouped(again),
        verdict,
    ))
}

/// Fails unless everything was looked at, and nothing was found, here or elsewhere. Whoever removed
/// something here knows where they are.
fn verdict(args: &Args, context: &Context, removed: Option<&[Step]>, scan: &Scan) -> Result<()> {
    let again = args.deployment.again(&args.cluster).command("teardown");
    match (scan.left.as_slice(), scan.unseen.first()) {
        ([], None) => match scan.elsewhere.first() {
            Some(place) if removed.unwrap_or_default().is_empty() => {
                Err(is_elsewhere(context, place))
            }
            _ => Ok(()),
        },
        ([], Some(unseen)) => Err(Error::failed(format!(
            "could not look at every {}: whether something is left is not known",
            unseen.kind
        ))
        .because(unseen.why.clone())
        .hint(format!("look again: {again} --check"))),
        (left, None) if args.check && left.iter().all(|it| goes_with(&again, it)) => {
            let (number, name) = (left.len(), &context.settings.name);
            let text = format!("{number} things of `{name}` are there, as it should be");
            Err(Error::new(Kind::Answer(1), text).hint(format!("remove all of it: {again}")))
        }
        ([first, others @ ..], _) => Err(Error::failed(match others.len() {
            0 => format!("the {} `{}` is left", first.kind, first.name),
            number => format!(
                "the {} `{}` and {number} more are left",
                first.kind, first.name
            ),
        })
        .hint(match (args.check, &first.remove) {
            (false, Some(command)) => format!("remove it: {command}"),
            _ => format!("remove what can be: {again}"),
        })),
    }
}

/// Returns whether a thing goes with what `teardown` removes, as long as its stack is there.
fn goes_with(teardown: &str, thing: &Leftover) -> bool {
    thing.remove.as_deref().is_none_or(|it| it == teardown)
}

fn is_elsewhere(context: &Context, place: &Elsewhere) -> Error {
    let name = &context.settings.name;
    Error::failed(format!(
        "there is nothing of `{name}` in {} of account {}, but a deployment of this name in {}",
        context.aws.region,
        context.identity.account,
        place.place()
    ))
    .because(place.why.clone())
    .hint(place.command(context, "teardown --check"))
}

/// Asks whether what jobs have left is to stay, if they have left something.
async fn keeps_jobs(context: &Context) -> Result<bool> {
    let Some(bucket) = deploy::bucket_holding_jobs(context).await? else {
        return Ok(false);
    };
    let question =
        format!("keep the bucket `{bucket}` with the jobs and runs that are remembered in it?");
    context.events.settled().await;
    Ok(output::confirm(&question).await)
}

/// Returns whether somebody is there to be asked.
fn asks(args: &Args) -> bool {
    !args.yes && std::io::stdin().is_terminal()
}
