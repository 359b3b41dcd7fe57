//! Whether the account's plan lets the instance types of the configuration be started. ParallelCluster's
//! validators do not say: they take EC2's refusal for a lack of capacity that passes.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::error::Result;
use crate::hint::{AwsCall, Hint};
use crate::pcluster;

const SUBJECT: &str = "account plan";

pub(super) async fn look(context: &Context) -> Finding {
    let looked = async {
        match context.aws.account_plan.is_free().await? {
            true => of_free_plan(context).await,
            false => Ok(Finding::good(
                SUBJECT,
                "no free plan keeps instances from starting",
            )),
        }
    };
    looked
        .await
        .unwrap_or_else(|error| Finding::of_error(SUBJECT, &error))
}

async fn of_free_plan(context: &Context) -> Result<Finding> {
    let eligible = context.aws.capacity.free_plan_types().await?;
    let wanted = pcluster::instance_types(context.config.document());
    Ok(judged(&wanted, &eligible))
}

fn judged(wanted: &BTreeSet<String>, eligible: &BTreeSet<String>) -> Finding {
    let listed = |kinds: Vec<&String>| {
        let kinds: Vec<_> = kinds.into_iter().map(|kind| format!("`{kind}`")).collect();
        kinds.join(", ")
    };
    let refused: Vec<_> = wanted.difference(eligible).collect();
    if refused.is_empty() {
        return Finding::good(SUBJECT, "free, and it starts all of the instance types");
    }
    let text = format!(
        "the account is on AWS's free plan, which does not start {}",
        listed(refused)
    );
    Finding::problem(SUBJECT, text)
        .because(format!("it starts {}", listed(eligible.iter().collect())))
        .then("take one of these in the configuration, as `config --preset free-tier` does")
        .then(
            Hint::run(
                AwsCall::anywhere("freetier upgrade-account-plan").with("--account-plan-type PAID"),
            )
            .because("upgrade the plan"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::finding::Verdict;

    #[test]
    fn what_a_free_plan_does_not_start_is_named_with_what_it_starts() {
        let types = |kinds: &[&str]| kinds.iter().map(ToString::to_string).collect();
        let eligible = types(&["t3.micro", "t3.small"]);
        let good = judged(&types(&["t3.micro", "t3.small"]), &eligible);
        assert_eq!(good.verdict, Verdict::Good);
        let bad = judged(&types(&["c5.large", "t3.micro"]), &eligible);
        assert_eq!(bad.verdict, Verdict::Problem);
        assert!(bad.text.ends_with("does not start `c5.large`"), "{bad:?}");
        assert_eq!(
            bad.cause.as_deref(),
            Some("it starts `t3.micro`, `t3.small`")
        );
    }
}
