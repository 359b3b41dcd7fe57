//! The variables that a job gets: its user's, those of a login as far as they are known, and what
//! `sbatch` tells it of its options. Slurm's API gives it nothing else.

use std::collections::BTreeMap;

use crate::slurm::client::ApiVersion;

use super::derived::{has_hint, text};
use super::launchers::launchers;
use super::value::Value;
use super::{Description, Fields, options, tasks};

pub(super) type Variables = BTreeMap<String, String>;

/// Returns the job's whole environment: what its user set, and what `sbatch` adds to it.
pub(super) fn environment(
    description: &Description,
    fields: &Fields,
    version: ApiVersion,
) -> Variables {
    let mut variables = plain_environment(description, fields);
    variables.extend(launchers(description, version));
    variables.extend(told(description, fields, version));
    variables.extend(description.environment.clone());
    variables
}

/// Returns the environment without what `sbatch` tells of the options of one component.
pub(super) fn plain_environment(description: &Description, fields: &Fields) -> Variables {
    let mut variables = Variables::new();
    if let Some(owner) = &description.owner {
        // The node itself has those of a login where it is to look for them.
        if !description.asks_node_for_login() {
            variables.extend(owner.shell().clone());
            if !description.wants_nothing_of_login() {
                variables.extend(owner.login().clone());
            }
        }
        variables.extend(owner.identity());
    }
    let mut tell = |name: &str, value: String| variables.insert(name.to_owned(), value);
    if let Some(folder) = text(fields, "current_working_directory") {
        tell("SLURM_SUBMIT_DIR", folder);
    }
    for (name, value) in &description.told {
        if OF_ALL.contains(name) {
            tell(name, value.clone());
        }
    }
    variables.extend(description.environment.clone());
    variables
}

impl Description {
    /// Returns whether the node adds the environment of a login of the user.
    pub(super) fn asks_node_for_login(&self) -> bool {
        self.told.contains_key("SLURM_GET_USER_ENV")
    }

    /// Returns whether the job is to have nothing of its user's environment.
    fn wants_nothing_of_login(&self) -> bool {
        let export = self.told.get("SLURM_EXPORT_ENV");
        export.is_some_and(|it| it.eq_ignore_ascii_case("nil"))
    }
}

/// Variables that belong to a job, and not to one of its components.
const OF_ALL: [&str; 2] = ["SLURM_GET_USER_ENV", "SLURM_EXPORT_ENV"];

/// Returns what `sbatch` tells a heterogeneous job of one of its components.
pub(super) fn told_of_component(
    description: &Description,
    fields: &Fields,
    version: ApiVersion,
    at: usize,
) -> Variables {
    let all = told(description, fields, version).into_iter();
    let own = all.filter(|(name, _)| !OF_ALL.contains(&name.as_str()));
    // Under its old name, too.
    own.flat_map(|(name, value)| {
        ["HET", "PACK"].map(|kind| (format!("{name}_{kind}_GROUP_{at}"), value.clone()))
    })
    .collect()
}

/// Variables that `sbatch` sets before Slurm 24.11, which sets them itself.
const UNTIL_24_05: [&str; 3] = ["SLURM_ACCTG_FREQ", "SLURM_OPEN_MODE", "SLURM_PROFILE"];

/// The API of Slurm 24.11.
const SETS_THEM: ApiVersion = ApiVersion::new(42);

/// Returns the variables that `sbatch` sets from options.
fn told(description: &Description, fields: &Fields, version: ApiVersion) -> Variables {
    let mut variables = Variables::new();
    let mut tell = |name: &str, value: String| variables.insert(name.to_owned(), value);
    for option in options::all() {
        let (names, field) = option.told();
        let value = match field.and_then(|field| fields.get(field)) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Text(text)) => text.clone(),
            _ => continue,
        };
        if field == Some("tasks") && !tasks::are_told(description, version) {
            continue;
        }
        for name in names {
            tell(name, value.clone());
        }
    }
    for (name, value) in &description.told {
        let is_slurms = version >= SETS_THEM && UNTIL_24_05.contains(name);
        if !is_slurms && (*name != "SLURM_HINT" || has_hint(description)) {
            tell(name, value.clone());
        }
    }
    for (field, name, early) in [
        (
            "tres_per_task",
            "SLURM_TRES_PER_TASK",
            "SLURM_GPUS_PER_TASK",
        ),
        ("tres_bind", "SLURM_TRES_BIND", "SLURM_GPU_BIND"),
    ] {
        match text(fields, field) {
            Some(text) if version >= TRES => tell(name, text),
            // What is made of `--gpus-per-task` is told of that alone.
            Some(text) if field == "tres_per_task" || description.fields.contains_key(field) => {
                let gpus = text.strip_prefix("gres/gpu:").unwrap_or(&text);
                tell(early, gpus.replace("gres/gpu:", ""))
            }
            _ => None,
        };
    }
    variables
}

