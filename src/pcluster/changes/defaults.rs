//! What ParallelCluster takes where a configuration says nothing: keys that people spell out, and whose
//! default is one value whatever else the configuration says.

use serde_yaml::Value;

use super::values;

/// The keys and their defaults (`pcluster/config/cluster_config.py`).
const DEFAULTS: &[(&str, &str)] = &[
    ("HeadNode.Iam.S3Access[].EnableWriteAccess", "false"),
    ("HeadNode.Imds.Secured", "true"),
    ("HeadNode.LocalStorage.RootVolume.Encrypted", "true"),
    ("HeadNode.Ssh.AllowedIps", "0.0.0.0/0"),
    ("Monitoring.Alarms.Enabled", "true"),
    ("Monitoring.Dashboards.CloudWatch.Enabled", "true"),
    ("Monitoring.DetailedMonitoring", "false"),
    ("Monitoring.Logs.CloudWatch.Enabled", "true"),
    ("Monitoring.Logs.CloudWatch.RetentionInDays", "180"),
    ("Scheduling.ScalingStrategy", "all-or-nothing"),
    ("Scheduling.SlurmQueues[].CapacityType", "ONDEMAND"),
    ("Scheduling.SlurmQueues[].ComputeResources[].MaxCount", "10"),
    ("Scheduling.SlurmQueues[].ComputeResources[].MinCount", "0"),
    (
        "Scheduling.SlurmQueues[].ComputeSettings.LocalStorage.RootVolume.Encrypted",
        "true",
    ),
    (
        "Scheduling.SlurmQueues[].Iam.S3Access[].EnableWriteAccess",
        "false",
    ),
    ("Scheduling.SlurmQueues[].JobExclusiveAllocation", "false"),
    ("Scheduling.SlurmSettings.ScaledownIdletime", "10"),
];

/// Returns whether the value says what would be so without it: a default, or nothing but defaults.
pub(super) fn says_nothing(place: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Mapping(section) => section.iter().all(|(key, value)| {
            let key = key.as_str();
            key.is_some_and(|key| says_nothing(&format!("{place}.{key}"), value))
        }),
        Value::Sequence(items) => items.is_empty(),
        _ => {
            let mut defaults = DEFAULTS.iter();
            let found = defaults.find(|(key, _)| *key == place);
            found.is_some_and(|(_, default)| values::text(value).as_deref() == Some(*default))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policies;
    use super::*;

    #[test]
    fn every_default_is_one_of_a_key_that_there_is() {
        for (place, _) in DEFAULTS {
            assert!(policies::key(place).is_some(), "{place}");
        }
    }

    #[test]
    fn a_section_says_nothing_when_all_in_it_is_a_default() {
        let says_nothing =
            |place, text| says_nothing(place, &serde_yaml::from_str::<Value>(text).unwrap());
        assert!(says_nothing("HeadNode.Imds", "{Secured: true}"));
        assert!(!says_nothing("HeadNode.Imds", "{Secured: false}"));
        assert!(!says_nothing("HeadNode.Imds", "{Secured: true, Other: 1}"));
    }
}
