//! Buckets of the account, in whatever region, and their tags: S3 lists them everywhere.

use std::collections::BTreeMap;

use aws_config::Region;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_buckets::builders::ListBucketsFluentBuilder;
use aws_sdk_s3::types::{Tag, Tagging};

use crate::error::{Context as _, Result};

use super::bucket::Buckets;
use super::error::{is_code, service};

impl Buckets {
    /// Returns the regions of the account's buckets whose names begin with `prefix` and that carry
    /// this tag, each once.
    pub async fn regions_of(&self, prefix: &str, tag: (&str, &str)) -> Result<Vec<String>> {
        let found = self.find(self.0.list_buckets(), prefix, tag).await?;
        let mut regions: Vec<_> = found.into_iter().map(|(_, region)| region).collect();
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    /// Returns the account's buckets in a region whose names begin with `prefix` and that carry this
    /// tag.
    pub async fn tagged(
        &self,
        prefix: &str,
        region: &str,
        tag: (&str, &str),
    ) -> Result<Vec<String>> {
        let asked = self.0.list_buckets().bucket_region(region);
        let found = self.find(asked, prefix, tag).await?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns names and regions of the buckets that `asked` lists.
    async fn find(
        &self,
        asked: ListBucketsFluentBuilder,
        prefix: &str,
        tag: (&str, &str),
    ) -> Result<Vec<(String, String)>> {
        let mut pages = asked.prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot list the buckets", error))?;
            for bucket in page.buckets() {
                let (Some(name), Some(region)) = (bucket.name(), bucket.bucket_region()) else {
                    continue;
                };
                if name.starts_with(prefix) && self.has_tag(name, region, tag).await? {
                    found.push((name.to_owned(), region.to_owned()));
                }
            }
        }
        Ok(found)
    }

    async fn has_tag(
        &self,
        bucket: &str,
        region: &str,
        (key, value): (&str, &str),
    ) -> Result<bool> {
        let there = self.0.config().to_builder();
        let there = there.region(Region::new(region.to_owned())).build();
        let there = Buckets(Client::from_conf(there));
        let tags = there.tags(bucket).await?.unwrap_or_default();
        Ok(tags.get(key).map(String::as_str) == Some(value))
    }

    /// Returns the tags of a bucket; `None` when there is no such bucket.
    pub async fn tags(&self, bucket: &str) -> Result<Option<BTreeMap<String, String>>> {
        match self.0.get_bucket_tagging().bucket(bucket).send().await {
            Ok(answer) => {
                let tags = answer.tag_set().iter();
                let tags = tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                Ok(Some(tags.collect()))
            }
            Err(error) if is_code(&error, &["NoSuchTagSet"]) => Ok(Some(BTreeMap::new())),
            Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(None),
            Err(error) => Err(service(
                format!("cannot look at the tags of the bucket `{bucket}`"),
                error,
            )),
        }
    }

    /// Gives a bucket these tags. Those that AWS gave it must be among them: they cannot be removed.
    pub async fn set_tags(&self, bucket: &str, tags: &BTreeMap<String, String>) -> Result<()> {
        let failed = || format!("cannot change the tags of the bucket `{bucket}`");
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Vec<_> = tags.collect::<std::result::Result<_, _>>().doing(failed)?;
        let tags = Tagging::builder()
            .set_tag_set(Some(tags))
            .build()
            .doing(failed)?;
        let put = self.0.put_bucket_tagging().bucket(bucket).tagging(tags);
        put.send().await.map_err(|error| service(failed(), error))?;
        Ok(())
    }
}
