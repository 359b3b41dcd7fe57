//! `hpcapi up`.

pub(super) mod answer;
mod detached;
pub(super) mod replaced;
#[cfg(test)]
mod schema;

use std::io::IsTerminal;
use std::path::Path;

use clap::{Args as ClapArgs, ValueEnum};
use futures_util::future::BoxFuture;

use crate::context::{Context, OldJobs};
use crate::deploy::{self, ClusterFate, Consent, Plan, Preflight, Proof, Wish};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Format, Story, Volume};
use crate::prices::money;
use crate::settings::Toggle;
use crate::triggers::Triggers;

use super::account_args::AccountArgs;
use super::cluster_args::ClusterArgs;
use super::consent;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::network_args::NetworkArgs;
use super::part_args::PartArgs;
use super::plan::PlanAnswer;
use super::prices::PriceArgs;
use answer::UpAnswer;
use detached::Detached;

/// Make the cluster and its API, or go on with it
///
/// Makes the whole deployment: network, cluster, API. It ends with a call through the public URL.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    parts: PartArgs,

    #[command(flatten)]
    network: NetworkArgs,

    #[command(flatten)]
    account: AccountArgs,

    #[command(flatten)]
    prices: PriceArgs,

    /// Do not ask before making things that cost money
    #[arg(short, long, overrides_with = "yes")]
    yes: bool,

    /// Do not look first whether everything can be made (see `hpcapi doctor`)
    #[arg(
        long,
        overrides_with = "skip_preflight",
        conflicts_with = "replace_cluster"
    )]
    skip_preflight: bool,

    /// Begin, and return: the rest is done in the background, and told in a file
    #[arg(long)]
    detach: bool,

    /// Make a new cluster beside the one that serves, have it take its place behind the same URL, and
    /// delete the old one with its jobs and volumes; network, bucket and API stay. Says what goes with
    /// the old one, and asks (without a terminal only --yes agrees), once it is known that the new one
    /// can be made
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "beside"
    )]
    replace_cluster: Option<Replacing>,

    /// With --replace-cluster: delete the old cluster only when none of its jobs runs any more
    #[arg(long, requires = "replace_cluster")]
    wait_for_jobs: bool,

    /// Go on until a real job, submitted through the public URL, has run
    #[arg(long)]
    prove: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// How a cluster is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Replacing {
    /// The old one serves until the new one does
    Beside,
    /// The old one is deleted first, and nothing serves meanwhile: for accounts that have no room for
    /// two
    InPlace,
}

impl Replacing {
    /// Returns the option as it is typed.
    fn option(self) -> &'static str {
        match self {
            Replacing::Beside => " --replace-cluster",
            Replacing::InPlace => " --replace-cluster=in-place",
        }
    }
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    if args.wait_for_jobs && args.replace_cluster == Some(Replacing::InPlace) {
        return Err(Error::usage(
            "--wait-for-jobs and --replace-cluster=in-place exclude each other",
        )
        .hint("leave out one of them: what is replaced in place takes no jobs, and ends those that run"));
    }
    let piped = args.cluster.keep_piped(&args.deployment)?;
    args.parts.tell(&mut args.cluster);
    args.cluster.network = args.network.clone();
    args.account.tell(&mut args.cluster)?;
    let (events, story) = Story::start(Volume::of_story(args.deployment.verbose));
    take_up_triggers(&mut args, &events).await;
    if args.detach {
        let begun = begin(&args, piped.as_deref(), &events).await;
        drop(events);
        story.end().await;
        return output::answer(&begun?, args.output);
    }
    let done = work(&args, &events).await;
    drop(events);
    story.end().await;
    output::answer(&done?, args.output)
}

/// Has what the triggers in a bucket need made with the rest, when an earlier deployment left it.
async fn take_up_triggers(args: &mut Args, events: &Events) {
    let Some(bucket) = args.cluster.kept_bucket.clone() else {
        return;
    };
    if args.cluster.operations != Toggle::AsItIs {
        return;
    }
    let found = async {
        let aws = args.deployment.connect(events).await?;
        Triggers::new(aws.buckets.clone(), bucket).all().await
    };
    // Whether the bucket can be used at all is looked at with the rest.
    let Ok(found) = found.await else {
        return;
    };
    if let Some(first) = found.first() {
        events.note(format!(
            "the bucket has triggers ({}, the first is `{}`): what they need is made, too",
            found.len(),
            first.name
        ));
        args.cluster.operations = Toggle::On;
        args.cluster.triggers = Toggle::On;
    }
}

