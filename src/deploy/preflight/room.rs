//! Whether the account may have what will be made.

use std::collections::BTreeMap;

use crate::aws::Size;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::error::Result;
use crate::pcluster::Demand;

/// The quotas of running on-demand instances in vCPUs, by the letters an instance family begins
/// with; the first that fits counts. All other families are of the last one. (EC2 user guide,
/// "Amazon EC2 instance type quotas".)
const VCPU_QUOTAS: &[(&[&str], &str, &str)] = &[
    (&["dl"], "L-6E869C2A", "DL"),
    (&["hpc"], "L-F7808C92", "HPC"),
    (&["inf"], "L-1945791B", "Inf"),
    (&["trn"], "L-2C3B7624", "Trn"),
    (&["u-", "u7"], "L-43DA4232", "High Memory"),
    (&["vt", "g"], "L-DB2E81BA", "G and VT"),
    (&["f"], "L-74FC7D96", "F"),
    (&["p"], "L-417A185B", "P"),
    (&["x"], "L-7295265B", "X"),
    (&[""], "L-1216C47A", "Standard"),
];

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let demand = Demand::of(context.config.document());
    let capacity = &context.aws.capacity;
    let is_made = context.requirements().is_some();
    let (has_nat, has_cluster, has_api) = {
        let facts = context.facts();
        let has_nat = is_made && facts.has_nat;
        (has_nat, facts.cluster.is_some(), facts.endpoint.is_some())
    };
    let of_head_node = demand.needs_address && !has_cluster;
    let addresses = usize::from(!has_nat) + usize::from(of_head_node);
    let (vpcs, addresses, links, vcpus) = tokio::join!(
        async {
            let used = capacity.vpcs().await?;
            let wanted = Wanted::new("VPCs", used, usize::from(!is_made));
            wanted.against(context, "vpc", "L-F678F1CE").await
        },
        async {
            let used = capacity.addresses().await?;
            let wanted = Wanted::new("elastic IPs", used, addresses);
            wanted.against(context, "ec2", "L-0263D0A3").await
        },
        async {
            let used = capacity.vpc_links().await?;
            let wanted = Wanted::new("VPC links", used, usize::from(!has_api));
            wanted.against(context, "apigateway", "L-608BDCD4").await
        },
        vcpus(context, &demand),
    );
    let mut findings: Vec<_> = [vpcs, addresses, links]
        .into_iter()
        .map(|found| found.unwrap_or_else(|error| Finding::of_error("quotas", &error)))
        .collect();
    findings.extend(vcpus.unwrap_or_else(|error| vec![Finding::of_error("quotas", &error)]));
    findings
}

/// Something that counts against a quota.
struct Wanted {
    what: &'static str,
    used: usize,
    more: usize,
}

impl Wanted {
    fn new(what: &'static str, used: usize, more: usize) -> Wanted {
        Wanted { what, used, more }
    }

    async fn against(self, context: &Context, service: &str, code: &str) -> Result<Finding> {
        let quota = context.aws.capacity.quota(service, code).await?;
        let Wanted { what, used, more } = self;
        let text = format!("{what}: {used} in use, {more} more wanted, {quota} allowed");
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 of them")]
        let total = (used + more) as f64;
        if more == 0 || total <= quota {
            return Ok(Finding::good("quotas", text));
        }
        Ok(Finding::problem("quotas", text).then(raise(context, service, code, total)))
    }
}

