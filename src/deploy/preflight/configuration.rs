//! The cluster configuration: whether there are zones and addresses for it, and whether it leaves to
//! hpcapi what hpcapi has to make.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::zones;
use crate::pcluster::instance_types;

use super::{finding, new_network};

/// Amazon Linux 2023 images of ParallelCluster before this have libhttp_parser where slurmrestd
/// does not find it (cookbook pull request 3173).
const MENDED: (u32, u32) = (3, 16);

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let own = [network(context), node_script(context)];
    let mut findings: Vec<_> = own.into_iter().flatten().collect();
    if context.requirements().is_none() && context.settings.network.is_none() {
        findings.extend(made_network(context).await);
    }
    findings
}

/// Looks at the network that `up` will make.
async fn made_network(context: &Context) -> Vec<Finding> {
    let choice = &context.settings.new_network;
    let zones = zones::choose(context).await;
    // Of zones that are chosen none offers more.
    let second = match (&choice.zones, &zones) {
        (Some(_), Ok((_, second))) => {
            new_network::second_zone(second, &instance_types(context.config.document()))
        }
        _ => None,
    };
    let zones = finding("zones", zones, |(first, second)| {
        format!(
            "{} ({}) and {} ({})",
            first.name, first.id, second.name, second.id
        )
    });
    let range = choice.range.unwrap_or_default();
    let addresses = new_network::addresses(range, &context.config);
    let ssh = new_network::ssh(range, &context.config);
    let found = [Some(zones), second, addresses, ssh];
    found.into_iter().flatten().collect()
}

/// The API stack is in the network of the requirements stack, and so must the cluster.
fn network(context: &Context) -> Option<Finding> {
    let problem = "the configuration names subnets of its own, and the API would be in others";
    (!context.config.wants_network()).then(|| {
        Finding::problem("network", problem)
            .then("write CHANGE_ME at HeadNode.Networking.SubnetId and at the queues' SubnetIds")
    })
}

/// Without the node script there is no API on the head node.
fn node_script(context: &Context) -> Option<Finding> {
    const SUBJECT: &str = "node script";
    let config = &context.config;
    if config.wants_node_script() {
        return None;
    }
    let own = &config.document()["HeadNode"]["CustomActions"]["OnNodeConfigured"];
    if own.is_null() {
        let text = "the configuration runs no script that serves the API from the head node";
        return Some(
            Finding::problem(SUBJECT, text)
                .then("write HeadNode.CustomActions.OnNodeConfigured.Script: CHANGE_ME into it"),
        );
    }
    let is_old = numbers(&context.settings.pcluster.version).is_some_and(|it| it < MENDED);
    let is_amazon = config.document()["Image"]["Os"].as_str() == Some("alinux2023");
    let text = "the configuration runs a script of its own, which has to serve the API";
    Some(if is_old && is_amazon {
        Finding::problem(
            SUBJECT,
            "slurmrestd does not start on alinux2023 before ParallelCluster 3.16.0",
        )
        .because(text)
        .then("leave out --pcluster-version, or write Script: CHANGE_ME: hpcapi's script mends it")
    } else {
        Finding::warning(SUBJECT, text)
    })
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
