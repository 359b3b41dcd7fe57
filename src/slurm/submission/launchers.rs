//! What `sbatch` tells the launchers of MPI programs, so that their `srun` lets them place the tasks.

use std::collections::BTreeMap;

use crate::slurm::client::ApiVersion;

use super::Description;

/// The API of Slurm 23.11, whose `srun` has `--external-launcher`.
const EXTERNAL_LAUNCHER: ApiVersion = ApiVersion::new(40);

/// Where Open MPI and PRRTE find what they give to `srun`.
const ARGUMENTS: [&str; 2] = ["OMPI_MCA_plm_slurm_args", "PRTE_MCA_plm_slurm_args"];

/// Where MPICH and Intel MPI find what starts their tasks, and what they give to it.
const BOOTSTRAPS: [(&str, &str); 2] = [
    ("HYDRA_BOOTSTRAP", "HYDRA_LAUNCHER_EXTRA_ARGS"),
    (
        "I_MPI_HYDRA_BOOTSTRAP",
        "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS",
    ),
];

/// Returns the variables for launchers (`set_env_from_opts` in Slurm's `src/common/env.c`). A bootstrap
/// of the job's own other than `slurm` stays without arguments.
pub(super) fn launchers(
    description: &Description,
    version: ApiVersion,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if version < EXTERNAL_LAUNCHER {
        return variables;
    }
    let mut tell = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    for name in ARGUMENTS {
        tell(name, "--external-launcher");
    }
    for (bootstrap, arguments) in BOOTSTRAPS {
        let own = description.environment.get(bootstrap);
        if own.is_none_or(|own| own == "slurm") {
            tell(bootstrap, "slurm");
            tell(arguments, "--external-launcher");
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_of_the_users_own_stays() {
        let script = b"#!/bin/sh\n#SBATCH --export=ALL,HYDRA_BOOTSTRAP=ssh\n";
        let job = Description::read("j", script).unwrap();
        let variables = launchers(&job, ApiVersion::new(42));
        assert!(!variables.contains_key("HYDRA_LAUNCHER_EXTRA_ARGS"));
        assert_eq!(variables["I_MPI_HYDRA_BOOTSTRAP"], "slurm");
        assert!(launchers(&job, ApiVersion::new(39)).is_empty());
    }
}
