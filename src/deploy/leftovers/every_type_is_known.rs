//! That a scan knows every type of resource that a stack of a deployment can have. The table is
//! `tests/leftover_types.json`: the kind by which a type is found, or what it goes with.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use crate::aws::SERVICES;

const TABLE: &str = include_str!("../../../tests/leftover_types.json");

/// The types of a cluster's own stacks, to which the end-to-end tests hold it.
const OF_CLUSTERS: &str =
    include_str!("../../../sandbox/hpcapi_sandbox/cloudformation/handlers.json");

const TEMPLATES: [&str; 6] = [
    include_str!("../../../templates/requirements.yaml"),
    include_str!("../../../templates/api.yaml"),
    include_str!("../../../templates/operations.yaml"),
    include_str!("../../../templates/triggers.yaml"),
    include_str!("../../../templates/notifications.yaml"),
    include_str!("../../../templates/limits.yaml"),
];

fn table() -> BTreeMap<String, String> {
    serde_json::from_str(TABLE).unwrap()
}

fn kinds() -> BTreeSet<&'static str> {
    let kinds = SERVICES.iter().copied().flatten();
    kinds.map(|kind| kind.name()).collect()
}

#[test]
fn every_type_of_a_template_is_looked_for_or_goes_with_what_is() {
    let mut types = BTreeSet::new();
    for template in TEMPLATES {
        let template: Value = serde_yaml::from_str(template).unwrap();
        let resources = template["Resources"].as_mapping().unwrap().values();
        types.extend(resources.map(|resource| resource["Type"].as_str().unwrap().to_owned()));
    }
    let of_clusters: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(OF_CLUSTERS).unwrap();
    types.extend(of_clusters.into_keys());
    assert!(types.len() > 50, "{types:?}");
    let table = table();
    let unknown: Vec<_> = types.iter().filter(|it| !table.contains_key(*it)).collect();
    assert!(
        unknown.is_empty(),
        "a teardown looks for none of {unknown:?}"
    );
}

#[test]
fn what_the_table_says_is_looked_for() {
    let kinds = kinds();
    for (resource_type, found_by) in table() {
        let goes_along = found_by.starts_with("with ");
        assert!(
            goes_along || kinds.contains(found_by.as_str()),
            "{resource_type} is found by {found_by}, which nobody lists"
        );
    }
}
