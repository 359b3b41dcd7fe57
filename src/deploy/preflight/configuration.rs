//! The cluster configuration: what the real validators say of it, and what they cannot know.

use std::path::PathBuf;

use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::deploy::steps::requirements;
use crate::error::{Error, Result};
use crate::files;
use crate::pcluster::config::Values;
use crate::pcluster::{self, answer};
use crate::step::Step;

use super::finding;

/// Well-formed values for what does not exist yet.
mod placeholder {
    pub(super) const SUBNET: &str = "subnet-00000000000000001";
    pub(super) const SECURITY_GROUP: &str = "sg-00000000000000002";
    pub(super) const KEY_NAME: &str = "hpcapi-placeholder-key";
    pub(super) const BUCKET: &str = "hpcapi-placeholder-bucket";
}

/// Amazon Linux 2023 images of ParallelCluster before this have libhttp_parser where slurmrestd
/// does not find it (cookbook pull request 3173).
const MENDED: (u32, u32) = (3, 16);

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let zones = async {
        if context.requirements().is_some() {
            return None;
        }
        let zones = requirements::zones_for(context).await;
        Some(finding("zones", zones, |(first, second)| {
            format!(
                "{} ({}) and {} ({})",
                first.name, first.id, second.name, second.id
            )
        }))
    };
    [network(context), node_script(context), zones.await]
        .into_iter()
        .flatten()
        .collect()
}

/// Lets the validators of `pcluster` read the configuration.
pub(super) async fn validators(context: &Context) -> Finding {
    match validate(context).await {
        Ok(()) => {
            let file = context.config.file().display();
            Finding::good("configuration", format!("pcluster would take `{file}`"))
        }
        // Without it no cluster can be made either.
        Err(Unvalidated::Breakdown(error)) => Finding {
            verdict: Verdict::Problem,
            ..Finding::of_error("pcluster", &error)
        },
        Err(Unvalidated::Other(error)) => Finding::of_error("configuration", &error),
    }
}

/// Why there is no validated configuration.
enum Unvalidated {
    /// `pcluster` itself is not there, or does not work.
    Breakdown(Error),
    /// It is refused, or could not be looked at.
    Other(Error),
}

impl From<Error> for Unvalidated {
    fn from(error: Error) -> Self {
        Unvalidated::Other(error)
    }
}

/// The API stack stands in the network of the requirements stack, and so must the cluster.
fn network(context: &Context) -> Option<Finding> {
    let problem = "the configuration names subnets of its own, and the API would stand in others";
    (!context.config.wants_network()).then(|| {
        Finding::problem("network", problem)
            .then("write CHANGE_ME at HeadNode.Networking.SubnetId and at the queues' SubnetIds")
    })
}

/// Without the node script there is no API on the head node.
fn node_script(context: &Context) -> Option<Finding> {
    const SUBJECT: &str = "node script";
    let config = &context.config;
    if config.wants_node_script() {
        return None;
    }
    let own = &config.document()["HeadNode"]["CustomActions"]["OnNodeConfigured"];
    if own.is_null() {
        let text = "the configuration runs no script that serves the API from the head node";
        return Some(
            Finding::problem(SUBJECT, text)
                .then("write HeadNode.CustomActions.OnNodeConfigured.Script: CHANGE_ME into it"),
        );
    }
    let is_old = numbers(&context.settings.pcluster.version).is_some_and(|it| it < MENDED);
    let is_amazon = config.document()["Image"]["Os"].as_str() == Some("alinux2023");
    let text = "the configuration runs a script of its own, which has to serve the API";
    Some(if is_old && is_amazon {
        Finding::problem(
            SUBJECT,
            "slurmrestd does not start on alinux2023 before ParallelCluster 3.16.0",
        )
        .because(text)
        .then("leave out --pcluster-version, or write Script: CHANGE_ME: hpcapi's script mends it")
    } else {
        Finding::warning(SUBJECT, text)
    })
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Lets the real validators read the configuration. What they say about a stand-in for what
/// does not exist yet is not about the configuration.
async fn validate(context: &Context) -> Result<(), Unvalidated> {
    let pcluster = context.pcluster().await.map_err(Unvalidated::Breakdown)?;
    context
        .events
        .doing(Step::ClusterConfig, "pcluster validates the configuration");
    let (values, stand_ins) = draft_values(context).await?;
    let draft = draft(context, &values)?;
    let output = pcluster.dry_run(&draft_name(context), &draft).await;
    files::remove(&draft)?;
    let output = output.map_err(Unvalidated::Breakdown)?;
    let answer = answer::dry_run(output.status.code(), &output.stdout, &output.stderr);
    let Err(refusal) = answer else {
        return Ok(());
    };
    let is_about_stand_in = |text: &str| stand_ins.iter().any(|value| text.contains(value));
    if refusal.is_breakdown {
        return Err(Unvalidated::Breakdown(pcluster.refused(refusal)));
    }
    match refusal.without(is_about_stand_in) {
        Some(refusal) => Err(pcluster::config_error(&context.config, refusal).into()),
        None => Ok(()),
    }
}

/// Returns the name to try the configuration with. pcluster judges no configuration for a cluster
/// that exists, so the one that replaces it is tried under a name just as long.
fn draft_name(context: &Context) -> String {
    let mut name = context.settings.name.to_string();
    if context.facts().cluster.is_some() {
        let last = name.pop();
        name.push(if last == Some('x') { 'y' } else { 'x' });
    }
    name
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
