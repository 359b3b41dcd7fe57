//! What can be known before anything is changed is said before anything is changed.

use std::path::PathBuf;

use crate::context::Context;
use crate::error::Result;
use crate::files;
use crate::pcluster::config::Values;
use crate::pcluster::{self, answer, require_node};
use crate::step::Step;

use super::steps::requirements;
use super::{State, StepStatus};

/// Well-formed values for what does not exist yet.
mod placeholder {
    pub(super) const SUBNET: &str = "subnet-00000000000000001";
    pub(super) const SECURITY_GROUP: &str = "sg-00000000000000002";
    pub(super) const KEY_NAME: &str = "hpcapi-placeholder-key";
    pub(super) const BUCKET: &str = "hpcapi-placeholder-bucket";
}

/// Fails when the cluster that `up` is about to make could not be made.
pub(super) async fn before(context: &Context, found: &[StepStatus]) -> Result<()> {
    let is_missing = |step: Step| {
        found
            .iter()
            .any(|status| status.step == step && status.state == State::Missing)
    };
    if !is_missing(Step::Cluster) {
        return Ok(());
    }
    require_node().await?;
    validate(context).await?;
    if is_missing(Step::Requirements) {
        requirements::zones_for(context).await?;
    }
    Ok(())
}

/// Lets the real validators read the configuration. What they say about a stand-in for what
/// does not exist yet is not about the configuration.
async fn validate(context: &Context) -> Result<()> {
    let pcluster = context.pcluster().await?;
    context
        .events
        .doing(Step::ClusterConfig, "pcluster validates the configuration");
    let (values, stand_ins) = draft_values(context).await?;
    let draft = draft(context, &values)?;
    let output = pcluster
        .dry_run(context.settings.name.as_str(), &draft)
        .await;
    files::remove(&draft)?;
    let output = output?;
    let answer = answer::dry_run(output.status.code(), &output.stdout, &output.stderr);
    let Err(refusal) = answer else {
        return Ok(());
    };
    let is_about_stand_in = |text: &str| stand_ins.iter().any(|value| text.contains(value));
    match refusal.without(is_about_stand_in) {
        Some(refusal) => Err(pcluster::config_error(&context.config, refusal)),
        None => Ok(()),
    }
}

/// Returns values for every CHANGE_ME, and those of them that only stand in. pcluster looks at
/// nothing further when a subnet does not exist, so any subnet of the region stands in for ours.
async fn draft_values(context: &Context) -> Result<(Values, Vec<String>)> {
    let subnets = context.aws.network.some_subnets().await?;
    let subnet = |which: usize| {
        let some = subnets.get(which).or(subnets.first()).cloned();
        some.unwrap_or_else(|| placeholder::SUBNET.to_owned())
    };
    let mut stand_ins = Vec::new();
    let facts = context.facts();
    let known = facts.requirements.as_ref();
    let mut value = |known: Option<&String>, stand_in: String| {
        known.cloned().unwrap_or_else(|| {
            stand_ins.push(stand_in.clone());
            stand_in
        })
    };
    let bucket = value(known.map(|r| &r.bucket), placeholder::BUCKET.to_owned());
    let values = Values {
        region: context.aws.region.clone(),
        head_node_subnet: value(known.map(|r| &r.head_node_subnet), subnet(0)),
        compute_subnets: [
            value(known.map(|r| &r.compute_subnets[0]), subnet(1)),
            value(known.map(|r| &r.compute_subnets[1]), subnet(2)),
        ],
        head_node_security_group: value(
            known.map(|r| &r.head_node_security_group),
            placeholder::SECURITY_GROUP.to_owned(),
        ),
        key_name: value(facts.key_name.as_ref(), placeholder::KEY_NAME.to_owned()),
        node_script: format!("s3://{bucket}/head-node.sh"),
        bucket,
    };
    drop(facts);
    Ok((values, stand_ins))
}

/// Writes the configuration with `values` to a file for `pcluster`; returns where.
fn draft(context: &Context, values: &Values) -> Result<PathBuf> {
    let name = format!(".{}-draft.yaml", context.settings.name);
    let path = context.settings.local_folder().join(name);
    files::write_private(&path, context.config.fill(values).text().as_bytes())?;
    Ok(path)
}
