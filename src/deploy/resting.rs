//! A deployment that rests: `pause` stops its compute fleet and its head node, and takes away what is
//! paid by the hour. Bucket, volumes, configuration and URL stay, and `up` brings the rest back.
//!
//! That it rests is known by a parameter of its API stack; that its compute fleet is to run again by a note
//! in its bucket, which outlives the parameter: the fleet is started last.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::try_join;

use crate::aws::{Applied, Stack};
use crate::context::{Board, Context, Facts};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Outcome, Outline};
use crate::limits::Term;
use crate::step::{Aim, Step};

use super::activity::{self, Busy};
use super::at_work::{self, Sign, Work};
use super::finding::Finding;
use super::steps::{api, head_node, nat_gateway, ownership, stack};
use super::{State, StepStatus, beside, clusters, fleet};

/// What `pause` goes through.
const RESTED: [Step; 4] = [Step::Api, Step::Cluster, Step::HeadNode, Step::NatGateway];

/// What `pause` finds before it is asked whether it may.
#[derive(Debug)]
pub struct BeforePause {
    /// Whether the deployment rests already, all of it or a part.
    pub rests: bool,
    /// Its jobs that have not ended; `None` where no head node runs that has any.
    pub jobs: Option<Busy>,
}

/// What `pause` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// The public URL, which stays.
    pub endpoint: Option<String>,
    /// Whether anything was taken away or stopped.
    pub changed: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Looks whether there is something that can be put to rest, and at what ends with that.
pub async fn look_before_pause(context: &Context) -> Result<BeforePause> {
    require_deployed(context, "pause").await?;
    at_work::require_peace(context, Work::Pause).await?;
    if let Some(replacement) = beside::under_way(context).await? {
        let again = &context.settings.again;
        let error = Error::new(Kind::NotReady, beside::told(&replacement));
        return Err(error.hint(format!("go on with that first: {}", again.command("up"))));
    }
    super::locate(context).await?;
    let jobs = activity::workload(context).await;
    let rests = context.facts().resting;
    Ok(BeforePause { rests, jobs })
}

/// Takes away or stops what costs, from whatever an earlier call has left.
pub async fn pause(context: &Arc<Context>) -> Result<Paused> {
    let start = Instant::now();
    let board = Arc::new(Board::default());
    let sign = Sign::give(context, Work::Pause, &board).await?;
    let paused = put_to_rest(context).await;
    sign.end().await;
    let changed = paused?;
    let endpoint = context.facts().endpoint.clone();
    Ok(Paused {
        endpoint,
        changed,
        elapsed: start.elapsed(),
    })
}

/// Fails unless there is a complete deployment here: there is nothing to put to rest, or to wake.
pub async fn require_deployed(context: &Context, verb: &str) -> Result<()> {
    let name = &context.settings.name;
    let stacks = &context.aws.stacks;
    let (network, api) = (name.requirements_stack(), name.api_stack());
    clusters::identify(context).await?;
    let cluster = context.cluster_name();
    let (network, api, cluster) = try_join!(
        stacks.describe(&network),
        stacks.describe(&api),
        stacks.describe(&cluster)
    )?;
    let is_made = |stack: &Option<Stack>| {
        let lives = |stack: &Stack| !stack.never_lived() && !stack.must_be_replaced();
        stack.as_ref().is_some_and(lives)
    };
    let is_complete = cluster.as_ref().is_some_and(Stack::is_usable);
    for stack in [&network, &api].into_iter().flatten() {
        stack::require_ours(context, stack)?;
    }
    if is_made(&network) && is_made(&api) && is_complete {
        return require_own_cluster(context, cluster).await;
    }
    let again = &context.settings.again;
    Err(Error::new(
        Kind::NotReady,
        format!(
            "there is no complete deployment `{name}` to {verb} in {} of account {}",
            context.aws.region, context.identity.account
        ),
    )
    .hint(format!("see what there is: {}", again.command("status"))))
}

/// Fails when the cluster is somebody else's.
async fn require_own_cluster(context: &Context, cluster: Option<Stack>) -> Result<()> {
    let Some(cluster) = cluster else {
        return Ok(());
    };
    if ownership::is_ours(context, &cluster).await? {
        return Ok(());
    }
    let text = format!(
        "the cluster `{}` was not made by hpcapi, so it is not touched",
        cluster.name
    );
    Err(Error::usage(text).hint("choose another name: --deployment my-cluster"))
}

async fn put_to_rest(context: &Context) -> Result<bool> {
    context.events.send(Event::Outlined(Outline {
        aim: Aim::Rest,
        steps: RESTED.to_vec(),
        ready: Vec::new(),
        times: super::times(context),
    }));
    let rested = is_all_at_rest(context);
    let api = rest(context, Step::Api, api::rest(context));
    let cluster = async {
        rest(context, Step::Cluster, stop_fleet(context)).await?;
        let node = rest(context, Step::HeadNode, head_node::stop(context));
        // Compute nodes reach AWS through it until they are gone.
        let nat = rest(context, Step::NatGateway, nat_gateway::rest(context));
        try_join!(node, nat)
    };
    let (applied, _) = try_join!(api, cluster)?;
    api::check(context).await?;
    Ok(applied == Applied::Changed || !rested)
}

fn is_all_at_rest(context: &Context) -> bool {
    let facts = context.facts();
    facts.resting && !facts.has_nat && is_off(&facts)
}

fn is_stopped(context: &Context) -> bool {
    is_off(&context.facts())
}

fn is_off(facts: &Facts) -> bool {
    let head_node = facts.head_node.as_ref();
    head_node.is_some_and(|it| it.state == "stopped")
}

/// Tells how a step is put to rest.
async fn rest<T>(
    context: &Context,
    step: Step,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let start = Instant::now();
    context.events.send(Event::Started(step));
    let done = work.await;
    let event = match &done {
        Ok(_) => Event::Finished(step, Outcome::Rested, start.elapsed()),
        Err(_) => Event::Failed(step, start.elapsed()),
    };
    context.events.send(event);
    let again = &context.settings.again;
    done.map_err(|error| error.hint(format!("then go on with `{}`", again.command("pause"))))
}

async fn stop_fleet(context: &Context) -> Result<()> {
    // Where the head node does not run, nobody would do it, and compute nodes end by themselves.
    if is_stopped(context) {
        return Ok(());
    }
    fleet::stop(context, Step::Cluster).await
}

/// Says of the steps whose thing rests that it does, and not that it is broken.
pub(super) fn tell_what_rests(context: &Context, statuses: &mut [StepStatus]) {
    if !context.facts().resting {
        return;
    }
    for status in statuses {
        let rests = match status.step {
            Step::NatGateway => status.state == State::Missing,
            Step::HeadNode => is_stopped(context),
            Step::Limits => context.facts().limits.term.is_some_and(Term::is_over),
            _ => false,
        };
        if rests {
            status.state = State::Resting;
        }
    }
}

/// Returns what `doctor` says of a deployment that rests.
pub(super) fn told(context: &Context) -> Finding {
    let text = "the deployment rests: its head node is stopped, and what costs is gone";
    Finding::waiting("rest", text).then(context.settings.again.command("resume"))
}
