//! Objects in S3 buckets.

use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, Result};

use super::bucket::{Buckets, is_absent};
use super::error::{is_code, service};

/// So often is an object asked for.
const READS: usize = 3;

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// When it was written last, by S3's clock: seconds since 1970.
    pub modified: u64,
    /// How many bytes it has.
    pub size: u64,
}

/// How many pages of 1,000 objects are counted: a person waits for it.
const COUNTED_PAGES: usize = 20;

/// How much is in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Whether there are more, which were not counted.
    pub is_least: bool,
}

impl Extent {
    fn add(&mut self, objects: impl Iterator<Item = Object>, counts: impl Fn(&str) -> bool) {
        for object in objects.filter(|object| counts(&object.key)) {
            self.objects += 1;
            self.bytes += object.size;
        }
    }
}

impl Buckets {
    /// Returns the content of the object, of a longer one than `expected` bytes only a part;
    /// `None` when there is no such object, or no bucket.
    pub async fn get(&self, bucket: &str, key: &str, expected: usize) -> Result<Option<Vec<u8>>> {
        let asked = self.0.get_object().bucket(bucket).key(key);
        // One byte more tells a longer object, and whoever changed it may have made it huge.
        let asked = asked.range(format!("bytes=0-{expected}"));
        content(asked, &format!("cannot read s3://{bucket}/{key}")).await
    }

