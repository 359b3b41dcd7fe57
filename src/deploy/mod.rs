//! The deployment as a whole: the steps, and the loops over them.

mod activity;
mod already_made;
mod at_work;
mod beside;
mod changes;
mod clusters;
mod compute;
mod deployments;
mod doctor;
mod elsewhere;
mod estimate;
mod evidence;
mod finding;
mod fleet;
mod half_deleted;
mod iam_place;
mod jobs;
mod leftovers;
mod losses;
mod make_step;
mod path;
mod plan;
mod preflight;
mod proof;
mod protection;
mod reach;
mod repair;
mod replacement;
mod resting;
mod state;
mod status;
mod steps;
mod teardown;
mod up;
mod upgrade;
mod ways;
mod zones;

pub use activity::{Busy, begun};
pub use beside::{told as replacement_told, under_way as replacement_under_way};
pub use deployments::{Condition, Deployment, deployments};
pub use doctor::{Depth, Diagnosis, doctor};
pub use elsewhere::{Elsewhere, look as look_elsewhere};
pub use estimate::{
    Completeness, Estimate, Line as EstimateLine, Nodes as EstimateNodes, PaidNetwork, Usd,
};
pub use evidence::bundle;
pub use finding::{Finding, Verdict};
pub use jobs::Jobs;
pub use leftovers::{Cost, Leftover, Scan, Unseen, check as check_leftovers};
pub use losses::Losses;
pub use plan::{Action, Plan, PlannedStep, plan};
pub use proof::Proof;
pub use replacement::Replaced;
pub use resting::{BeforePause, Paused, look_before_pause, pause, require_deployed};
pub use state::State;
pub use status::{StepStatus, gather_values, locate, survey, survey_at_work};
pub use steps::cluster_config::filled;
pub use steps::kept_bucket::holding_jobs as bucket_holding_jobs;
pub use steps::limits::extend;
pub use steps::network_removal::in_the_way;
pub use steps::notifications::require_notifications;
pub use steps::wanted_endpoints::endpoint_interfaces;
pub use teardown::{Teardown, teardown, to_be_deleted};
pub use up::{ClusterFate, Consent, Preflight, Up, Wish, look_ahead, make_triggers, up};
pub use upgrade::{Upgrade, look_before_upgrade};

use crate::context::{Board, Context};
use crate::error::Result;
use crate::event::{Outcome, Times};
use crate::settings::Ground;
use crate::step::Step;

/// Looks at the step's thing without changing anything, and writes down what it learns.
async fn check(step: Step, context: &Context) -> Result<State> {
    match step {
        Step::Requirements => steps::requirements::check(context).await,
        Step::NatGateway => steps::nat_gateway::check(context).await,
        Step::Pcluster => steps::pcluster::check(context).await,
        Step::KeyPair => steps::key_pair::check(context).await,
        Step::NodeScript => steps::node_script::check(context).await,
        Step::ClusterConfig => steps::cluster_config::check(context),
        Step::Cluster => steps::cluster::check(context).await,
        Step::HeadNode => steps::head_node::check(context).await,
        Step::Api => steps::api::check(context).await,
        Step::Target => steps::target::check(context).await,
        Step::NodeSetup => steps::node_setup::check(context).await,
        Step::Operations => steps::operations::check(context).await,
        Step::Triggers => steps::triggers::check(context).await,
        Step::Notifications => steps::notifications::check(context).await,
        Step::Limits => steps::limits::check(context).await,
        Step::Endpoint => steps::endpoint::check(context).await,
    }
}

/// Makes the step's thing, from whatever state it is in.
async fn run(step: Step, context: &Context, board: &Board) -> Result<()> {
    match step {
        Step::Requirements => steps::requirements::run(context).await,
        Step::NatGateway => steps::nat_gateway::run(context).await,
        Step::Pcluster => steps::pcluster::run(context).await,
        Step::KeyPair => steps::key_pair::run(context).await,
        Step::NodeScript => steps::node_script::run(context).await,
        Step::ClusterConfig => steps::cluster_config::run(context),
        Step::Cluster => steps::cluster::run(context, board).await,
        Step::HeadNode => steps::head_node::run(context).await,
        Step::Api => steps::api::run(context).await,
        Step::Target => steps::target::run(context).await,
        Step::NodeSetup => steps::node_setup::run(context).await,
        Step::Operations => steps::operations::run(context).await,
        Step::Triggers => steps::triggers::run(context).await,
        Step::Notifications => steps::notifications::run(context).await,
        Step::Limits => steps::limits::run(context).await,
        Step::Endpoint => steps::endpoint::run(context).await,
    }
}

/// Returns how long things take where the deployment is.
fn times(context: &Context) -> Times {
    match context.settings.ground {
        Ground::Aws { .. } => Times::Usual,
        Ground::Endpoint(_) => Times::Unknown,
    }
}

/// Returns whether the step makes something that no other step removes.
fn is_undone(step: Step) -> bool {
    !matches!(
        step,
        Step::NatGateway
            | Step::Pcluster
            | Step::NodeScript
            | Step::HeadNode
            | Step::Target
            | Step::NodeSetup
            | Step::Endpoint
    )
}

/// Removes the step's thing; fine when there is none.
async fn undo(step: Step, context: &Context) -> Result<Outcome> {
    match step {
        Step::Requirements => steps::requirements::undo(context).await,
        Step::KeyPair => steps::key_pair::undo(context).await,
        Step::ClusterConfig => steps::cluster_config::undo(context).await,
        Step::Cluster => steps::cluster::undo(context).await,
        Step::Api => steps::api::undo(context).await,
        Step::Operations => steps::operations::undo(context).await,
        Step::Triggers => steps::triggers::undo(context).await,
        Step::Notifications => steps::notifications::undo(context).await,
        Step::Limits => steps::limits::undo(context).await,
        // See `is_undone`.
        Step::NatGateway
        | Step::Pcluster
        | Step::NodeScript
        | Step::HeadNode
        | Step::Target
        | Step::NodeSetup
        | Step::Endpoint => Ok(Outcome::Absent),
    }
}