/// Looks whether all of it can be made, and leaves the making to another process.
async fn begin(args: &Args, piped: Option<&Path>, events: &Events) -> Result<Detached> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    let asked = |plan| -> BoxFuture<'_, Result<()>> { Box::pin(agree(args, &context, plan)) };
    deploy::look_ahead(&context, &args.wish(&asked)).await?;
    Detached::begin(
        &context.settings,
        piped,
        args.deployment.settings.as_deref(),
    )
}

async fn work(args: &Args, events: &Events) -> Result<UpAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    if let Some(paid) = args.prices.paid(&context) {
        events.price(format!("{} an hour", money::fine(paid.in_all.hour)));
    }
    let asked = |plan| -> BoxFuture<'_, Result<()>> { Box::pin(agree(args, &context, plan)) };
    let up = deploy::up(&context, &args.wish(&asked)).await?;
    let proof = if args.prove {
        Some(Proof::run(&context).await?)
    } else {
        None
    };
    Ok(UpAnswer::new(
        &context,
        up,
        proof,
        args.prices.paid(&context),
    ))
}

/// Says what would be done where it costs, and asks unless `--yes` was given.
async fn agree(args: &Args, context: &Context, plan: Plan) -> Result<()> {
    let Some(replaced) = &plan.replaced else {
        return agree_to_changes(args, context, &plan).await;
    };
    let question = replaced::tell(context, replaced).await;
    if args.yes {
        return Ok(());
    }
    consent::ask(question, || {
        args.without_the_question("nothing was deleted")
    })
    .await
}

/// Says what would be made and changed, and asks; what does not cost, or not more than before, and ends
/// no job is done unasked.
async fn agree_to_changes(args: &Args, context: &Context, plan: &Plan) -> Result<()> {
    // Who types `up` into a script has decided, but for the jobs of others.
    let has_decided = !std::io::stdin().is_terminal() || args.deployment.is_in_sandbox();
    let is_asked =
        plan.ended.is_some() || !has_decided && (plan.makes_things() || !plan.changes.is_empty());
    if args.yes || !is_asked {
        return Ok(());
    }
    context.events.settled().await;
    let costs = args.prices.estimate(context);
    let answer = PlanAnswer::new(context, plan, costs);
    output::tell(&answer.told());
    let question = answer.question();
    let unasked = || args.without_the_question("nothing was made");
    consent::ask(&question, unasked).await
}

impl Args {
    /// Returns what becomes of the jobs of a cluster that is replaced.
    fn old_jobs(&self) -> OldJobs {
        match self.wait_for_jobs {
            true => OldJobs::Finish,
            false => OldJobs::End,
        }
    }

    fn wish<'c>(&self, consent: &'c Consent<'c>) -> Wish<'c> {
        Wish {
            preflight: match self.skip_preflight {
                true => Preflight::Skip,
                false => Preflight::Look,
            },
            cluster: match self.replace_cluster {
                None => ClusterFate::Kept,
                Some(Replacing::Beside) => ClusterFate::Beside(self.old_jobs()),
                Some(Replacing::InPlace) => ClusterFate::InPlace,
            },
            consent,
        }
    }

    /// Returns the error of a question that cannot be asked, with this very call in which nothing is
    /// asked.
    fn without_the_question(&self, outcome: &str) -> Error {
        let mut again = self.deployment.again(&self.cluster).command("up");
        let replacing = self.replace_cluster.map(Replacing::option);
        again.push_str(replacing.unwrap_or_default());
        for (given, option) in [
            (self.wait_for_jobs, " --wait-for-jobs"),
            (self.skip_preflight, " --skip-preflight"),
            (self.detach, " --detach"),
            (self.prove, " --prove"),
            (!self.prices.are_shown(), " --no-prices"),
        ] {
            if given {
                again.push_str(option);
            }
        }
        Error::usage(outcome).hint(format!("without the question: {again} --yes"))
    }
}
