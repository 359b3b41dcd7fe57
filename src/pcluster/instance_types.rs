//! Which instance types a cluster configuration asks for.

use std::collections::BTreeSet;

use serde_yaml::Value;

/// Returns every instance type named in the configuration, wherever it stands.
pub fn instance_types(config: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(config, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                if key.as_str() == Some("InstanceType")
                    && let Some(kind) = value.as_str()
                {
                    found.insert(kind.to_owned());
                }
                collect(value, found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_head_node_and_flexible_queues_are_found() {
        let config: Value = serde_yaml::from_str(
            "HeadNode: {InstanceType: t3.small}\nScheduling: {SlurmQueues: [{ComputeResources: \
             [{Instances: [{InstanceType: c5.large}, {InstanceType: c6i.large}]}]}]}",
        )
        .unwrap();
        let types: Vec<_> = instance_types(&config).into_iter().collect();
        assert_eq!(types, ["c5.large", "c6i.large", "t3.small"]);
    }
}
