//! `up`: every step is started the moment its needs are met, and counts as done when a look
//! says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::aws::Stack;
use crate::context::{Board, Context, Milestone, OldJobs};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Outline, Times};
use crate::notifications::Notify;
use crate::settings::Toggle;
use crate::step::{Aim, Need, Step};

use super::at_work::{self, Sign, Work};
use super::make_step::{Look, make};
use super::plan::Plan;
use super::replacement::Replaced;
use super::status::is_needed;
use super::steps::cluster_update;
use super::steps::function_code;
use super::{State, StepStatus, already_made, beside, fleet, half_deleted, iam_place, preflight};

/// What `up` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    /// The public URL.
    pub endpoint: String,
    /// The Slurm API version it speaks, e.g. `v0.0.44`.
    pub api_version: String,
    /// The head node's instance id.
    pub head_node: String,
    /// The deployment's bucket.
    pub bucket: String,
    /// The EC2 key pair of the head node, if it has one.
    pub key_name: Option<String>,
    /// Whether anything was made or changed.
    pub changed: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What `up` does first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preflight {
    /// Look whether all of it can be made.
    Look,
    /// Begin at once.
    Skip,
}

/// What becomes of a cluster that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterFate {
    /// It stays as it is, whatever the configuration says.
    Unchanged,
    /// It stays, and is changed where the configuration has changed.
    Kept,
    /// It serves until another one, made beside it, takes its place; it is deleted then.
    Beside(OldJobs),
    /// It is deleted, and made anew.
    InPlace,
}

/// Agrees to a plan, or fails: then nothing is changed.
pub type Consent<'c> = dyn Fn(Plan) -> BoxFuture<'c, Result<()>> + Send + Sync + 'c;

/// How `up` is to go about it.
pub struct Wish<'c> {
    /// What is looked at first.
    pub preflight: Preflight,
    /// What becomes of a cluster that stands.
    pub cluster: ClusterFate,
    /// Asked once it is known what would be done.
    pub consent: &'c Consent<'c>,
}

/// Looks whether all of it can be made, and asks whether it may be; fails when not, and changes
/// nothing.
pub async fn look_ahead(context: &Context, wish: &Wish<'_>) -> Result<()> {
    at_work::require_peace(context, Work::Up).await?;
    let before = look_before(context, wish.preflight, wish.cluster).await?;
    cluster_update::require_possible(context)?;
    agree(context, wish, &before).await
}

/// Makes every step's thing that is not as it should be.
pub async fn up(context: &Arc<Context>, wish: &Wish<'_>) -> Result<Up> {
    let board = Arc::new(Board::default());
    // From the first look on: what is seen now is decided upon.
    let sign = Sign::give(context, Work::Up, &board).await?;
    let made = look_and_make(context, &board, wish).await;
    sign.end().await;
    made
}

/// Makes what triggers need of a deployment that is there, as far as it is missing.
pub async fn make_triggers(context: &Context) -> Result<()> {
    function_code::require_short_names(&context.settings)?;
    at_work::require_peace(context, Work::Up).await?;
    let board = Board::default();
    let steps = [Step::Operations, Step::Triggers];
    context.events.send(Event::Outlined(Outline {
        aim: Aim::Make,
        steps: steps.to_vec(),
        ready: Vec::new(),
        times: super::times(context),
    }));
    for step in steps {
        let needs = step.needs().iter();
        needs.for_each(|need| match need {
            Need::Begun(other) | Need::Done(other) => board.reach(*other, Milestone::Done),
        });
        make(step, Look::New, context, &board).await?;
    }
    Ok(())
}

async fn look_and_make(context: &Arc<Context>, board: &Arc<Board>, wish: &Wish<'_>) -> Result<Up> {
    let mut start = Instant::now();
    let asked_for = before_the_look(context);
    context.events.send(Event::Outlined(asked_for));
    let mut before = look_before(context, wish.preflight, wish.cluster).await?;
    cluster_update::require_possible(context)?;
    if context.facts().resting {
        context
            .events
            .note("the deployment rests: it is brought back to work");
    }
    let asked = Instant::now();
    agree(context, wish, &before).await?;
    // How long a person thought about it is no work of ours.
    start += asked.elapsed();
    if before.cluster == ClusterFate::InPlace && context.facts().cluster.is_some() {
        super::steps::cluster::remove(context, &context.cluster_name()).await?;
        before.statuses = super::survey(context).await?;
    }
    if matches!(before.cluster, ClusterFate::Beside(_)) {
        beside::begin(context).await?;
    }
    let statuses = &before.statuses;
    context
        .events
        .send(Event::Outlined(outline(context, statuses)));
    match make_all(context, board, statuses, start).await {
        // The cluster that serves is as it was.
        Err(error) if context.facts().replacement.is_some() => {
            beside::forget_unbegun(context).await;
            Err(error)
        }
        // What was found out too late is no mere usage error: something stands, and costs.
        Err(error) if error.kind() == Kind::Usage => Err(already_made::told(context, error).await),
        made => made,
    }
}

