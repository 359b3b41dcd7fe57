//! The variables of the environment that `sbatch` takes for options. They win over the script, and the
//! command line wins over them.

/// A variable, and the long name of its option without dashes: the list in `man sbatch` (INPUT
/// ENVIRONMENT VARIABLES) of Slurm 22.05 to 26.05. Of two for one option the last one wins.
const VARIABLES: [(&str, &str); 58] = [
    ("SBATCH_ACCOUNT", "account"),
    ("SBATCH_ACCTG_FREQ", "acctg-freq"),
    ("SBATCH_ARRAY_INX", "array"),
    ("SBATCH_BATCH", "batch"),
    ("SLURM_CLUSTERS", "clusters"),
    ("SBATCH_CLUSTERS", "clusters"),
    ("SBATCH_CONSTRAINT", "constraint"),
    ("SBATCH_CONTAINER", "container"),
    ("SBATCH_CONTAINER_ID", "container-id"),
    ("SBATCH_CORE_SPEC", "core-spec"),
    ("SBATCH_CPU_FREQ_REQ", "cpu-freq"),
    ("SBATCH_CPUS_PER_GPU", "cpus-per-gpu"),
    ("SBATCH_DEBUG", "verbose"),
    ("SBATCH_DELAY_BOOT", "delay-boot"),
    ("SBATCH_DISTRIBUTION", "distribution"),
    ("SBATCH_ERROR", "error"),
    ("SBATCH_EXCLUSIVE", "exclusive"),
    ("SBATCH_EXPORT", "export"),
    ("SBATCH_GET_USER_ENV", "get-user-env"),
    ("SBATCH_GPU_BIND", "gpu-bind"),
    ("SBATCH_GPU_FREQ", "gpu-freq"),
    ("SBATCH_GPUS", "gpus"),
    ("SBATCH_GPUS_PER_NODE", "gpus-per-node"),
    ("SBATCH_GPUS_PER_TASK", "gpus-per-task"),
    ("SBATCH_GRES", "gres"),
    ("SBATCH_GRES_FLAGS", "gres-flags"),
    ("SLURM_HINT", "hint"),
    ("SBATCH_HINT", "hint"),
    ("SBATCH_IGNORE_PBS", "ignore-pbs"),
    ("SBATCH_INPUT", "input"),
    ("SBATCH_JOB_NAME", "job-name"),
    ("SBATCH_MEM_BIND", "mem-bind"),
    ("SBATCH_MEM_PER_CPU", "mem-per-cpu"),
    ("SBATCH_MEM_PER_GPU", "mem-per-gpu"),
    ("SBATCH_MEM_PER_NODE", "mem"),
    ("SBATCH_NETWORK", "network"),
    ("SBATCH_NO_KILL", "no-kill"),
    ("SBATCH_NO_REQUEUE", "no-requeue"),
    ("SBATCH_OPEN_MODE", "open-mode"),
    ("SBATCH_OUTPUT", "output"),
    ("SBATCH_OVERCOMMIT", "overcommit"),
    ("SBATCH_PARTITION", "partition"),
    ("SBATCH_PROFILE", "profile"),
    ("SBATCH_QOS", "qos"),
    ("SBATCH_REQ_SWITCH", "switches"),
    ("SBATCH_REQUEUE", "requeue"),
    ("SBATCH_RESERVATION", "reservation"),
    ("SBATCH_SEGMENT_SIZE", "segment"),
    ("SBATCH_SIGNAL", "signal"),
    ("SBATCH_SPREAD_JOB", "spread-job"),
    ("SBATCH_THREAD_SPEC", "thread-spec"),
    ("SBATCH_THREADS_PER_CORE", "threads-per-core"),
    ("SBATCH_TIMELIMIT", "time"),
    ("SBATCH_TRES_PER_TASK", "tres-per-task"),
    ("SBATCH_USE_MIN_NODES", "use-min-nodes"),
    ("SBATCH_WAIT", "wait"),
    ("SBATCH_WAIT_ALL_NODES", "wait-all-nodes"),
    ("SBATCH_WCKEY", "wckey"),
];

/// How long a job waits for the switches of `SBATCH_REQ_SWITCH`: a part of that option's value.
const SWITCH_WAIT: &str = "SBATCH_WAIT4SWITCH";

/// Returns the options that variables stand for, by their long names, with their values. An empty
/// variable is as none.
pub fn options(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    VARIABLES
        .into_iter()
        .filter_map(|(name, option)| Some((option, given(name)?)))
        .map(|(option, value)| {
            let value = match option {
                "switches" => match given(SWITCH_WAIT) {
                    Some(wait) => format!("{value}@{wait}"),
                    None => value,
                },
                // Only that it is there counts.
                _ if super::options::takes_nothing(option) => String::new(),
                _ => value,
            };
            (option.to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_an_option_of_sbatch() {
        for (variable, option) in VARIABLES {
            assert!(super::super::options::find(option).is_ok(), "{variable}");
        }
    }

    #[test]
    fn variables_are_options_with_their_values() {
        let variable = |name: &str| {
            let value = match name {
                "SBATCH_PARTITION" => "big",
                "SBATCH_OVERCOMMIT" => "1",
                "SBATCH_REQ_SWITCH" => "2",
                "SBATCH_WAIT4SWITCH" => "10",
                "SBATCH_ACCOUNT" => "",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let expected = [
            ("overcommit", ""),
            ("partition", "big"),
            ("switches", "2@10"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options(variable), expected);
    }
}
