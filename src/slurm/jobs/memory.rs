//! Jobs that Slurm has forgotten, as the head node remembers them in the deployment's bucket:
//! objects below `jobs/`, with a line of JSON for each job (templates/node/record-jobs.py).

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;

use flate2::read::GzDecoder;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use crate::aws::Buckets;
use crate::error::Result;
use crate::slurm::time;

use super::raw::RawJob;
use super::{Filter, Job, JobId, Marker, Source};

const PREFIX: &str = "jobs/";
const SUFFIX: &str = ".ndjson.gz";

/// Where the head node says how it goes, and which script set it up.
pub const HEAD_NODE: &str = "jobs/head-node.json";

/// How many objects are under way at once; the largest holds some hundred kilobytes.
const AT_ONCE: usize = 8;

/// The job memory of a deployment.
#[derive(Debug, Clone)]
pub struct JobMemory {
    buckets: Buckets,
    bucket: String,
}

impl JobMemory {
    /// Returns the memory in a bucket.
    pub fn new(buckets: Buckets, bucket: String) -> JobMemory {
        JobMemory { buckets, bucket }
    }

    /// Returns what keeps the head node from remembering the jobs that end now.
    pub async fn problem(&self) -> Result<Option<String>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said {
            problem: Option<String>,
        }
        let said = self.buckets.read(&self.bucket, HEAD_NODE).await?;
        Ok(match said {
            None => Some(
                "an earlier hpcapi set it up (`up` sets it up again), or it may not write to the bucket"
                    .to_owned(),
            ),
            Some(said) => {
                serde_json::from_slice::<Said>(&said)
                    .unwrap_or_default()
                    .problem
            }
        })
    }

    /// Tells `visit` each job that ended since a time and that `filter` wants, but for its limit,
    /// about in the order in which they ended, until it breaks.
    pub async fn each(
        &self,
        ended_since: Option<u64>,
        filter: &Filter,
        mut visit: impl FnMut(Job) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        self.visit(ended_since, |_, job| {
            // A batch whose sending was interrupted is there twice.
            match filter.wants(&job) && seen.insert((job.id, job.submit_time)) {
                true => visit(job),
                false => Ok(ControlFlow::Continue(())),
            }
        })
        .await
    }

    /// Returns what is remembered of `id`: one job, or the tasks of an array. A cluster that was
    /// made anew counts from 1 again: the newest one's are meant.
    pub async fn find(&self, id: JobId) -> Result<Vec<Job>> {
        let mut found: Vec<Job> = Vec::new();
        let mut newest = String::new();
        self.visit(None, |recorder, job| {
            if job.is(id) {
                if newest != recorder {
                    recorder.clone_into(&mut newest);
                    found.clear();
                }
                // Of one that was started anew the last end counts.
                found.retain(|before| before.id != job.id);
                found.push(job);
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        found.sort_by_key(|job| job.id);
        Ok(found)
    }

    /// Returns the number of the job with a marker, or of its array, if it is remembered.
    pub async fn find_marked(&self, marker: &Marker) -> Result<Option<u64>> {
        let mut found = None;
        self.visit(None, |_, job| {
            if job.marker.as_deref() != Some(marker.as_str()) {
                return Ok(ControlFlow::Continue(()));
            }
            found = Some(job.array_job_id.unwrap_or(job.id));
            Ok(ControlFlow::Break(()))
        })
        .await?;
        Ok(found)
    }

    /// Tells `visit` every line that was written since a time, with the name of the head node that
    /// wrote it.
    async fn visit(
        &self,
        since: Option<u64>,
        mut visit: impl FnMut(&str, Job) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let day = since.map(time::day).unwrap_or_default();
        let keys = self
            .buckets
            .keys(&self.bucket, PREFIX, &format!("{PREFIX}{day}"))
            .await?;
        let keys = keys.into_iter().filter(|key| key.ends_with(SUFFIX));
        let mut objects = stream::iter(keys)
            .map(async |key| {
                let read = self.buckets.read(&self.bucket, &key).await;
                read.map(|object| (key, object.unwrap_or_default()))
            })
            .buffered(AT_ONCE);
        while let Some((key, object)) = objects.try_next().await? {
            for line in BufReader::new(GzDecoder::new(object.as_slice())).split(b'\n') {
                // What is damaged ends there, and what is not understood is not told.
                let Ok(line) = line else { break };
                let raw = serde_json::from_slice::<RawJob>(&line);
                if let Some(mut job) = raw.ok().and_then(RawJob::job) {
                    if job.source == Source::Slurm {
                        job.source = Source::Memory;
                    }
                    if visit(recorder(&key), job)?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns which head node wrote an object `jobs/<day>/<quarter>-<number>-<instance>-<id>…`.
fn recorder(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or_default();
    let writer = name.splitn(3, '-').nth(2).unwrap_or_default();
    writer.rsplit_once('-').map_or("", |(instance, _)| instance)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use crate::aws::recorded::holding;

    use super::*;

    fn object(lines: &str) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(lines.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    fn line(id: u64, submitted: u64, more: &str) -> String {
        format!(
            "{{\"job_id\":{id},\"job_state\":\"FAILED\",\"submit_time\":{submitted},\
             \"exit_code\":768{more}}}\n"
        )
    }

    async fn memory(objects: &[(&str, String)]) -> JobMemory {
        let objects = objects.iter();
        let objects = objects.map(|(key, lines)| ((*key).to_owned(), object(lines)));
        JobMemory::new(holding(objects.collect()).await.buckets, "b".to_owned())
    }

    const FIRST: &str = "jobs/2026-11-27/3-0-i-1-aaaa.ndjson.gz";
    const SECOND: &str = "jobs/2026-11-28/0-0-i-2-bbbb.ndjson.gz";

    #[tokio::test]
    async fn each_job_is_told_once() {
        let twice = line(1, 10, "") + "garbage\n" + &line(2, 11, "") + &line(1, 10, "");
        let again = line(1, 99, ",\"unconfirmed\":true");
        let memory = memory(&[(FIRST, twice), (SECOND, again)]).await;
        let mut told = Vec::new();
        let visit = |job: Job| {
            told.push((job.id, job.exit_code, job.source));
            Ok(ControlFlow::Continue(()))
        };
        memory.each(None, &Filter::default(), visit).await.unwrap();
        let expected = [
            (1, Some(3), Source::Memory),
            (2, Some(3), Source::Memory),
            (1, Some(3), Source::Unconfirmed),
        ];
        assert_eq!(told, expected);
    }

    #[tokio::test]
    async fn a_number_means_the_newest_clusters_job() {
        let task = |id, index| {
            let array = format!(",\"array_job_id\":7,\"array_task_id\":{index}");
            line(id, 20, &array)
        };
        let objects = [
            (FIRST, task(7, 0) + &task(8, 1) + &line(9, 20, "")),
            (SECOND, task(7, 1)),
        ];
        let found = async |id: &str| {
            let jobs = memory(&objects)
                .await
                .find(id.parse().unwrap())
                .await
                .unwrap();
            jobs.iter().map(Job::shown_id).collect::<Vec<_>>()
        };
        assert_eq!(found("7").await, ["7_1"]);
        assert_eq!(found("7_0").await, ["7_0"]);
        assert_eq!(found("9").await, ["9"]);
        assert_eq!(found("10").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn the_head_node_says_what_keeps_it() {
        for (said, problem) in [
            ("{\"problem\":null}", None),
            ("{\"problem\":\"no room\"}", Some("no room")),
            ("garbage", None),
        ] {
            let objects = vec![(HEAD_NODE.to_owned(), said.as_bytes().to_vec())];
            let memory = JobMemory::new(holding(objects).await.buckets, "b".to_owned());
            assert_eq!(
                memory.problem().await.unwrap().as_deref(),
                problem,
                "{said}"
            );
        }
    }

    #[test]
    fn an_object_names_its_head_node() {
        assert_eq!(recorder(FIRST), "i-1");
        assert_eq!(recorder("jobs/x"), "");
    }
}
