//! What can be known before anything is changed is said before anything is changed.

use std::path::PathBuf;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::files;
use crate::pcluster::config::Values;
use crate::pcluster::{self, answer, require_node};
use crate::step::Step;

use super::{State, StepStatus};

/// Well-formed values for what does not exist yet. What `pcluster` says about them is not
/// about the user's configuration.
mod placeholder {
    pub(super) const HEAD_NODE_SUBNET: &str = "subnet-00000000000000001";
    pub(super) const COMPUTE_SUBNET_1: &str = "subnet-00000000000000002";
    pub(super) const COMPUTE_SUBNET_2: &str = "subnet-00000000000000003";
    pub(super) const SECURITY_GROUP: &str = "sg-00000000000000004";
    pub(super) const KEY_NAME: &str = "hpcapi-placeholder-key";
    pub(super) const BUCKET: &str = "hpcapi-placeholder-bucket";
    pub(super) const ALL: [&str; 6] = [
        HEAD_NODE_SUBNET,
        COMPUTE_SUBNET_1,
        COMPUTE_SUBNET_2,
        SECURITY_GROUP,
        KEY_NAME,
        BUCKET,
    ];
}

/// Fails when the cluster that `up` is about to make could not be made.
pub(super) async fn before(context: &Context, found: &[StepStatus]) -> Result<()> {
    let cluster_is_there = found
        .iter()
        .any(|status| status.step == Step::Cluster && status.state != State::Missing);
    if cluster_is_there {
        return Ok(());
    }
    require_node().await?;
    let pcluster = context.pcluster().await?;
    context
        .events
        .doing(Step::ClusterConfig, "pcluster validates the configuration");
    let draft = draft(context)?;
    let output = pcluster
        .dry_run(context.settings.name.as_str(), &draft)
        .await;
    files::remove(&draft)?;
    let output = output?;
    let refusal = match answer::dry_run(output.status.code(), &output.stdout, &output.stderr) {
        Ok(_) => return Ok(()),
        Err(refusal) => refusal,
    };
    let Some(refusal) = refusal.without(|text| placeholder::ALL.iter().any(|p| text.contains(p)))
    else {
        return Ok(());
    };
    let error: Error = pcluster::config_error(&context.config, refusal);
    Err(error)
}

/// Writes the configuration with placeholders where nothing exists yet; returns where.
fn draft(context: &Context) -> Result<PathBuf> {
    let facts = context.facts();
    let known = facts.requirements.as_ref();
    let text = |value: Option<&String>, placeholder: &str| {
        value.cloned().unwrap_or_else(|| placeholder.to_owned())
    };
    let bucket = text(known.map(|r| &r.bucket), placeholder::BUCKET);
    let values = Values {
        region: context.aws.region.clone(),
        head_node_subnet: text(
            known.map(|r| &r.head_node_subnet),
            placeholder::HEAD_NODE_SUBNET,
        ),
        compute_subnets: [
            text(
                known.map(|r| &r.compute_subnets[0]),
                placeholder::COMPUTE_SUBNET_1,
            ),
            text(
                known.map(|r| &r.compute_subnets[1]),
                placeholder::COMPUTE_SUBNET_2,
            ),
        ],
        head_node_security_group: text(
            known.map(|r| &r.head_node_security_group),
            placeholder::SECURITY_GROUP,
        ),
        key_name: text(facts.key_name.as_ref(), placeholder::KEY_NAME),
        node_script: format!("s3://{bucket}/head-node.sh"),
        bucket,
    };
    drop(facts);
    let path = context
        .settings
        .local_folder()
        .join(format!(".{}-draft.yaml", context.settings.name));
    let filled = context.config.fill(&values);
    files::write_private(&path, filled.text().as_bytes())?;
    Ok(path)
}
