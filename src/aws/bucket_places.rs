//! Buckets of the account in whatever region: S3 lists them everywhere.

use aws_config::Region;
use aws_sdk_s3::Client;

use crate::error::Result;

use super::bucket::Buckets;
use super::error::{is_code, service};

impl Buckets {
    /// Returns the regions of the account's buckets whose names begin with `prefix` and that carry
    /// this tag, each once.
    pub async fn regions_of(&self, prefix: &str, tag: (&str, &str)) -> Result<Vec<String>> {
        let mut pages = self.0.list_buckets().prefix(prefix).into_paginator().send();
        let mut regions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot list the buckets", error))?;
            for bucket in page.buckets() {
                let (Some(name), Some(region)) = (bucket.name(), bucket.bucket_region()) else {
                    continue;
                };
                if name.starts_with(prefix) && self.has_tag(name, region, tag).await? {
                    regions.push(region.to_owned());
                }
            }
        }
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    async fn has_tag(
        &self,
        bucket: &str,
        region: &str,
        (key, value): (&str, &str),
    ) -> Result<bool> {
        let there = self.0.config().to_builder();
        let there = there.region(Region::new(region.to_owned())).build();
        let asked = Client::from_conf(there).get_bucket_tagging();
        match asked.bucket(bucket).send().await {
            Ok(answer) => Ok(answer
                .tag_set()
                .iter()
                .any(|tag| (tag.key(), tag.value()) == (key, value))),
            Err(error) if is_code(&error, &["NoSuchTagSet", "NoSuchBucket"]) => Ok(false),
            Err(error) => Err(service(
                format!("cannot look at the tags of the bucket `{bucket}`"),
                error,
            )),
        }
    }
}
