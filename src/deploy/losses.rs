//! What goes with a deployment that people would miss, and what it no longer costs then: said before it
//! is asked whether all of it may be deleted. What cannot be looked at is said, too.

use tokio::join;

use crate::aws::Extent;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::settings::BucketFate;

use super::activity::{self, Busy};
use super::leftovers;
use super::steps::{kept_bucket, ownership};

/// What goes with a deployment.
#[derive(Debug)]
pub struct Losses {
    /// Its jobs that have not ended; `None` where there is no cluster, or why they are not known.
    pub jobs: Option<Busy>,
    /// Its bucket and what people have in it; `None` where the bucket stays or there is none, or why it is
    /// not known.
    pub bucket: Option<std::result::Result<(String, Extent), String>>,
    /// US dollars a month, as far as they are known.
    pub usd_per_month: f64,
}

impl Losses {
    /// Looks at the deployment.
    pub async fn look(context: &Context) -> Losses {
        let (jobs, bucket, scan) = join!(jobs(context), bucket(context), leftovers::check(context));
        let left = scan.map(|scan| scan.left).unwrap_or_default();
        Losses {
            jobs,
            bucket: bucket.transpose().map(said),
            usd_per_month: left.iter().filter_map(|it| it.cost.usd_per_month).sum(),
        }
    }

    /// Returns whether something may be lost that cannot be made again.
    pub fn has_data(&self) -> bool {
        let jobs = match &self.jobs {
            Some(Ok(counts)) => counts.running + counts.pending > 0,
            unknown => unknown.is_some(),
        };
        let bucket = match &self.bucket {
            Some(Ok((_, extent))) => extent.objects > 0,
            unknown => unknown.is_some(),
        };
        jobs || bucket
    }
}

/// Returns the jobs that have not ended; `None` where there is no head node that has any.
async fn jobs(context: &Context) -> Option<Busy> {
    if let Err(error) = super::locate(context).await {
        return Some(Err(format!("{error:#}")));
    }
    activity::workload(context).await
}

async fn bucket(context: &Context) -> Result<Option<(String, Extent)>> {
    if context.settings.bucket_fate == BucketFate::Kept {
        return Ok(None);
    }
    let Some(bucket) = ownership::bucket(context).await? else {
        return Ok(None);
    };
    let extent = context
        .aws
        .buckets
        .extent(&bucket, kept_bucket::is_data)
        .await?;
    Ok(Some((bucket, extent)))
}

fn said<T>(found: Result<T>) -> std::result::Result<T, String> {
    found.map_err(|error: Error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use crate::slurm::Workload;

    use super::*;

    fn losses(running: u64, objects: u64) -> Losses {
        let extent = Extent {
            objects,
            ..Extent::default()
        };
        let busy = Workload {
            running,
            ..Workload::default()
        };
        Losses {
            jobs: Some(Ok(busy)),
            bucket: Some(Ok(("b".to_owned(), extent))),
            usd_per_month: 0.0,
        }
    }

    #[test]
    fn jobs_objects_and_what_is_not_known_are_data() {
        assert!(losses(0, 1).has_data() && losses(1, 0).has_data());
        let mut unknown = losses(0, 0);
        assert!(!unknown.has_data());
        unknown.bucket = Some(Err("denied".to_owned()));
        assert!(unknown.has_data());
    }
}