/// Returns the steps that the settings ask for, of which nothing is known yet.
fn before_the_look(context: &Context) -> Outline {
    let settings = &context.settings;
    let is_asked_for = |step: &Step| match step {
        Step::NatGateway => settings.network.is_none(),
        Step::Operations => settings.operations == Toggle::On,
        Step::Triggers => settings.triggers == Toggle::On,
        Step::Notifications => matches!(settings.notify, Notify::To(_)),
        Step::Limits => settings.asks_for_limits(),
        _ => true,
    };
    Outline {
        aim: Aim::Make,
        steps: Step::ALL.into_iter().filter(is_asked_for).collect(),
        ready: Vec::new(),
        times: Times::Unknown,
    }
}

/// Returns the steps that a run goes through that has found this.
fn outline(context: &Context, before: &[StepStatus]) -> Outline {
    let is_shown =
        |status: &&StepStatus| status.state != State::Unwanted && is_needed(status.step, before);
    let shown = before.iter().filter(is_shown);
    let is_ready = |status: &&StepStatus| status.state == State::Ready;
    Outline {
        aim: Aim::Make,
        steps: shown.clone().map(|status| status.step).collect(),
        ready: shown.filter(is_ready).map(|status| status.step).collect(),
        times: super::times(context),
    }
}

/// Asks whether what the looks found may be done.
async fn agree(context: &Context, wish: &Wish<'_>, before: &Before) -> Result<()> {
    let statuses = &before.statuses;
    let plan = match before.cluster {
        ClusterFate::Beside(_) | ClusterFate::InPlace => {
            Plan::of(statuses, Replaced::look(context).await?)
        }
        ClusterFate::Unchanged | ClusterFate::Kept => {
            Plan::of(statuses, None).with_changes(context).await?
        }
    };
    (wish.consent)(plan).await
}

/// What the looks before a run have found.
pub(super) struct Before {
    /// The steps, and the states that their things are in.
    pub(super) statuses: Vec<StepStatus>,
    /// What becomes of the cluster that is meant.
    cluster: ClusterFate,
}

/// Looks at every step and at whether what is missing can be made, all of it before anything is
/// changed.
pub(super) async fn look_before(
    context: &Context,
    preflight: Preflight,
    wished: ClusterFate,
) -> Result<Before> {
    let cluster = beside::take_up(context, wished).await?;
    let is_replaced = cluster == ClusterFate::InPlace;
    let mut statuses = match (super::survey(context).await, preflight) {
        // One bad thing is found: there may be more of them.
        (Err(error), Preflight::Look) => return Err(preflight::beside(context, error).await),
        (statuses, _) => statuses?,
    };
    preflight::require_partition(context)?;
    function_code::require_short_names(&context.settings)?;
    super::steps::kept_bucket::require_usable(context).await?;
    half_deleted::require_none(context, is_replaced).await?;
    if !is_replaced {
        iam_place::require_same(context).await?;
    }
    super::steps::triggers::require_none_to_go(context).await?;
    if is_replaced || preflight == Preflight::Look && makes_a_cluster(context) {
        preflight::look_for_problems(context).await?;
    }
    if cluster == ClusterFate::Kept {
        compare(context, &mut statuses).await?;
    }
    Ok(Before { statuses, cluster })
}

/// Looks how the configuration differs from that of a cluster that is well otherwise, which then is
/// not as it should be.
async fn compare(context: &Context, statuses: &mut [StepStatus]) -> Result<()> {
    let mut steps = statuses.iter_mut();
    let is_cluster = |it: &&mut StepStatus| it.step == Step::Cluster && it.state == State::Ready;
    if let Some(cluster) = steps.find(is_cluster) {
        cluster_update::compare(context).await?;
        cluster.state = super::check(Step::Cluster, context).await?;
    }
    Ok(())
}

