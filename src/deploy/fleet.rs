//! The compute fleet, stopped and started: as `pcluster update-compute-fleet` asks for it, by a row of a
//! table, and waited for.

use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::step::Step;
use crate::wait::Pace;

use super::steps::ownership;

/// The object that is there from when we stop the compute fleet until it runs again.
pub(super) const STOPPED: &str = "hpcapi/stopped-fleet";

/// clustermgtd looks once a minute whether something is asked for, and `pcluster` waits 13 minutes in all
/// (`compute_fleet_status_manager.py`).
const LIMIT: Duration = Duration::from_secs(13 * 60);

/// What a fleet is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transition {
    Start,
    Stop,
}

impl Transition {
    /// Returns the status that asks for it.
    fn asked(self) -> &'static str {
        match self {
            Transition::Start => "START_REQUESTED",
            Transition::Stop => "STOP_REQUESTED",
        }
    }

    /// Returns the statuses on the way to it.
    fn is_under_way(self, status: &str) -> bool {
        let meanwhile = match self {
            Transition::Start => "STARTING",
            Transition::Stop => "STOPPING",
        };
        status == self.asked() || status == meanwhile
    }

    /// Returns the status in the end.
    fn end(self) -> &'static str {
        match self {
            Transition::Start => "RUNNING",
            Transition::Stop => "STOPPED",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Transition::Start => "start",
            Transition::Stop => "stop",
        }
    }

    fn doing(self) -> &'static str {
        match self {
            Transition::Start => "starting the compute fleet",
            Transition::Stop => "stopping the compute fleet",
        }
    }
}

/// Returns whether the compute fleet was stopped by us, and is to run again.
pub(super) async fn is_to_start(context: &Context) -> Result<bool> {
    let Some(bucket) = ownership::bucket(context).await? else {
        return Ok(false);
    };
    let found = context.aws.buckets.look(&bucket, STOPPED).await?;
    Ok(found.is_some())
}

/// Stops the compute fleet, which ends its jobs, and waits until its nodes are told to go. That it is to
/// run again is noted before, unless somebody else had stopped it: whoever is killed meanwhile must not
/// leave a cluster that starts no node.
pub(super) async fn stop(context: &Context, step: Step) -> Result<()> {
    if !is_stopped(context).await?
        && let Some(bucket) = ownership::bucket(context).await?
    {
        context.aws.buckets.put(&bucket, STOPPED, "").await?;
    }
    transition(context, step, Transition::Stop).await
}

/// Starts the compute fleet if we stopped it, and waits until queues take jobs; returns whether it was
/// stopped.
pub(super) async fn start_again(context: &Context, step: Step) -> Result<bool> {
    if !is_to_start(context).await? {
        return Ok(false);
    }
    let was_stopped = is_stopped(context).await?;
    transition(context, step, Transition::Start).await?;
    if let Some(bucket) = ownership::bucket(context).await? {
        context.aws.buckets.remove(&bucket, STOPPED).await?;
    }
    Ok(was_stopped)
}

/// Returns whether the compute fleet is stopped, or on its way there.
async fn is_stopped(context: &Context) -> Result<bool> {
    let status = status(context).await?;
    let is_stop = |status: &str| status == "STOPPED" || Transition::Stop.is_under_way(status);
    Ok(status.as_deref().is_some_and(is_stop))
}

async fn transition(context: &Context, step: Step, wanted: Transition) -> Result<()> {
    context.events.doing(step, wanted.doing());
    let mut pace = Pace::minutes(LIMIT);
    loop {
        match status(context).await? {
            Some(status) if status == wanted.end() => return Ok(()),
            Some(status) if wanted.is_under_way(&status) => {}
            // Somebody else asks for something at this moment: the next look tells.
            Some(status) => {
                let name = context.cluster_name();
                let fleets = &context.aws.compute_fleets;
                fleets.request(&name, &status, wanted.asked()).await?;
            }
            None => {
                return Err(Error::failed(format!(
                    "cannot {} the compute fleet: ParallelCluster has no status of it",
                    wanted.verb()
                )));
            }
        }
        if !pace.next().await {
            return Err(Error::failed(format!(
                "the compute fleet does not {} within {} minutes",
                wanted.verb(),
                LIMIT.as_secs() / 60
            ))
            .because("/var/log/parallelcluster/clustermgtd on the head node says why"));
        }
    }
}

async fn status(context: &Context) -> Result<Option<String>> {
    let name = context.cluster_name();
    context.aws.compute_fleets.status(&name).await
}