/// The API of Slurm 23.02, whose `sbatch` tells of all resources, and not of GPUs.
const TRES: ApiVersion = ApiVersion::new(39);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;

    fn job(lines: &str, options: &[(&str, &str)]) -> Description {
        let mut job = Description::read("j", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        for (option, value) in options {
            job.set(option, value).unwrap();
        }
        job.fill(&super::super::owner::me()).unwrap();
        job
    }

    #[test]
    fn what_a_login_has_comes_from_the_node() {
        let now = ApiVersion::new(42);
        let variables = |line: &str| environment(&job(line, &[]), &Fields::new(), now);
        for line in [
            "#SBATCH --get-user-env",
            "#SBATCH --export=NONE",
            "#SBATCH --export=A=b",
            "#SBATCH --export=ALL,A=b",
        ] {
            let variables = variables(line);
            assert_eq!(variables["SLURM_GET_USER_ENV"], "1", "{line}");
            assert!(!variables.contains_key("PATH"));
        }
        for line in ["#SBATCH --export=ALL", "#SBATCH --export=NIL"] {
            assert!(
                !variables(line).contains_key("SLURM_GET_USER_ENV"),
                "{line}"
            );
        }
        let given = variables("#SBATCH \"--export=ALL,A='1,2',PATH\"");
        assert_eq!(given["A"], "1,2");
        assert!(!given.contains_key("PATH"));
        let path = &variables("#SBATCH --export=ALL")["PATH"];
        assert!(path.ends_with(":/opt/slurm/bin"), "{path}");
    }

    #[test]
    fn the_environment_is_what_sbatch_gives() {
        let lines = "#SBATCH -D /w -N 2 -c 4 --ntasks-per-node=2 --gpus-per-task=1 -G a:2";
        let job = job(lines, &[("env", "HOME=/own")]);
        let sent = job.body(ApiVersion::new(42)).unwrap()["job"].clone();
        let variables = sent["environment"].as_array().unwrap();
        for expected in [
            "HOME=/own",
            "LOGNAME=me",
            "SHELL=/bin/bash",
            "SLURM_CPUS_PER_TASK=4",
            "SLURM_GPUS=a:2",
            "OMPI_MCA_plm_slurm_args=--external-launcher",
            "SLURM_NTASKS_PER_NODE=2",
            "SLURM_SUBMIT_DIR=/w",
            "SLURM_TRES_PER_TASK=cpu=4,gres/gpu=1",
            "USER=me",
        ] {
            assert!(
                variables.contains(&expected.into()),
                "{expected} {variables:?}"
            );
        }
        let plain = environment(&self::job("", &[]), &Fields::new(), ApiVersion::new(42));
        assert_eq!(plain["HOME"], "/home/me");
        assert!(!plain.contains_key("SLURM_NTASKS"));
    }

    /// Seen by a test of the whole corpus against real Slurms, which says so for more.
    #[test]
    fn a_variable_is_told_where_sbatch_tells_it() {
        let told = |lines: &str, version: u32| {
            let job = job(lines, &[]);
            let body = job.body(ApiVersion::new(version)).unwrap();
            body["job"]["environment"].to_string()
        };
        for (lines, version, variable) in [
            ("#SBATCH -n 4 --ntasks-per-node=2", 42, "SLURM_NTASKS=4"),
            ("#SBATCH --mem-per-gpu=40G", 42, "SLURM_MEM_PER_GPU=40960"),
            (
                "#SBATCH --mem-bind=local,v",
                42,
                "SLURM_MEM_BIND=verbose,local",
            ),
            (
                "#SBATCH --mem-bind=local",
                42,
                "SLURM_MEM_BIND_VERBOSE=quiet",
            ),
            (
                "#SBATCH --mem-bind=map_mem:0,1",
                42,
                "SLURM_MEM_BIND=map_mem:0,1",
            ),
            ("#SBATCH --open-mode=append", 41, "SLURM_OPEN_MODE=a"),
        ] {
            let environment = told(lines, version);
            assert!(
                environment.contains(&format!("\"{variable}\"")),
                "{environment}"
            );
        }
        for (lines, version, variable) in [
            ("#SBATCH --ntasks-per-node=2", 42, "SLURM_NTASKS="),
            ("#SBATCH -G 2 --ntasks-per-gpu=2", 42, "SLURM_NTASKS="),
            ("#SBATCH --open-mode=append", 42, "SLURM_OPEN_MODE"),
            ("#SBATCH --wckey=a", 42, "SLURM_WCKEY"),
            ("#SBATCH -n 1", 39, "HYDRA"),
        ] {
            let environment = told(lines, version);
            assert!(!environment.contains(variable), "{environment}");
        }
    }
}
