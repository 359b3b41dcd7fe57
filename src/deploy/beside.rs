//! A new cluster beside the one that serves: it is made while the other one works, takes its place behind
//! the same URL, and the other one is deleted then.
//!
//! A note in the bucket says which cluster takes the place of which: it is there from before the new one
//! is begun until the old one is gone, so whoever is cut off goes on with the next `up`.

use std::time::{Duration, Instant};

use crate::aws::{Buckets, Instance};
use crate::context::{Context, OldJobs, Replacement};
use crate::error::{Error, Result};
use crate::event::{Event, Outcome, Outline};
use crate::step::{Aim, Need, Step};
use crate::wait::Pace;

use super::finding::Finding;
use super::jobs::Jobs;
use super::steps::{cluster, head_node, node_setup, ownership};
use super::{ClusterFate, clusters, fleet};

/// The note.
const NOTE: &str = "hpcapi/replacement";

/// How often it is looked whether jobs of the old cluster run.
const BETWEEN_LOOKS: Duration = Duration::from_secs(20);

/// So many looks in a row may fail.
const UNCOUNTED: u32 = 6;

/// More than a note is long.
const LONGEST: usize = 1 << 10;

/// Returns the replacement that is under way, if one is. One of which nothing was begun is none: the cluster
/// that serves stays.
pub async fn under_way(context: &Context) -> Result<Option<Replacement>> {
    let Some(bucket) = ownership::bucket(context).await? else {
        return Ok(None);
    };
    let names = context.settings.name.cluster_names();
    let Some(noted) = read(&context.aws.buckets, &bucket, &names).await? else {
        return Ok(None);
    };
    let begun = context.aws.stacks.describe(&noted.to).await?;
    Ok(begun.map(|_| noted))
}

/// Returns what the note says, if there is one that names two of these clusters.
async fn read(buckets: &Buckets, bucket: &str, names: &[String]) -> Result<Option<Replacement>> {
    let noted = buckets.get(bucket, NOTE, LONGEST).await?;
    let noted: Option<Replacement> = noted.and_then(|noted| serde_json::from_slice(&noted).ok());
    Ok(noted.filter(|it| it.from != it.to && names.contains(&it.from) && names.contains(&it.to)))
}

/// Decides which cluster `up` works on, and returns what becomes of that one: a replacement that is under
/// way is gone on with, whatever is wished. From here on the new cluster is the one that is meant.
pub(super) async fn take_up(context: &Context, wished: ClusterFate) -> Result<ClusterFate> {
    if let Some(mut replacement) = under_way(context).await? {
        if let ClusterFate::Beside(jobs) = wished {
            replacement.jobs = jobs;
        }
        let Replacement { from, to, .. } = &replacement;
        context.events.note(format!(
            "the cluster `{to}` is taking the place of `{from}`: going on with that"
        ));
        mean(context, replacement);
        return Ok(match wished {
            ClusterFate::Unchanged => ClusterFate::Unchanged,
            _ => ClusterFate::Kept,
        });
    }
    let ClusterFate::Beside(jobs) = wished else {
        return Ok(wished);
    };
    clusters::identify(context).await?;
    let from = context.cluster_name();
    match context.aws.stacks.describe(&from).await? {
        // What does not work has nothing to serve meanwhile.
        Some(stack) if stack.is_usable() && ownership::is_ours(context, &stack).await? => {}
        _ => return Ok(ClusterFate::InPlace),
    }
    let to = free_name(context, &from).await?;
    mean(context, Replacement { from, to, jobs });
    Ok(wished)
}

fn mean(context: &Context, replacement: Replacement) {
    let mut facts = context.facts();
    facts.cluster_name = Some(replacement.to.clone());
    facts.replacement = Some(replacement);
}

