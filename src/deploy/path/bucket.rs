//! The deployment's bucket: what it is set to.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::deploy::steps::bucket_settings::{self, Setting};
use crate::error::{Error, Result};

use super::Layer;

const SUBJECT: &str = "bucket";

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let requirements = context.requirements();
    let bucket = requirements.ok_or_else(|| Error::failed("the bucket is not known"))?;
    let bucket = bucket.bucket;
    let found = context.aws.buckets.settings(&bucket).await?;
    let changed = bucket_settings::changed(context, &bucket, &found);
    if changed.is_empty() {
        let text = format!("`{bucket}` is set as it is to be");
        return Ok(Finding::good(SUBJECT, text).into());
    }
    let words: Vec<_> = changed.iter().copied().map(Setting::words).collect();
    let text = format!("of `{bucket}` was changed: {}", words.join(", "));
    Ok(Finding::problem(SUBJECT, text)
        .because(
            "nodes may not write where scripts lie that run as root, nothing in it is public, and \
                  old versions go after some time: that is no longer sure",
        )
        .repaired_by(context, Repair::Bucket(bucket, changed)))
}