/// Returns whether `up` will make a cluster: there is none, or one that can only be replaced.
fn makes_a_cluster(context: &Context) -> bool {
    let facts = context.facts();
    let cluster = facts.cluster.as_ref();
    cluster.is_none_or(Stack::must_be_replaced)
}

async fn make_all(
    context: &Arc<Context>,
    board: &Arc<Board>,
    before: &[StepStatus],
    start: Instant,
) -> Result<Up> {
    let stood = stands(context);
    let mut running = JoinSet::new();
    for status in before {
        let (context, board) = (Arc::clone(context), Arc::clone(board));
        let step = status.step;
        let look = match (is_needed(step, before), &status.state) {
            (false, _) => Look::Needless,
            (true, State::Ready) => Look::WasReady,
            (true, _) => Look::New,
        };
        running.spawn(async move { (step, make(step, look, &context, &board).await) });
    }
    if stood {
        let (context, board) = (Arc::clone(context), Arc::clone(board));
        running.spawn(async move {
            let started = start_fleet(&context, &board).await;
            (Step::HeadNode, started)
        });
    }
    let mut changed = false;
    let mut consequence = None;
    while let Some(ended) = running.join_next().await {
        let broken_off = |error| Error::failed("a step broke off").because(error);
        // The steps that are left are dropped with `running`: AWS goes on without us.
        match ended.map_err(broken_off)? {
            (step, Err(error)) if step != Step::Cluster && cluster_is_failing(context).await => {
                consequence.get_or_insert(error);
            }
            (Step::Cluster, Ok(_)) if let Some(error) = consequence => return Err(error),
            (_, made) => changed |= made?,
        }
    }
    if stood {
        // The endpoint answers, and still something behind it may be broken that others need, or that no
        // step looks at.
        changed |= super::steps::endpoint::restore(context).await?;
        tell_what_starts_no_job(context).await;
    }
    changed |= beside::finish(context).await?;
    report(context, changed, start.elapsed())
}

/// Returns whether there is a cluster: what is made anew is as it should be.
fn stands(context: &Context) -> bool {
    let facts = context.facts();
    facts.cluster.as_ref().is_some_and(Stack::is_usable)
}

/// Starts the compute fleet that was stopped to rest, or for a change, once the ways of its nodes are there.
async fn start_fleet(context: &Context, board: &Board) -> Result<bool> {
    let needs = [Step::NatGateway, Step::Cluster, Step::HeadNode].map(Need::Done);
    board.meet(&needs).await;
    fleet::start_again(context, Step::Cluster).await
}

/// Says what keeps jobs from starting: it is the work of whoever closed a queue or took a node out, and
/// no reason to fail.
async fn tell_what_starts_no_job(context: &Context) {
    let again = &context.settings.again;
    let found = super::compute::look(context).await;
    for finding in found.iter().filter(|finding| !finding.is_fine()) {
        let next = finding.next.iter();
        let next = next.map(|next| format!("; {}", again.hint(next)));
        let warning = finding.sentence() + &next.collect::<String>();
        context.events.warn(warning);
    }
}

/// Returns whether what the cluster's creation made is going again: then its step ends with the
/// reason for whatever fails with that.
async fn cluster_is_failing(context: &Context) -> bool {
    let name = context.cluster_name();
    let there = context.aws.stacks.describe(&name).await;
    there.is_ok_and(|there| there.is_some_and(|stack| stack.status.starts_with("ROLLBACK_")))
}

fn report(context: &Context, changed: bool, elapsed: Duration) -> Result<Up> {
    let facts = context.facts();
    let unknown = || Error::failed("the deployment is ready, but its endpoint is not known");
    Ok(Up {
        endpoint: facts.endpoint.clone().ok_or_else(unknown)?,
        api_version: facts.api_version.clone().ok_or_else(unknown)?,
        head_node: facts
            .head_node
            .as_ref()
            .map(|node| node.id.clone())
            .ok_or_else(unknown)?,
        bucket: facts
            .requirements
            .as_ref()
            .map(|requirements| requirements.bucket.clone())
            .ok_or_else(unknown)?,
        key_name: facts.key_name.clone(),
        changed,
        elapsed,
    })
}
