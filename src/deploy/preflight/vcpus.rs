//! The vCPUs of instances that an account may run at once, by family and by how they are bought.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{Running, Size};
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::error::Result;
use crate::pcluster::{Demand, Purchase};

use super::room::{raise, too_little};

/// A quota of running instances in vCPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    /// What the families of the quota begin with.
    families: &'static [&'static str],
    /// The words for them.
    name: &'static str,
    on_demand: &'static str,
    /// None where there are no spot instances.
    spot: Option<&'static str>,
}

/// The quotas by the letters an instance family begins with; the first that fits counts. All other
/// families are of the last one. (EC2 user guide, "Amazon EC2 instance type quotas", "Spot Instance
/// quotas".)
const QUOTAS: &[Quota] = &[
    quota(&["dl"], "DL", "L-6E869C2A", Some("L-85EED4F7")),
    quota(&["hpc"], "HPC", "L-F7808C92", None),
    quota(&["inf"], "Inf", "L-1945791B", Some("L-B5D1601B")),
    quota(&["trn"], "Trn", "L-2C3B7624", Some("L-6B0D517C")),
    quota(&["u-", "u7"], "High Memory", "L-43DA4232", None),
    quota(&["vt", "g"], "G and VT", "L-DB2E81BA", Some("L-3819A6DF")),
    quota(&["f"], "F", "L-74FC7D96", Some("L-88CF9481")),
    // On demand, P5 is counted with all others of P.
    quota(&["p5"], "P5", "L-417A185B", Some("L-C4BD4855")),
    quota(&["p"], "P", "L-417A185B", Some("L-7212CCBC")),
    quota(&["x"], "X", "L-7295265B", Some("L-E3A00192")),
    quota(&[""], "Standard", "L-1216C47A", Some("L-34B43A08")),
];

const fn quota(
    families: &'static [&'static str],
    name: &'static str,
    on_demand: &'static str,
    spot: Option<&'static str>,
) -> Quota {
    Quota {
        families,
        name,
        on_demand,
        spot,
    }
}

/// Compares the vCPUs that run now and will run with the quotas.
pub(super) async fn look(
    context: &Context,
    demand: &Demand,
    running: &Running,
    sizes: &BTreeMap<String, Size>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (code, vcpus) in count(demand, running, sizes) {
        let allowed = context.aws.capacity.quota("ec2", code).await?;
        findings.push(vcpus.against(context, code, allowed));
    }
    Ok(findings)
}

/// vCPUs that count against one quota.
#[derive(Debug, Default, PartialEq, Eq)]
struct Vcpus {
    name: String,
    used: u64,
    least: u64,
    most: u64,
}

/// Returns the vCPUs in use and wanted, by the code of the quota.
fn count(
    demand: &Demand,
    running: &Running,
    sizes: &BTreeMap<String, Size>,
) -> BTreeMap<&'static str, Vcpus> {
    let vcpus = |kind: &str| sizes.get(kind).map_or(0, |size| size.vcpus);
    let mut quotas: BTreeMap<_, Vcpus> = BTreeMap::new();
    for instances in &demand.instances {
        // The types of a compute resource may be of several quotas, and EC2 chooses.
        let mut by_quota: BTreeMap<_, (String, BTreeSet<u64>)> = BTreeMap::new();
        for kind in &instances.kinds {
            if let Some((code, name)) = counted(kind, instances.purchase) {
                let (_, sizes) = by_quota
                    .entry(code)
                    .or_insert_with(|| (name, BTreeSet::new()));
                sizes.insert(vcpus(kind));
            }
        }
        let is_certain = by_quota.len() == 1;
        for (code, (name, sizes)) in by_quota {
            let quota = quotas.entry(code).or_default();
            quota.name = name;
            let (least, most) = (sizes.first(), sizes.last());
            quota.most += instances.most * most.copied().unwrap_or(0);
            if is_certain {
                quota.least += instances.least * least.copied().unwrap_or(0);
            }
        }
    }
    let used = [
        (Purchase::OnDemand, &running.on_demand),
        (Purchase::Spot, &running.spot),
    ];
    for (purchase, kinds) in used {
        for (kind, count) in kinds {
            let code = counted(kind, purchase).map(|(code, _)| code);
            if let Some(quota) = code.and_then(|code| quotas.get_mut(code)) {
                quota.used += count * vcpus(kind);
            }
        }
    }
    quotas
}

