//! What the configuration itself tells of the cluster, and what IAM tells of a role that it names.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::leftovers::AwsCommands;
use crate::deploy::reach::reach;
use crate::pcluster::judgement::{self, Circumstances, OwnRole, Reach, Remark, Severity};

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let made = context.requirements();
    let bucket = made.as_ref().map(|made| made.bucket.as_str());
    let role = judgement::own_role(&context.config);
    let reach = match &role {
        Some(role) => reach(context, &role.arn).await,
        None => Reach::Unasked,
    };
    let circumstances = Circumstances {
        region: &context.aws.region,
        partition: context.identity.partition(),
        has_network: made.is_some() || context.settings.network.is_some(),
        bucket: bucket.or(context.settings.kept_bucket.as_deref()),
        reach,
        caller: context.identity.role(),
    };
    let lack = role.filter(|_| reach == Reach::Lacks);
    let remarks = judgement::judge(&context.config, &circumstances);
    let remarks = remarks.iter().map(|remark| finding(context, remark));
    let lack = lack.map(|role| unreached(context, &role));
    lack.into_iter().chain(remarks).collect()
}

fn finding(context: &Context, remark: &Remark) -> Finding {
    let sentence = remark.sentence(&context.config);
    let found = match remark.severity {
        Severity::Error => Finding::problem(remark.subject, sentence),
        Severity::Warning => Finding::warning(remark.subject, sentence),
    };
    found.because(&remark.cause).then(&remark.next)
}

fn unreached(context: &Context, role: &OwnRole) -> Finding {
    let place = judgement::place(&context.config, &role.path);
    let text = format!(
        "{place}: {} does not let the head node be reached over SSM",
        role.arn
    );
    let cause = "without SSM there are no tokens, and nothing of the head node can be looked at";
    let finding = Finding::problem("rights", text).because(cause);
    finding.then(AwsCommands::new(context).let_reach(&role.arn))
}
