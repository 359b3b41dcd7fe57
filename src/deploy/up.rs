//! `up`: every step is started the moment its needs are met, and counts as done when a look
//! says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::aws::Stack;
use crate::context::{Board, Context, Milestone};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Outcome};
use crate::step::{Need, Step};
use crate::wait::Pace;

use super::at_work::{self, Sign, Work};
use super::leftovers::AwsCommands;
use super::replacement::{Consent, Replaced};
use super::status::is_local;
use super::steps::function_code;
use super::{State, StepStatus, already_made, half_deleted, preflight};

/// What was just made is not found at once by every look.
const APPEARS: Duration = Duration::from_secs(20);

/// How often a step waits for the end of what another `up` began with its thing: each begins with
/// a step of its own after ours is done.
const JOINED: u32 = 5;

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

/// Looks whether all of it can be made, and whether the cluster that stands may go; fails when
/// not, and changes nothing.
pub async fn look_ahead(
    context: &Context,
    preflight: Preflight,
    replacing: Option<&Consent<'_>>,
) -> Result<()> {
    at_work::require_peace(context, Work::Up).await?;
    look_first(context, preflight, replacing).await?;
    Ok(())
}

/// Makes every step's thing that is not as it should be; with `replacing` the cluster in place of
/// the one that stands.
pub async fn up(
    context: &Arc<Context>,
    preflight: Preflight,
    replacing: Option<&Consent<'_>>,
) -> Result<Up> {
    let board = Arc::new(Board::default());
    // From the first look on: what is seen now is decided upon.
    let sign = Sign::give(context, Work::Up, &board).await?;
    let made = look_and_make(context, &board, preflight, replacing).await;
    sign.end().await;
    made
}

/// Makes what triggers need of a deployment that is there, as far as it is missing.
pub async fn make_triggers(context: &Context) -> Result<()> {
    function_code::require_short_names(&context.settings)?;
    at_work::require_peace(context, Work::Up).await?;
    let board = Board::default();
    for step in [Step::Operations, Step::Triggers] {
        let needs = step.needs().iter();
        needs.for_each(|need| match need {
            Need::Begun(other) | Need::Done(other) => board.reach(*other, Milestone::Done),
        });
        make(step, true, context, &board).await?;
    }
    Ok(())
}

async fn look_and_make(
    context: &Arc<Context>,
    board: &Arc<Board>,
    preflight: Preflight,
    replacing: Option<&Consent<'_>>,
) -> Result<Up> {
    let start = Instant::now();
    let mut before = look_first(context, preflight, replacing).await?;
    if replacing.is_some() && context.facts().cluster.is_some() {
        super::undo(Step::Cluster, context).await?;
        before = super::survey(context).await?;
    }
    match make_all(context, board, &before, start).await {
        // What was found out too late is no mere usage error: something stands, and costs.
        Err(error) if error.kind() == Kind::Usage => Err(already_made::told(context, error).await),
        made => made,
    }
}

