//! What the change of a key takes: the conditions of `pcluster/config/update_policy.py`, for a fleet that
//! runs.

use serde_yaml::Value;

use super::clusters::{Clusters, below, text, thing};
use super::difference::Difference;
use super::policies::Policy;
use super::takes::Takes;
use super::values;

const QUEUES: &str = "Scheduling.SlurmQueues[]";

/// Storage that nodes mount and unmount while they run (`pcluster/constants.py`).
const MOUNTED_LIVE: [&str; 5] = ["Efs", "FsxLustre", "FsxOntap", "FsxOpenZfs", "FileCache"];

/// What says that a storage is not the cluster's own.
const OF_OTHERS: [&str; 3] = ["VolumeId", "FileSystemId", "FileCacheId"];

/// Returns what a change takes, which is one of `all`.
pub(super) fn of(
    change: &Difference<'_>,
    all: &[Difference<'_>],
    clusters: &Clusters<'_>,
) -> Takes {
    match change.policy {
        Policy::Ignored | Policy::Supported => Takes::Live,
        Policy::QueueUpdateStrategy => queue_update(change, clusters),
        Policy::ResizeOnRemove => resize(change, all, clusters),
        Policy::ManagedPlacementGroup if loses_placement_group(change, clusters) => {
            Takes::FleetStopped
        }
        Policy::ManagedPlacementGroup => queue_update(change, clusters),
        Policy::ManagedFsx if clusters.keeps_own_lustre() => Takes::NewCluster,
        Policy::ManagedFsx if only_adds_items(change) => Takes::Live,
        Policy::ManagedFsx => queue_update(change, clusters),
        Policy::SharedStorage => shared_storage(change, clusters),
        Policy::FleetStopOnRemove if change.is_addition() => Takes::Live,
        Policy::FleetStop | Policy::FleetStopOnRemove => Takes::FleetStopped,
        Policy::LoginNodesPools if change.is_addition() => Takes::Live,
        Policy::LoginNodesStop | Policy::LoginNodesPools => clusters.login_nodes_stopped(),
        Policy::FleetAndLoginNodesStop => clusters.all_nodes_stopped(),
        Policy::Unsupported => Takes::NewCluster,
        Policy::Unknown => Takes::Unknown,
    }
}

/// The strategy counts for what is in a queue.
fn queue_update(change: &Difference<'_>, clusters: &Clusters<'_>) -> Takes {
    match change.place.starts_with(&format!("{QUEUES}.")) {
        true => clusters.strategy(),
        false => Takes::FleetStopped,
    }
}

/// Returns what it takes that there are more nodes, or fewer: only fewer take something.
fn resize(change: &Difference<'_>, all: &[Difference<'_>], clusters: &Clusters<'_>) -> Takes {
    let grows = match change.key() {
        "MaxCount" => growth(change, 10) >= 0,
        // More that always run need as much more room beside them, so that no other node goes.
        "MinCount" => {
            let is_beside = |other: &&Difference<'_>| {
                other.key() == "MaxCount" && other.above() == change.above()
            };
            let beside = all.iter().find(is_beside);
            beside.is_some_and(|beside| growth(beside, 10) >= growth(change, 0))
        }
        _ => change.is_of_thing() && change.is_addition(),
    };
    match clusters.strategy() {
        _ if grows => Takes::Live,
        Takes::NodesTerminated => Takes::NodesTerminated,
        _ => Takes::FleetStopped,
    }
}

/// Returns by how much a count grows, where nothing means `default`.
fn growth(change: &Difference<'_>, default: i64) -> i64 {
    let count = |value: Option<&Value>| {
        let count = value
            .and_then(values::text)
            .and_then(|text| text.parse().ok());
        count.unwrap_or(default)
    };
    count(change.to).saturating_sub(count(change.from))
}

fn only_adds_items(change: &Difference<'_>) -> bool {
    let items = |value: Option<&'_ Value>| value.and_then(Value::as_sequence).cloned();
    match (items(change.from), items(change.to)) {
        (Some(from), Some(to)) => from.iter().all(|item| to.contains(item)),
        _ => false,
    }
}

