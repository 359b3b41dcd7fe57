//! Whether a role lets its instances be reached over SSM.

use crate::aws::Wish;
use crate::context::Context;
use crate::pcluster::judgement::Reach;

/// The first calls of the SSM agent: a role that may make them can be reached.
const SSM_ACTIONS: [&str; 2] = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:OpenDataChannel",
];

/// Asks IAM.
pub(super) async fn reach(context: &Context, role: &str) -> Reach {
    let wish = Wish {
        actions: SSM_ACTIONS.map(str::to_owned).to_vec(),
        resources: vec!["*".to_owned()],
        context: Vec::new(),
    };
    match context.aws.permissions.simulate(role, &wish).await {
        Ok(simulated) if simulated.refused.is_empty() => Reach::Has,
        Ok(_) => Reach::Lacks,
        Err(_) => Reach::Unasked,
    }
}
