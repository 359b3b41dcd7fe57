//! The survey: every step is looked at, nothing is changed.

use crate::context::Context;
use crate::error::Result;
use crate::step::Step;

use super::{State, steps};

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
        self.state != State::Ready && !is_local(self.step)
    }
}

/// Returns whether the step's thing is a file of this machine.
pub(super) fn is_local(step: Step) -> bool {
    matches!(step, Step::Pcluster | Step::ClusterConfig)
}

/// Looks at every step, in their order.
pub async fn survey(context: &Context) -> Result<Vec<StepStatus>> {
    let mut statuses = Vec::with_capacity(Step::ALL.len());
    for step in Step::ALL {
        let state = super::check(step, context).await?;
        statuses.push(StepStatus { step, state });
    }
    Ok(statuses)
}

/// Looks only for what a call to the cluster needs: its head node and its endpoint.
pub async fn locate(context: &Context) -> Result<()> {
    steps::requirements::look(context).await?;
    look_at(&[Step::HeadNode, Step::Api], context).await
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
