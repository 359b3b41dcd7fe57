//! `hpcapi plan`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::context::{Context, NewNetwork, Replacement, VpcEndpoints};
use crate::deploy::{self, Action, Estimate, Plan, Preflight};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Volume, plain};
use crate::pcluster::changes::Change;
use crate::step::Step;

use super::account_args::AccountArgs;
use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};
use super::network_args::NetworkArgs;
use super::part_args::PartArgs;
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
    parts: PartArgs,

    #[command(flatten)]
    network: NetworkArgs,

    #[command(flatten)]
    account: AccountArgs,

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
    args.parts.tell(&mut args.cluster);
    args.cluster.network = args.network.clone();
    args.account.tell(&mut args.cluster)?;
    let looked = output::telling(Volume::of_story(args.deployment.verbose), async |events| {
        let done = look(&args, events).await;
        // What was looked at on the way is no answer.
        events.settled().await;
        done
    })
    .await;
    let (plan, answer) = looked?;
    output::answer(&answer, args.output)?;
    if plan.is_empty() {
        return Ok(());
    }
    let again = args.deployment.again(&args.cluster);
    if plan.is_of_resting() {
        let text = "nothing was changed; the deployment rests";
        let error = Error::new(Kind::Answer(TO_DO), text);
        return Err(error.hint(again.command("resume")));
    }
    Err(to_do(
        &plan,
        again.command("up"),
        &again.replacing_cluster(),
    ))
}

/// Returns what there is to do as the end of a call that did nothing of it; `up` and `replace` are
/// command lines.
fn to_do(plan: &Plan, up: String, replace: &str) -> Error {
    let to_do = |message: &str| Error::new(Kind::Answer(TO_DO), message);
    match plan.changes.need_new_cluster() {
        false => to_do("nothing was changed; `up` does it").hint(up),
        true => to_do("nothing was changed; the cluster cannot be changed so").hint(format!(
            "make the cluster anew, its jobs and volumes go: {replace}"
        )),
    }
}

async fn look(args: &Args, events: &Events) -> Result<(Plan, PlanAnswer)> {
    let expected = SandboxUse::Start;
    let context = args
        .deployment
        .context(&args.cluster, expected, events)
        .await?;
    let plan = deploy::plan(&context, Preflight::Look).await?;
    let answer = PlanAnswer::new(&context, &plan, args.prices.estimate(&context));
    Ok((plan, answer))
}

/// What `up` would do.
#[derive(Debug, Serialize)]
pub(super) struct PlanAnswer {
    name: String,
    account: String,
    region: String,
    /// Whether there is something to do.
    to_do: bool,
    steps: Vec<StepAnswer>,
    /// The network that was made or would be; absent where it is the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<NetworkAnswer>,
    /// The replacement of the cluster that was begun and would be gone on with; null where there is none.
    replacement: Option<Replacement>,
    /// How the configuration differs from the one that the cluster has.
    changes: Vec<ChangeAnswer>,
    /// The same as lines to read.
    #[serde(skip)]
    change_lines: Vec<String>,
    /// How long it usually takes on AWS, in seconds.
    usual_seconds: u64,
    /// What it costs on AWS, all of it; absent where prices are not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    costs: Option<Estimate>,
}