fn shared_storage(change: &Difference<'_>, clusters: &Clusters<'_>) -> Takes {
    // Of one that stays only the place can change, for which no strategy counts.
    if !change.is_of_thing() {
        return clusters.all_nodes_stopped();
    }
    let is_home = |value| matches!(text(value, "MountDir"), Some("home" | "/home"));
    if is_home(change.from) || is_home(change.to) {
        return Takes::NewCluster;
    }
    let storage = change.to.or(change.from);
    let kind = text(storage, "StorageType").unwrap_or_default();
    let settings = storage.and_then(|storage| storage.get(format!("{kind}Settings")));
    let is_of_others = |settings: &Value| OF_OTHERS.iter().any(|key| settings.get(key).is_some());
    if MOUNTED_LIVE.contains(&kind) && settings.is_some_and(is_of_others) {
        return Takes::Live;
    }
    match (clusters.strategy(), clusters.has_login_nodes()) {
        (Takes::FleetStopped, true) => Takes::AllNodesStopped,
        (_, true) => Takes::LoginNodesStopped,
        (strategy, false) => strategy,
    }
}

/// Returns whether a placement group that ParallelCluster made goes with the change: it cannot while
/// instances are in it.
fn loses_placement_group(change: &Difference<'_>, clusters: &Clusters<'_>) -> bool {
    let is_managed = |configuration| {
        let queue = thing(configuration, &change.path, "SlurmQueues");
        let resource = queue.and_then(|queue| thing(queue, &change.path, "ComputeResources"));
        let group = |it: Option<&'_ Value>| {
            let group = below(it?, &["Networking", "PlacementGroup"]).cloned();
            group.filter(|group| group.as_mapping().is_some_and(|group| !group.is_empty()))
        };
        let group = group(resource).or_else(|| group(queue));
        group.is_some_and(|group| {
            let is_enabled = group.get("Enabled").and_then(Value::as_bool) == Some(true);
            is_enabled && group.get("Name").is_none() && group.get("Id").is_none()
        })
    };
    is_managed(clusters.from) && !is_managed(clusters.to)
}

#[cfg(test)]
mod tests {
    use super::super::{Change, changes};
    use super::*;

    const CLUSTER: &str = include_str!("../../../cluster-config.yaml");

