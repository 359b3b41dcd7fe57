//! Which options of a heterogeneous job count for one component alone.

/// Options that `sbatch` forgets where another component begins; what all others say goes on there
/// (`reset_each_pass` in Slurm's `src/common/slurm_opt.c`, 22.05 to 26.05).
const OF_ONE_COMPONENT: &[&str] = &[
    "bb",
    "consolidate-segments",
    "constraint",
    "contiguous",
    "core-spec",
    "cores-per-socket",
    "cpu-freq",
    "cpus-per-gpu",
    "cpus-per-task",
    "distribution",
    "exclusive",
    "external",
    "extra-node-info",
    "gpu-bind",
    "gpu-freq",
    "gpus",
    "gpus-per-node",
    "gpus-per-socket",
    "gpus-per-task",
    "gres",
    "gres-flags",
    "hint",
    "licenses",
    "mail-type",
    "mail-user",
    "mem-bind",
    "mem-per-cpu",
    "mem-per-gpu",
    "mincpus",
    "network",
    "nodefile",
    "nodelist",
    "nodes",
    "ntasks",
    "ntasks-per-core",
    "ntasks-per-gpu",
    "ntasks-per-node",
    "ntasks-per-socket",
    "ntasks-per-tres",
    "overcommit",
    "oversubscribe",
    "partition",
    "power",
    "resources",
    "resv-ports",
    "segment",
    "sockets-per-node",
    "spread-job",
    "spread-segments",
    "switches",
    "thread-spec",
    "threads-per-core",
    "tmp",
    "tres-bind",
    "tres-per-task",
    "use-min-nodes",
];

/// Returns whether an option, by its long name, counts for its own component alone.
pub(in super::super) fn is_of_one_component(option: &str) -> bool {
    OF_ONE_COMPONENT.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn each_is_an_option() {
        for name in OF_ONE_COMPONENT {
            assert!(all().any(|option| option.long == *name), "{name}");
        }
    }
}
