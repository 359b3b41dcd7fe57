//! What `up` would do to each step's thing, as far as a look tells; nothing is changed.

use std::time::Duration;

use crate::context::{Context, NewNetwork, Replacement};
use crate::error::Result;
use crate::pcluster::changes::Changes;
use crate::step::{Aim, Need, Step};
use crate::usual;

use super::fleet;
use super::jobs::Jobs;
use super::replacement::Replaced;
use super::status::{is_local, is_needed};
use super::steps::place;
use super::up::{self, Preflight};
use super::{State, StepStatus};

/// What `up` would do.
#[derive(Debug)]
pub struct Plan {
    /// The steps that somebody asked for, in the order of `up`.
    pub steps: Vec<PlannedStep>,
    /// The cluster that would be deleted before, when one is to be replaced.
    pub replaced: Option<Replaced>,
    /// The replacement that was begun and is gone on with, which ends with the deletion of the old cluster.
    pub under_way: Option<Replacement>,
    /// How the configuration differs from the one that the cluster has.
    pub changes: Changes,
    /// The jobs that end with the changes, where they end some.
    pub ended: Option<Jobs>,
    /// The network that was made or would be; `None` where it is the user's.
    pub network: Option<NewNetwork>,
}

/// What `up` would do to a step's thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// The step.
    pub step: Step,
    /// What would be done.
    pub action: Action,
    /// What is wrong with the thing or waited for; `None` where nothing is.
    pub detail: Option<String>,
}

/// What is done to a step's thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there, and is made.
    Make,
    /// It is there, but not as it should be: it is changed, or made anew.
    Change,
    /// It rests, and is brought back.
    Resume,
    /// Somebody else is at work on it: that is waited for.
    Wait,
    /// It stays as it is.
    Keep,
}

impl Action {
    /// Returns it as one word, for people and for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::Make => "make",
            Action::Change => "change",
            Action::Resume => "resume",
            Action::Wait => "wait",
            Action::Keep => "keep",
        }
    }
}

impl Plan {
    /// Returns the plan of an `up` that finds this.
    pub(super) fn of(before: &[StepStatus], replaced: Option<Replaced>) -> Plan {
        let mut steps: Vec<PlannedStep> = Vec::new();
        for status in before {
            if status.state == State::Unwanted {
                continue;
            }
            let is_made = |step: Step| {
                let mut planned = steps.iter();
                planned
                    .any(|it| it.step == step && matches!(it.action, Action::Make | Action::Resume))
            };
            let mut needs = status.step.needs().iter();
            let comes_first = needs.any(|need| {
                let (Need::Begun(other) | Need::Done(other)) = *need;
                is_made(other)
            });
            let is_replaced = replaced.is_some() && is_of_cluster(status.step);
            let action = match &status.state {
                _ if !is_needed(status.step, before) => Action::Keep,
                _ if is_replaced => Action::Change,
                State::Missing => Action::Make,
                State::Resting => Action::Resume,
                State::Waiting { .. } if comes_first => Action::Make,
                State::Waiting { .. } => Action::Wait,
                State::Incomplete { .. } => Action::Change,
                State::Ready | State::Unwanted => Action::Keep,
            };
            let detail = match action {
                Action::Change | Action::Wait => status.state.detail(),
                Action::Make | Action::Resume | Action::Keep => None,
            };
            steps.push(PlannedStep {
                step: status.step,
                action,
                detail: detail.map(ToOwned::to_owned),
            });
        }
        Plan {
            steps,
            replaced,
            under_way: None,
            changes: Changes::default(),
            ended: None,
            network: None,
        }
    }

    /// Adds where the network is, the replacement that is under way, how the configuration differs from that
    /// of the cluster, the jobs that this ends, and whether the compute fleet is to run again, which an `up`
    /// that was cut off had stopped.
    pub(super) async fn with_changes(mut self, context: &Context) -> Result<Plan> {
        let made = |it: &PlannedStep| it.step == Step::Requirements && it.action == Action::Make;
        self.network = match self.steps.iter().any(made) {
            true => place::planned(context).await?,
            false => context.facts().new_network.clone(),
        };
        self.under_way = context.facts().replacement.clone();
        self.changes = context.facts().changes.clone();
        if self.changes.end_jobs() {
            self.ended = Some(Jobs::look(context).await);
        }
        let is_kept = |it: &&mut PlannedStep| it.step == Step::Cluster && it.action == Action::Keep;
        if let Some(cluster) = self.steps.iter_mut().find(is_kept)
            && !context.facts().resting
            && fleet::is_to_start(context).await?
        {
            cluster.action = Action::Change;
            cluster.detail = Some("its compute fleet is to run again".to_owned());
        }
        Ok(self)
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_none() && self.steps.iter().all(|it| it.action == Action::Keep)
    }

    /// Returns whether a thing of AWS is made that was not there: what costs comes with it.
    pub fn makes_things(&self) -> bool {
        let makes = |it: &PlannedStep| match it.action {
            Action::Make => !is_local(it.step),
            Action::Resume => true,
            Action::Change | Action::Wait | Action::Keep => false,
        };
        self.replaced.is_some() || self.steps.iter().any(makes)
    }

