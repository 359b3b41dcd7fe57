//! The storage that a cluster configuration asks for: root volumes, and what is made to be shared.

use serde_yaml::Value;

use super::demand::{items, number, text};

/// The root volume of a node, in GiB, when nobody says otherwise: the size of ParallelCluster's
/// images (its constants.py, 3.16.1).
const ROOT_VOLUME: u64 = 45;

/// A shared volume, in GiB, when nobody says otherwise (ParallelCluster's schema).
const SHARED_VOLUME: u64 = 35;

/// The volumes of an array when nobody says otherwise (ParallelCluster's schema of Raid).
const RAID_VOLUMES: u64 = 2;

/// The type of a volume when nobody says otherwise (ParallelCluster's schema).
const VOLUME_TYPE: &str = "gp3";

/// A volume of EBS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its type, e.g. gp3.
    pub kind: String,
    /// Its size; `None` for that of a snapshot.
    pub gibibytes: Option<u64>,
}

/// Storage that is made with the cluster, for all of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStorage {
    /// Its name.
    pub name: String,
    /// What it is.
    pub sort: SharedSort,
}

/// What shared storage consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedSort {
    /// So many volumes that are alike.
    Volumes(u64, Volume),
    /// A file system of EFS.
    Efs,
    /// A file system of FSx.
    Fsx,
}

impl Default for Volume {
    fn default() -> Volume {
        Volume {
            kind: VOLUME_TYPE.to_owned(),
            gibibytes: Some(ROOT_VOLUME),
        }
    }
}

impl Volume {
    /// Returns the root volume of nodes from what says their `LocalStorage`.
    pub(super) fn root(nodes: &Value) -> Volume {
        let settings = &nodes["LocalStorage"]["RootVolume"];
        let gibibytes = number(&settings["Size"]).unwrap_or(ROOT_VOLUME);
        Volume {
            kind: kind(settings),
            gibibytes: Some(gibibytes),
        }
    }
}

/// Returns the shared storage that a configuration has made; what is there already and only mounted
/// is not in it.
pub(super) fn shared(config: &Value) -> Vec<SharedStorage> {
    let made = items(&config["SharedStorage"]).filter_map(|storage| {
        Some(SharedStorage {
            name: text(storage, "Name"),
            sort: sort(storage)?,
        })
    });
    made.collect()
}

fn sort(storage: &Value) -> Option<SharedSort> {
    let is_new = |settings: &str, id: &str| storage[settings][id].is_null();
    match storage["StorageType"].as_str()? {
        "Ebs" if is_new("EbsSettings", "VolumeId") => Some(volumes(&storage["EbsSettings"])),
        "Efs" if is_new("EfsSettings", "FileSystemId") => Some(SharedSort::Efs),
        "FsxLustre" if is_new("FsxLustreSettings", "FileSystemId") => Some(SharedSort::Fsx),
        // All others are there already.
        _ => None,
    }
}

fn volumes(settings: &Value) -> SharedSort {
    let count = match &settings["Raid"] {
        Value::Null => 1,
        raid => number(&raid["NumberOfVolumes"]).unwrap_or(RAID_VOLUMES),
    };
    let is_of_snapshot = !settings["SnapshotId"].is_null();
    let gibibytes = match number(&settings["Size"]) {
        None if is_of_snapshot => None,
        size => Some(size.unwrap_or(SHARED_VOLUME)),
    };
    let kind = kind(settings);
    SharedSort::Volumes(count, Volume { kind, gibibytes })
}

fn kind(settings: &Value) -> String {
    let kind = settings["VolumeType"].as_str();
    kind.unwrap_or(VOLUME_TYPE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: &str) -> Vec<String> {
        let config = serde_yaml::from_str(config).unwrap();
        let told = shared(&config).into_iter().map(|one| match one.sort {
            SharedSort::Volumes(count, volume) => format!(
                "{}: {count} {} {:?}",
                one.name, volume.kind, volume.gibibytes
            ),
            other => format!("{}: {other:?}", one.name),
        });
        told.collect()
    }

    #[test]
    fn what_is_made_is_told_with_the_sizes_that_parallelcluster_chooses() {
        let found = told(
            "SharedStorage: [\
             {Name: plain, StorageType: Ebs, MountDir: /a}, \
             {Name: large, StorageType: Ebs, EbsSettings: {Size: '500', VolumeType: st1}}, \
             {Name: raid, StorageType: Ebs, EbsSettings: {Size: 10, Raid: {Type: 0}}}, \
             {Name: copy, StorageType: Ebs, EbsSettings: {SnapshotId: snap-1}}, \
             {Name: efs, StorageType: Efs}, {Name: fsx, StorageType: FsxLustre, \
             FsxLustreSettings: {StorageCapacity: 1200}}]",
        );
        assert_eq!(
            found,
            [
                "plain: 1 gp3 Some(35)",
                "large: 1 st1 Some(500)",
                "raid: 2 gp3 Some(10)",
                "copy: 1 gp3 None",
                "efs: Efs",
                "fsx: Fsx",
            ]
        );
    }

    #[test]
    fn what_is_there_already_is_nobodys_cost_here() {
        let found = told(
            "SharedStorage: [\
             {Name: a, StorageType: Ebs, EbsSettings: {VolumeId: vol-1}}, \
             {Name: b, StorageType: Efs, EfsSettings: {FileSystemId: fs-1}}, \
             {Name: c, StorageType: FsxLustre, FsxLustreSettings: {FileSystemId: fs-2}}, \
             {Name: d, StorageType: FsxOntap, FsxOntapSettings: {VolumeId: fsvol-1}}]",
        );
        assert_eq!(found, Vec::<String>::new());
    }
}
