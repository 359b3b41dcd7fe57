//! How the configuration differs from the one that the cluster has: by their keys, and by what the real
//! `pcluster` says keeps the cluster from being changed.

use crate::aws::{Buckets, Stack};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::files;
use crate::pcluster::changes::{self, Changes};
use crate::pcluster::config::ClusterConfig;
use crate::pcluster::{self, answer};
use crate::step::Step;

use super::steps::cluster_config;

/// Where ParallelCluster keeps the configuration that a cluster was made or last changed with, below the
/// cluster's folder (`pcluster/constants.py`, `pcluster/models/s3_bucket.py`).
const KEPT_AT: &str = "configs/cluster-config.yaml";

/// The places that the additions to a configuration have.
const ADDED: [&str; 2] = ["Tags", "Iam.PermissionsBoundary"];

/// What `pcluster` says of a configuration in which it sees no change.
const NO_CHANGE: &str = "No changes found";

/// What `pcluster` says of a cluster that another version made (`cluster_operations_controller.py`).
const OTHER_VERSION: &str = "only with the same ParallelCluster version";

/// Returns how the configuration differs from that of the cluster, which stands. A cluster is changed only
/// to what the user gave: without a configuration to tags and permissions boundary, and without those it is
/// as it should be. Where the cluster's cannot be read, says so, and returns no difference.
pub(super) async fn look(context: &Context) -> Result<Changes> {
    let settings = &context.settings;
    let gives_additions = settings.tags.is_some() || settings.permissions_boundary.is_some();
    if !settings.has_config && !gives_additions {
        return Ok(Changes::default());
    }
    match differences(context).await {
        Ok(found) if found.is_empty() || !is_given(context, &found) => Ok(Changes::default()),
        Ok(found) => judged(context, found).await,
        Err(error) => {
            context.events.warn(format!(
                "whether the cluster was made from this configuration cannot be told, so it is not changed: \
                 {error:#}"
            ));
            Ok(Changes::default())
        }
    }
}

/// Returns where the cluster's configuration differs from hpcapi's own, one path a line; `None` where it does
/// not, but for what hpcapi adds.
pub(super) async fn from_own(context: &Context) -> Result<Option<String>> {
    let found = differences(context).await?;
    let paths = found.all.iter().map(|change| change.path.as_str());
    let paths: Vec<_> = paths.filter(|path| !is_addition(path)).collect();
    Ok((!paths.is_empty()).then(|| paths.join("\n")))
}

/// Returns whether a place is that of an addition.
fn is_addition(path: &str) -> bool {
    ADDED.iter().any(|place| path.starts_with(place))
}

/// Returns whether the user gave all that differs. A cluster of another configuration than hpcapi's own
/// gets neither before that is named: the rest of it would change, too.
fn is_given(context: &Context, found: &Changes) -> bool {
    if context.settings.has_config {
        return true;
    }
    match only_additions(found) {
        Some(only) => only,
        None => {
            context.events.warn(
                "the cluster keeps its tags and its permissions boundary: it was not made from hpcapi's own \
                 configuration, so name its own with --config to change them",
            );
            false
        }
    }
}

/// Returns whether what hpcapi adds to each configuration is all that differs; `None` where more does.
fn only_additions(found: &Changes) -> Option<bool> {
    let added = found.all.iter().filter(|it| is_addition(&it.path)).count();
    match added {
        0 => Some(false),
        all if all == found.all.len() => Some(true),
        _ => None,
    }
}

async fn differences(context: &Context) -> Result<Changes> {
    let Some(stack) = context.facts().cluster.clone() else {
        return Ok(Changes::default());
    };
    let filled = cluster_config::filled(context)?;
    let from = kept(context, &stack).await?;
    let config = match (script_of(&from), context.facts().node_script.clone()) {
        // Another script on its head node is what no cluster can be given: it keeps the one it has, and
        // what differs is put right on the head node itself.
        (Some(theirs), Some(ours)) => filled.text().replace(&ours, &theirs),
        _ => filled.text().to_owned(),
    };
    if from.text() == config {
        return Ok(Changes::default());
    }
    let to = ClusterConfig::parse(&config, context.config.file())?;
    let all = changes::changes(from.document(), to.document());
    Ok(Changes { all, config })
}

/// Has `pcluster` judge the changes; fails when it refuses the configuration.
async fn judged(context: &Context, mut found: Changes) -> Result<Changes> {
    let pcluster = context.pcluster().await?;
    context
        .events
        .doing(Step::Cluster, "pcluster judges the changes");
    let draft = files::draft(&context.settings.local_folder(), found.config.as_bytes())?;
    let name = context.cluster_name();
    let output = pcluster.dry_run_update(&name, draft.path()).await?;
    match answer::dry_run(output.status.code(), &output.stdout, &output.stderr) {
        Ok(_) => found.judge(&[]),
        Err(refusal) if refusal.message.contains(NO_CHANGE) => found = Changes::default(),
        Err(refusal) if refusal.is_breakdown => return Err(pcluster.refused(refusal)),
        Err(refusal) if refusal.message.contains(OTHER_VERSION) => {
            let again = &context.settings.again;
            return Err(Error::usage(
                "the cluster is of another version of ParallelCluster, which cannot change it",
            )
            .because(refusal.message)
            .hint(format!(
                "have one of this version take its place: {}",
                again.command("upgrade")
            )));
        }
        Err(refusal) if refusal.obstacles.is_empty() => {
            return Err(pcluster::config_error(&context.config, refusal));
        }
        Err(refusal) => found.judge(&refusal.obstacles),
    }
    Ok(found)
}

