//! The zones of a deployment that the user names, judged as those that are chosen.

use std::collections::BTreeSet;

use crate::error::{Error, Result};

use super::zones::{Zone, backticked, takes_vpc_link};

/// Returns the two zones that the user names, by name or id. Both take VPC links; the first offers every
/// one of `instance_types`, and with `wanted` it is the zone of that name. What is wrong with them is
/// told at once, with the zones that would do.
pub fn named_zones(
    region: &str,
    zones: &[Zone],
    instance_types: &BTreeSet<String>,
    named: &[String; 2],
    wanted: Option<&str>,
) -> Result<(Zone, Zone)> {
    let judge = Judge {
        region,
        instance_types,
        wanted,
    };
    let [first, second] = named.each_ref().map(|name| found(zones, name));
    let mut faults: Vec<String> = Vec::new();
    for (name, zone) in named.iter().zip([first, second]) {
        faults.extend(match zone {
            Some(zone) => judge.unlinked(zone),
            None => Some(format!("{region} has no zone `{name}` that is available")),
        });
    }
    // Of two that are the same.
    faults.dedup();
    faults.extend(first.and_then(|zone| judge.lacking(zone)));
    faults.extend(first.and_then(|zone| judge.elsewhere(zone)));
    match (first, second) {
        (Some(first), Some(second)) if first.id == second.id => {
            let [one, other] = named;
            faults.push(format!("`{one}` and `{other}` are the same zone"));
        }
        (Some(first), Some(second)) if faults.is_empty() => {
            return Ok((first.clone(), second.clone()));
        }
        _ => {}
    }
    let errors = faults
        .into_iter()
        .map(|fault| Error::usage(format!("--zones: {fault}")));
    let error = Error::all(errors.collect());
    let error = error.unwrap_or_else(|| Error::usage("--zones: the zones are not known"));
    Err(error.hint(judge.others(zones)))
}

/// Returns the zone of this name or id.
fn found<'z>(zones: &'z [Zone], name: &str) -> Option<&'z Zone> {
    zones
        .iter()
        .find(|zone| zone.name == name || zone.id == name)
}

/// By what zones are judged.
struct Judge<'j> {
    region: &'j str,
    instance_types: &'j BTreeSet<String>,
    wanted: Option<&'j str>,
}

impl Judge<'_> {
    /// Says that no VPC link can be in a zone, if so.
    fn unlinked(&self, zone: &Zone) -> Option<String> {
        let takes = takes_vpc_link(self.region, &zone.id);
        (!takes).then(|| format!("VPC links for HTTP APIs do not go to {}", told(zone)))
    }

    /// Says which instance types a first zone does not offer, if there are some.
    fn lacking(&self, zone: &Zone) -> Option<String> {
        let lacking: Vec<_> = self.instance_types.difference(&zone.offers).collect();
        (!lacking.is_empty()).then(|| {
            let lacking = backticked(&lacking);
            format!("{}, the head node's, does not offer {lacking}", told(zone))
        })
    }

    /// Says that a first zone is not the one that is wanted, if so.
    fn elsewhere(&self, zone: &Zone) -> Option<String> {
        let wanted = self.wanted.filter(|wanted| *wanted != zone.name)?;
        Some(format!(
            "the first has to be {wanted}, and is {}",
            told(zone)
        ))
    }

    /// Returns the zones that would do.
    fn others(&self, zones: &[Zone]) -> String {
        let linked = zones.iter().filter(|zone| self.unlinked(zone).is_none());
        let linked: Vec<&Zone> = linked.collect();
        let is_first = |zone: &Zone| self.lacking(zone).is_none() && self.elsewhere(zone).is_none();
        let firsts = linked.iter().copied().filter(|zone| is_first(zone));
        let firsts: Vec<&Zone> = firsts.collect();
        match (firsts.len(), linked.len()) {
            (0, _) | (_, 0 | 1) => format!(
                "no two zones of {} would do: choose other instance types in the cluster \
                 configuration, or another --region",
                self.region
            ),
            (first, all) if first == all => format!("two of these would do: {}", list(&linked)),
            _ => format!(
                "the first can be {}; the second another of {}",
                list(&firsts),
                list(&linked)
            ),
        }
    }
}

fn told(zone: &Zone) -> String {
    format!("{} ({})", zone.name, zone.id)
}

fn list(zones: &[&Zone]) -> String {
    let zones: Vec<_> = zones.iter().map(|zone| told(zone)).collect();
    zones.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Vec<Zone> {
        let zone = |(name, id, offers): (&str, &str, &[&str])| Zone {
            name: format!("us-east-1{name}"),
            id: format!("use1-az{id}"),
            offers: offers.iter().map(ToString::to_string).collect(),
        };
        let all: [(&str, &str, &[&str]); 4] = [
            ("a", "6", &["t3.micro", "c5.large"]),
            ("b", "1", &["t3.micro", "c5.large"]),
            ("c", "2", &["t3.micro"]),
            ("e", "3", &["t3.micro", "c5.large"]),
        ];
        all.into_iter().map(zone).collect()
    }

    fn named(names: [&str; 2], types: &[&str], wanted: Option<&str>) -> Result<(Zone, Zone)> {
        let types = types.iter().map(ToString::to_string).collect();
        let names = names.map(str::to_owned);
        named_zones("us-east-1", &zones(), &types, &names, wanted)
    }

    #[test]
    fn zones_are_known_by_name_and_by_id() {
        for names in [
            ["us-east-1b", "us-east-1a"],
            ["use1-az1", "us-east-1a"],
            ["use1-az1", "use1-az6"],
        ] {
            let (first, second) = named(names, &["c5.large"], Some("us-east-1b")).unwrap();
            assert_eq!([first.name, second.name], ["us-east-1b", "us-east-1a"]);
        }
        // Compute nodes of a type that the second does not offer are in the first alone.
        assert!(named(["us-east-1a", "us-east-1c"], &["c5.large"], None).is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_with_the_zones_that_would_do() {
        let told = |names, types: &[&str], wanted| {
            let error = named(names, types, wanted).unwrap_err();
            let [hint] = error.hints() else {
                panic!("{:?}", error.hints());
            };
            (error.to_string(), format!("{hint:?}"))
        };
        let (text, hint) = told(["us-east-1z", "us-east-1e"], &["t3.micro"], None);
        assert_eq!(
            text,
            "--zones: us-east-1 has no zone `us-east-1z` that is available\n\
             --zones: VPC links for HTTP APIs do not go to us-east-1e (use1-az3)"
        );
        assert!(
            hint.contains(
                "two of these would do: us-east-1a (use1-az6), us-east-1b (use1-az1), us-east-1c"
            ) && !hint.contains("us-east-1e"),
            "{hint}"
        );
        let (text, hint) = told(
            ["us-east-1c", "use1-az2"],
            &["c5.large"],
            Some("us-east-1b"),
        );
        assert_eq!(
            text,
            "--zones: us-east-1c (use1-az2), the head node's, does not offer `c5.large`\n\
             --zones: the first has to be us-east-1b, and is us-east-1c (use1-az2)\n\
             --zones: `us-east-1c` and `use1-az2` are the same zone"
        );
        assert!(
            hint.contains(
                "the first can be us-east-1b (use1-az1); the second another of us-east-1a"
            ),
            "{hint}"
        );
        let (_, hint) = told(["us-east-1a", "us-east-1b"], &["x9.huge"], None);
        assert!(
            hint.contains("no two zones of us-east-1 would do"),
            "{hint}"
        );
    }
}