/// Returns the code of the quota that instances count against, if they do against any, and the
/// words for what it is of.
fn counted(kind: &str, purchase: Purchase) -> Option<(&'static str, String)> {
    let of_family = |quota: &&Quota| quota.families.iter().any(|it| kind.starts_with(it));
    let quota = QUOTAS.iter().find(of_family)?;
    match purchase {
        // Those of a quota that is shared are named by the last, which is the whole of it.
        Purchase::OnDemand => {
            let mut shared = QUOTAS.iter().rev();
            let whole = shared.find(|it| it.on_demand == quota.on_demand)?;
            Some((quota.on_demand, format!("{} instances", whole.name)))
        }
        Purchase::Spot => Some((quota.spot?, format!("{} spot instances", quota.name))),
        Purchase::CapacityBlock => None,
    }
}

impl Vcpus {
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 of them")]
    fn against(&self, context: &Context, code: &str, allowed: f64) -> Finding {
        let text = format!(
            "vCPUs of {}: {} in use, {} more wanted at once and {} at most, {allowed} allowed",
            self.name, self.used, self.least, self.most
        );
        let wanted = (self.used + self.most) as f64;
        if (self.used + self.least) as f64 > allowed {
            return too_little(context, text, raise(context, "ec2", code, wanted));
        }
        if wanted > allowed {
            return Finding::warning("quotas", text)
                .because("the cluster cannot grow to all of its nodes")
                .then(raise(context, "ec2", code, wanted));
        }
        Finding::good("quotas", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcluster::{Instances, Role, Volume};

    #[test]
    fn every_family_counts_against_its_own_quota() {
        for (kind, on_demand, spot) in [
            ("t3.micro", "L-1216C47A", Some("L-34B43A08")),
            ("c5n.18xlarge", "L-1216C47A", Some("L-34B43A08")),
            ("hpc6a.48xlarge", "L-F7808C92", None),
            ("p4d.24xlarge", "L-417A185B", Some("L-7212CCBC")),
            ("p5en.48xlarge", "L-417A185B", Some("L-C4BD4855")),
            ("g5.xlarge", "L-DB2E81BA", Some("L-3819A6DF")),
            ("inf2.xlarge", "L-1945791B", Some("L-B5D1601B")),
            ("trn1.32xlarge", "L-2C3B7624", Some("L-6B0D517C")),
            ("x2idn.16xlarge", "L-7295265B", Some("L-E3A00192")),
            ("u-6tb1.metal", "L-43DA4232", None),
            ("f1.2xlarge", "L-74FC7D96", Some("L-88CF9481")),
            ("dl1.24xlarge", "L-6E869C2A", Some("L-85EED4F7")),
        ] {
            let code = |purchase| counted(kind, purchase).map(|(code, _)| code);
            assert_eq!(code(Purchase::OnDemand), Some(on_demand), "{kind}");
            assert_eq!(code(Purchase::Spot), spot, "{kind}");
            assert_eq!(code(Purchase::CapacityBlock), None, "{kind}");
        }
        let (_, name) = counted("p5.48xlarge", Purchase::OnDemand).unwrap();
        assert_eq!(name, "P instances");
    }

    #[test]
    fn each_way_to_buy_is_counted_for_itself_and_the_choice_of_types_is_ec2s() {
        let of = |kinds: &[&str], purchase, least, most| Instances {
            role: Role::HeadNode,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            purchase,
            least,
            most,
            root_volume: Volume::default(),
        };
        let demand = Demand {
            instances: vec![
                of(&["t3.small"], Purchase::OnDemand, 1, 1),
                of(&["c5.large", "c5.4xlarge"], Purchase::Spot, 2, 3),
                of(&["c5.large", "g5.xlarge"], Purchase::OnDemand, 2, 5),
                of(&["p5.48xlarge"], Purchase::CapacityBlock, 2, 2),
            ],
            ..Demand::default()
        };
        let sizes = [
            ("t3.small", 2),
            ("c5.large", 2),
            ("c5.4xlarge", 16),
            ("g5.xlarge", 4),
            ("p5.48xlarge", 192),
        ]
        .map(|(kind, vcpus)| {
            let memory_mib = 1;
            (kind.to_owned(), Size { vcpus, memory_mib })
        });
        let running = Running {
            on_demand: BTreeMap::from([("t3.small".to_owned(), 3)]),
            spot: BTreeMap::from([("c5.large".to_owned(), 1), ("g5.xlarge".to_owned(), 1)]),
        };
        let counted = count(&demand, &running, &BTreeMap::from(sizes));
        let told: Vec<_> = counted
            .values()
            .map(|it| format!("{}: {} {} {}", it.name, it.used, it.least, it.most))
            .collect();
        assert_eq!(
            told,
            [
                "Standard instances: 6 2 12",
                "Standard spot instances: 2 4 48",
                "G and VT instances: 0 0 20",
            ]
        );
    }
}
