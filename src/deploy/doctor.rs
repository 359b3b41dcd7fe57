//! `doctor`: before there is a deployment, whether one can be made; afterwards, the way a request
//! takes. Changes nothing in AWS.

use crate::context::Context;
use crate::error::Result;

use super::finding::{Finding, Verdict};
use super::{path, preflight};

/// What `doctor` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether the way of a request was walked; else what `up` needs was looked at.
    pub is_of_path: bool,
    /// What was found, in the order of the looks.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Returns whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| matches!(finding.verdict, Verdict::Good | Verdict::Warning))
    }
}

/// Looks at what `up` needs, or, once there is a stack of the deployment, at the way of a request.
pub async fn doctor(context: &Context) -> Result<Diagnosis> {
    let name = &context.settings.name;
    let stacks = &context.aws.stacks;
    let (requirements, api) = (name.requirements_stack(), name.api_stack());
    let there = tokio::try_join!(stacks.describe(&requirements), stacks.describe(&api))?;
    let is_of_path = there != (None, None);
    let findings = if is_of_path {
        let layers = path::walk(context).await;
        layers.into_iter().map(|layer| layer.finding).collect()
    } else {
        preflight::look(context).await
    };
    Ok(Diagnosis {
        is_of_path,
        findings,
    })
}
