//! The nodes of a partition: which are free, busy, booting or out of service, and why.

use crate::slurm::host_list;
use crate::slurm::nodes::Node;
use crate::slurm::partitions::Partition;

use super::Awaited;

/// What a node is good for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// It runs no job.
    Free,
    /// It runs no job, and has to be booted for one.
    PoweredDown,
    /// It boots.
    Booting,
    /// Its machine is being ended.
    PoweringDown,
    /// It runs jobs.
    Busy,
    /// A reservation or maintenance has it.
    Reserved,
    /// It takes no new jobs.
    Drained,
    /// It is down.
    Down,
}

impl Service {
    /// Returns what is true of a node.
    pub(super) fn of(node: &Node) -> Service {
        // v0.0.36 marks states, as in `DOWN*`.
        let state = node.state.trim_end_matches(|c: char| !c.is_alphanumeric());
        let is = |word: &str| state == word || node.flags.iter().any(|flag| flag == word);
        let any = |words: &[&str]| words.iter().any(|word| is(word));
        if any(&["DRAIN", "DRAINED", "DRAINING"]) {
            Service::Drained
        } else if any(&["DOWN", "FAIL", "ERROR", "UNKNOWN", "FUTURE", "INVALID_REG"]) {
            Service::Down
        } else if any(&["POWERING_UP", "REBOOT_ISSUED"]) {
            Service::Booting
        } else if any(&["POWERING_DOWN", "POWER_DOWN"]) && !is("POWERED_DOWN") {
            Service::PoweringDown
        } else if any(&["ALLOCATED", "MIXED", "COMPLETING"]) {
            Service::Busy
        } else if any(&["RESERVED", "MAINTENANCE", "MAINT"]) {
            Service::Reserved
        } else if any(&["POWERED_DOWN", "POWERED_OFF"]) {
            Service::PoweredDown
        } else {
            Service::Free
        }
    }

    /// Returns whether jobs run on such a node, now or later, without anybody's help.
    fn is_in_service(self) -> bool {
        !matches!(self, Service::Down | Service::Drained)
    }
}

/// Returns the nodes of a partition.
pub(super) fn of_partition<'a>(nodes: &'a [Node], partition: &Partition) -> Vec<&'a Node> {
    let list = partition.nodes.as_deref().unwrap_or_default();
    let is_own = |node: &&Node| {
        // v0.0.36 does not tell the partitions of a node.
        node.partitions.contains(&partition.name)
            || (node.partitions.is_empty() && host_list::holds(list, &node.name))
    };
    nodes.iter().filter(is_own).collect()
}

/// Returns those that a list names.
pub(super) fn named<'a>(nodes: &'a [Node], list: &str) -> Vec<&'a Node> {
    let is_named = |node: &&Node| host_list::holds(list, &node.name);
    nodes.iter().filter(is_named).collect()
}

/// Returns how the nodes of a partition are, in one sentence.
pub(super) fn summary(partition: &str, nodes: &[&Node]) -> Awaited {
    let names = [
        (Service::Free, "free"),
        (Service::PoweredDown, "powered down until a job needs them"),
        (Service::Booting, "booting"),
        (Service::PoweringDown, "powering down"),
        (Service::Busy, "running jobs"),
        (Service::Reserved, "reserved"),
        (Service::Drained, "drained"),
        (Service::Down, "down"),
    ];
    let counted = names.iter().filter_map(|(service, words)| {
        let alike = nodes.iter().filter(|node| Service::of(node) == *service);
        let count = alike.count();
        (count > 0).then(|| format!("{count} {words}"))
    });
    let counted: Vec<String> = counted.collect();
    let text = match counted.is_empty() {
        true => format!("partition {partition} has no nodes"),
        false => format!("the nodes of partition {partition}: {}", counted.join(", ")),
    };
    Awaited {
        kind: "nodes",
        name: Some(partition.to_owned()),
        state: None,
        text,
    }
}

/// Returns how many nodes will run jobs without anybody's help, now or later.
pub(super) fn in_service(nodes: &[&Node]) -> usize {
    let is_in = |node: &&&Node| Service::of(node).is_in_service();
    nodes.iter().filter(is_in).count()
}

/// Returns the code of EC2 in the reason of a node that got no instance, as ParallelCluster writes it.
pub(super) fn code(node: &Node) -> Option<&str> {
    let is_out = matches!(
        Service::of(node),
        Service::Down | Service::Drained | Service::PoweringDown
    );
    let rest = node.reason.as_deref()?.strip_prefix("(Code:")?;
    let (code, _) = rest.split_once(')')?;
    // One that came up later may have kept its reason.
    is_out.then_some(code)
}

