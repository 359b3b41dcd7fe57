//! The head node as this version's node script sets it up. One that another version set up, or that
//! took the place of it, is set up again in place: its jobs go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::slurm::jobs::HEAD_NODE;
use crate::slurm::{NodeScript, SetUp, set_up_node};
use crate::step::Step;
use crate::wait::Pace;

use super::node_script;

/// Where `up` notes what the head node says itself of its set-up: a node that may not write to the bucket says nothing.
const NOTED: &str = "hpcapi/head-node.json";

/// How long the agent of a node that was started may take.
const ONLINE: Duration = Duration::from_secs(180);

/// More than either of them is long.
const LONGEST: usize = 64 << 10;

/// Which head node was set up by which script.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SetUpBy {
    instance: String,
    script: String,
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let Some(requirements) = context.requirements() else {
        return Ok(State::waiting("the requirements stack"));
    };
    let Some(wanted) = wanted(context) else {
        return Ok(State::waiting("the head node"));
    };
    let is_usable = |stack: &Stack| stack.is_usable();
    if !context.facts().cluster.as_ref().is_some_and(is_usable) {
        return Ok(State::waiting("the cluster"));
    }
    for key in [HEAD_NODE, NOTED] {
        let buckets = &context.aws.buckets;
        let found = buckets.get(&requirements.bucket, key, LONGEST).await?;
        let found = found.and_then(|found| serde_json::from_slice::<SetUpBy>(&found).ok());
        if found.is_some_and(|found| found == wanted) {
            return Ok(State::Ready);
        }
    }
    Ok(State::incomplete(
        "another version of hpcapi set the head node up",
    ))
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let unknown = || Error::failed("the head node to set up is not known");
    let requirements = context.requirements().ok_or_else(unknown)?;
    let wanted = wanted(context).ok_or_else(unknown)?;
    let bucket = &requirements.bucket;
    context.events.doing(
        Step::NodeSetup,
        format!("running the node script on {}", wanted.instance),
    );
    let script = NodeScript {
        text: node_script::SCRIPT,
        bucket,
    };
    let aws = &context.aws;
    // One that was just started is not online in SSM at once.
    let mut pace = Pace::seconds(ONLINE);
    while aws.commands.ping(&wanted.instance).await?.as_deref() != Some("Online") {
        if !pace.next().await {
            break;
        }
    }
    set_up_node(&aws.commands, &wanted.instance, script, SetUp::Update).await?;
    let note = serde_json::to_vec(&wanted).expect("plain data");
    aws.buckets.put(bucket, NOTED, note).await
}

/// Notes what the head node that serves says of its set-up, before that of another cluster says the same of
/// itself in its place.
pub(in crate::deploy) async fn keep(context: &Context, bucket: &str) -> Result<()> {
    let buckets = &context.aws.buckets;
    let said = buckets.get(bucket, HEAD_NODE, LONGEST).await?;
    let said = said.and_then(|said| serde_json::from_slice::<SetUpBy>(&said).ok());
    match said {
        Some(said) => {
            let note = serde_json::to_vec(&said).expect("plain data");
            buckets.put(bucket, NOTED, note).await
        }
        None => Ok(()),
    }
}

fn wanted(context: &Context) -> Option<SetUpBy> {
    let facts = context.facts();
    Some(SetUpBy {
        instance: facts.head_node.as_ref()?.id.clone(),
        script: node_script::digest(),
    })
}
