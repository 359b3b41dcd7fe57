//! The bucket that outlives its deployment, because `teardown --keep-bucket` was asked to leave it, and
//! that a later one uses again. Its tag says which it is.

use crate::context::{Context, TAG_DEPLOYMENT};
use crate::error::{Error, Result};
use crate::settings::BucketFate;
use crate::step::Step;
use crate::tags::Tags;

use super::ownership;

/// The tag of a kept bucket, in place of the deployment's; its value is the deployment.
pub(in crate::deploy) const TAG_KEPT: &str = "hpcapi:kept";

/// What of the bucket is the deployment's, and of no use without it.
pub(super) const OF_THE_DEPLOYMENT: [&str; 2] = ["hpcapi/", "parallelcluster/"];

/// Where hpcapi keeps what only it reads; what jobs leave is not among it.
const BOOKKEEPING: [&str; 4] = ["hpcapi/", "parallelcluster/", "operations/", "triggers/"];

/// Where jobs leave what may be wanted after the deployment is gone.
const OF_JOBS: [&str; 2] = ["jobs/2", "runs/"];

/// Fails unless the bucket that the user names can be used again; fine when none is named.
pub(in crate::deploy) async fn require_usable(context: &Context) -> Result<()> {
    let Some(bucket) = &context.settings.kept_bucket else {
        return Ok(());
    };
    if let Some(made) = context.requirements() {
        if made.bucket == *bucket {
            return Ok(());
        }
        return Err(Error::usage(format!(
            "the deployment has a bucket already, `{}`",
            made.bucket
        ))
        .hint("leave out --bucket"));
    }
    let name = context.settings.name.as_str();
    let unusable = |why: String| {
        Error::usage(format!("the bucket `{bucket}` cannot be used again: {why}"))
            .hint("leave out --bucket: a new one is made")
    };
    let buckets = &context.aws.buckets;
    let Some(tags) = buckets.tags(bucket).await? else {
        let region = &context.aws.region;
        return Err(unusable(format!("there is none of this name in {region}")));
    };
    match tags.get(TAG_KEPT).or_else(|| tags.get(TAG_DEPLOYMENT)) {
        Some(deployment) if deployment == name => Ok(()),
        Some(other) => Err(unusable(format!("it is of the deployment `{other}`"))),
        None => Err(unusable(
            "it was not kept by `teardown --keep-bucket`".to_owned(),
        )),
    }
}

/// Makes a bucket that was kept the deployment's again.
pub(super) async fn take_up(context: &Context, bucket: &str) -> Result<()> {
    retag(context, bucket, TAG_KEPT, TAG_DEPLOYMENT).await
}

/// Makes the deployment's bucket one that is kept, without what is of no use then.
pub(super) async fn keep(context: &Context, bucket: &str) -> Result<()> {
    let text = format!("keeping the bucket {bucket}");
    context.events.doing(Step::Requirements, text);
    for prefix in OF_THE_DEPLOYMENT {
        let buckets = &context.aws.buckets;
        buckets.sweep(bucket, prefix, |_| true, |_| {}).await?;
    }
    retag(context, bucket, TAG_DEPLOYMENT, TAG_KEPT).await
}

/// Does with a bucket what a teardown is to do with it, but does not delete it yet.
pub(super) async fn prepare(context: &Context, bucket: &str) -> Result<()> {
    if context.settings.bucket_fate == BucketFate::Kept {
        return keep(context, bucket).await;
    }
    // A teardown that was to keep it may have been cut off.
    take_up(context, bucket).await?;
    let tell = |count| emptying(context, bucket, count);
    context.aws.buckets.empty(bucket, tell).await?;
    Ok(())
}

/// Gives a bucket that no stack made the user's own tags, instead of those that it had `before`.
pub(super) async fn tag(context: &Context, bucket: &str, before: &Tags) -> Result<()> {
    let buckets = &context.aws.buckets;
    let Some(there) = buckets.tags(bucket).await? else {
        return Ok(());
    };
    let mut tags = there.clone();
    before.iter().for_each(|tag| {
        tags.remove(&tag.key);
    });
    tags.extend(context.own_tags().pairs());
    match tags == there {
        true => Ok(()),
        false => buckets.set_tags(bucket, &tags).await,
    }
}

async fn retag(context: &Context, bucket: &str, from: &str, to: &str) -> Result<()> {
    let buckets = &context.aws.buckets;
    let Some(mut tags) = buckets.tags(bucket).await? else {
        return Ok(());
    };
    if tags.remove(from).is_none() && tags.contains_key(to) {
        return Ok(());
    }
    tags.insert(to.to_owned(), context.settings.name.to_string());
    buckets.set_tags(bucket, &tags).await
}

/// Deletes, or keeps, the buckets of the deployment, whose stack is gone; returns whether there were
/// any.
pub(super) async fn undo(context: &Context) -> Result<bool> {
    let there = of_the_deployment(context).await?;
    for bucket in &there {
        prepare(context, bucket).await?;
        if context.settings.bucket_fate == BucketFate::Deleted {
            context.aws.buckets.delete(bucket).await?;
        }
    }
    Ok(!there.is_empty())
}

/// Tells how far the emptying of a bucket has come.
pub(super) fn emptying(context: &Context, bucket: &str, count: usize) {
    let text = format!("emptying the bucket {bucket}: {count} versions deleted");
    context.events.doing(Step::Requirements, text);
}

/// Returns the buckets in this region that are the deployment's.
pub(in crate::deploy) async fn of_the_deployment(context: &Context) -> Result<Vec<String>> {
    let prefix = context.settings.name.bucket_prefix();
    let tag = (TAG_DEPLOYMENT, context.settings.name.as_str());
    let region = &context.aws.region;
    context.aws.buckets.tagged(&prefix, region, tag).await
}

/// Returns whether people would miss the object of this key.
pub(in crate::deploy) fn is_data(key: &str) -> bool {
    let is_of_jobs = OF_JOBS.iter().any(|it| key.starts_with(it));
    let is_bookkeeping = BOOKKEEPING.iter().any(|it| key.starts_with(it));
    is_of_jobs || !is_bookkeeping && !key.starts_with("jobs/")
}

/// Returns the deployment's bucket if jobs have left something in it that a teardown would delete.
pub async fn holding_jobs(context: &Context) -> Result<Option<String>> {
    if context.settings.bucket_fate == BucketFate::Kept {
        return Ok(None);
    }
    let Some(bucket) = ownership::bucket(context).await? else {
        return Ok(None);
    };
    for prefix in OF_JOBS {
        if !context.aws.buckets.list(&bucket, prefix).await?.is_empty() {
            return Ok(Some(bucket));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_and_jobs_left_is_data_and_what_hpcapi_notes_is_not() {
        for key in [
            "results/a.csv",
            "runs/1/in.ndjson",
            "jobs/2026-11-27/3.ndjson.gz",
            "blobs/x",
        ] {
            assert!(is_data(key), "{key}");
        }
        for key in [
            "hpcapi/node/x",
            "jobs/head-node.json",
            "jobs/last-job/i-1",
            "triggers/x",
            "operations/x",
        ] {
            assert!(!is_data(key), "{key}");
        }
    }
}
