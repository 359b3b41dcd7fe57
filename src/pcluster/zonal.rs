//! What a configuration names that is in one availability zone and cannot leave it.

use serde_yaml::Value;

use super::config::{DocumentPath, Segment};

/// What is in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An EBS volume, which only the head node's zone can use.
    Volume,
    /// A capacity reservation or a Capacity Block, in whose zone the nodes have to be.
    Reservation,
}

/// Something that is in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zonal {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Where the configuration names it.
    pub path: DocumentPath,
}

/// Where volumes and reservations are named; `[]` is each item of a list.
const PLACES: &[(&[&str], Kind)] = &[
    (
        &["SharedStorage", "[]", "EbsSettings", "VolumeId"],
        Kind::Volume,
    ),
    (
        &[
            "Scheduling",
            "SlurmQueues",
            "[]",
            "CapacityReservationTarget",
            "CapacityReservationId",
        ],
        Kind::Reservation,
    ),
    (
        &[
            "Scheduling",
            "SlurmQueues",
            "[]",
            "ComputeResources",
            "[]",
            "CapacityReservationTarget",
            "CapacityReservationId",
        ],
        Kind::Reservation,
    ),
];

/// Returns what a configuration names that is in a zone.
pub fn of(config: &Value) -> Vec<Zonal> {
    let mut found = Vec::new();
    for (keys, kind) in PLACES {
        find(
            config,
            &DocumentPath::default(),
            keys,
            &mut |path: DocumentPath, id: &str| {
                found.push(Zonal {
                    kind: *kind,
                    id: id.to_owned(),
                    path,
                });
            },
        );
    }
    found
}

fn find(
    value: &Value,
    path: &DocumentPath,
    keys: &[&str],
    found: &mut impl FnMut(DocumentPath, &str),
) {
    match keys.split_first() {
        None => {
            if let Some(id) = value.as_str() {
                found(path.clone(), id);
            }
        }
        Some((&"[]", rest)) => {
            let items = value.as_sequence().into_iter().flatten();
            for (index, item) in items.enumerate() {
                find(item, &path.join(Segment::Index(index)), rest, found);
            }
        }
        Some((key, rest)) => find(&value[*key], &path.below(&[*key]), rest, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_reservations_are_found_where_they_stand() {
        let config: Value = serde_yaml::from_str(
            "SharedStorage: [{EbsSettings: {Size: 1}}, {EbsSettings: {VolumeId: vol-1}}]\n\
             Scheduling: {SlurmQueues: [{CapacityReservationTarget: {CapacityReservationId: cr-1}, \
             ComputeResources: [{CapacityReservationTarget: {CapacityReservationId: cr-2}}]}]}",
        )
        .unwrap();
        let told: Vec<_> = of(&config)
            .into_iter()
            .map(|one| format!("{:?} {} {}", one.kind, one.id, one.path))
            .collect();
        assert_eq!(
            told,
            [
                "Volume vol-1 SharedStorage[1].EbsSettings.VolumeId",
                "Reservation cr-1 \
                 Scheduling.SlurmQueues[0].CapacityReservationTarget.CapacityReservationId",
                "Reservation cr-2 Scheduling.SlurmQueues[0].ComputeResources[0].\
                 CapacityReservationTarget.CapacityReservationId",
            ]
        );
    }
}
