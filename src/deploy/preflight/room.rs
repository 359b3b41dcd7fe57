//! Whether the account may have what will be made.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::Size;
use crate::context::Context;
use crate::deploy::beside;
use crate::deploy::finding::Finding;
use crate::error::Result;
use crate::hint::{AwsCall, Hint};
use crate::pcluster::Demand;

use super::vcpus;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let demand = Demand::of(context.config.document());
    let capacity = &context.aws.capacity;
    let is_of_user = context.is_in_network_of_user();
    let is_made = context.requirements().is_some();
    let (has_nat, has_cluster, has_api) = {
        let facts = context.facts();
        let has_nat = is_made && facts.has_nat;
        (has_nat, facts.cluster.is_some(), facts.endpoint.is_some())
    };
    let of_head_node = demand.needs_address && !has_cluster;
    let addresses = usize::from(!has_nat && !is_of_user) + usize::from(of_head_node);
    let (vpcs, addresses, links, sizes) = tokio::join!(
        async {
            let used = capacity.vpcs().await?;
            let wanted = Wanted::new("VPCs", used, usize::from(!is_made && !is_of_user));
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
        sizes(context, &demand),
    );
    let mut findings: Vec<_> = [vpcs, addresses, links]
        .into_iter()
        .map(|found| found.unwrap_or_else(|error| Finding::of_error("quotas", &error)))
        .collect();
    findings.extend(sizes.unwrap_or_else(|error| vec![Finding::of_error("quotas", &error)]));
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
        Ok(too_little(
            context,
            text,
            raise(context, service, code, total),
        ))
    }
}

/// Looks at the vCPUs that run now and will run, and at the head node's memory.
async fn sizes(context: &Context, demand: &Demand) -> Result<Vec<Finding>> {
    let capacity = &context.aws.capacity;
    // A cluster of the name that stands goes before the new one comes; one beside it stays until then.
    let name = context.cluster_name();
    let running = capacity.running_beside(&name).await?;
    let wanted = demand.instances.iter().flat_map(|one| &one.kinds);
    let kinds = wanted.chain(running.on_demand.keys());
    let kinds: BTreeSet<_> = kinds
        .chain(running.spot.keys())
        .map(String::as_str)
        .collect();
    let sizes = capacity.sizes(kinds.into_iter()).await?;
    let mut findings = vcpus::look(context, demand, &running, &sizes).await?;
    findings.extend(memory(demand, &sizes));
    Ok(findings)
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

/// Tells of a quota that has no room; where that is for two clusters, one may do.
pub(super) fn too_little(context: &Context, text: String, raise: Hint) -> Finding {
    let found = Finding::problem("quotas", text).then(raise);
    match context.facts().replacement.is_some() {
        true => found.then(beside::replaced_in_place(context)),
        false => found,
    }
}

/// Returns the command that asks AWS for a higher quota.
pub(super) fn raise(context: &Context, service: &str, code: &str, wanted: f64) -> Hint {
    let operation = "service-quotas request-service-quota-increase";
    let call = AwsCall::in_region(&context.aws.region, operation);
    Hint::run(call.with(format!(
        "--service-code {service} --quota-code {code} --desired-value {wanted}"
    )))
}
