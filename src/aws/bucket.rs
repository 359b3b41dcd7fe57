//! S3 buckets and their objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use tokio::task::JoinSet;

use crate::error::{Error, Result};

use super::error::{is_code, service};

/// Batches of deletions under way at once: S3 lists faster than it deletes.
const DELETIONS_AT_ONCE: usize = 4;

/// Objects that come while the bucket is being emptied are removed, too, so many times.
const ROUNDS: usize = 10;

/// What was removed from a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Emptied {
    /// Object versions and delete markers.
    pub versions: usize,
    /// Unfinished multipart uploads.
    pub uploads: usize,
}

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// When it was written last, by S3's clock: seconds since 1970.
    pub modified: u64,
}

/// The S3 calls.
#[derive(Debug, Clone)]
pub struct Buckets(pub(super) Client);

impl Buckets {
    pub(super) fn new(client: Client) -> Self {
        Buckets(client)
    }

    /// Returns whether the bucket exists.
    pub async fn exists(&self, bucket: &str) -> Result<bool> {
        let listed = self.0.list_objects_v2().bucket(bucket).max_keys(1);
        match listed.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(service(format!("cannot look at s3://{bucket}"), error)),
        }
    }

    /// Returns the content of the object, of a longer one than `expected` bytes only a part;
    /// `None` when there is no such object, or no bucket.
    pub async fn get(&self, bucket: &str, key: &str, expected: usize) -> Result<Option<Vec<u8>>> {
        let failed = || format!("cannot read s3://{bucket}/{key}");
        let asked = self.0.get_object().bucket(bucket).key(key);
        // One byte more tells a longer object, and whoever changed it may have made it huge.
        let answer = asked.range(format!("bytes=0-{expected}")).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            // An empty object has no first byte.
            Err(error) if is_code(&error, &["InvalidRange"]) => return Ok(Some(Vec::new())),
            Err(error) => return Err(service(failed(), error)),
        };
        let body = answer.body.collect().await;
        let body = body.map_err(|error| Error::failed(failed()).because(error))?;
        Ok(Some(body.to_vec()))
    }

    /// Returns the whole content of the object; `None` when there is no such object, or no bucket.
    pub async fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let failed = || format!("cannot read s3://{bucket}/{key}");
        let answer = match self.0.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(service(failed(), error)),
        };
        let body = answer.body.collect().await;
        let body = body.map_err(|error| Error::failed(failed()).because(error))?;
        Ok(Some(body.to_vec()))
    }

    /// Returns the keys that begin with `prefix` and come after `after` in the order of their
    /// bytes, all of them. In a bucket that does not exist there are none.
    pub async fn keys(&self, bucket: &str, prefix: &str, after: &str) -> Result<Vec<String>> {
        let listed = self.0.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = listed.start_after(after).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    let found = page.contents().iter();
                    keys.extend(found.filter_map(|object| object.key.clone()));
                }
                Err(error) if is_absent(&error) => return Ok(Vec::new()),
                Err(error) => {
                    let failure = format!("cannot list s3://{bucket}/{prefix}");
                    return Err(service(failure, error));
                }
            }
        }
        Ok(keys)
    }

    /// Returns the objects whose keys begin with `prefix`, at most 1,000. In a bucket that does
    /// not exist there are none.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
        let listed = self.0.list_objects_v2().bucket(bucket).prefix(prefix);
        let page = match listed.send().await {
            Ok(page) => page,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => {
                let failure = format!("cannot list s3://{bucket}/{prefix}");
                return Err(service(failure, error));
            }
        };
        let objects = page.contents().iter().filter_map(|object| {
            let modified = object.last_modified()?.secs();
            Some(Object {
                key: object.key()?.to_owned(),
                modified: u64::try_from(modified).ok()?,
            })
        });
        Ok(objects.collect())
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

    /// Removes everything from the bucket: every version, delete marker and unfinished
    /// upload, until a look finds it empty. `progress` is told how many versions are gone. A
    /// bucket that does not exist is empty.
    pub async fn empty(&self, bucket: &str, progress: impl Fn(usize)) -> Result<Emptied> {
        let mut emptied = Emptied::default();
        for _ in 0..ROUNDS {
            let before = emptied.versions;
            let tell = |gone| progress(before + gone);
            let swept = self.sweep(bucket, |_| true, tell).await?;
            if swept == Emptied::default() {
                return Ok(emptied);
            }
            emptied.versions += swept.versions;
            emptied.uploads += swept.uploads;
        }
        Err(Error::failed(format!(
            "the bucket `{bucket}` does not become empty: something goes on writing to it"
        ))
        .hint("end what writes to it"))
    }

    /// Deletes the bucket, which must be empty; one that does not exist is deleted.
    pub async fn delete(&self, bucket: &str) -> Result<()> {
        match self.0.delete_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(service(
                format!("cannot delete the bucket `{bucket}`"),
                error,
            )),
        }
    }

    /// Removes what is in the bucket now and `goes` by its key. `progress` is told how many versions
    /// are gone.
    pub async fn sweep(
        &self,
        bucket: &str,
        goes: impl Fn(&str) -> bool,
        progress: impl Fn(usize),
    ) -> Result<Emptied> {
        let mut emptied = Emptied::default();
        let mut deletions = JoinSet::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let page = self
                .0
                .list_object_versions()
                .bucket(bucket)
                .set_key_marker(key_marker)
                .set_version_id_marker(version_marker)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if is_absent(&error) => return Ok(emptied),
                Err(error) => {
                    return Err(service(format!("cannot list the bucket `{bucket}`"), error));
                }
            };
            let versions = page.versions().iter().map(|v| (v.key(), v.version_id()));
            let markers = page
                .delete_markers()
                .iter()
                .map(|m| (m.key(), m.version_id()));
            let batch: Vec<_> = versions
                .chain(markers)
                .filter_map(|(key, version)| identifier(key.filter(|key| goes(key))?, version))
                .collect();
            if deletions.len() >= DELETIONS_AT_ONCE {
                emptied.versions += joined(deletions.join_next().await)?;
                progress(emptied.versions);
            }
            if !batch.is_empty() {
                deletions.spawn(delete(self.0.clone(), bucket.to_owned(), batch));
            }
            if page.is_truncated() != Some(true) {
                break;
            }
            key_marker = page.next_key_marker;
            version_marker = page.next_version_id_marker;
        }
        while let Some(done) = deletions.join_next().await {
            emptied.versions += joined(Some(done))?;
            progress(emptied.versions);
        }
        emptied.uploads = self.abort_uploads(bucket, goes).await?;
        Ok(emptied)
    }

    async fn abort_uploads(&self, bucket: &str, goes: impl Fn(&str) -> bool) -> Result<usize> {
        let mut aborted = 0;
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let page = self
                .0
                .list_multipart_uploads()
                .bucket(bucket)
                .set_key_marker(key_marker)
                .set_upload_id_marker(upload_marker)
                .send()
                .await
                .map_err(|error| {
                    service(format!("cannot list the uploads to `{bucket}`"), error)
                })?;
            let uploads = page.uploads().iter();
            for upload in uploads.filter(|upload| upload.key().is_some_and(&goes)) {
                let aborting = self
                    .0
                    .abort_multipart_upload()
                    .bucket(bucket)
                    .set_key(upload.key().map(ToOwned::to_owned))
                    .set_upload_id(upload.upload_id().map(ToOwned::to_owned))
                    .send()
                    .await;
                match aborting {
                    Ok(_) => aborted += 1,
                    Err(error) if is_code(&error, &["NoSuchUpload"]) => {}
                    Err(error) => {
                        return Err(service(
                            format!("cannot abort an upload to `{bucket}`"),
                            error,
                        ));
                    }
                }
            }
            if page.is_truncated() != Some(true) {
                return Ok(aborted);
            }
            key_marker = page.next_key_marker;
            upload_marker = page.next_upload_id_marker;
        }
    }
}

