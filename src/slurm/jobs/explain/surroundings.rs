//! What is looked at to explain jobs: only what their states and reasons call for.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::slurm::client::{ApiVersion, Client, Element, Request};
use crate::slurm::jobs::{Filter, Job, JobId, State, list, lookup, reasons};
use crate::slurm::nodes::{self, Node};
use crate::slurm::partitions::{self, Partition};
use crate::slurm::time;

use super::dependency;
use super::groups::Group;
use super::partition;

/// The most jobs that are waited for and looked at one by one.
const MOST: usize = 40;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// The first version with licenses.
const LICENSES: ApiVersion = ApiVersion::new(38);

/// The first version whose `job/{id}` takes `{"hold": false}`.
const RELEASES: ApiVersion = ApiVersion::new(40);

/// What was looked at.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// All nodes.
    pub(super) nodes: Vec<Node>,
    /// All partitions.
    pub(super) partitions: Vec<Partition>,
    /// The jobs that wait in the partitions of those that are explained.
    pub(super) queue: Vec<Job>,
    /// The jobs that are waited for; of one that nobody knows there are none.
    pub(super) awaited: BTreeMap<JobId, Vec<Job>>,
    /// Licenses: name, free, all.
    pub(super) licenses: Vec<(String, u64, u64)>,
    /// Whether the API releases held jobs.
    pub(super) releases: bool,
    /// What could not be looked at, and why.
    pub(super) unknown: Vec<String>,
    /// When that was, in seconds since 1970.
    pub(super) now: u64,
}

/// What has to be looked at.
#[derive(Debug, Default)]
struct Wanted {
    nodes: bool,
    queue: bool,
    licenses: bool,
}

/// Looks at what the explanations of groups of jobs need. What cannot be looked at is noted.
pub(super) async fn look(
    client: &Client,
    groups: &[Group<'_>],
    remembered: impl AsyncFn(JobId) -> Vec<Job>,
) -> Result<Surroundings> {
    let version = match client.operations() {
        Some(_) => None,
        None => Some(client.version().await?),
    };
    let mut around = Surroundings {
        now: time::now(),
        releases: version.is_some_and(|version| version >= RELEASES),
        ..Surroundings::default()
    };
    let jobs: Vec<&Job> = groups.iter().map(Group::first).collect();
    let wanted = wanted(&jobs);
    if wanted.nodes {
        match nodes::list(client, &[]).await {
            Ok(nodes) => around.nodes = nodes,
            Err(error) => around.note("the nodes", &error),
        }
        match partitions::list(client).await {
            Ok(partitions) => around.partitions = partitions,
            Err(error) => around.note("the partitions", &error),
        }
    }
    if wanted.queue {
        match queue(client, &jobs).await {
            Ok(queue) => around.queue = queue,
            Err(error) => around.note("the other jobs that wait", &error),
        }
    }
    if wanted.licenses && version.is_some_and(|version| version >= LICENSES) {
        match licenses(client).await {
            Ok(licenses) => around.licenses = licenses,
            Err(error) => around.note("the licenses", &error),
        }
    }
    around.look_at_awaited(client, &jobs, remembered).await;
    Ok(around)
}

impl Surroundings {
    /// Looks up the jobs that others wait for: what Slurm has forgotten is asked of `remembered`.
    async fn look_at_awaited(
        &mut self,
        client: &Client,
        jobs: &[&Job],
        remembered: impl AsyncFn(JobId) -> Vec<Job>,
    ) {
        let waiting = jobs.iter().filter(|job| job.state.as_str() == "PENDING");
        let mut ids: Vec<JobId> = waiting
            .filter_map(|job| job.dependency.as_deref())
            .flat_map(dependency::conditions)
            .filter_map(|condition| condition.job)
            .collect();
        ids.sort();
        ids.dedup();
        ids.truncate(MOST);
        let looked: Vec<(JobId, Result<Vec<Job>>)> = stream::iter(ids)
            .map(|id| async move { (id, lookup(client, id).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (id, jobs) in looked {
            match jobs {
                Ok(jobs) if jobs.is_empty() => {
                    self.awaited.insert(id, remembered(id).await);
                }
                Ok(jobs) => {
                    self.awaited.insert(id, jobs);
                }
                Err(error) => self.note(&format!("job {id}"), &error),
            }
        }
    }

    fn note(&mut self, what: &str, error: &Error) {
        self.unknown
            .push(format!("{what} could not be looked at: {error:#}"));
    }
}

fn wanted(jobs: &[&Job]) -> Wanted {
    let mut wanted = Wanted::default();
    for job in jobs {
        let reason = job.reason.as_deref().and_then(reasons::find);
        let name = reason.map(|reason| reason.name);
        let waits = !job.state.has_ended() && !job.state.has_started();
        let is_booting = job.state.as_str() == "CONFIGURING";
        wanted.nodes |= (waits && partition::depends_on_nodes(job)) || is_booting;
        wanted.queue |= waits && matches!(name, Some("Priority" | "Resources"));
        wanted.licenses |= waits && name == Some("Licenses");
    }
    wanted
}

/// Returns the jobs that wait in the same partitions.
async fn queue(client: &Client, jobs: &[&Job]) -> Result<Vec<Job>> {
    let partitions = jobs.iter().filter_map(|job| job.partition.as_deref());
    let mut partitions: Vec<String> = partitions
        .flat_map(|names| names.split(','))
        .map(ToOwned::to_owned)
        .collect();
    partitions.sort();
    partitions.dedup();
    let filter = Filter {
        states: vec![State::of(&["PENDING".to_owned()])],
        partitions,
        ..Filter::default()
    };
    let listing = list(client, &filter, None).await?;
    Ok(listing.map(|listing| listing.jobs).unwrap_or_default())
}

async fn licenses(client: &Client) -> Result<Vec<(String, u64, u64)>> {
    let keep = |raw: Value| {
        let number = |name: &str| raw[name].as_u64().unwrap_or(0);
        match raw["LicenseName"].as_str() {
            Some(name) => Element::Wanted((name.to_owned(), number("Free"), number("Total"))),
            None => Element::NotUnderstood,
        }
    };
    let listed = client
        .list(&Request::get("licenses"), "licenses", keep)
        .await?;
    Ok(listed.map(|(licenses, _)| licenses).unwrap_or_default())
}
