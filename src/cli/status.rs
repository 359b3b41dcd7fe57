//! `hpcapi status`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::context::{Context, Replacement};
use crate::deploy::{self, StepStatus, Usd};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::limits::{Span, Term};
use crate::output::{self, Answer, Format, Volume};
use crate::prices::money;
use crate::slurm::{Workload, time};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::prices::PriceArgs;

/// Show what is deployed
///
/// Looks at every step and at the endpoint; changes nothing, exits 3 when not all is ready.
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
    let looked = output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
        events.progress("looking at the deployment");
        look(&args, events).await
    })
    .await;
    let (answer, statuses, elsewhere) = looked?;
    output::answer(&answer, args.output)?;
    let unready: Vec<_> = statuses
        .iter()
        .filter(|status| status.is_unready())
        .collect();
    match unready.first() {
        None => Ok(()),
        Some(first) => {
            let mut error = Error::new(
                Kind::NotReady,
                format!(
                    "{} of the steps are not ready, first of them: {}",
                    unready.len(),
                    first.step
                ),
            );
            let again = args.deployment.again(&args.cluster);
            if answer.resting {
                let text = format!("`{}` rests", answer.name);
                return Err(Error::new(Kind::NotReady, text).hint(format!(
                    "bring it back to work: {}",
                    again.command("resume")
                )));
            }
            let up = again.command("up");
            if unready.iter().any(|status| status.is_failed_cluster()) {
                error = error.hint(format!("why it failed: {}", again.command("doctor")));
            }
            Err(match elsewhere.is_empty() {
                true => error.hint(up),
                false => elsewhere.into_iter().fold(error, Error::hint),
            })
        }
    }
}

/// Looks at the steps, and where else the deployment may be when nothing of it is here.
async fn look(
    args: &Args,
    events: &Events,
) -> Result<(StatusAnswer, Vec<StepStatus>, Vec<String>)> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    let (statuses, busy) = deploy::survey_at_work(&context).await?;
    let created = deploy::begun(&context).await?;
    let replacement = deploy::replacement_under_way(&context).await;
    let replacement = replacement.unwrap_or_else(|error| {
        events.warn(format!(
            "whether the cluster is being replaced, is not known: {error:#}"
        ));
        None
    });
    let workload = busy.and_then(|seen| match seen {
        Ok(workload) => Some(workload),
        Err(why) => {
            events.warn(format!("how busy the cluster is, is not known: {why}"));
            None
        }
    });
    let elsewhere = match context.requirements() {
        Some(_) => Vec::new(),
        None => deploy::look_elsewhere(&context).await,
    };
    let elsewhere = elsewhere.iter().map(|place| place.hint(&context));
    let elsewhere = elsewhere.collect();
    let rests = context.facts().resting;
    let costs = costs(args, &context, created, rests);
    let facts = context.facts();
    let answer = StatusAnswer {
        name: context.settings.name.to_string(),
        account: context.identity.account.clone(),
        region: context.aws.region.clone(),
        resting: rests,
        until: facts.limits.term.map(Term::until),
        idle_seconds: facts.limits.idle.map(Span::seconds),
        ready: !statuses.iter().any(StepStatus::is_unready),
        endpoint: facts.endpoint.clone(),
        api_version: facts.api_version.clone(),
        head_node: facts.head_node.as_ref().map(|node| node.id.clone()),
        cluster: facts.cluster.as_ref().map(|cluster| cluster.name.clone()),
        replacement,
        created,
        costs,
        workload,
        steps: statuses
            .iter()
            .map(|status| StepAnswer {
                step: status.step.name(),
                state: status.state.word(),
                detail: status.state.detail().map(ToOwned::to_owned),
            })
            .collect(),
    };
    drop(facts);
    Ok((answer, statuses, elsewhere))
}

