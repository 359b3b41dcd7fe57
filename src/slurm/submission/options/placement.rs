//! Where the job runs: partitions, nodes and how its tasks lie on them.

use super::super::readings::{layout, times};
use super::Follows::{Maybe, Nothing, Value};
use super::Reads::{Count, Flag, Names, Own, Sets, Text, Whole};
use super::{SbatchOption, row};

#[rustfmt::skip]
pub(super) const ROWS: &[SbatchOption] = &[
    row("partition", Some('p'), Value("NAMES"), Text("partition"),
        "Where it may run, as `partitions` lists them"),
    row("nodes", Some('N'), Value("MIN[-MAX]"), Own(layout::nodes), "How many nodes"),
    row("nodelist", Some('w'), Value("NODES"), Names("required_nodes"),
        "Nodes that it must have"),
    row("nodefile", Some('F'), Value("FILE"), Own(layout::nodefile),
        "A file, here, of nodes that it must have"),
    row("exclude", Some('x'), Value("NODES"), Names("excluded_nodes"),
        "Nodes that it must not have"),
    row("constraint", Some('C'), Value("FEATURES"), Text("constraints"),
        "Features that its nodes must have"),
    row("cluster-constraint", None, Value("FEATURES"), Text("cluster_constraint"),
        "Features that its cluster must have"),
    row("prefer", None, Value("FEATURES"), Text("prefer"),
        "Features that its nodes had better have"),
    row("reservation", None, Value("NAME"), Text("reservation"),
        "The reservation that it runs in"),
    row("contiguous", None, Nothing, Sets("contiguous", true), "Nodes side by side"),
    row("exclusive", None, Maybe("user|mcs|topo"), Own(layout::exclusive),
        "No other job on its nodes"),
    row("oversubscribe", Some('s'), Nothing, Own(layout::oversubscribe),
        "Others may use what it uses"),
    row("overcommit", Some('O'), Nothing, Sets("overcommit", true), "More tasks than CPUs"),
    row("no-kill", Some('k'), Maybe("off"), Own(layout::no_kill),
        "It goes on when one of its nodes fails").early("no_kill"),
    row("reboot", None, Nothing, Sets("reboot", true), "Nodes are rebooted before"),
    row("wait-all-nodes", None, Value("0|1"), Own(layout::wait_all_nodes),
        "Whether it waits until all of its nodes have booted"),
    row("spread-job", None, Nothing, Flag("SPREAD_JOB"), "On as many nodes as can be")
        .early("spread_job"),
    row("use-min-nodes", None, Nothing, Flag("PREFER_MINIMUM_NODE_COUNT"),
        "Rather on few nodes"),
    row("switches", None, Value("COUNT[@TIME]"), Own(times::switches),
        "The most switches between its nodes"),
    row("segment", None, Value("SIZE"), Whole("segment_size"), "Nodes of a segment").newer(),
    row("spread-segments", None, Nothing, Flag("SPREAD_SEGMENTS"), "Segments far apart").newer(),
    row("consolidate-segments", None, Nothing, Flag("CONSOLIDATE_SEGMENTS"),
        "Segments side by side").newer(),
    row("stepmgr", None, Nothing, Flag("STEPMGR_ENABLED"), "Its steps are managed on its node").newer(),
    row("distribution", Some('m'), Value("HOW"), Own(layout::distribution),
        "How tasks lie on nodes, as in block:cyclic"),
    row("hint", None, Value("HINT"), Own(layout::hint),
        "compute_bound, memory_bound, multithread or nomultithread")
        .tells(&["SLURM_HINT"]).early("cpu_binding_hint"),
    row("extra-node-info", Some('B'), Value("S[:C[:T]]"), Own(layout::extra_node_info),
        "Sockets, cores and threads of each node"),
    row("sockets-per-node", None, Value("COUNT"), Count("sockets_per_node"),
        "Sockets of each node"),
    row("cores-per-socket", None, Value("COUNT"), Count("cores_per_socket"),
        "Cores of each socket"),
    row("threads-per-core", None, Value("COUNT"), Count("threads_per_core"),
        "Threads of each core").tells(&["SLURM_THREADS_PER_CORE"]),
];
