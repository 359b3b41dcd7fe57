//! What a job takes from the shell in which it is submitted, where that is like one on the cluster.

use super::owner::PATH;
use super::value::Value;
use super::{Description, below};

impl Description {
    /// Says where it is submitted, as `sbatch` does: its folder is that, or below it. Comes before
    /// [`Description::fill`].
    pub fn submit_from(&mut self, place: &str) {
        for other in &mut self.others {
            other.submit_from(place);
        }
        let given = self.text("current_working_directory").unwrap_or_default();
        let folder = match given.starts_with('/') {
            true => given.to_owned(),
            false => below(place, given),
        };
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
        let has_all = |value: &String| value.split(',').any(|it| it.eq_ignore_ascii_case("all"));
        if !export.is_none_or(has_all) {
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

#[cfg(test)]
mod tests {
    use super::super::Fields;
    use super::super::environment::environment;
    use super::super::owner::me;
    use super::*;
    use crate::slurm::client::ApiVersion;

    fn job(lines: &str) -> Description {
        let mut job = Description::read("j", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        job.fill(&me()).unwrap();
        job
    }

    #[test]
    fn a_job_inherits_what_export_lets_it() {
        let variables = [("A", "here"), ("B", "here"), ("PATH", "/my/bin:/usr/bin")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let inherited = |lines: &str| {
            let mut job = job(lines);
            job.inherit(&variables);
            environment(&job, &Fields::new(), ApiVersion::new(42))
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
}