/// Looks at the vCPUs that run now and will run, by family.
async fn vcpus(context: &Context, demand: &Demand) -> Result<Vec<Finding>> {
    let capacity = &context.aws.capacity;
    // A cluster that stands goes before the new one comes.
    let running = capacity
        .running_beside(context.settings.name.as_str())
        .await?;
    let kinds = demand.instances.keys().chain(running.keys());
    let kinds: std::collections::BTreeSet<_> = kinds.map(String::as_str).collect();
    let sizes = capacity.sizes(kinds.into_iter()).await?;
    let mut families: BTreeMap<&str, Vcpus> = BTreeMap::new();
    let vcpus = |kind: &str| sizes.get(kind).map_or(0, |size: &Size| size.vcpus);
    for (kind, count) in &demand.instances {
        let family = families.entry(code_of(kind)).or_default();
        family.least += count.least * vcpus(kind);
        family.most += count.most * vcpus(kind);
    }
    for (kind, count) in &running {
        if let Some(family) = families.get_mut(code_of(kind)) {
            family.used += count * vcpus(kind);
        }
    }
    let mut findings = Vec::new();
    for (code, family) in families {
        let quota = capacity.quota("ec2", code).await?;
        findings.push(family.against(context, code, quota));
    }
    findings.extend(memory(demand, &sizes));
    Ok(findings)
}

#[derive(Default)]
struct Vcpus {
    used: u64,
    least: u64,
    most: u64,
}

impl Vcpus {
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 of them")]
    fn against(&self, context: &Context, code: &str, quota: f64) -> Finding {
        let name = VCPU_QUOTAS
            .iter()
            .find(|one| one.1 == code)
            .map_or("", |one| one.2);
        let text = format!(
            "vCPUs of {name} instances: {} in use, {} more wanted at once and {} at most, {quota} \
             allowed",
            self.used, self.least, self.most
        );
        if (self.used + self.least) as f64 > quota {
            let wanted = (self.used + self.most) as f64;
            return Finding::problem("quotas", text).then(raise(context, "ec2", code, wanted));
        }
        if (self.used + self.most) as f64 > quota {
            let wanted = (self.used + self.most) as f64;
            return Finding::warning("quotas", text)
                .because("the cluster cannot grow to all of its nodes")
                .then(raise(context, "ec2", code, wanted));
        }
        Finding::good("quotas", text)
    }
}

/// Checks ParallelCluster's rule of how much memory a head node needs for its nodes.
fn memory(demand: &Demand, sizes: &BTreeMap<String, Size>) -> Option<Finding> {
    const SUBJECT: &str = "head node memory";
    #[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 MiB")]
    let gib = sizes.get(&demand.head_node)?.memory_mib as f64 / 1024.0;
    let wanted = demand.head_node_memory_gib();
    let text = format!(
        "{} has {gib:.1} GiB, and {wanted:.1} GiB are needed for {} nodes",
        demand.head_node, demand.compute_nodes
    );
    Some(if gib < wanted {
        Finding::problem(SUBJECT, text).then(
            "choose a larger HeadNode.InstanceType, or a smaller MaxCount, in the configuration",
        )
    } else {
        Finding::good(SUBJECT, text)
    })
}

fn code_of(kind: &str) -> &'static str {
    let of_family = |prefixes: &[&str]| prefixes.iter().any(|prefix| kind.starts_with(prefix));
    VCPU_QUOTAS
        .iter()
        .find(|(prefixes, ..)| of_family(prefixes))
        .map_or("", |(_, code, _)| code)
}

/// Returns the command that asks AWS for a higher quota.
fn raise(context: &Context, service: &str, code: &str, wanted: f64) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --region {} --service-code {service} \
         --quota-code {code} --desired-value {wanted}",
        context.aws.region
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_counts_against_its_own_quota() {
        for (kind, code) in [
            ("t3.micro", "L-1216C47A"),
            ("c5n.18xlarge", "L-1216C47A"),
            ("hpc6a.48xlarge", "L-F7808C92"),
            ("p4d.24xlarge", "L-417A185B"),
            ("g5.xlarge", "L-DB2E81BA"),
            ("inf2.xlarge", "L-1945791B"),
            ("trn1.32xlarge", "L-2C3B7624"),
            ("x2idn.16xlarge", "L-7295265B"),
            ("u-6tb1.metal", "L-43DA4232"),
            ("f1.2xlarge", "L-74FC7D96"),
            ("dl1.24xlarge", "L-6E869C2A"),
        ] {
            assert_eq!(code_of(kind), code, "{kind}");
        }
    }
}