async fn delete(client: Client, bucket: String, batch: Vec<ObjectIdentifier>) -> Result<usize> {
    let asked = batch.len();
    let request = Delete::builder()
        .set_objects(Some(batch))
        .quiet(true)
        .build()
        .map_err(|error| Error::failed("cannot ask for a deletion").because(error))?;
    let answer = client
        .delete_objects()
        .bucket(&bucket)
        .delete(request)
        .send()
        .await
        .map_err(|error| service(format!("cannot delete objects of `{bucket}`"), error))?;
    match answer.errors().first() {
        None => Ok(asked),
        Some(error) => Err(Error::failed(format!(
            "cannot delete `{}` from the bucket `{bucket}`",
            error.key().unwrap_or_default()
        ))
        .because(error.message().unwrap_or_default().to_owned())),
    }
}

fn joined(done: Option<Result<Result<usize>, tokio::task::JoinError>>) -> Result<usize> {
    match done {
        None => Ok(0),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::failed("a deletion broke off").because(error)),
    }
}

fn identifier(key: &str, version: Option<&str>) -> Option<ObjectIdentifier> {
    ObjectIdentifier::builder()
        .key(key)
        .set_version_id(version.map(ToOwned::to_owned))
        .build()
        .ok()
}

fn is_absent<E: aws_smithy_types::error::metadata::ProvideErrorMetadata>(error: &E) -> bool {
    is_code(error, &["NoSuchBucket", "NoSuchKey", "NotFound"])
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;

    use super::*;

    const ONE: &str = "<ListVersionsResult><Version><Key>k</Key><VersionId>v</VersionId>\
                       </Version></ListVersionsResult>";
    const NONE: &str = "<ListVersionsResult></ListVersionsResult>";
    const DELETED: &str = "<DeleteResult></DeleteResult>";
    const NO_UPLOADS: &str = "<ListMultipartUploadsResult></ListMultipartUploadsResult>";
    const ROUND: [(u16, &str); 3] = [(200, ONE), (200, DELETED), (200, NO_UPLOADS)];

    #[tokio::test]
    async fn what_comes_meanwhile_is_removed_too() {
        let answers = [&ROUND[..], &ROUND, &[(200, NONE), (200, NO_UPLOADS)]].concat();
        let emptied = answered(&answers).await.buckets.empty("b", |_| {}).await;
        assert_eq!(emptied.unwrap().versions, 2);
    }

    #[tokio::test]
    async fn what_is_spared_stays() {
        const UPLOAD: &str = "<ListMultipartUploadsResult><Upload><Key>k</Key>\
                              <UploadId>u</UploadId></Upload></ListMultipartUploadsResult>";
        // No answers to deletions, but where they are wanted.
        let stays = [(200, ONE), (200, UPLOAD)];
        let goes = [(200, ONE), (200, DELETED), (200, UPLOAD), (204, "")];
        for (spared, answers, gone) in [("k", &stays[..], 0), ("l", &goes, 1)] {
            let buckets = answered(answers).await.buckets;
            let goes = |key: &str| !key.starts_with(spared);
            let swept = buckets.sweep("b", goes, |_| {}).await;
            let (versions, uploads) = (gone, gone);
            assert_eq!(swept.unwrap(), Emptied { versions, uploads }, "{spared}");
        }
    }

    #[tokio::test]
    async fn a_bucket_that_is_written_to_without_end_is_given_up() {
        let answers = ROUND.repeat(ROUNDS);
        let emptied = answered(&answers).await.buckets.empty("b", |_| {}).await;
        let error = emptied.unwrap_err();
        assert!(error.to_string().contains("goes on writing"), "{error}");
    }

    #[tokio::test]
    async fn a_bucket_that_is_gone_is_empty() {
        let gone = "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>";
        let aws = answered(&[(404, gone)]).await;
        let emptied = aws.buckets.empty("b", |_| {}).await;
        assert_eq!(emptied.unwrap(), Emptied::default());
    }
}