/// Returns the other name that a cluster of the deployment may have; fails when it is taken.
async fn free_name(context: &Context, from: &str) -> Result<String> {
    let names = context.settings.name.cluster_names();
    let Some(to) = names.into_iter().find(|name| name != from) else {
        let text = format!(
            "no second cluster can stand beside `{from}`: `{from}-2` is longer than ParallelCluster takes"
        );
        return Err(in_place(context, Error::usage(text)));
    };
    let stacks = &context.aws.stacks;
    if stacks.describe(&to).await?.is_some() {
        // One that was just begun by an `up` that was cut off.
        if under_way(context)
            .await?
            .is_some_and(|noted| noted.to == to)
        {
            return Ok(to);
        }
        let text = format!(
            "there is a stack or cluster `{to}` already, so none can be made beside `{from}`"
        );
        return Err(in_place(context, Error::usage(text)));
    }
    // A deployment of that name may have no cluster yet.
    let other = format!("{to}-requirements");
    if to != context.settings.name.as_str() && stacks.describe(&other).await?.is_some() {
        let text = format!(
            "another deployment is called `{to}`, so no cluster of that name can be made beside `{from}`"
        );
        return Err(in_place(context, Error::usage(text)));
    }
    Ok(to)
}

fn in_place(context: &Context, error: Error) -> Error {
    error.hint(replaced_in_place(context))
}

/// Returns what to do where there is no room for two clusters.
pub(super) fn replaced_in_place(context: &Context) -> String {
    format!(
        "delete the old cluster first, the endpoint is gone meanwhile: {}=in-place",
        context.settings.again.replacing_cluster()
    )
}

/// Notes that the new cluster is about to be begun.
pub(super) async fn begin(context: &Context) -> Result<()> {
    let Some(replacement) = context.facts().replacement.clone() else {
        return Ok(());
    };
    let bucket = ownership::bucket(context).await?;
    let bucket = bucket.ok_or_else(|| Error::failed("the deployment has no bucket"))?;
    node_setup::keep(context, &bucket).await?;
    let note = serde_json::to_vec(&replacement).expect("plain data");
    context.aws.buckets.put(&bucket, NOTE, note).await
}

/// Returns what else a step needs while a cluster is made beside another: nothing that a request goes
/// through is moved before the new cluster works.
pub(super) fn needs(context: &Context, step: Step) -> &'static [Need] {
    if context.facts().replacement.is_none() {
        return &[];
    }
    match step {
        Step::Target => &[Need::Done(Step::Cluster), Need::Done(Step::NodeSetup)],
        Step::Operations | Step::Triggers => &[Need::Done(Step::Target)],
        _ => &[],
    }
}

/// Deletes the old cluster once the new one serves; returns whether there was a replacement to end.
pub(super) async fn finish(context: &Context) -> Result<bool> {
    let Some(Replacement { from, to, jobs }) = context.facts().replacement.clone() else {
        return Ok(false);
    };
    if jobs == OldJobs::Finish {
        wait_for_jobs(context, &from).await?;
    }
    context.events.note(format!(
        "`{to}` serves now: the old cluster `{from}` is deleted"
    ));
    context.events.send(Event::Outlined(Outline {
        aim: Aim::Remove,
        steps: vec![Step::Cluster],
        ready: Vec::new(),
        times: super::times(context),
    }));
    let start = Instant::now();
    context.events.send(Event::Started(Step::Cluster));
    if let Err(error) = cluster::remove(context, &from).await {
        let failed = Event::Failed(Step::Cluster, start.elapsed());
        context.events.send(failed);
        let again = context.settings.again.command("up");
        return Err(error.hint(format!(
            "`{to}` serves in its place; go on with the deletion: {again}"
        )));
    }
    let removed = Event::Finished(Step::Cluster, Outcome::Removed, start.elapsed());
    context.events.send(removed);
    // That the old one's compute fleet was stopped is nothing to the new one.
    fleet::start_again(context, Step::Cluster).await?;
    forget(context).await?;
    Ok(true)
}

