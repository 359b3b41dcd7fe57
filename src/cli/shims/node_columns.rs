//! What `sinfo` shows of nodes that are alike, by letters and by names.

use crate::slurm::host_list;
use crate::slurm::nodes::Node;
use crate::slurm::partitions::Partition;

use super::layout::Column;
use super::values::{clock, number, text};

/// Nodes of a partition that are alike in what is shown of them.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) partition: Partition,
    pub(super) nodes: Vec<Node>,
}

/// The letters that count nodes or name them: they may differ in these.
pub(super) const OF_ALL: [char; 5] = ['A', 'C', 'D', 'F', 'N'];

const fn column(
    letter: Option<char>,
    names: &'static [&'static str],
    heading: &'static str,
    show: fn(&Group) -> String,
) -> Column<Group> {
    Column {
        letter,
        names,
        heading,
        show,
    }
}

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column<Group>] = &[
    column(Some('a'), &["available"], "AVAIL", |it| text(&it.partition.state, "n/a").to_lowercase()),
    column(Some('A'), &["nodeai"], "NODES(A/I)", |it| {
        let (used, idle, _) = it.counts();
        format!("{used}/{idle}")
    }),
    column(Some('c'), &["cpus"], "CPUS", |it| it.first(|node| number(node.cpus, "0"))),
    column(Some('C'), &["cpusstate"], "CPUS(A/I/O/T)", Group::cpus),
    column(Some('D'), &["nodes"], "NODES", |it| it.nodes.len().to_string()),
    column(Some('E'), &["reason"], "REASON", |it| it.first(|node| text(&node.reason, "none"))),
    column(Some('f'), &["features"], "AVAIL_FEATURES", |it| it.first(features)),
    column(Some('F'), &["nodeaiot"], "NODES(A/I/O/T)", |it| {
        let (used, idle, other) = it.counts();
        format!("{used}/{idle}/{other}/{}", it.nodes.len())
    }),
    column(Some('G'), &["gres"], "GRES", |it| it.first(|node| text(&node.gres, "(null)"))),
    column(Some('l'), &["time"], "TIMELIMIT", |it| it.partition.time_limit_seconds.map_or_else(|| "infinite".to_owned(), clock)),
    column(Some('L'), &["defaulttime"], "DEFAULTTIME", |it| it.partition.default_time_seconds.map_or_else(|| "n/a".to_owned(), clock)),
    column(Some('m'), &["memory"], "MEMORY", |it| it.first(|node| number(node.memory_mb, "0"))),
    column(Some('n'), &["nodehost"], "HOSTNAMES", |it| it.first(|node| node.hostname.as_ref().unwrap_or(&node.name).clone())),
    column(Some('N'), &["nodelist"], "NODELIST", |it| host_list::folded(it.nodes.iter().map(|node| node.name.clone()))),
    column(Some('o'), &["nodeaddr"], "NODE_ADDR", |it| it.first(|node| text(&node.address, ""))),
    column(Some('P'), &["partition"], "PARTITION", |it| match it.partition.is_default {
        true => format!("{}*", it.partition.name),
        false => it.partition.name.clone(),
    }),
    column(Some('R'), &["partitionname"], "PARTITION", |it| it.partition.name.clone()),
    column(Some('t'), &["statecompact"], "STATE", |it| it.first(|node| shown_state(node).0)),
    column(Some('T'), &["statelong"], "STATE", |it| it.first(|node| shown_state(node).1)),
    column(Some('v'), &["version"], "VERSION", |it| it.first(|node| text(&node.version, "N/A"))),
    column(Some('X'), &["sockets"], "SOCKETS", |it| it.first(|node| number(node.sockets, "1"))),
    column(Some('Y'), &["cores"], "CORES", |it| it.first(|node| number(node.cores, "1"))),
    column(Some('z'), &["socketcorethread"], "S:C:T", |it| it.first(|node| {
        let count = |count| number(count, "1");
        format!("{}:{}:{}", count(node.sockets), count(node.cores), count(node.threads))
    })),
    column(Some('Z'), &["threads"], "THREADS", |it| it.first(|node| number(node.threads, "1"))),
];