    /// Returns whether the deployment rests.
    pub fn is_of_resting(&self) -> bool {
        self.steps.iter().any(|it| it.action == Action::Resume)
    }

    /// Returns how long `up` usually takes on AWS to do it.
    pub fn usually(&self) -> Duration {
        let steps = self.steps.iter().filter(|it| it.action != Action::Keep);
        let worked = |step| match step {
            // An update has less to do.
            Step::Cluster if !self.changes.is_empty() => {
                usual::of_step(step, Aim::Make).saturating_sub(usual::of_cluster_update())
            }
            _ => Duration::ZERO,
        };
        let steps = steps.map(|it| (it.step, worked(it.step))).collect();
        usual::left(Aim::Make, &steps)
    }
}

/// Returns whether the step's thing goes with the cluster.
fn is_of_cluster(step: Step) -> bool {
    matches!(
        step,
        Step::Cluster | Step::HeadNode | Step::Target | Step::NodeSetup | Step::Endpoint
    )
}

/// Returns what `up` would do; fails when it could not, as `up` would.
pub async fn plan(context: &Context, preflight: Preflight) -> Result<Plan> {
    let before = up::look_before(context, preflight, up::ClusterFate::Kept).await?;
    Plan::of(&before.statuses, None).with_changes(context).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::OldJobs;
    use crate::pcluster::changes;

    fn plan(state: impl Fn(Step) -> State) -> Plan {
        let before = Step::ALL.map(|step| StepStatus {
            step,
            state: state(step),
        });
        Plan::of(&before, None)
    }

    fn action(plan: &Plan, step: Step) -> Option<Action> {
        let planned = plan.steps.iter().find(|it| it.step == step);
        planned.map(|it| it.action)
    }

    #[test]
    fn where_nothing_is_all_is_made_that_is_wanted() {
        let plan = plan(|step| match step {
            Step::Requirements | Step::Cluster | Step::Api => State::Missing,
            Step::Operations | Step::Triggers | Step::Notifications | Step::Limits => {
                State::Unwanted
            }
            _ => State::waiting("another"),
        });
        assert_eq!(action(&plan, Step::Operations), None);
        assert_eq!(action(&plan, Step::Endpoint), Some(Action::Make));
        assert_eq!(action(&plan, Step::HeadNode), Some(Action::Make));
        assert!(plan.makes_things());
        let minutes = plan.usually().as_secs() / 60;
        assert!((10..16).contains(&minutes), "{minutes}");
    }

    #[test]
    fn what_is_well_is_kept_and_files_of_this_machine_are_not_missed() {
        let plan = plan(|step| match step {
            Step::ClusterConfig | Step::Pcluster => State::Missing,
            _ => State::Ready,
        });
        assert!(plan.is_empty());
        assert_eq!(plan.usually(), Duration::ZERO);
    }

    #[test]
    fn there_is_something_to_do_until_a_replacement_has_ended() {
        let mut plan = plan(|_| State::Ready);
        assert!(plan.is_empty());
        plan.under_way = Some(Replacement {
            from: "mine".to_owned(),
            to: "mine-2".to_owned(),
            jobs: OldJobs::End,
        });
        assert!(!plan.is_empty() && !plan.makes_things());
    }

    #[test]
    fn a_change_of_the_cluster_takes_less_than_the_cluster() {
        let value = |text: &str| serde_yaml::from_str(text).unwrap();
        let mut plan = plan(|step| match step {
            Step::Cluster => State::incomplete("1 change of its configuration"),
            _ => State::Ready,
        });
        let whole = plan.usually();
        plan.changes = Changes {
            all: changes::changes(&value("{Own: 1}"), &value("{Own: 2}")),
            config: String::new(),
        };
        assert_eq!(action(&plan, Step::Cluster), Some(Action::Change));
        assert!(!plan.is_empty() && !plan.makes_things());
        let minutes = plan.usually().as_secs() / 60;
        assert!(
            (2..5).contains(&minutes) && plan.usually() < whole,
            "{minutes}"
        );
    }

    #[test]
    fn what_rests_is_resumed_which_costs_again() {
        let plan = plan(|step| match step {
            Step::Api | Step::HeadNode | Step::NatGateway => State::Resting,
            _ => State::Ready,
        });
        assert_eq!(action(&plan, Step::Api), Some(Action::Resume));
        assert_eq!(action(&plan, Step::Cluster), Some(Action::Keep));
        assert!(plan.is_of_resting() && plan.makes_things());
        assert!(plan.usually() > Duration::from_secs(60));
    }

    #[test]
    fn what_others_are_at_work_on_is_waited_for() {
        let plan = plan(|step| match step {
            Step::Cluster => State::waiting("the cluster is in CREATE_IN_PROGRESS"),
            Step::Api => State::incomplete("it was made from another template"),
            _ => State::Ready,
        });
        assert_eq!(action(&plan, Step::Cluster), Some(Action::Wait));
        assert_eq!(action(&plan, Step::Api), Some(Action::Change));
        assert!(!plan.is_empty() && !plan.makes_things());
    }
}