/// Returns the nodes that are out of service with their reasons; those of one reason share a line.
pub(super) fn out_of_service(nodes: &[&Node]) -> Vec<Awaited> {
    let mut alike: Vec<(Service, Option<&str>, Vec<&Node>)> = Vec::new();
    for node in nodes {
        let service = Service::of(node);
        if service.is_in_service() || code(node).is_some() {
            continue;
        }
        let reason = node.reason.as_deref();
        match alike
            .iter_mut()
            .find(|it| (it.0, it.1) == (service, reason))
        {
            Some(it) => it.2.push(node),
            None => alike.push((service, reason, vec![node])),
        }
    }
    let told = alike.into_iter().map(|(service, reason, nodes)| {
        let name = host_list::folded(nodes.iter().map(|node| node.name.clone()));
        let state = match service {
            Service::Drained => "drained",
            _ => "down",
        };
        let reason = reason.map(|reason| format!(": {reason}"));
        Awaited {
            kind: "nodes",
            text: format!("{name}: {state}{}", reason.unwrap_or_default()),
            name: Some(name),
            state: Some(nodes[0].state.clone()),
        }
    });
    told.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a node in this state and with these flags.
    pub(in crate::slurm::jobs::explain) fn node(name: &str, state: &str, reason: &str) -> Node {
        let mut words = state.split('+');
        let state = words.next().unwrap_or_default();
        let flags: Vec<&str> = words.collect();
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let node = json!({"name": name, "state": state, "flags": flags, "partitions": ["q"],
            "cpus": 2, "memory_mb": 1000, "features": [], "reason": reason});
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn what_a_node_is_good_for_follows_from_its_state_and_flags() {
        for (state, service) in [
            ("IDLE+CLOUD", Service::Free),
            ("IDLE+CLOUD+POWERED_DOWN", Service::PoweredDown),
            ("IDLE+CLOUD+POWERED_DOWN+POWER_DOWN", Service::PoweredDown),
            ("IDLE+CLOUD+POWERING_DOWN", Service::PoweringDown),
            (
                "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP",
                Service::Booting,
            ),
            ("MIXED+CLOUD", Service::Busy),
            ("IDLE+DRAIN", Service::Drained),
            ("DOWN+CLOUD+DRAIN", Service::Drained),
            ("DOWN+CLOUD+POWERED_DOWN", Service::Down),
            ("DOWN*", Service::Down),
            ("IDLE+RESERVED", Service::Reserved),
        ] {
            assert_eq!(Service::of(&node("n1", state, "")), service, "{state}");
        }
    }

    #[test]
    fn nodes_out_of_service_for_one_reason_share_a_line() {
        let nodes = [
            node("n1", "IDLE+DRAIN", "disk"),
            node("n2", "IDLE+DRAIN", "disk"),
            node("n3", "DOWN+CLOUD", ""),
            node("n4", "IDLE", ""),
        ];
        let nodes: Vec<&Node> = nodes.iter().collect();
        let lines = out_of_service(&nodes).into_iter().map(|it| it.text);
        assert_eq!(
            lines.collect::<Vec<_>>(),
            ["n[1-2]: drained: disk", "n3: down"]
        );
        assert_eq!(in_service(&nodes), 1);
        assert_eq!(in_service(&nodes[..3]), 0);
        let summary = summary("q", &nodes).text;
        assert_eq!(
            summary,
            "the nodes of partition q: 1 free, 2 drained, 1 down"
        );
    }

    #[test]
    fn the_code_is_read_from_what_parallelcluster_writes() {
        let with = |reason: &str| {
            let node = node("n1", "DOWN+CLOUD+POWERED_DOWN", reason);
            code(&node).map(ToOwned::to_owned)
        };
        let failed = "(Code:InsufficientInstanceCapacity)Failure when resuming nodes";
        assert_eq!(
            with(failed).as_deref(),
            Some("InsufficientInstanceCapacity")
        );
        let disabled = "(Code:Unsupported)Temporarily disabling node due to insufficient capacity";
        assert_eq!(with(disabled).as_deref(), Some("Unsupported"));
        for other in ["Failure when resuming nodes", "(Code:", "", "x (Code:A)"] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(code(&node("n1", "IDLE+CLOUD", failed)), None);
    }
}