impl Group {
    /// Returns what is shown of all of its nodes: they are alike in it.
    fn first(&self, show: fn(&Node) -> String) -> String {
        self.nodes.first().map_or_else(|| "n/a".to_owned(), show)
    }

    /// Returns how many nodes have jobs, how many none, and how many can have none.
    fn counts(&self) -> (usize, usize, usize) {
        let of = |kinds: &[&str]| {
            let nodes = self.nodes.iter();
            let kinds =
                nodes.filter(|node| is_usable(node) && kinds.contains(&node.state.as_str()));
            kinds.count()
        };
        let (used, idle) = (of(&["ALLOCATED", "MIXED"]), of(&["IDLE"]));
        (used, idle, self.nodes.len() - used - idle)
    }

    fn cpus(&self) -> String {
        let (mut used, mut idle, mut other) = (0, 0, 0);
        for node in &self.nodes {
            let (all, own) = (node.cpus.unwrap_or(0), node.cpus_allocated.unwrap_or(0));
            used += own;
            match is_usable(node) && node.state != "DOWN" {
                true => idle += all.saturating_sub(own),
                false => other += all.saturating_sub(own),
            }
        }
        format!("{used}/{idle}/{other}/{}", used + idle + other)
    }
}

fn is_usable(node: &Node) -> bool {
    !node
        .flags
        .iter()
        .any(|flag| flag == "DRAIN" || flag == "FAIL")
}

fn features(node: &Node) -> String {
    match node.features.is_empty() {
        true => "(null)".to_owned(),
        false => node.features.join(","),
    }
}

/// Returns a node's state in short and in full, as `sinfo` shows it: a character at the end tells
/// what its machine does.
pub(super) fn shown_state(node: &Node) -> (String, String) {
    let has = |flag: &str| node.flags.iter().any(|own| own == flag);
    let works = matches!(node.state.as_str(), "ALLOCATED" | "MIXED") || has("COMPLETING");
    let (short, long) = match node.state.as_str() {
        _ if has("DRAIN") && works => ("drng", "draining"),
        _ if has("DRAIN") => ("drain", "drained"),
        "DOWN" => ("down", "down"),
        _ if has("FAIL") => ("fail", "fail"),
        _ if has("COMPLETING") => ("comp", "completing"),
        _ if has("MAINTENANCE") => ("maint", "maint"),
        _ if has("RESERVED") => ("resv", "reserved"),
        "ALLOCATED" => ("alloc", "allocated"),
        "MIXED" => ("mix", "mixed"),
        "IDLE" => ("idle", "idle"),
        "FUTURE" => ("futr", "future"),
        _ => ("unk", "unknown"),
    };
    let sign = match () {
        () if has("POWERING_DOWN") => "%",
        () if has("POWERING_UP") => "#",
        () if has("POWERED_DOWN") || has("POWER_DOWN") => "~",
        () if has("REBOOT_REQUESTED") => "@",
        () if has("NOT_RESPONDING") => "*",
        () => "",
    };
    (format!("{short}{sign}"), format!("{long}{sign}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_shown_with_a_sign_of_its_machine() {
        let state = |state: &str, flags: &[&str]| {
            let node = serde_json::json!({"name": "n", "state": state, "flags": flags,
                "partitions": [], "features": []});
            shown_state(&serde_json::from_value(node).unwrap())
        };
        assert_eq!(
            state("IDLE", &["CLOUD", "POWERED_DOWN"]),
            ("idle~".into(), "idle~".into())
        );
        assert_eq!(
            state("MIXED", &["CLOUD", "POWERING_UP"]),
            ("mix#".into(), "mixed#".into())
        );
        assert_eq!(
            state("IDLE", &["DRAIN"]),
            ("drain".into(), "drained".into())
        );
        assert_eq!(
            state("ALLOCATED", &["DRAIN"]),
            ("drng".into(), "draining".into())
        );
        assert_eq!(
            state("DOWN", &["NOT_RESPONDING"]),
            ("down*".into(), "down*".into())
        );
    }
}
