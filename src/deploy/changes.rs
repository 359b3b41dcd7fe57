//! How the configuration differs from the one that the cluster has: hpcapi shows it, and what the change
//! takes, and leaves it to `pcluster`.

use crate::aws::{Buckets, Stack};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::pcluster::Found;
use crate::pcluster::changes::{self, Change};
use crate::pcluster::config::ClusterConfig;
use crate::settings::Ground;
use crate::shell::quoted;

use super::steps::cluster_config;

/// Where ParallelCluster keeps the configuration that a cluster was made or last changed with, below the
/// cluster's folder (`pcluster/constants.py`, `pcluster/models/s3_bucket.py`).
const KEPT_AT: &str = "configs/cluster-config.yaml";

/// How the configuration differs from the cluster's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigChanges {
    /// Each difference, and what it takes.
    pub all: Vec<Change>,
    /// What to type so that the cluster is as the configuration has it.
    pub next: Vec<String>,
}

impl ConfigChanges {
    /// Returns the differences as lines, below what they take.
    pub fn lines(&self) -> Vec<String> {
        changes::lines(&self.all)
    }

    /// Returns how many there are, in words.
    pub(super) fn count(&self) -> String {
        match self.all.len() {
            1 => "1 change of its configuration".to_owned(),
            count => format!("{count} changes of its configuration"),
        }
    }

    /// Returns what `up` says of them, as it leaves the cluster as it is.
    pub(super) fn warning(&self) -> String {
        let lines = self.lines().into_iter();
        let next = self.next.iter().map(|next| format!("next: {next}"));
        let text = "the configuration differs from the one that the cluster has, and `up` does not \
                    change a cluster";
        lines
            .chain(next)
            .fold(text.to_owned(), |text, line| format!("{text}\n  {line}"))
    }
}

/// Returns how the configuration differs from that of the cluster, which stands. Where that cannot be told,
/// says so, and returns no difference.
pub(super) async fn look(context: &Context) -> ConfigChanges {
    match differences(context).await {
        Ok(found) => found,
        Err(error) => {
            context.events.warn(unknown(context, &error));
            ConfigChanges::default()
        }
    }
}

/// Returns what is said where the cluster's configuration cannot be read: a file that an earlier run on
/// this machine left may tell something.
fn unknown(context: &Context, error: &Error) -> String {
    match cluster_config::is_another(context) {
        true => format!(
            "the cluster may have been made from another configuration than this one, and `up` does not \
             change a cluster: see `pcluster update-cluster`; how they differ cannot be told: {error:#}"
        ),
        false => {
            format!(
                "whether the cluster has been made from this configuration cannot be told: {error:#}"
            )
        }
    }
}

async fn differences(context: &Context) -> Result<ConfigChanges> {
    let Some(stack) = context.facts().cluster.clone() else {
        return Ok(ConfigChanges::default());
    };
    let filled = cluster_config::filled(context)?;
    let kept = read_kept(&context.aws.buckets, &stack).await?;
    if kept == filled.text() {
        return Ok(ConfigChanges::default());
    }
    let from = ClusterConfig::parse(&kept, KEPT_AT.as_ref())?;
    let to = ClusterConfig::parse(filled.text(), context.config.file())?;
    let all = changes::changes(from.document(), to.document());
    let next = match all.is_empty() {
        true => Vec::new(),
        false => next(context, &all, script_of(&from)).await,
    };
    Ok(ConfigChanges { all, next })
}

/// Returns the configuration that the cluster has. The newest one in the bucket may be that of an update
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

/// Returns what to type, in this order.
async fn next(context: &Context, all: &[Change], script: Option<String>) -> Vec<String> {
    let again = &context.settings.again;
    if all
        .iter()
        .any(|change| change.takes == changes::Takes::NewCluster)
    {
        let command = again.replacing_cluster();
        return vec![format!(
            "make the cluster anew, its jobs and volumes go: {command}"
        )];
    }
    let file = context.settings.filled_config_path();
    let file = quoted(&file.to_string_lossy());
    // The verb's other use, `--preset`, takes none of these options.
    let config = again.command("config") + &again.cluster_options;
    let mut next = vec![format!("fill the configuration: {config} --output {file}")];
    let ours = context.facts().node_script.clone();
    if let (Some(theirs), Some(ours)) = (script, ours)
        && theirs != ours
        && context.config.wants_node_script()
    {
        // Another script on the head node is what no cluster can be given.
        next.push(format!(
            "keep the head node's script: sed -i.old 's|{ours}|{theirs}|' {file}"
        ));
    }
    let pcluster = Commands::new(context).await;
    let stops_fleet = all.iter().any(|change| change.takes.stops_fleet());
    if stops_fleet {
        let stop = pcluster.line("update-compute-fleet", "--status STOP_REQUESTED");
        next.push(format!("stop the fleet, its jobs end: {stop}"));
    }
    if all.iter().any(|change| change.takes.stops_login_nodes()) {
        next.push("stop the login nodes before, by an update to `Count: 0`".to_owned());
    }
    let update = pcluster.line("update-cluster", &format!("--cluster-configuration {file}"));
    next.push(format!("change the cluster: {update}"));
    if stops_fleet {
        let start = pcluster.line("update-compute-fleet", "--status START_REQUESTED");
        next.push(format!("start the fleet when that has ended: {start}"));
    }
    next
}

/// Writes commands of `pcluster` for one cluster.
struct Commands {
    /// The program, with what comes before it.
    program: String,
    options: String,
}

impl Commands {
    async fn new(context: &Context) -> Commands {
        let program = match context.pcluster_search().find().await {
            Ok(Found::Ready(program)) => quoted(&program.to_string_lossy()),
            _ => "pcluster".to_owned(),
        };
        let profile = match &context.settings.ground {
            Ground::Aws {
                profile: Some(profile),
                ..
            } => format!("AWS_PROFILE={} ", quoted(profile)),
            _ => String::new(),
        };
        Commands {
            program: format!("{profile}{program}"),
            options: format!(
                "--region {} --cluster-name {}",
                context.aws.region, context.settings.name
            ),
        }
    }

    fn line(&self, verb: &str, words: &str) -> String {
        format!("{} {verb} {} {words}", self.program, self.options)
    }
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
    fn up_says_each_change_in_a_line_of_its_own_and_what_to_type() {
        let document = |text: &str| serde_yaml::from_str(text).unwrap();
        let all = changes::changes(
            &document("{Image: {Os: rhel9}}"),
            &document("{Image: {Os: rocky9}}"),
        );
        let next = vec!["make it anew: x".to_owned()];
        let found = ConfigChanges { all, next };
        assert_eq!(found.count(), "1 change of its configuration");
        assert_eq!(
            found.warning(),
            "the configuration differs from the one that the cluster has, and `up` does not change a \
             cluster\n  a new cluster (--replace-cluster):\n    Image.Os: rhel9 -> rocky9\n  next: make it \
             anew: x"
        );
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
