//! What ParallelCluster says of each key of a configuration: whether a cluster's can be changed, and under
//! which conditions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Made by `scripts/update_policies.py`; a test compares it with the `pcluster` that hpcapi installs.
const TABLE: &str = include_str!("policies.csv");

static KEYS: LazyLock<BTreeMap<&str, Key>> = LazyLock::new(|| rows().collect());

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Which of the list's keys names its things; `None` where the key is no list of named things.
    pub(super) name: Option<&'static str>,
    /// What its change takes.
    pub(super) policy: Policy,
}

/// The policies of `pcluster/config/update_policy.py`, by what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// The key itself does nothing, or what is below it has policies of its own.
    Ignored,
    Supported,
    /// Nodes go one way or the other: as `QueueUpdateStrategy` says, else with the fleet stopped.
    QueueUpdateStrategy,
    /// The same, unless there are more nodes than before.
    ResizeOnRemove,
    ManagedPlacementGroup,
    ManagedFsx,
    SharedStorage,
    FleetStop,
    FleetStopOnRemove,
    LoginNodesStop,
    /// The same, unless a pool is added.
    LoginNodesPools,
    FleetAndLoginNodesStop,
    Unsupported,
    /// Of a key that the table has not, and of what depends on more than the configuration tells.
    Unknown,
}

impl Policy {
    /// Returns the policy of this name.
    fn named(name: &str) -> Policy {
        match name {
            "IGNORED" => Policy::Ignored,
            // Those regions (us-iso…) are none of hpcapi's.
            "SUPPORTED" | "SUPPORTED_UNLESS_ADC" => Policy::Supported,
            "QUEUE_UPDATE_STRATEGY" => Policy::QueueUpdateStrategy,
            "RESIZE_UPDATE_STRATEGY_ON_REMOVE" => Policy::ResizeOnRemove,
            "MANAGED_PLACEMENT_GROUP" => Policy::ManagedPlacementGroup,
            "MANAGED_FSX" => Policy::ManagedFsx,
            "SHARED_STORAGE_UPDATE_POLICY" => Policy::SharedStorage,
            "COMPUTE_FLEET_STOP" => Policy::FleetStop,
            "COMPUTE_FLEET_STOP_ON_REMOVE" => Policy::FleetStopOnRemove,
            "LOGIN_NODES_STOP" | "LOGIN_NODES_POOL_STOP" => Policy::LoginNodesStop,
            "LOGIN_NODES_POOLS_UPDATE_POLICY" => Policy::LoginNodesPools,
            "COMPUTE_AND_LOGIN_NODES_STOP" => Policy::FleetAndLoginNodesStop,
            "UNSUPPORTED" | "READ_ONLY_RESOURCE_BUCKET" => Policy::Unsupported,
            _ => Policy::Unknown,
        }
    }
}

/// Returns what is known of the key at a place: `Scheduling.SlurmQueues[].Name`. Without it, the place is
/// not ParallelCluster's.
pub(super) fn key(place: &str) -> Option<Key> {
    // Several scripts stand where one could, and have no row of their own.
    let one = place.strip_suffix(".Sequence");
    match one {
        Some(above) => KEYS.get(format!("{above}.Script").as_str()).copied(),
        None => {
            let list = format!("{place}[]");
            KEYS.get(list.as_str()).or_else(|| KEYS.get(place)).copied()
        }
    }
}

/// Returns whether there are keys below the place.
pub(super) fn is_section(place: &str) -> bool {
    let below = format!("{place}.");
    let mut following = KEYS.range(below.as_str()..);
    following
        .next()
        .is_some_and(|(place, _)| place.starts_with(&below))
}

fn rows() -> impl Iterator<Item = (&'static str, Key)> {
    TABLE.lines().skip(2).filter_map(|line| {
        let (place, rest) = line.split_once(',')?;
        let (name, policy) = rest.split_once(',')?;
        let key = Key {
            name: Some(name).filter(|name| !name.is_empty()),
            policy: Policy::named(policy),
        };
        Some((place, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_policy_that_is_known() {
        assert_eq!(rows().count() + 2, TABLE.lines().count());
        let unknown: Vec<_> = rows()
            .filter(|(_, key)| key.policy == Policy::Unknown)
            .map(|(place, _)| place)
            .collect();
        // Which of Chef's attributes can change, only `pcluster` tells.
        assert_eq!(unknown, ["DevSettings.Cookbook.ExtraChefAttributes"]);
    }

    #[test]
    fn lists_of_named_things_are_told_from_sections_and_values() {
        let queues = key("Scheduling.SlurmQueues").unwrap();
        assert_eq!(queues.name, Some("Name"));
        assert_eq!(queues.policy, Policy::ResizeOnRemove);
        assert!(is_section("HeadNode.Ssh") && !is_section("HeadNode.Ssh.KeyName"));
        assert!(
            !is_section("Image.O"),
            "the beginning of a key is no section"
        );
        assert_eq!(key("HeadNode.Sshh"), None);
    }

    #[test]
    fn the_table_is_that_of_the_version_that_is_installed() {
        let first = TABLE.lines().next().unwrap();
        assert!(
            first.starts_with("# aws-parallelcluster 3.16.1,"),
            "{first}"
        );
    }
}
