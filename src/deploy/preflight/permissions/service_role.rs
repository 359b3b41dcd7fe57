//! Whether the service role may do what CloudFormation does as it: asked of IAM's simulation, like what the
//! caller may do.

use crate::aws::Principal;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::iam_policy;
use crate::service_role::ServiceRole;

use super::caller::Caller;
use super::{SUBJECT, ask, not_looked, refusals, scope, uses};

/// Returns what there is to say of the role.
pub(super) async fn look(context: &Context, role: &ServiceRole) -> Vec<Finding> {
    if let Some(elsewhere) = elsewhere(context, role) {
        return vec![elsewhere];
    }
    // Who may not look at it may well be allowed to pass it.
    if let Ok(there) = context.aws.permissions.role(role.name()).await
        && let Some(unusable) = unusable(role, there.as_ref())
    {
        return vec![unusable];
    }
    let wanted: Vec<_> = uses(context).map(|(wanted, ..)| *wanted).collect();
    let questions = iam_policy::questions_to_role(&wanted, &scope(context));
    match ask(context, role.as_str(), questions).await {
        Err(error) => vec![not_looked(&error)],
        Ok(answers) if answers.refusals.is_empty() => {
            let text = format!("the service role {role} may do all that CloudFormation does as it");
            vec![Finding::good(SUBJECT, text)]
        }
        Ok(answers) => {
            let caller = Caller::Role(role.name().to_owned());
            refusals::findings(context, &caller, role.as_str(), answers).await
        }
    }
}

/// Returns the problem of a role in another account than the deployment's, which AWS lets nobody pass.
fn elsewhere(context: &Context, role: &ServiceRole) -> Option<Finding> {
    let identity = &context.identity;
    let is_here = role.account() == identity.account && role.partition() == identity.partition();
    (!is_here).then(|| {
        let text = format!(
            "the service role `{role}` is not in the account {} (partition {})",
            identity.account,
            identity.partition()
        );
        Finding::problem(SUBJECT, text).then("name one of this account by --service-role")
    })
}

/// Returns the problem of a role that CloudFormation cannot act as, given what there is of its name.
fn unusable(role: &ServiceRole, there: Option<&Principal>) -> Option<Finding> {
    let advice = "let whoever administers the account make the role, with a trust policy for \
                  cloudformation.amazonaws.com";
    let Some(found) = there.filter(|there| there.arn == role.as_str()) else {
        let finding = Finding::problem(SUBJECT, format!("there is no role `{role}`"));
        let other = there.map(|there| format!("there is `{}`", there.arn));
        return Some(finding.because(other.unwrap_or_default()).then(advice));
    };
    (!found.may_be_taken_by("cloudformation.amazonaws.com")).then(|| {
        let text = format!("the service role `{role}` does not trust CloudFormation");
        Finding::problem(SUBJECT, text).then(advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_usable_if_it_is_there_and_trusts_cloudformation() {
        let role: ServiceRole = "arn:aws:iam::123456789012:role/team/r".parse().unwrap();
        let there = |arn: &str, service: &str| Principal {
            arn: arn.to_owned(),
            boundary: None,
            trust: format!("%7B%22Service%22%3A%22{service}.amazonaws.com%22%7D"),
        };
        let text = |there: Option<&Principal>| unusable(&role, there).map(|finding| finding.text);
        let absent = Some("there is no role `arn:aws:iam::123456789012:role/team/r`".to_owned());
        assert_eq!(text(None), absent);
        let other = there("arn:aws:iam::123456789012:role/r", "cloudformation");
        assert_eq!(text(Some(&other)), absent);
        let of_instances = there(role.as_str(), "ec2");
        let found = text(Some(&of_instances)).unwrap();
        assert!(found.contains("does not trust CloudFormation"), "{found}");
        assert_eq!(text(Some(&there(role.as_str(), "cloudformation"))), None);
    }
}
