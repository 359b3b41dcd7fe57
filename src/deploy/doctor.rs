//! `doctor`: before there is a deployment, whether one can be made; afterwards, the way a request
//! takes and what starts jobs. Changes nothing in AWS, but that a job may start a node.

use crate::context::Context;
use crate::error::{Error, Result};

use super::finding::{Finding, Verdict};
use super::steps::{api, requirements, stack};
use super::{beside, clusters, compute, path, preflight, proof, resting};

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

/// How far `doctor` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// It looks.
    Looks,
    /// It has a job run, too.
    Job,
}

/// Looks at what `up` needs, or, once there is a stack of the deployment, at the way of a request.
pub async fn doctor(context: &Context, depth: Depth) -> Result<Diagnosis> {
    clusters::identify(context).await?;
    let name = &context.settings.name;
    let stacks = &context.aws.stacks;
    let (network, api) = (name.requirements_stack(), name.api_stack());
    let there = tokio::try_join!(stacks.describe(&network), stacks.describe(&api))?;
    let rests = there.1.as_ref().is_some_and(api::is_resting);
    let mut there = [there.0, there.1].into_iter().flatten();
    // What somebody else made stands in the way of `up`, and not on the way of a request.
    let is_of_path = there.any(|found| stack::require_ours(context, &found).is_ok());
    let findings = if is_of_path && rests {
        vec![resting::told(context)]
    } else if is_of_path {
        let layers = path::walk(context).await;
        let layers = layers.into_iter().map(|layer| layer.finding);
        let mut findings: Vec<_> = layers.collect();
        if findings.iter().all(Finding::is_fine) {
            findings.extend(compute::look(context).await);
            if depth == Depth::Job {
                findings.push(proof::look(context).await);
            }
        }
        findings.extend(path::beside(context).await);
        findings.extend(beside::look(context).await);
        let mut more = of_configuration(context).await;
        // The way may have ended at the same refusal.
        more.retain(|finding| !findings.contains(finding));
        findings.extend(more);
        findings
    } else {
        preflight::look(context).await
    };
    Ok(Diagnosis {
        is_of_path,
        findings,
    })
}

/// Looks at the configuration while there is no cluster: an `up` that was refused it is refused again
/// until the configuration changes. A look that fails is a finding, for others have been made.
async fn of_configuration(context: &Context) -> Vec<Finding> {
    let cluster = context.cluster_name();
    match context.aws.stacks.describe(&cluster).await {
        Ok(None) => {}
        Ok(Some(_)) => return Vec::new(),
        Err(error) => return vec![Finding::of_error("configuration", &error)],
    }
    // What of the network is known is judged as well; without it there are stand-ins.
    let network = requirements::look(context).await;
    let refused = network.err();
    let mut findings: Vec<_> = refused
        .iter()
        .map(|error| Finding::of_error("stacks", error))
        .collect();
    findings.extend(preflight::look_at_configuration(context).await);
    findings
}