#[derive(Debug, Serialize)]
struct StepAnswer {
    step: &'static str,
    /// `make`, `resume`, `change`, `wait` or `keep`.
    action: &'static str,
    thing: String,
    /// What is wrong with it, or waited for; else where a network is and which addresses it has.
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
struct NetworkAnswer {
    /// The names of its zones, the head node's first.
    zones: [String; 2],
    /// Its address range.
    cidr: String,
}

impl From<&NewNetwork> for NetworkAnswer {
    fn from(network: &NewNetwork) -> NetworkAnswer {
        NetworkAnswer {
            zones: network.zones.clone(),
            cidr: network.range.clone(),
        }
    }
}

impl NetworkAnswer {
    /// Returns it as part of a line.
    fn words(&self) -> String {
        let [first, second] = &self.zones;
        format!("{} in {first} and {second}", self.cidr)
    }
}

#[derive(Debug, Serialize)]
struct ChangeAnswer {
    /// Its place, with the names of queues and the like.
    path: String,
    /// What the cluster has there; `null` where it has nothing.
    from: Option<serde_yaml::Value>,
    /// What the configuration has there; `null` where it has nothing.
    to: Option<serde_yaml::Value>,
    /// What the change takes, in one word: `live`, `fleet-stopped`, `new-cluster` and the like.
    takes: &'static str,
}

impl From<&Change> for ChangeAnswer {
    fn from(change: &Change) -> ChangeAnswer {
        ChangeAnswer {
            path: change.path.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            takes: change.takes.word(),
        }
    }
}

impl PlanAnswer {
    pub(super) fn new(context: &Context, plan: &Plan, costs: Option<Estimate>) -> PlanAnswer {
        let network = plan.network.as_ref().map(NetworkAnswer::from);
        let of_network = |step: Step| {
            let network = network.as_ref().filter(|_| step == Step::Requirements);
            network.map(NetworkAnswer::words)
        };
        let steps = plan.steps.iter().map(|it| StepAnswer {
            step: it.step.name(),
            action: it.action.word(),
            thing: match it.step {
                Step::Requirements if context.is_in_network_of_user() => {
                    in_network_of_user(context.facts().vpc_endpoints.as_ref())
                }
                step => step.thing().to_owned(),
            },
            detail: it.detail.clone().or_else(|| of_network(it.step)),
        });
        let steps = steps.collect();
        PlanAnswer {
            name: context.settings.name.to_string(),
            account: context.identity.account.clone(),
            region: context.aws.region.clone(),
            to_do: !plan.is_empty(),
            steps,
            network,
            replacement: plan.under_way.clone(),
            changes: plan.changes.all.iter().map(ChangeAnswer::from).collect(),
            change_lines: change_lines(plan),
            usual_seconds: plan.usually().as_secs(),
            costs,
        }
    }

    /// Returns a line for each step, but for those that stay as they are where changes alone count.
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

    /// Returns what is said before `up` asks whether it may go on.
    pub(super) fn told(&self) -> String {
        let (lines, costs, duration) = (self.lines(Shown::Changes), self.costs(), self.duration());
        let differences = self.differences();
        let replacement = self.replacement();
        format!("{lines}{replacement}{differences}{costs}{duration}\n")
    }

    /// Returns what `up` asks then.
    pub(super) fn question(&self) -> String {
        let (region, account) = (&self.region, &self.account);
        format!("make it in {region} of account {account}?")
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

    /// Returns the replacement that would be gone on with, as a paragraph of its own.
    fn replacement(&self) -> String {
        let told = self.replacement.as_ref().map(deploy::replacement_told);
        told.map_or_else(String::new, |told| format!("\n{told}\n"))
    }

    /// Returns how the configuration differs from the cluster's, as a paragraph of its own.
    fn differences(&self) -> String {
        let lines = self.change_lines.iter();
        let lines: String = lines.map(|line| plain(line) + "\n").collect();
        match lines.as_str() {
            "" => lines,
            _ => format!(
                "\nthe configuration differs from the cluster's; what changes take:\n{lines}"
            ),
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

/// Returns what the first step makes in a network that is there.
fn in_network_of_user(endpoints: Option<&VpcEndpoints>) -> String {
    let services = endpoints.into_iter().flat_map(VpcEndpoints::keys).copied();
    let services: Vec<_> = services.collect();
    match services.as_slice() {
        [] => "security groups and bucket, in a network that is there".to_owned(),
        services => format!(
            "security groups, bucket and VPC endpoints ({}), in a network that is there",
            services.join(", ")
        ),
    }
}

/// Returns the changes of the cluster as lines to read, with what else they do.
fn change_lines(plan: &Plan) -> Vec<String> {
    let mut lines = plan.changes.lines();
    if plan.changes.restart_slurm() {
        lines.push("Slurm's controller restarts: the API fails for some seconds".to_owned());
    }
    if let Some(jobs) = &plan.ended {
        lines.push(format!(
            "running jobs end, Slurm starts those again that may be: {}",
            jobs.words()
        ));
    }
    lines
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
        text.push_str(&self.replacement());
        text.push_str(&self.differences());
        if !self.to_do {
            text.push_str("\neverything is ready, nothing to change\n");
        }
        text + &self.costs() + &self.duration()
    }
}
