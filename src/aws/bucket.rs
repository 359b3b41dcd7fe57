//! S3 buckets as a whole: whether they are there, emptying and deleting them.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::task::JoinSet;

use crate::error::{Error, Result};

use super::error::{is_code, service};
use super::objects::{bytes, seconds};

/// Batches of deletions under way at once: S3 lists faster than it deletes.
const DELETIONS_AT_ONCE: usize = 4;

/// S3 takes so many in one deletion.
const BATCH: usize = 1000;

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

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// Which version it is.
    pub id: String,
    /// When it was written, by S3's clock: seconds since 1970.
    pub modified: u64,
    /// How many bytes it has.
    pub size: u64,
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

    /// Removes everything from the bucket: every version, delete marker and unfinished
    /// upload, until a look finds it empty. `progress` is told how many versions are gone. A
    /// bucket that does not exist is empty.
    pub async fn empty(&self, bucket: &str, progress: impl Fn(usize)) -> Result<Emptied> {
        let mut emptied = Emptied::default();
        for _ in 0..ROUNDS {
            let before = emptied.versions;
            let tell = |gone| progress(before + gone);
            let swept = self.sweep(bucket, "", |_| true, tell).await?;
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

    /// Removes what is below `prefix` in the bucket now and `goes` by its key. `progress` is told how
    /// many versions are gone.
    pub async fn sweep(
        &self,
        bucket: &str,
        prefix: &str,
        goes: impl Fn(&str) -> bool,
        progress: impl Fn(usize),
    ) -> Result<Emptied> {
        let mut emptied = Emptied::default();
        let mut deletions = JoinSet::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let Some(page) = self
                .version_page(bucket, prefix, key_marker, version_marker)
                .await?
            else {
                return Ok(emptied);
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
        emptied.uploads = self.abort_uploads(bucket, prefix, goes).await?;
        Ok(emptied)
    }

    /// Returns the versions of the objects whose keys begin with `prefix`.
    pub async fn versions(&self, bucket: &str, prefix: &str) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        let (mut key_marker, mut version_marker) = (None, None);
        while let Some(page) = self
            .version_page(bucket, prefix, key_marker, version_marker)
            .await?
        {
            versions.extend(page.versions().iter().filter_map(|found| {
                Some(Version {
                    key: found.key()?.to_owned(),
                    id: found.version_id()?.to_owned(),
                    modified: seconds(found.last_modified()),
                    size: bytes(found.size()),
                })
            }));
            if page.is_truncated() != Some(true) {
                break;
            }
            key_marker = page.next_key_marker;
            version_marker = page.next_version_id_marker;
        }
        Ok(versions)
    }

    /// Returns a page of versions after these markers; `None` when there is no such bucket.
    async fn version_page(
        &self,
        bucket: &str,
        prefix: &str,
        key_marker: Option<String>,
        version_marker: Option<String>,
    ) -> Result<Option<ListObjectVersionsOutput>> {
        let asked = self.0.list_object_versions().bucket(bucket);
        let asked = asked
            .set_prefix(below(prefix))
            .set_key_marker(key_marker)
            .set_version_id_marker(version_marker);
        match asked.send().await {
            Ok(page) => Ok(Some(page)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(service(format!("cannot list the bucket `{bucket}`"), error)),
        }
    }

    /// Removes these versions, and nothing that was written since.
    pub async fn remove_versions(&self, bucket: &str, versions: &[Version]) -> Result<()> {
        for batch in versions.chunks(BATCH) {
            let batch = batch.iter();
            let batch = batch
                .filter_map(|one| identifier(&one.key, Some(&one.id)))
                .collect();
            delete(self.0.clone(), bucket.to_owned(), batch).await?;
        }
        Ok(())
    }

    async fn abort_uploads(
        &self,
        bucket: &str,
        prefix: &str,
        goes: impl Fn(&str) -> bool,
    ) -> Result<usize> {
        let mut aborted = 0;
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let page = self
                .0
                .list_multipart_uploads()
                .bucket(bucket)
                .set_prefix(below(prefix))
                .set_key_marker(key_marker)
                .set_upload_id_marker(upload_marker)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                // Another teardown was faster.
                Err(error) if is_absent(&error) => return Ok(aborted),
                Err(error) => {
                    let failure = format!("cannot list the uploads to `{bucket}`");
                    return Err(service(failure, error));
                }
            };
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

fn below(prefix: &str) -> Option<String> {
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &E) -> bool {
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
    async fn a_bucket_that_goes_meanwhile_is_empty() {
        const GONE: &str = "<Error><Code>NoSuchBucket</Code></Error>";
        let answers = [
            (200, ONE),
            (200, DELETED),
            (404, GONE),
            (404, GONE),
            (404, GONE),
        ];
        let emptied = answered(&answers).await.buckets.empty("b", |_| {}).await;
        assert_eq!(emptied.unwrap().versions, 1);
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
            let swept = buckets.sweep("b", "", goes, |_| {}).await;
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
