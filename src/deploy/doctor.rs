//! `doctor`: before there is a deployment, whether one can be made; afterwards, the way a request
//! takes. Changes nothing in AWS.

use crate::context::Context;
use crate::error::{Error, Result};

use super::finding::{Finding, Verdict};
use super::steps::{requirements, stack};
use super::{compute, path, preflight};

/// What `doctor` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether the way of a request was walked; else what `up` needs was looked at.
    pub is_of_path: bool,
    /// What was found, in the order of the looks.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Returns what is to be said when AWS does not even tell who we are.
    pub fn of_no_account(error: &Error) -> Diagnosis {
        Diagnosis {
            is_of_path: false,
            findings: vec![Finding {
                verdict: Verdict::Problem,
                ..Finding::of_error("account", error)
            }],
        }
    }

    /// Returns whether nothing is wrong. What could not be looked at does not keep `up` from it.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| {
            finding.is_fine() || !self.is_of_path && finding.verdict == Verdict::Unknown
        })
    }
}

/// Looks at what `up` needs, or, once there is a stack of the deployment, at the way of a request.
pub async fn doctor(context: &Context) -> Result<Diagnosis> {
    let name = &context.settings.name;
    let stacks = &context.aws.stacks;
    let (network, api) = (name.requirements_stack(), name.api_stack());
    let there = tokio::try_join!(stacks.describe(&network), stacks.describe(&api))?;
    let mut there = [there.0, there.1].into_iter().flatten();
    // What somebody else made stands in the way of `up`, and not on the way of a request.
    let is_of_path = there.any(|found| stack::require_ours(context, &found).is_ok());
    let findings = if is_of_path {
        let layers = path::walk(context).await;
        let layers = layers.into_iter().map(|layer| layer.finding);
        let mut findings: Vec<_> = layers.collect();
        if findings.iter().all(Finding::is_fine) {
            findings.extend(compute::look(context).await);
        }
        findings.extend(path::beside(context).await);
        // An `up` that was refused its cluster is refused again until the configuration changes.
        if stacks.describe(name.as_str()).await?.is_none() {
            requirements::look(context).await?;
            findings.extend(preflight::look_at_configuration(context).await);
        }
        findings
    } else {
        preflight::look(context).await
    };
    Ok(Diagnosis {
        is_of_path,
        findings,
    })
}