/// Waits until no job runs on the old cluster, to which no request comes any more.
async fn wait_for_jobs(context: &Context, from: &str) -> Result<()> {
    let again = &context.settings.again;
    let mut told = false;
    let mut uncounted = 0;
    loop {
        let head_node = head_node::of_cluster(context, from).await?;
        let Some(head_node) = head_node.filter(Instance::is_running) else {
            return Ok(());
        };
        let jobs = Jobs::on(context, Some(&head_node)).await;
        match jobs.running() {
            Some(0) => return Ok(()),
            Some(_) => uncounted = 0,
            None if uncounted == UNCOUNTED => {
                let text = format!("nobody knows whether jobs run on the old cluster `{from}`");
                return Err(Error::failed(text).because(jobs.words()).hint(format!(
                    "delete it with them: {}",
                    again.replacing_cluster()
                )));
            }
            None => uncounted += 1,
        }
        let words = format!("waiting for the old cluster `{from}`: {}", jobs.words());
        if !std::mem::replace(&mut told, true) {
            context.events.note(words.clone());
        }
        context.events.doing(Step::Cluster, words);
        Pace::pause(BETWEEN_LOOKS).await;
    }
}

/// Forgets a replacement of which nothing was begun: the cluster that serves stays, and nobody is to go on.
pub(super) async fn forget_unbegun(context: &Context) {
    let Some(Replacement { to, .. }) = context.facts().replacement.clone() else {
        return;
    };
    // Where this cannot be seen, the next `up` goes on.
    if matches!(context.aws.stacks.describe(&to).await, Ok(None))
        && let Err(error) = forget(context).await
    {
        let text = format!("the next `up` goes on with the replacement: {error:#}");
        context.events.warn(text);
    }
}

async fn forget(context: &Context) -> Result<()> {
    if let Some(bucket) = ownership::bucket(context).await? {
        context.aws.buckets.remove(&bucket, NOTE).await?;
    }
    context.facts().replacement = None;
    Ok(())
}

/// Returns what is said of a replacement that was begun and not ended.
pub fn told(replacement: &Replacement) -> String {
    let Replacement { from, to, .. } = replacement;
    format!("the cluster `{to}` is taking the place of `{from}`, which is deleted when that serves")
}

/// Returns what `doctor` says of it.
pub(super) async fn look(context: &Context) -> Option<Finding> {
    const SUBJECT: &str = "replacement";
    match under_way(context).await {
        Ok(replacement) => {
            let finding = Finding::warning(SUBJECT, told(&replacement?));
            Some(finding.then(context.settings.again.command("up")))
        }
        Err(error) => Some(Finding::of_error(SUBJECT, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::recorded::holding;

    async fn noted(note: &str) -> Option<Replacement> {
        let objects = vec![(NOTE.to_owned(), note.as_bytes().to_vec())];
        let names = ["mine", "mine-2"].map(ToOwned::to_owned);
        let buckets = holding(objects).await.buckets;
        read(&buckets, "b", &names).await.unwrap()
    }

    #[tokio::test]
    async fn a_note_names_two_clusters_of_the_deployment_or_nothing() {
        let there = noted(r#"{"from":"mine","to":"mine-2"}"#).await.unwrap();
        assert_eq!(there.jobs, OldJobs::End);
        let waits = noted(r#"{"from":"mine","to":"mine-2","jobs":"finish"}"#).await;
        assert_eq!(waits.unwrap().jobs, OldJobs::Finish);
        assert_eq!(told(&there).matches("`mine").count(), 2);
        let written = serde_json::to_string(&there).unwrap();
        assert_eq!(noted(&written).await, Some(there));
        assert!(noted(r#"{"from":"mine-2","to":"mine"}"#).await.is_some());
        for other in [
            r#"{"from":"mine","to":"mine"}"#,
            r#"{"from":"mine","to":"theirs"}"#,
            r#"{"from":"mine"}"#,
            "no JSON",
        ] {
            assert_eq!(noted(other).await, None, "{other}");
        }
    }
}
