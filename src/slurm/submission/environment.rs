//! The variables that a job gets: its user's, those of a login as far as they are known, and what
//! `sbatch` tells it of its options. Slurm's API gives it nothing else.

use std::collections::BTreeMap;

use super::derived::{has_hint, text};
use super::value::Value;
use super::{Description, Fields, folder, options};

/// What a job's program is run by, as far as it matters to a script.
const SHELL: &str = "/bin/bash";

/// Where programs are looked for, unless the user says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/slurm/bin";

type Variables = BTreeMap<String, String>;

/// Returns the job's whole environment: what its user set, and what `sbatch` adds to it.
pub(super) fn environment(description: &Description, fields: &Fields) -> Variables {
    let mut variables = plain_environment(description, fields);
    variables.extend(told(description, fields));
    variables.extend(description.environment.clone());
    variables
}

/// Returns the environment without what `sbatch` tells of the options of one component.
pub(super) fn plain_environment(description: &Description, fields: &Fields) -> Variables {
    let mut variables = Variables::new();
    let mut tell = |name: &str, value: String| variables.insert(name.to_owned(), value);
    // The node itself has better ones where it looks for those of a login.
    if !description.told.contains_key("SLURM_GET_USER_ENV") {
        tell("PATH", PATH.to_owned());
        tell("SHELL", SHELL.to_owned());
    }
    if let Some(owner) = &description.owner {
        tell("HOME", owner.home.clone());
        tell("USER", owner.name.clone());
        tell("LOGNAME", owner.name.clone());
    }
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
    /// Says where it is submitted, as `sbatch` does: its folder is that, or below it. Comes before
    /// [`Description::fill`].
    pub fn submit_from(&mut self, place: &str) {
        for other in &mut self.others {
            other.submit_from(place);
        }
        let folder = folder(place, self.text("current_working_directory"));
        self.put("current_working_directory", Value::Text(folder));
        let variables = &mut self.environment;
        let told = variables.entry("SLURM_SUBMIT_DIR".to_owned());
        told.or_insert_with(|| place.to_owned());
    }

    /// Gives the job variables of the shell that submits it, as `sbatch` does, unless `--export` says
    /// otherwise. Those that it has from its file or its options stay, and programs are looked for where
    /// a job of its own finds them, too.
    pub fn inherit(&mut self, variables: &[(String, String)]) {
        for other in &mut self.others {
            other.inherit(variables);
        }
        let export = self.told.get("SLURM_EXPORT_ENV");
        let has_none = export.is_some_and(|value| value.eq_ignore_ascii_case("nil"));
        if has_none || self.told.contains_key("SLURM_GET_USER_ENV") {
            return;
        }
        for (name, value) in variables {
            let value = match name.as_str() {
                "PATH" => with_own_path(value),
                _ => value.clone(),
            };
            self.environment.entry(name.clone()).or_insert(value);
        }
    }
}

/// Returns a search path, and behind it what every job looks through.
fn with_own_path(path: &str) -> String {
    let given: Vec<&str> = path.split(':').filter(|it| !it.is_empty()).collect();
    let own = PATH.split(':').filter(|own| !given.contains(own));
    let all: Vec<&str> = given.iter().copied().chain(own).collect();
    all.join(":")
}

/// Variables that belong to a job, and not to one of its components.
const OF_ALL: [&str; 2] = ["SLURM_GET_USER_ENV", "SLURM_EXPORT_ENV"];

/// Returns what `sbatch` tells a heterogeneous job of one of its components.
pub(super) fn told_of_component(
    description: &Description,
    fields: &Fields,
    at: usize,
) -> Variables {
    let all = told(description, fields).into_iter();
    let own = all.filter(|(name, _)| !OF_ALL.contains(&name.as_str()));
    own.map(|(name, value)| (format!("{name}_HET_GROUP_{at}"), value))
        .collect()
}

/// Returns the variables that `sbatch` sets from options.
fn told(description: &Description, fields: &Fields) -> Variables {
    let mut variables = Variables::new();
    let mut tell = |name: &str, value: String| variables.insert(name.to_owned(), value);
    for option in options::all() {
        let (names, field) = option.told();
        let value = match field.and_then(|field| fields.get(field)) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Text(text)) => text.clone(),
            _ => continue,
        };
        for name in names {
            tell(name, value.clone());
        }
    }
    for (name, value) in &description.told {
        if *name != "SLURM_HINT" || has_hint(description) {
            tell(name, value.clone());
        }
    }
    if let Some(per_task) = text(fields, "tres_per_task") {
        tell("SLURM_TRES_PER_TASK", per_task);
    }
    if let Some(bound) = text(fields, "tres_bind") {
        tell("SLURM_TRES_BIND", bound);
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;

    fn job(lines: &str, options: &[(&str, &str)]) -> Description {
        let mut job = Description::read("j", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        for (option, value) in options {
            job.set(option, value).unwrap();
        }
        job.fill("me");
        job
    }

    #[test]
    fn a_job_inherits_what_export_lets_it() {
        let variables = [("A", "here"), ("B", "here"), ("PATH", "/my/bin:/usr/bin")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let inherited = |lines: &str| {
            let mut job = job(lines, &[]);
            job.inherit(&variables);
            environment(&job, &Fields::new())
        };
        for line in ["", "#SBATCH --export=ALL", "#SBATCH --export=ALL,B=own"] {
            let inherited = inherited(line);
            assert_eq!(inherited["A"], "here", "{line}");
            assert_eq!(
                inherited["PATH"],
                "/my/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin:/opt/slurm/bin"
            );
        }
        assert_eq!(inherited("#SBATCH --export=ALL,B=own")["B"], "own");
        for line in ["NONE", "NIL", "B=own"] {
            let inherited = inherited(&format!("#SBATCH --export={line}"));
            assert!(!inherited.contains_key("A"), "{line}");
        }
    }

    #[test]
    fn what_a_login_has_comes_from_the_node() {
        let variables = |line: &str| environment(&job(line, &[]), &Fields::new());
        for line in [
            "#SBATCH --get-user-env",
            "#SBATCH --export=NONE",
            "#SBATCH --export=A=b",
        ] {
            let variables = variables(line);
            assert_eq!(variables["SLURM_GET_USER_ENV"], "1", "{line}");
            assert!(!variables.contains_key("PATH"));
        }
        for line in [
            "#SBATCH --export=ALL",
            "#SBATCH --export=ALL,A=b",
            "#SBATCH --export=NIL",
        ] {
            assert!(
                !variables(line).contains_key("SLURM_GET_USER_ENV"),
                "{line}"
            );
        }
        let given = variables("#SBATCH \"--export=ALL,A='1,2',PATH\"");
        assert_eq!(given["A"], "1,2");
        assert_eq!(given["PATH"], PATH);
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
            "SLURM_NPROCS=4",
            "SLURM_NTASKS=4",
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
        let plain = environment(&self::job("", &[]), &Fields::new());
        assert_eq!(plain["HOME"], "/home/me");
        assert!(!plain.contains_key("SLURM_NTASKS"));
    }
}
