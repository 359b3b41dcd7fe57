//! What `pcluster create-cluster` puts into the bucket that all clusters of a region share, before there is
//! a stack: where it is killed then, nobody else removes that.

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::error::Result;

/// How long the random end of a cluster's folder is (`pcluster/utils.py`).
const RANDOM: usize = 16;

/// Removes what earlier clusters of this name left there; no such cluster may stand.
pub(super) async fn sweep(context: &Context, name: &str) -> Result<()> {
    let bucket = shared_bucket(&context.identity.account, &context.aws.region);
    let buckets = &context.aws.buckets;
    if !buckets.exists(&bucket).await? {
        return Ok(());
    }
    let goes = |key: &str| is_of(name, key);
    buckets
        .sweep(&bucket, "parallelcluster/", goes, |_| {})
        .await?;
    Ok(())
}

/// Returns the name of the bucket, as ParallelCluster makes it (`pcluster/models/s3_bucket.py`).
fn shared_bucket(account: &str, region: &str) -> String {
    let digest = Sha256::digest(format!("{account}{region}"));
    let hash: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("parallelcluster-{hash}-v1-do-not-delete")
}

/// Returns whether a key is of a cluster of this name:
/// `parallelcluster/VERSION/clusters/NAME-RANDOM/…`.
fn is_of(name: &str, key: &str) -> bool {
    let Some((_, rest)) = key.split_once("/clusters/") else {
        return false;
    };
    let folder = rest.split('/').next().unwrap_or_default();
    let random = folder
        .strip_prefix(name)
        .and_then(|end| end.strip_prefix('-'));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_named_as_parallelcluster_names_it() {
        // sha256("123456789012us-east-1") begins so.
        let name = shared_bucket("123456789012", "us-east-1");
        assert_eq!(name, "parallelcluster-89e4e5f1cd12e98b-v1-do-not-delete");
    }

    #[test]
    fn only_folders_of_this_very_name_are_of_the_cluster() {
        let of = |folder: &str| {
            is_of(
                "mine",
                &format!("parallelcluster/3.16.1/clusters/{folder}/configs/x"),
            )
        };
        assert!(of("mine-jfr4odbeonwb1w5k"));
        assert!(!of("mine-two-jfr4odbeonwb1w5k"));
        assert!(!of("mine-jfr4odbeonwb1w5k-abcdefghijklmnop"));
        assert!(!of("yours-jfr4odbeonwb1w5k"));
        assert!(!is_of("mine", "roles/mine-jfr4odbeonwb1w5k/x"));
    }
}
