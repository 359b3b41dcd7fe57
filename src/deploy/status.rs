//! The survey: every step is looked at, nothing is changed.

use futures_util::future::{join, join_all};

use crate::context::{Board, Context, Milestone};
use crate::error::Result;
use crate::step::{Need, Step};

use super::activity::Busy;
use super::{State, activity, clusters, resting, steps};

/// A step and the state its thing is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepStatus {
    /// The step.
    pub step: Step,
    /// The state of its thing.
    pub state: State,
}

impl StepStatus {
    /// Returns whether the step keeps the deployment from being ready. What only this machine
    /// lacks does not: the deployment is in AWS.
    pub fn is_unready(&self) -> bool {
        !self.state.is_fine() && !is_local(self.step)
    }

    /// Returns whether it is a cluster that does not work: `doctor` says why.
    pub fn is_failed_cluster(&self) -> bool {
        self.step == Step::Cluster && matches!(self.state, State::Incomplete { .. })
    }
}

/// Returns whether the step's thing is a file of this machine.
pub(super) fn is_local(step: Step) -> bool {
    matches!(step, Step::Pcluster | Step::ClusterConfig)
}

/// Returns whether a step has to be looked at: what only this machine lacks is made only for
/// a step that will use it.
pub(super) fn is_needed(step: Step, before: &[StepStatus]) -> bool {
    let is_ready = |step: Step| {
        before
            .iter()
            .any(|status| status.step == step && status.state == State::Ready)
    };
    !is_local(step) || !step.users().all(is_ready)
}

/// Looks at every step, side by side as far as one look takes nothing of what another learns, and
/// returns them in the order of `up`.
pub async fn survey(context: &Context) -> Result<Vec<StepStatus>> {
    look_at_all(context, &Board::default()).await
}

/// Looks at every step, and meanwhile at how busy the cluster is.
pub async fn survey_at_work(context: &Context) -> Result<(Vec<StepStatus>, Option<Busy>)> {
    let board = Board::default();
    let busy = async {
        board.meet(&[Need::Done(Step::HeadNode)]).await;
        activity::workload(context).await
    };
    let (statuses, busy) = join(look_at_all(context, &board), busy).await;
    Ok((statuses?, busy))
}

async fn look_at_all(context: &Context, board: &Board) -> Result<Vec<StepStatus>> {
    clusters::identify(context).await?;
    let looks = Step::ALL.map(async |step| {
        board.meet(step.needs()).await;
        let looked = super::check(step, context).await;
        // Those after it must look, too, when this one could not.
        board.reach(step, Milestone::Done);
        let state = looked?;
        Ok(StepStatus { step, state })
    });
    let mut statuses: Vec<_> = join_all(looks).await.into_iter().collect::<Result<_>>()?;
    resting::tell_what_rests(context, &mut statuses);
    Ok(statuses)
}

/// Looks only for what a call to the cluster needs: its head node and its endpoint.
pub async fn locate(context: &Context) -> Result<()> {
    steps::requirements::look(context).await?;
    steps::api::check(context).await?;
    steps::head_node::locate(context).await
}

/// Looks only for the values that fill a cluster configuration.
pub async fn gather_values(context: &Context) -> Result<()> {
    look_at(
        &[Step::Requirements, Step::KeyPair, Step::NodeScript],
        context,
    )
    .await
}

async fn look_at(steps: &[Step], context: &Context) -> Result<()> {
    for step in steps {
        super::check(*step, context).await?;
    }
    Ok(())
}
