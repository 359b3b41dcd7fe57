//! Whether the API's access log can be made: it comes after the cluster, too late to find that out.

use crate::aws::LogPolicy;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::leftovers::AwsCommands;
use crate::error::Result;

const SUBJECT: &str = "access log";

/// Who writes access logs.
const DELIVERY: &str = "delivery.logs.amazonaws.com";

/// So many resource policies may a region have: AWS does not raise it (CloudWatch Logs quotas).
const POLICIES: usize = 10;

pub(super) async fn look(context: &Context) -> Finding {
    let stack = context.settings.name.api_stack();
    let looked = async {
        // It has its log.
        if context.aws.stacks.describe(&stack).await?.is_some() {
            return Ok(Finding::good(SUBJECT, "the stack of the API has it"));
        }
        of_new_stack(context, &stack).await
    };
    looked
        .await
        .unwrap_or_else(|error| Finding::of_error(SUBJECT, &error))
}

async fn of_new_stack(context: &Context, stack: &str) -> Result<Finding> {
    let groups = &context.aws.log_groups;
    let name = format!("/aws/vendedlogs/apigateway/{stack}");
    let commands = AwsCommands::new(context);
    if groups.exists(&name).await? {
        let text = format!("there is a log group `{name}`, and the API's own has that name");
        return Ok(Finding::problem(SUBJECT, text)
            .because("it can go if nobody needs what was logged there")
            .then(commands.delete_log_group(&name)));
    }
    let policies = groups.policies().await?;
    if has_room(&policies) {
        return Ok(Finding::good(SUBJECT, "its log group can be made"));
    }
    let text = format!(
        "the account has {} resource policies of CloudWatch Logs in this region, as many as it can, and \
         none of them lets AWS write access logs",
        policies.len()
    );
    let names = policies.iter().map(|policy| policy.name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    Ok(Finding::problem(SUBJECT, text)
        .because(names)
        .then(commands.list_log_policies())
        .then(format!(
            "delete one that nobody needs: {}",
            commands.delete_log_policy("NAME")
        )))
}

/// Returns whether AWS can let itself write the log: it adds to a policy of its own, or makes one.
fn has_room(policies: &[LogPolicy]) -> bool {
    policies.len() < POLICIES
        || policies
            .iter()
            .any(|policy| policy.document.contains(DELIVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_policies_leave_room_if_one_of_them_is_of_log_delivery() {
        let policy = |service: &str| LogPolicy {
            name: "x".to_owned(),
            document: format!(r#"{{"Principal": {{"Service": "{service}"}}}}"#),
        };
        let mut policies = vec![policy("es.amazonaws.com"); 9];
        assert!(has_room(&policies));
        policies.push(policy("route53.amazonaws.com"));
        assert!(!has_room(&policies));
        policies[3] = policy(DELIVERY);
        assert!(has_room(&policies));
    }
}