#[derive(Serialize)]
struct StatusAnswer {
    name: String,
    account: String,
    region: String,
    /// Whether it rests: `pause` put it to rest, or AWS when its time was over.
    resting: bool,
    /// When its time is over, in UTC; null where it has no limit.
    #[serde(serialize_with = "time::serialize")]
    until: Option<u64>,
    /// How long no job may have run or waited before AWS puts it to rest; null where that has no limit.
    idle_seconds: Option<u64>,
    ready: bool,
    endpoint: Option<String>,
    api_version: Option<String>,
    head_node: Option<String>,
    /// The cluster that serves, by name.
    cluster: Option<String>,
    /// The replacement of the cluster that was begun and not ended; null where there is none.
    replacement: Option<Replacement>,
    /// When the first of its stacks was made.
    #[serde(serialize_with = "time::serialize")]
    created: Option<u64>,
    /// What it costs while no job runs; null where nothing is made or prices are not wanted.
    costs: Option<CostsAnswer>,
    /// How busy the cluster is; null where that is not known.
    workload: Option<Workload>,
    steps: Vec<StepAnswer>,
}

/// What a deployment costs by its configuration while no job runs, or while it rests, in US dollars.
#[derive(Serialize)]
struct CostsAnswer {
    #[serde(flatten)]
    rate: Usd,
    /// Since the first of its stacks was made, as if it had stood all the time and never rested; null while
    /// it rests.
    usd_so_far: Option<f64>,
}

fn costs(args: &Args, context: &Context, created: Option<u64>, rests: bool) -> Option<CostsAnswer> {
    let rate = args.prices.paid(context)?.in_all;
    if rests {
        return Some(CostsAnswer {
            rate: args.prices.of_rest(context)?.in_all,
            usd_so_far: None,
        });
    }
    let hours = time::now().saturating_sub(created?) as f64 / 3600.0;
    Some(CostsAnswer {
        rate,
        usd_so_far: Some(money::cents(rate.hour * hours)),
    })
}

#[derive(Serialize)]
struct StepAnswer {
    step: &'static str,
    state: &'static str,
    detail: Option<String>,
}

impl StatusAnswer {
    /// Returns the line that says until when it works, where it has a limit and does not rest.
    fn end(&self) -> Option<String> {
        let until = self.until.filter(|_| !self.resting)?;
        let end = time::rfc3339(until);
        Some(match until.saturating_sub(time::now()) {
            0 => format!("until:    {end}, which is over: AWS puts it to rest\n"),
            left => format!(
                "until:    {end}, {} from now; then it rests\n",
                output::span(left)
            ),
        })
    }

    /// Returns the line that says how long it works without a job, where it has a limit and does not rest.
    fn idle(&self) -> Option<String> {
        let span = output::span(self.idle_seconds.filter(|_| !self.resting)?);
        Some(format!(
            "idle:     it rests when no job has run or waited for {span}\n"
        ))
    }
}

impl Answer for StatusAnswer {
    fn text(&self) -> String {
        let mut text = format!(
            "{} in {} of account {}",
            self.name, self.region, self.account
        );
        if let Some(created) = self.created {
            let age = time::now().saturating_sub(created);
            text.push_str(&format!(", made {}", output::ago(age)));
        }
        text.push_str("\n\n");
        for step in &self.steps {
            let detail = step.detail.as_deref().unwrap_or_default();
            let first = format!("{:<15} {:<11} ", step.step, step.state);
            let line = output::hanging(&first, detail);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(replacement) = &self.replacement {
            let told = deploy::replacement_told(replacement);
            text.push_str(&format!("\n{told}: `up` goes on with that\n"));
        }
        if let Some(endpoint) = &self.endpoint {
            text.push_str(&format!("\nendpoint: {endpoint}\n"));
        }
        for line in [self.end(), self.idle()].into_iter().flatten() {
            text.push_str(&line);
        }
        if let Some(Workload {
            running,
            pending,
            nodes,
        }) = self.workload
        {
            text.push_str(&format!("jobs:     {running} running, {pending} pending\n"));
            text.push_str(&format!("nodes:    {nodes} up\n"));
        }
        if let Some(CostsAnswer { rate, usd_so_far }) = &self.costs {
            let (hour, month) = (money::fine(rate.hour), money::amount(rate.month));
            text.push_str(&match usd_so_far {
                Some(so_far) => format!(
                    "costs:    about {hour} an hour and {} so far, without compute nodes and data\n",
                    money::amount(*so_far)
                ),
                None => format!("costs:    about {hour} an hour ({month} a month) while it rests\n"),
            });
        }
        text
    }
}