/// Returns the configuration that a cluster has.
pub(super) async fn kept(context: &Context, cluster: &Stack) -> Result<ClusterConfig> {
    let text = read_kept(&context.aws.buckets, cluster).await?;
    ClusterConfig::parse(&text, KEPT_AT.as_ref())
}

/// Returns the text of the configuration that the cluster has. The newest one in the bucket may be that of an update
/// that was rolled back, so it is read in the version that the stack names.
async fn read_kept(buckets: &Buckets, stack: &Stack) -> Result<String> {
    let parameter = |name: &str| {
        let value = stack.parameters.get(name);
        value.filter(|value| !value.is_empty()).cloned()
    };
    let place = (
        parameter("ResourcesS3Bucket"),
        parameter("ArtifactS3RootDirectory"),
    );
    let (Some(bucket), Some(folder)) = place else {
        return Err(Error::failed(
            "the cluster's stack does not say where its configuration is",
        ));
    };
    let key = format!("{folder}/{KEPT_AT}");
    let content = match parameter("ConfigVersion") {
        Some(version) => buckets.read_version(&bucket, &key, &version).await?,
        None => buckets.read(&bucket, &key).await?,
    };
    let content =
        content.ok_or_else(|| Error::failed(format!("there is no s3://{bucket}/{key}")))?;
    String::from_utf8(content)
        .map_err(|error| Error::failed(format!("s3://{bucket}/{key} is no text")).because(error))
}

/// Returns the head node's script as hpcapi filled it in.
fn script_of(config: &ClusterConfig) -> Option<String> {
    let mut values = config.values();
    let is_script = |value: &&str| changes::without_digest(value) != **value;
    values.find(is_script).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::aws::recorded::holding;

    fn cluster(parameters: &[(&str, &str)]) -> Stack {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Stack {
            id: String::new(),
            name: "x".to_owned(),
            status: "UPDATE_ROLLBACK_COMPLETE".to_owned(),
            outputs: BTreeMap::new(),
            parameters: parameters.iter().map(owned).collect(),
            tags: BTreeMap::new(),
            role: None,
            is_protected: false,
            created: None,
        }
    }

    #[tokio::test]
    async fn the_clusters_configuration_is_read_in_the_version_that_its_stack_names() {
        let place = [
            ("ResourcesS3Bucket", "b"),
            (
                "ArtifactS3RootDirectory",
                "parallelcluster/3.16.1/clusters/x-1",
            ),
        ];
        let objects = vec![
            ("versionId=v1".to_owned(), b"old".to_vec()),
            (
                "clusters/x-1/configs/cluster-config.yaml".to_owned(),
                b"new".to_vec(),
            ),
        ];
        let buckets = holding(objects).await.buckets;
        let named = cluster(&[&place[..], &[("ConfigVersion", "v1")]].concat());
        assert_eq!(read_kept(&buckets, &named).await.unwrap(), "old");
        let unnamed = cluster(&[&place[..], &[("ConfigVersion", "")]].concat());
        assert_eq!(read_kept(&buckets, &unnamed).await.unwrap(), "new");
        let error = read_kept(&buckets, &cluster(&[])).await.unwrap_err();
        assert!(error.to_string().contains("does not say where"), "{error}");
    }

    #[test]
    fn without_a_configuration_a_cluster_gets_tags_and_boundary_where_nothing_else_differs() {
        let changes = |from: &str, to: &str| {
            let of = |text: &str| ClusterConfig::parse(text, "c.yaml".as_ref()).unwrap();
            Changes {
                all: changes::changes(of(from).document(), of(to).document()),
                config: to.to_owned(),
            }
        };
        let image = "Image: {Os: alinux2023}\n";
        let tagged = format!("{image}Tags: [{{Key: Owner, Value: me}}]\n");
        let tags = changes(image, &tagged);
        assert_eq!(only_additions(&tags), Some(true));
        let bounded = format!("{image}Iam: {{PermissionsBoundary: 'arn:aws:iam::aws:policy/B'}}\n");
        assert_eq!(only_additions(&changes(image, &bounded)), Some(true));
        let other = changes("Image: {Os: rhel9}\n", image);
        assert_eq!(only_additions(&other), Some(false));
        let both = changes("Image: {Os: rhel9}\n", &tagged);
        assert_eq!(only_additions(&both), None);
    }

    #[test]
    fn the_script_of_a_configuration_is_the_one_in_hpcapis_folder() {
        let config = |script: &str| {
            let text =
                format!("HeadNode:\n  CustomActions: {{OnNodeStart: {{Script: {script}}}}}\n");
            ClusterConfig::parse(&text, "c.yaml".as_ref()).unwrap()
        };
        let ours = "s3://b/hpcapi/0123456789abcdef/head-node.sh";
        assert_eq!(script_of(&config(ours)).as_deref(), Some(ours));
        assert_eq!(script_of(&config("s3://b/mine.sh")), None);
    }
}
