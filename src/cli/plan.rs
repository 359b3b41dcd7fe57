//! `hpcapi plan`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::context::Context;
use crate::deploy::{self, Action, Estimate, Plan, Preflight};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Story, Volume, plain};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::prices::PriceArgs;

/// Show what `up` would make, change and keep
///
/// Looks as `up` does before it begins, and changes nothing. Exits 0 when there is nothing to do and 3 when
/// there is something; fails where `up` would.
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

/// The exit code of a plan in which there is something to do.
const TO_DO: u8 = 3;

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    let (events, story) = Story::start(Volume::of_story(args.deployment.verbose));
    let looked = look(&args, &events).await;
    // What was looked at on the way is no answer.
    events.settled().await;
    drop(events);
    story.end().await;
    let answer = looked?;
    output::answer(&answer, args.output)?;
    if answer.is_empty() {
        return Ok(());
    }
    let up = args.deployment.again(&args.cluster).command("up");
    Err(Error::new(Kind::Answer(TO_DO), "nothing was changed; `up` does it").hint(up))
}

async fn look(args: &Args, events: &Events) -> Result<PlanAnswer> {
    let expected = SandboxUse::Start;
    let context = args
        .deployment
        .context(&args.cluster, expected, events)
        .await?;
    let plan = deploy::plan(&context, Preflight::Look).await?;
    Ok(PlanAnswer::new(
        &context,
        &plan,
        args.prices.estimate(&context),
    ))
}

/// What `up` would do.
#[derive(Debug, Serialize)]
pub(super) struct PlanAnswer {
    name: String,
    account: String,
    region: String,
    /// Whether there is something to do.
    changes: bool,
    steps: Vec<StepAnswer>,
    /// How long it usually takes on AWS, in seconds.
    usual_seconds: u64,
    /// What it costs on AWS, all of it; absent where prices are not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    costs: Option<Estimate>,
}

#[derive(Debug, Serialize)]
struct StepAnswer {
    step: &'static str,
    /// `make`, `change`, `wait` or `keep`.
    action: &'static str,
    thing: &'static str,
    /// What is wrong with it, or waited for.
    detail: Option<String>,
}

impl PlanAnswer {
    pub(super) fn new(context: &Context, plan: &Plan, costs: Option<Estimate>) -> PlanAnswer {
        let steps = plan.steps.iter().map(|it| StepAnswer {
            step: it.step.name(),
            action: it.action.word(),
            thing: it.step.thing(),
            detail: it.detail.clone(),
        });
        PlanAnswer {
            name: context.settings.name.to_string(),
            account: context.identity.account.clone(),
            region: context.aws.region.clone(),
            changes: !plan.is_empty(),
            steps: steps.collect(),
            usual_seconds: plan.usually().as_secs(),
            costs,
        }
    }

    fn is_empty(&self) -> bool {
        !self.changes
    }

    /// Returns a line for each step, but for those that stay as they are where `changes` alone count.
    fn lines(&self, shown: Shown) -> String {
        let kept = Action::Keep.word();
        let steps = self
            .steps
            .iter()
            .filter(|it| shown == Shown::All || it.action != kept);
        let lines = steps.map(|it| {
            let detail = it.detail.iter().map(|detail| format!(": {detail}"));
            format!(
                "{:<8}{}{}\n",
                it.action,
                it.thing,
                detail.collect::<String>()
            )
        });
        lines.collect()
    }

    /// Returns what is said and asked before `up` goes on.
    pub(super) fn question(&self) -> String {
        let (lines, costs, duration) = (self.lines(Shown::Changes), self.costs(), self.duration());
        let (region, account) = (&self.region, &self.account);
        format!("{lines}{costs}{duration}\nmake it in {region} of account {account}?")
    }

    /// Returns what it costs, as a paragraph of its own; nothing where prices are not wanted.
    fn costs(&self) -> String {
        let lines = self.costs.iter().flat_map(Estimate::lines);
        let lines: String = lines.map(|line| plain(&line) + "\n").collect();
        match lines.as_str() {
            "" => lines,
            _ => format!("\ncosts on AWS:\n{lines}"),
        }
    }

    /// Returns how long it takes, as a paragraph of its own; nothing where there is nothing to do.
    fn duration(&self) -> String {
        match self.usual_seconds.div_ceil(60) {
            0 => String::new(),
            minutes => format!("\ntakes about {minutes} min on AWS\n"),
        }
    }

    fn heading(&self) -> String {
        format!(
            "{} in {} of account {}\n",
            self.name, self.region, self.account
        )
    }
}

/// Which steps are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Changes,
}

impl Answer for PlanAnswer {
    fn text(&self) -> String {
        let mut text = format!("{}\n{}", self.heading(), self.lines(Shown::All));
        if self.is_empty() {
            text.push_str("\neverything is ready, nothing to change\n");
        }
        text + &self.costs() + &self.duration()
    }
}