/// Looks at every step, at whether what is missing can be made, and asks whether the cluster that
/// stands may go: all of it before anything is changed.
async fn look_first(
    context: &Context,
    preflight: Preflight,
    replacing: Option<&Consent<'_>>,
) -> Result<Vec<StepStatus>> {
    let before = match (super::survey(context).await, preflight) {
        // One bad thing is found: there may be more of them.
        (Err(error), Preflight::Look) => return Err(preflight::beside(context, error).await),
        (before, _) => before?,
    };
    preflight::require_partition(context)?;
    function_code::require_short_names(&context.settings)?;
    super::steps::kept_bucket::require_usable(context).await?;
    half_deleted::require_none(context, replacing.is_some()).await?;
    super::steps::triggers::require_none_to_go(context).await?;
    if replacing.is_some() || preflight == Preflight::Look && makes_a_cluster(context) {
        preflight::look_for_problems(context).await?;
    }
    if let Some(consent) = replacing {
        consent(Replaced::look(context).await?).await?;
    }
    Ok(before)
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
    if is_from_another_config(context, before) {
        context.events.warn(
            "the cluster may have been made from another configuration than this one; hpcapi does \
             not change a cluster: see `pcluster update-cluster`",
        );
    }
    let mut running = JoinSet::new();
    for status in before {
        let (context, board) = (Arc::clone(context), Arc::clone(board));
        let step = status.step;
        let needed = is_needed(step, before);
        running.spawn(async move { (step, make(step, needed, &context, &board).await) });
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
    if !changed {
        // The endpoint answers, and still something behind it may be broken that others need.
        changed = super::steps::endpoint::restore(context).await?;
        tell_what_starts_no_job(context).await;
    }
    report(context, changed, start.elapsed())
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
    let name = context.settings.name.as_str();
    let there = context.aws.stacks.describe(name).await;
    there.is_ok_and(|there| there.is_some_and(|stack| stack.status.starts_with("ROLLBACK_")))
}

/// Returns whether a step has to be looked at: what only this machine lacks is made only for
/// a step that will use it.
fn is_needed(step: Step, before: &[StepStatus]) -> bool {
    let is_ready = |step: Step| {
        before
            .iter()
            .any(|status| status.step == step && status.state == State::Ready)
    };
    !is_local(step) || !step.users().all(is_ready)
}

/// Returns whether a cluster stands beside a file that an earlier run on this machine filled,
/// and that is not what this run would fill.
fn is_from_another_config(context: &Context, before: &[StepStatus]) -> bool {
    let is_ready = |status: &StepStatus| status.state == State::Ready;
    let cluster = before.iter().find(|status| status.step == Step::Cluster);
    cluster.is_some_and(is_ready) && super::steps::cluster_config::is_another(context)
}

async fn make(step: Step, needed: bool, context: &Context, board: &Board) -> Result<bool> {
    board.meet(step.needs()).await;
    let start = Instant::now();
    let state = match needed {
        true => super::check(step, context).await?,
        false => State::Ready,
    };
    if state.is_fine() {
        if state == State::Ready {
            let outcome = Outcome::Unchanged;
            let finished = Event::Finished(step, outcome, start.elapsed());
            context.events.send(finished);
        }
        board.reach(step, Milestone::Done);
        return Ok(false);
    }
    context.events.send(Event::Started(step));
    if let Err(error) = make_now(step, context, board).await {
        context.events.send(Event::Failed(step, start.elapsed()));
        return Err(beside_what_was_left(context, error));
    }
    context
        .events
        .send(Event::Finished(step, Outcome::Made, start.elapsed()));
    board.reach(step, Milestone::Done);
    Ok(true)
}

/// Adds to an error that names what is there already who says whose it is, and what removes it.
fn beside_what_was_left(context: &Context, error: Error) -> Error {
    let cause = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
    if !cause.contains("already exists") {
        return error;
    }
    match log_group(&cause) {
        Some(name) => error.hint(format!(
            "if nobody needs what was logged there: {}",
            AwsCommands::new(context).delete_log_group(name)
        )),
        None => error.hint(format!(
            "see whether it is left from before, and what removes it: {} --check",
            context.settings.again.command("teardown")
        )),
    }
}

/// Returns the name of the log group that CloudFormation says is there already.
fn log_group(cause: &str) -> Option<&str> {
    let (_, said) = cause.split_once("'AWS::Logs::LogGroup' with identifier ")?;
    let name = &said[said.find("/aws/")?..];
    let end = name.find(['\'', '"'])?;
    Some(&name[..end])
}

async fn make_now(step: Step, context: &Context, board: &Board) -> Result<()> {
    super::run(step, context, board).await?;
    let mut state = super::check(step, context).await?;
    for _ in 0..JOINED {
        if !matches!(state, State::Waiting { .. }) {
            break;
        }
        super::run(step, context, board).await?;
        state = super::check(step, context).await?;
    }
    let mut pace = Pace::seconds(APPEARS);
    while state == State::Missing && pace.next().await {
        state = super::check(step, context).await?;
    }
    match state {
        state if state.is_fine() => Ok(()),
        state => Err(
            Error::failed(format!("the {step} is {} after it was made", state.word()))
                .because(state.detail().unwrap_or("it is not there").to_owned())
                .hint(format!(
                    "look again with `{}`",
                    context.settings.again.command("status")
                )),
        ),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_group_in_the_way_is_known_by_both_ways_to_say_it() {
        for said in [
            "Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/x' already exists.",
            "Resource handler returned message: \"Resource of type 'AWS::Logs::LogGroup' with \
             identifier '{\"/properties/LogGroupName\":\"/aws/x\"}' already exists.\"",
        ] {
            assert_eq!(log_group(said), Some("/aws/x"));
        }
        let table = "Resource of type 'AWS::DynamoDB::Table' with identifier 'x' already exists.";
        assert_eq!(log_group(table), None);
    }
}