    /// Returns the whole content of the object; `None` when there is no such object, or no bucket.
    pub async fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let asked = self.0.get_object().bucket(bucket).key(key);
        content(asked, &format!("cannot read s3://{bucket}/{key}")).await
    }

    /// Returns the whole content of one version of the object; `None` when there is no such object, or no
    /// bucket.
    pub async fn read_version(
        &self,
        bucket: &str,
        key: &str,
        version: &str,
    ) -> Result<Option<Vec<u8>>> {
        let asked = self.0.get_object().bucket(bucket).key(key);
        let asked = asked.version_id(version);
        content(asked, &format!("cannot read s3://{bucket}/{key}")).await
    }

    /// Tells `visit` bytes of the object as they come: `length` of them from `offset` on.
    pub async fn read_part(
        &self,
        bucket: &str,
        key: &str,
        (offset, length): (u64, u64),
        mut visit: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let failed = || format!("cannot read s3://{bucket}/{key}");
        if length == 0 {
            return Ok(());
        }
        let range = format!("bytes={offset}-{}", offset + length - 1);
        let asked = self.0.get_object().bucket(bucket).key(key).range(range);
        let answer = asked.send().await;
        let mut body = answer.map_err(|error| service(failed(), error))?.body;
        let mut left = length;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| Error::failed(failed()).because(error))?;
            left = left.saturating_sub(bytes.len() as u64);
            visit(&bytes)?;
        }
        match left {
            0 => Ok(()),
            _ => Err(Error::failed(failed()).because("it is shorter than it should be")),
        }
    }

    /// Returns the keys that begin with `prefix` and come after `after` in the order of their
    /// bytes, all of them. In a bucket that does not exist there are none.
    pub async fn keys(&self, bucket: &str, prefix: &str, after: &str) -> Result<Vec<String>> {
        let found = self.objects_after(bucket, prefix, after).await?;
        Ok(found.into_iter().map(|object| object.key).collect())
    }

    /// Returns the objects whose keys begin with `prefix`, all of them. In a bucket that does not
    /// exist there are none.
    pub async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
        self.objects_after(bucket, prefix, "").await
    }

    async fn objects_after(&self, bucket: &str, prefix: &str, after: &str) -> Result<Vec<Object>> {
        let listed = self.0.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = listed.start_after(after).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => objects.extend(page.contents().iter().filter_map(object)),
                Err(error) if is_absent(&error) => return Ok(Vec::new()),
                Err(error) => return Err(unlisted(bucket, prefix, error)),
            }
        }
        Ok(objects)
    }

    /// Returns how much is in a bucket under keys that `counts`; of one with very many objects only at
    /// least how much. In a bucket that does not exist there is nothing.
    pub async fn extent(&self, bucket: &str, counts: impl Fn(&str) -> bool) -> Result<Extent> {
        let mut extent = Extent::default();
        let mut pages = self
            .0
            .list_objects_v2()
            .bucket(bucket)
            .into_paginator()
            .send();
        for _ in 0..COUNTED_PAGES {
            let Some(page) = pages.next().await else {
                return Ok(extent);
            };
            match page {
                Ok(page) => extent.add(page.contents().iter().filter_map(object), &counts),
                Err(error) if is_absent(&error) => return Ok(Extent::default()),
                Err(error) => return Err(unlisted(bucket, "", error)),
            }
        }
        extent.is_least = pages.next().await.is_some();
        Ok(extent)
    }

    /// Returns what keys that begin with `prefix` go on with, up to the next `/`, each once.
    pub async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        let listed = self.0.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = listed.delimiter("/").into_paginator().send();
        let mut folders = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    let found = page.common_prefixes().iter().filter_map(|it| it.prefix());
                    let found = found.filter_map(|found| found.strip_prefix(prefix));
                    folders.extend(found.map(ToOwned::to_owned));
                }
                Err(error) if is_absent(&error) => return Ok(Vec::new()),
                Err(error) => return Err(unlisted(bucket, prefix, error)),
            }
        }
        Ok(folders)
    }

    /// Returns the objects whose keys begin with `prefix`, at most 1,000. In a bucket that does
    /// not exist there are none.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
        let listed = self.0.list_objects_v2().bucket(bucket).prefix(prefix);
        match listed.send().await {
            Ok(page) => Ok(page.contents().iter().filter_map(object).collect()),
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            Err(error) => Err(unlisted(bucket, prefix, error)),
        }
    }

    /// Returns the object without its content; `None` when there is none.
    pub async fn look(&self, bucket: &str, key: &str) -> Result<Option<Object>> {
        match self.0.head_object().bucket(bucket).key(key).send().await {
            Ok(answer) => Ok(Some(Object {
                key: key.to_owned(),
                modified: seconds(answer.last_modified()),
                size: bytes(answer.content_length()),
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(service(
                format!("cannot look at s3://{bucket}/{key}"),
                error,
            )),
        }
    }

    /// Makes the object a new one of the same content, as if it were written now.
    pub async fn renew(&self, bucket: &str, key: &str) -> Result<()> {
        let asked = self.0.copy_object().bucket(bucket).key(key);
        let asked = asked.copy_source(format!("{bucket}/{key}"));
        // S3 copies nothing onto itself unless something changes.
        let asked = asked.metadata_directive(MetadataDirective::Replace);
        match asked.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(service(format!("cannot renew s3://{bucket}/{key}"), error)),
        }
    }

    /// Removes the object; one that does not exist is removed.
    pub async fn remove(&self, bucket: &str, key: &str) -> Result<()> {
        let removed = self.0.delete_object().bucket(bucket).key(key).send().await;
        match removed {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(service(format!("cannot remove s3://{bucket}/{key}"), error)),
        }
    }

    /// Writes the object.
    pub async fn put(&self, bucket: &str, key: &str, body: impl Into<Vec<u8>>) -> Result<()> {
        if self.put_if_there(bucket, key, body).await? {
            return Ok(());
        }
        Err(Error::failed(format!("cannot write s3://{bucket}/{key}"))
            .because("the bucket does not exist"))
    }

    /// Writes the object unless there is one; returns whether it did.
    pub async fn put_new(&self, bucket: &str, key: &str, body: impl Into<Vec<u8>>) -> Result<bool> {
        let asked = self.0.put_object().bucket(bucket).key(key);
        let asked = asked.if_none_match("*");
        match asked.body(ByteStream::from(body.into())).send().await {
            Ok(_) => Ok(true),
            // Who writes it at the same time is told of a conflict.
            Err(error)
                if is_code(
                    &error,
                    &["PreconditionFailed", "ConditionalRequestConflict"],
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(service(format!("cannot write s3://{bucket}/{key}"), error)),
        }
    }

    /// Writes the object; returns false when the bucket does not exist.
    pub async fn put_if_there(
        &self,
        bucket: &str,
        key: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<bool> {
        let asked = self.0.put_object().bucket(bucket).key(key);
        match asked.body(ByteStream::from(body.into())).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(service(format!("cannot write s3://{bucket}/{key}"), error)),
        }
    }
}

fn unlisted<E>(bucket: &str, prefix: &str, error: E) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    service(format!("cannot list s3://{bucket}/{prefix}"), error)
}

/// Returns what was asked for; `None` when there is no such object, or no bucket. Of bytes that break off
/// on the way the SDK has its answer already, and does not ask again.
async fn content(asked: GetObjectFluentBuilder, failed: &str) -> Result<Option<Vec<u8>>> {
    let mut left = READS;
    loop {
        let answer = match asked.clone().send().await {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            // An empty object has no first byte.
            Err(error) if is_code(&error, &["InvalidRange"]) => return Ok(Some(Vec::new())),
            Err(error) => return Err(service(failed, error)),
        };
        left -= 1;
        match answer.body.collect().await {
            Ok(body) => return Ok(Some(body.to_vec())),
            Err(_) if left > 0 => {}
            Err(error) => return Err(Error::failed(failed).because(error)),
        }
    }
}

fn object(found: &aws_sdk_s3::types::Object) -> Option<Object> {
    Some(Object {
        key: found.key()?.to_owned(),
        modified: seconds(found.last_modified()),
        size: bytes(found.size()),
    })
}

pub(super) fn seconds(moment: Option<&DateTime>) -> u64 {
    moment.map_or(0, |moment| u64::try_from(moment.secs()).unwrap_or(0))
}

pub(super) fn bytes(count: Option<i64>) -> u64 {
    count.map_or(0, |count| u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::recorded::holding;

    #[tokio::test]
    async fn a_version_of_an_object_is_asked_for_by_its_name() {
        let versions = vec![("versionId=v1".to_owned(), b"as it was".to_vec())];
        let buckets = holding(versions).await.buckets;
        let read = buckets.read_version("b", "k", "v1").await.unwrap();
        assert_eq!(read.as_deref(), Some(&b"as it was"[..]));
    }
}
