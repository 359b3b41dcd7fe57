//! `hpcapi upgrade`.

use clap::Args as ClapArgs;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::context::{Context, OldJobs};
use crate::deploy::{self, Plan, Preflight, Wish};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Volume};
use crate::prices::money;

use super::cluster_args::ClusterArgs;
use super::consent;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::prices::PriceArgs;
use super::up::answer::UpAnswer;
use super::up::replaced;

/// Move the cluster to another ParallelCluster
///
/// Makes a cluster of the version that is meant beside the one that serves, as `up --replace-cluster` does:
/// it takes its place behind the same URL, and the old one is deleted with its jobs and volumes. Says from
/// which version to which, and asks; a cluster of that version stays as it is. hpcapi's own stacks are
/// brought up to date, too.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    prices: PriceArgs,

    /// Do not ask before the cluster is replaced
    #[arg(short, long, overrides_with = "yes")]
    yes: bool,

    /// Delete the old cluster only when none of its jobs runs any more
    #[arg(long)]
    wait_for_jobs: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

impl Args {
    /// Returns what becomes of the jobs of a cluster that is replaced.
    fn old_jobs(&self) -> OldJobs {
        match self.wait_for_jobs {
            true => OldJobs::Finish,
            false => OldJobs::End,
        }
    }
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    let done = output::telling(Volume::of_story(args.deployment.verbose), async |events| {
        work(&args, events).await
    })
    .await;
    output::answer(&done?, args.output)
}

async fn work(args: &Args, events: &Events) -> Result<UpgradeAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    let upgrade = deploy::look_before_upgrade(&context).await?;
    let words = match upgrade.is_needed() {
        true => format!("ParallelCluster {} -> {}", upgrade.from, upgrade.to),
        false => format!(
            "the cluster has ParallelCluster {} already, and stays",
            upgrade.to
        ),
    };
    events.note(words);
    if let Some(paid) = args.prices.paid(&context) {
        events.price(format!("{} an hour", money::fine(paid.in_all.hour)));
    }
    let asked = |plan| -> BoxFuture<'_, Result<()>> { Box::pin(agree(args, &context, plan)) };
    let wish = Wish {
        preflight: Preflight::Look,
        cluster: upgrade.fate(args.old_jobs()),
        consent: &asked,
    };
    let up = deploy::up(&context, &wish).await?;
    Ok(UpgradeAnswer {
        from_version: upgrade.from,
        to_version: upgrade.to,
        up: UpAnswer::new(&context, up, None, args.prices.paid(&context)),
    })
}

/// Says what goes with the old cluster, and asks unless `--yes` was given.
async fn agree(args: &Args, context: &Context, plan: Plan) -> Result<()> {
    let Some(replaced) = &plan.replaced else {
        return Ok(());
    };
    let question = replaced::tell(context, replaced).await;
    if args.yes {
        return Ok(());
    }
    let again = args.deployment.again(&args.cluster);
    consent::ask(question, || {
        let waits = match args.wait_for_jobs {
            true => " --wait-for-jobs",
            false => "",
        };
        Error::usage("nothing was deleted").hint(format!(
            "without the question: {}{waits} --yes",
            again.command("upgrade")
        ))
    })
    .await
}

/// What `upgrade` answers: what `up` does, and both versions.
#[derive(Serialize)]
struct UpgradeAnswer {
    /// The version that the cluster had.
    from_version: String,
    /// The version that it has now.
    to_version: String,
    #[serde(flatten)]
    up: UpAnswer,
}

impl Answer for UpgradeAnswer {
    fn text(&self) -> String {
        let text = self.up.text();
        match self.from_version == self.to_version {
            true => text,
            false => format!(
                "ParallelCluster {} -> {}\n{text}",
                self.from_version, self.to_version
            ),
        }
    }

    fn done(&self) -> Option<String> {
        self.up.done()
    }
}
