//! What the configuration itself tells of the cluster, and what IAM tells of a role that it names.

use crate::aws::Wish;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::leftovers::AwsCommands;
use crate::pcluster::judgement::{self, Circumstances, OwnRole, Remark, Severity};

/// What the SSM agent does first of all it does: whoever may do this is reached.
const SSM_ACTIONS: [&str; 2] = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:OpenDataChannel",
];

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let made = context.requirements();
    let bucket = made.as_ref().map(|made| made.bucket.as_str());
    let circumstances = Circumstances {
        region: &context.aws.region,
        has_network: made.is_some(),
        bucket: bucket.or(context.settings.kept_bucket.as_deref()),
    };
    let role = judgement::own_role(&context.config);
    let lack = match &role {
        Some(role) => lack(context, role).await,
        None => None,
    };
    judgement::judge(&context.config, &circumstances)
        .iter()
        .map(|remark| {
            let is_about_role = role.as_ref().is_some_and(|role| role.path == remark.path);
            match &lack {
                Some(lack) if is_about_role => lack.clone(),
                _ => finding(context, remark),
            }
        })
        .collect()
}

fn finding(context: &Context, remark: &Remark) -> Finding {
    let sentence = remark.sentence(&context.config);
    let found = match remark.severity {
        Severity::Error => Finding::problem(remark.subject, sentence),
        Severity::Warning => Finding::warning(remark.subject, sentence),
    };
    found.because(&remark.cause).then(&remark.next)
}

/// Returns what the head node's own role lacks; nothing when it lacks nothing, or IAM cannot be
/// asked.
async fn lack(context: &Context, role: &OwnRole) -> Option<Finding> {
    let wish = Wish {
        actions: SSM_ACTIONS.map(str::to_owned).to_vec(),
        resources: vec!["*".to_owned()],
        context: Vec::new(),
    };
    let simulated = context.aws.permissions.simulate(&role.arn, &wish).await;
    if simulated.ok()?.refused.is_empty() {
        return None;
    }
    let place = judgement::place(&context.config, &role.path);
    let text = format!(
        "{place}: {} does not let the head node be reached over SSM",
        role.arn
    );
    let cause = "without SSM there are no tokens, and nothing of the head node can be looked at";
    let finding = Finding::problem("rights", text).because(cause);
    Some(finding.then(AwsCommands::new(context).let_reach(&role.arn)))
}
