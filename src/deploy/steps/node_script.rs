//! The node script in the bucket. Its key holds the digest of its content, so a script that
//! a cluster refers to never changes under it; one that was changed there is put right.

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Result};

/// The script, with the programs that it installs at its end, where it looks for them.
pub(in crate::deploy) const SCRIPT: &str = concat!(
    include_str!("../../../templates/node/head-node.sh"),
    ": <<'END_OF_RECORDER'\n",
    include_str!("../../../templates/node/record-jobs.py"),
    "END_OF_RECORDER\n",
    ": <<'END_OF_OPERATOR'\n",
    include_str!("../../../templates/node/operate.py"),
    "END_OF_OPERATOR\n",
    ": <<'END_OF_TAKER'\n",
    include_str!("../../../templates/node/take_events.py"),
    "END_OF_TAKER\n",
);

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let Some(requirements) = context.requirements() else {
        return Ok(State::waiting("the requirements stack"));
    };
    let key = key();
    let bucket = &requirements.bucket;
    match context.aws.buckets.get(bucket, &key, SCRIPT.len()).await? {
        None => return Ok(State::Missing),
        Some(found) if found != SCRIPT.as_bytes() => {
            let text = format!("`s3://{bucket}/{key}` was changed by others");
            return Ok(State::incomplete(text));
        }
        Some(_) => {}
    }
    context.facts().node_script = Some(format!("s3://{}/{key}", requirements.bucket));
    Ok(State::Ready)
}

/// Notes where the script will be, where it is not there yet: a comparison asks for no more.
pub(in crate::deploy) fn expect(context: &Context) {
    let bucket = context.requirements().map(|made| made.bucket);
    let place = bucket.map(|bucket| format!("s3://{bucket}/{}", key()));
    let mut facts = context.facts();
    facts.node_script = facts.node_script.take().or(place);
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let requirements = context
        .requirements()
        .ok_or_else(|| Error::failed("there is no bucket for the node script"))?;
    context
        .aws
        .buckets
        .put(&requirements.bucket, &key(), SCRIPT)
        .await
}

fn key() -> String {
    format!("hpcapi/{}/head-node.sh", digest())
}

/// Returns the first 16 hexadecimal digits of the script's SHA-256.
pub(super) fn digest() -> String {
    let digest = Sha256::digest(SCRIPT);
    let bytes = digest.iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
