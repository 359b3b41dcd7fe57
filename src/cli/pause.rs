//! `hpcapi pause`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::context::Context;
use crate::deploy::{self, BeforePause, Estimate, Paused, Usd};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Volume, plain};
use crate::prices::money;
use crate::slurm::Workload;

use super::cluster_args::ClusterArgs;
use super::consent;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::prices::PriceArgs;

/// Let a deployment rest: stop most of its costs
///
/// Stops the compute fleet and the head node, and takes away NAT gateway, load balancer and VPC link. Jobs
/// that run end; those that wait, the URL, the bucket and every file stay until `resume`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    prices: PriceArgs,

    /// Do not ask before jobs end
    #[arg(short, long)]
    yes: bool,

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

async fn work(args: &Args, events: &Events) -> Result<PauseAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    let before = deploy::look_before_pause(&context).await?;
    agree(args, &context, &before).await?;
    let paused = deploy::pause(&context).await?;
    Ok(PauseAnswer::new(args, &context, paused))
}

/// Says what ends and what it saves, and asks unless `--yes` was given, or it rests already.
async fn agree(args: &Args, context: &Context, before: &BeforePause) -> Result<()> {
    if args.yes || before.rests {
        return Ok(());
    }
    let name = &context.settings.name;
    let (region, account) = (&context.aws.region, &context.identity.account);
    let mut text = format!("this puts `{name}` to rest, in {region} of account {account}:\n");
    text.push_str(&output::hanging("  ", &ending(before)));
    if let (Some(now), Some(rest)) = (args.prices.estimate(context), args.prices.of_rest(context)) {
        let (now, then) = (
            money::amount(now.in_all.month),
            money::amount(rest.in_all.month),
        );
        let line =
            format!("it costs about {then} a month on AWS while it rests, in place of {now}");
        text.push_str(&output::hanging("  ", &line));
    }
    context.events.settled().await;
    output::tell(&text);
    let again = args.deployment.again(&args.cluster);
    consent::ask("put it to rest?", || {
        Error::usage("nothing was changed").hint(format!(
            "without the question: {} --yes",
            again.command("pause")
        ))
    })
    .await
}

/// Returns what becomes of the jobs.
fn ending(before: &BeforePause) -> String {
    match &before.jobs {
        Some(Ok(Workload {
            running, pending, ..
        })) if running + pending > 0 => {
            format!(
                "jobs: {running} running, which end; {pending} pending, which wait until it works again"
            )
        }
        Some(Err(why)) => {
            format!("jobs that run end; how many, is not known: {}", plain(why))
        }
        _ => "no job runs".to_owned(),
    }
}

/// What `pause` says.
#[derive(Debug, Serialize)]
struct PauseAnswer {
    name: String,
    account: String,
    region: String,
    /// The URL, which stays; it answers again after `resume`.
    endpoint: Option<String>,
    /// Whether anything was taken away or stopped.
    changed: bool,
    elapsed_seconds: f64,
    /// What it still costs on AWS, and what for; absent where prices are not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    costs: Option<Estimate>,
    /// What it costs less than while it works and no job runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    saves: Option<Usd>,
    /// The command that brings it back to work.
    resume: String,
}

impl PauseAnswer {
    fn new(args: &Args, context: &Context, paused: Paused) -> PauseAnswer {
        let costs = args.prices.of_rest(context);
        let works = args.prices.estimate(context);
        let saves = works.zip(costs.as_ref());
        PauseAnswer {
            name: context.settings.name.to_string(),
            account: context.identity.account.clone(),
            region: context.aws.region.clone(),
            endpoint: paused.endpoint,
            changed: paused.changed,
            elapsed_seconds: paused.elapsed.as_secs_f64(),
            saves: saves.map(|(works, rests)| works.in_all.less(rests.in_all)),
            costs,
            resume: args.deployment.again(&args.cluster).command("resume"),
        }
    }
}

impl Answer for PauseAnswer {
    fn text(&self) -> String {
        let elapsed = output::human(std::time::Duration::from_secs_f64(self.elapsed_seconds));
        let mut text = match self.changed {
            true => format!("{} rests after {elapsed}\n", self.name),
            false => format!("{} rests already (looked for {elapsed})\n", self.name),
        };
        if let Some(costs) = &self.costs {
            text.push_str("\nstill costs on AWS:\n");
            text.extend(costs.lines().iter().map(|line| plain(line) + "\n"));
        }
        if let Some(saves) = &self.saves {
            let (hour, month) = (money::fine(saves.hour), money::amount(saves.month));
            text.push_str(&format!("saves about {hour} an hour, {month} a month\n"));
        }
        if let Some(endpoint) = &self.endpoint {
            text.push_str(&format!("\nendpoint stays: {endpoint}\n"));
        }
        text + &format!("back to work:   {}\n", self.resume)
    }

    fn done(&self) -> Option<String> {
        Some(format!("`{}` rests", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_jobs_is_said() {
        let of = |jobs| BeforePause { rests: false, jobs };
        let busy = Workload {
            running: 2,
            pending: 1,
            ..Workload::default()
        };
        let told = ending(&of(Some(Ok(busy))));
        assert!(
            told.starts_with("jobs: 2 running, which end; 1 pending"),
            "{told}"
        );
        assert_eq!(ending(&of(Some(Ok(Workload::default())))), "no job runs");
        let unknown = ending(&of(Some(Err("denied".to_owned()))));
        assert!(unknown.ends_with("denied"), "{unknown}");
    }
}
