//! The way a request takes, layer by layer, from the stacks to the token: when the endpoint does
//! not answer, the first layer that is broken is a better answer than the end of a wait.

mod bucket;
mod cluster;
mod daemons;
mod doors;
mod drift;
mod gateway;
mod head_node;
mod limits;
mod network;
mod notifications;
mod operations;
mod stacks;
mod target;
mod triggers;

pub(super) use doors::{Door, HEAD_NODE_PORT};
pub(super) use head_node::instance as head_node_id;
pub(super) use network::{have_endpoints_made, turn_names_on};

use futures_util::future::join4;

use crate::context::Context;
use crate::error::Result;

use super::finding::Finding;
use super::repair::Repair;
use super::steps::endpoint;

/// A layer of the way: what a look at it found, and how it can be brought back.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// What was found.
    pub(super) finding: Finding,
    /// What `up` can do about it.
    pub(super) repair: Option<Repair>,
}

impl From<Finding> for Layer {
    fn from(finding: Finding) -> Layer {
        Layer {
            finding,
            repair: None,
        }
    }
}

impl Finding {
    /// Returns a layer that `up` brings back with `repair`.
    fn repaired_by(self, context: &Context, repair: Repair) -> Layer {
        Layer {
            finding: self.then(context.settings.again.command("up")),
            repair: Some(repair),
        }
    }
}

/// Walks the way until the first layer that is not as it should be; returns every layer seen.
pub(super) async fn walk(context: &Context) -> Vec<Layer> {
    let mut layers = Vec::new();
    for subject in SUBJECTS {
        let found = look(subject, context).await;
        let seen = found.unwrap_or_else(|error| vec![Finding::of_error(subject, &error).into()]);
        layers.extend(seen);
        if layers.iter().any(|layer| !layer.finding.is_fine()) {
            break;
        }
    }
    // One look may see several layers: what lies behind the first broken one is not known.
    let broken = layers.iter().position(|layer| !layer.finding.is_fine());
    layers.truncate(broken.map_or(layers.len(), |broken| broken + 1));
    if let Some(last) = layers.last_mut()
        && !last.finding.is_fine()
        && last.finding.next.is_empty()
    {
        // `up` waits for what is on its way, and says so when it does not come.
        let up = context.settings.again.command("up");
        last.finding.next.push(up.into());
    }
    layers
}

/// Looks at what stands beside the way, where it is there: whatever is broken on the way, the second one
/// may answer.
pub(super) async fn beside(context: &Context) -> Vec<Finding> {
    let (operations, triggers, notifications, limits) = join4(
        operations::look(context),
        triggers::look(context),
        notifications::look(context),
        limits::look(context),
    )
    .await;
    let looked = [
        (operations::SUBJECT, operations.map(Vec::from_iter)),
        (triggers::SUBJECT, triggers),
        (notifications::SUBJECT, notifications.map(Vec::from_iter)),
        (limits::SUBJECT, limits.map(Vec::from_iter)),
    ];
    let findings = looked.into_iter().flat_map(|(subject, found)| {
        found.unwrap_or_else(|error| vec![Finding::of_error(subject, &error)])
    });
    findings.collect()
}

/// The layers, in the order in which one stands on the other; the bucket, which no request passes, comes
/// before the call that proves the rest.
const SUBJECTS: [&str; 12] = [
    "stacks",
    "cluster",
    "network",
    "head node",
    "SSM",
    "slurmctld",
    "target",
    "listener",
    "VPC link",
    "route",
    "bucket",
    TOKEN,
];

/// The last layer: a real call with a token, and one without.
pub(super) const TOKEN: &str = "token";

async fn look(subject: &'static str, context: &Context) -> Result<Vec<Layer>> {
    match subject {
        "stacks" => stacks::look(context).await.map(one),
        "cluster" => cluster::look(context).await.map(one),
        "network" => network::look(context).await.map(one),
        "head node" => head_node::look(context).await.map(one),
        "SSM" => head_node::agent(context).await.map(one),
        "slurmctld" => daemons::look(context).await,
        "target" => target::look(context).await.map(one),
        "listener" => target::listener(context).await.map(one),
        "VPC link" => gateway::vpc_link(context).await.map(one),
        "route" => gateway::route(context).await.map(one),
        "bucket" => bucket::look(context).await.map(one),
        _ => Ok(vec![token(context).await?.into()]),
    }
}

fn one(layer: Layer) -> Vec<Layer> {
    vec![layer]
}

/// Makes the call that only a valid token can make, and the same without one.
async fn token(context: &Context) -> Result<Finding> {
    Ok(match endpoint::trial(context).await? {
        Ok(version) => Finding::good(
            TOKEN,
            format!("a call with a token is answered ({version}), one without is refused"),
        ),
        Err(reason) => Finding::problem(TOKEN, "the endpoint does not answer as it should")
            .because(reason)
            .then(context.settings.again.command("up")),
    })
}