    fn document(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    /// Returns the change between two texts that differ in one thing.
    fn one(from: &str, to: &str) -> (String, Takes) {
        let found = changes(&document(from), &document(to));
        match found.as_slice() {
            [Change { path, takes, .. }] => (path.clone(), *takes),
            found => panic!("{found:#?}"),
        }
    }

    /// Returns what it takes to have `to` where hpcapi's own configuration has `from`.
    fn takes(from: &str, to: &str) -> (String, Takes) {
        assert!(CLUSTER.contains(from), "{from}");
        one(CLUSTER, &CLUSTER.replacen(from, to, 1))
    }

    /// Returns the configuration with this beside its settings of Slurm.
    fn with_slurm(setting: &str) -> String {
        CLUSTER.replacen(
            "  SlurmSettings:\n",
            &format!("  SlurmSettings:\n    {setting}\n"),
            1,
        )
    }

    const RESOURCE: &str = "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro]";

    #[test]
    fn kinds_of_change_take_what_the_policies_of_parallelcluster_say() {
        let resource = |key: &str| format!("{RESOURCE}.{key}");
        let queue2 = "  SlurmQueues:\n    - {Name: queue2}\n";
        let tag = "Tags:\n  - {Key: a, Value: b}\n";
        let queue = "      Networking:\n        SubnetIds";
        for (from, to, path, wanted) in [
            (
                "MaxCount: 10",
                "MaxCount: 20",
                resource("MaxCount"),
                Takes::Live,
            ),
            (
                "MaxCount: 10",
                "MaxCount: 5",
                resource("MaxCount"),
                Takes::FleetStopped,
            ),
            (
                "MinCount: 0",
                "MinCount: 1",
                resource("MinCount"),
                Takes::FleetStopped,
            ),
            (
                "Type: t3.micro",
                "Type: c7i.large",
                resource("InstanceType"),
                Takes::FleetStopped,
            ),
            (
                "MinCount: 0",
                "Efa: {Enabled: true}",
                resource("Efa"),
                Takes::FleetStopped,
            ),
            (
                "  SlurmQueues:\n",
                queue2,
                "Scheduling.SlurmQueues[queue2]".into(),
                Takes::Live,
            ),
            (
                queue,
                "      CapacityType: SPOT\n      Networking:\n        SubnetIds",
                "Scheduling.SlurmQueues[queue1].CapacityType".into(),
                Takes::FleetStopped,
            ),
            (
                queue,
                "      CustomActions: {OnNodeStart: {Script: s3://b/x}}\n      \
                 Networking:\n        SubnetIds",
                "Scheduling.SlurmQueues[queue1].CustomActions".into(),
                Takes::FleetStopped,
            ),
            (
                "Os: alinux2023",
                "Os: rhel9",
                "Image.Os".into(),
                Takes::NewCluster,
            ),
            (
                "InstanceType: t3.small",
                "InstanceType: t3.large",
                "HeadNode.InstanceType".into(),
                Takes::NewCluster,
            ),
            (
                "  Imds:",
                "  LocalStorage: {RootVolume: {Size: 80}}\n  Imds:",
                "HeadNode.LocalStorage".into(),
                Takes::NewCluster,
            ),
            (
                "Args: [configured]",
                "Args: [configured, x]",
                "HeadNode.CustomActions.OnNodeConfigured.Args".into(),
                Takes::NewCluster,
            ),
            (
                "Args: [updated]",
                "Args: [updated, x]",
                "HeadNode.CustomActions.OnNodeUpdated.Args".into(),
                Takes::Live,
            ),
            ("Tags:\n", tag, "Tags[a]".into(), Takes::Live),
            (
                "Value: Hpc",
                "Value: Own",
                "Tags[Environment].Value".into(),
                Takes::Live,
            ),
            (
                "      - AuthAltTypes",
                "      - MaxNodes: 4\n      - AuthAltTypes",
                "Scheduling.SlurmSettings.CustomSlurmSettings".into(),
                Takes::Live,
            ),
            (
                "  SlurmSettings:\n",
                "  SlurmSettings:\n    ScaledownIdletime: 60\n",
                "Scheduling.SlurmSettings.ScaledownIdletime".into(),
                Takes::FleetStopped,
            ),
            (
                "AllowedIps: 10.0.0.0/16",
                "AllowedIps: 10.0.0.0/8",
                "HeadNode.Ssh.AllowedIps".into(),
                Takes::Live,
            ),
            (
                "Tags:\n",
                "Monitoring: {DetailedMonitoring: true}\nTags:\n",
                "Monitoring.DetailedMonitoring".into(),
                Takes::FleetStopped,
            ),
            ("Tags:\n", "Own: 1\nTags:\n", "Own".into(), Takes::Unknown),
        ] {
            assert_eq!(takes(from, to), (path, wanted), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn a_queue_that_goes_takes_a_stopped_fleet_unless_its_jobs_may_be_ended() {
        let more =
            |text: &str| text.replacen("SlurmQueues:\n", "SlurmQueues:\n    - {Name: b}\n", 1);
        let gone = "Scheduling.SlurmQueues[b]".to_owned();
        assert_eq!(
            one(&more(CLUSTER), CLUSTER),
            (gone.clone(), Takes::FleetStopped)
        );
        for (strategy, wanted) in [
            ("TERMINATE", Takes::NodesTerminated),
            ("DRAIN", Takes::FleetStopped),
        ] {
            let text = with_slurm(&format!("QueueUpdateStrategy: {strategy}"));
            assert_eq!(one(&more(&text), &text), (gone.clone(), wanted));
        }
    }

    #[test]
    fn the_strategy_of_the_configuration_counts_for_its_queues() {
        let text = with_slurm("QueueUpdateStrategy: DRAIN");
        let change = |from: &str, to: &str| one(&text, &text.replacen(from, to, 1)).1;
        let spot = "      CapacityType: SPOT\n      Networking:\n        SubnetIds";
        assert_eq!(
            change("      Networking:\n        SubnetIds", spot),
            Takes::NodesDrained
        );
        assert_eq!(change("MaxCount: 10", "MaxCount: 5"), Takes::FleetStopped);
        let type_of = ("InstanceType: t3.micro", "InstanceType: c7i.large");
        assert_eq!(change(type_of.0, type_of.1), Takes::FleetStopped);
    }

    #[test]
    fn more_nodes_that_always_run_are_live_with_as_much_more_room() {
        let counts = |min, max| {
            let to = CLUSTER
                .replace("MinCount: 0", min)
                .replace("MaxCount: 10", max);
            let found = changes(&document(CLUSTER), &document(&to));
            found.iter().map(|change| change.takes).max()
        };
        assert_eq!(counts("MinCount: 2", "MaxCount: 12"), Some(Takes::Live));
        assert_eq!(
            counts("MinCount: 3", "MaxCount: 12"),
            Some(Takes::FleetStopped)
        );
    }

    #[test]
    fn storage_takes_what_nodes_need_to_mount_it() {
        let with = |storage: &str| format!("{CLUSTER}SharedStorage:\n  - {storage}\n");
        let path = "SharedStorage[s]".to_owned();
        for (storage, wanted) in [
            (
                "{Name: s, StorageType: Ebs, MountDir: /s}",
                Takes::FleetStopped,
            ),
            (
                "{Name: s, StorageType: Efs, MountDir: /s, EfsSettings: {FileSystemId: fs-1}}",
                Takes::Live,
            ),
            (
                "{Name: s, StorageType: Efs, MountDir: /home, EfsSettings: {FileSystemId: fs-1}}",
                Takes::NewCluster,
            ),
        ] {
            assert_eq!(
                one(CLUSTER, &with(storage)),
                (path.clone(), wanted),
                "{storage}"
            );
        }
        let sized = |size| {
            let settings = format!("EbsSettings: {{Size: {size}}}");
            with(&format!(
                "{{Name: s, StorageType: Ebs, MountDir: /s, {settings}}}"
            ))
        };
        let size = format!("{path}.EbsSettings.Size");
        assert_eq!(one(&sized(40), &sized(80)), (size, Takes::NewCluster));
    }

    #[test]
    fn login_nodes_are_stopped_only_where_there_are_some() {
        let of = |kind| {
            format!("{CLUSTER}LoginNodes:\n  Pools:\n    - {{Name: a, InstanceType: {kind}}}\n")
        };
        let (small, large) = (of("t3.small"), of("t3.large"));
        assert_eq!(one(CLUSTER, &small), ("LoginNodes".to_owned(), Takes::Live));
        assert_eq!(one(&small, CLUSTER).1, Takes::LoginNodesStopped);
        assert_eq!(one(&small, &large).1, Takes::LoginNodesStopped);
        let directory = |text: &str| format!("{text}DirectoryService: {{DomainName: x}}\n");
        assert_eq!(one(CLUSTER, &directory(CLUSTER)).1, Takes::FleetStopped);
        assert_eq!(one(&small, &directory(&small)).1, Takes::AllNodesStopped);
    }

    #[test]
    fn a_placement_group_of_the_cluster_goes_only_with_the_fleet() {
        let text = with_slurm("QueueUpdateStrategy: TERMINATE");
        let of = |group: &str| {
            let to = format!("Networking:\n        PlacementGroup: {group}\n        SubnetIds");
            text.replacen("Networking:\n        SubnetIds", &to, 1)
        };
        let (on, named) = (of("{Enabled: true}"), of("{Enabled: true, Name: g}"));
        assert_eq!(one(&text, &on).1, Takes::NodesTerminated);
        assert_eq!(one(&on, &text).1, Takes::FleetStopped);
        assert_eq!(one(&on, &named).1, Takes::FleetStopped);
        assert_eq!(one(&named, &text).1, Takes::NodesTerminated);
    }

    #[test]
    fn a_queue_keeps_its_subnets_while_it_has_a_file_system_of_its_own() {
        let lustre = "SharedStorage:\n  - {Name: l, StorageType: FsxLustre, MountDir: /l}\n";
        let more = |text: &str| {
            text.replace(
                "- CHANGE_ME\n      Iam",
                "- CHANGE_ME\n          - b\n      Iam",
            )
        };
        let with = format!("{CLUSTER}{lustre}");
        assert_eq!(one(CLUSTER, &more(CLUSTER)).1, Takes::Live);
        assert_eq!(one(&more(CLUSTER), CLUSTER).1, Takes::FleetStopped);
        assert_eq!(one(&with, &more(&with)).1, Takes::NewCluster);
    }

    #[test]
    fn what_means_the_same_is_no_change() {
        for (from, to) in [
            ("          MaxCount: 10\n", ""),
            ("          MinCount: 0\n", ""),
            ("MaxCount: 10", "MaxCount: '10'"),
            (
                "  Imds:\n    # Keeps the head node's credentials from the jobs and users on it.\n    Secured: true\n",
                "",
            ),
            (
                "      Networking:\n        SubnetIds",
                "      CapacityType: ONDEMAND\n      Networking:\n        SubnetIds",
            ),
        ] {
            assert!(CLUSTER.contains(from), "{from}");
            let to = CLUSTER.replacen(from, to, 1);
            assert_eq!(changes(&document(CLUSTER), &document(&to)), [], "{from}");
        }
        let script = |digest| {
            let uri = format!("&head_node_script s3://b/hpcapi/{digest}/head-node.sh");
            document(&CLUSTER.replace("&head_node_script CHANGE_ME", &uri))
        };
        assert_eq!(changes(&script("0123"), &script("4567")), []);
    }
}
