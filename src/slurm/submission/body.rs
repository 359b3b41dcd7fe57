//! The body of a submission, in each version of the API.

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::slurm::client::ApiVersion;

use super::fields::{field, versions_of};
use super::value::Value;
use super::{Description, Fields, derived, environment, exclusive, launchers, older};

/// The first version that takes a list of nodes, words and variables as such.
pub(super) const LISTS: ApiVersion = ApiVersion::new(39);

impl Description {
    /// Returns the body of the submission in a version of the API; fails when the version has no
    /// field for something, or what is asked for cannot go together.
    pub fn body(&self, version: ApiVersion) -> Result<Json> {
        let first = derived::fields(self, version);
        let mut job = self.job(&first, version)?;
        if self.others.is_empty() {
            let variables = environment::environment(self, &first, version);
            job.insert("environment".to_owned(), written(&variables, version));
            return Ok(json!({"script": self.script, "job": job}));
        }
        self.require_no_array()?;
        let mut variables = environment::plain_environment(self, &first);
        variables.extend(launchers::launchers(self, version));
        variables.extend(environment::told_of_component(self, &first, version, 0));
        let mut jobs = Vec::new();
        for (at, other) in self.others.iter().enumerate() {
            let fields = derived::fields(other, version);
            let mut component = other.job(&fields, version)?;
            variables.extend(environment::told_of_component(
                other,
                &fields,
                version,
                at + 1,
            ));
            let own = written(&environment::plain_environment(other, &fields), version);
            component.insert("environment".to_owned(), own);
            jobs.push(Json::Object(component));
        }
        variables.extend(self.environment.clone());
        job.insert("environment".to_owned(), written(&variables, version));
        jobs.insert(0, Json::Object(job));
        Ok(json!({"script": self.script, "jobs": jobs}))
    }

    /// Returns what its options set, and nothing that a submission has besides, as a change of a job.
    pub fn changes(&self, version: ApiVersion) -> Result<Json> {
        let mut changes = self.job(&self.fields, version)?;
        if !self.fields.contains_key("name") {
            changes.remove("name");
        }
        Ok(Json::Object(changes))
    }

    /// Returns a component, but for its environment.
    fn job(&self, fields: &Fields, version: ApiVersion) -> Result<Map<String, Json>> {
        exclusive::check(self, fields)?;
        let mut job = Map::new();
        job.insert("name".to_owned(), json!(self.name()));
        for (name, value) in fields {
            self.require_words(name, value, version)?;
            let known = field(name).expect("only fields of the table are put");
            let is_off = *value == Value::Flag(false);
            match known.name_in(version) {
                // Old servers take it and leave it out.
                Some("requeue") if version < LISTS && is_off => {
                    job.insert("no_requeue".to_owned(), json!(true));
                }
                Some("mail_type") if version >= LISTS => {
                    job.insert("mail_type".to_owned(), older::mail_types(value));
                }
                // Old servers know none but as nothing.
                Some("mail_type") if *value == Value::Words(Vec::new()) => {}
                Some("wait_all_nodes") if version < LISTS => {
                    job.insert("wait_all_nodes".to_owned(), json!(i32::from(!is_off)));
                }
                // Old servers read the way and its list from one text.
                Some("memory_binding")
                    if version < LISTS && fields.contains_key("memory_binding_type") => {}
                Some(own) => {
                    job.insert(own.to_owned(), value.write(known.kind, version));
                }
                None => self.write_otherwise(fields, &mut job, name, value, version)?,
            }
        }
        if !self.arguments.is_empty() {
            self.require_arguments(version)?;
            // Slurm puts the path of the script in the place of the first.
            let first = std::iter::once(self.name());
            let all: Vec<&str> = first
                .chain(self.arguments.iter().map(String::as_str))
                .collect();
            job.insert("argv".to_owned(), json!(all));
        }
        Ok(job)
    }

    /// Fails when a heterogeneous job is to be an array: `sbatch` cannot submit one, and the API makes
    /// of it what nobody asked for.
    fn require_no_array(&self) -> Result<()> {
        let mut all = std::iter::once(self).chain(&self.others);
        if all.any(|one| one.array().is_some()) {
            let why = format!("`{}`: a heterogeneous job cannot be an array", self.file);
            return Err(
                Error::usage(why).hint("leave `--array` out, or submit it once for each task")
            );
        }
        Ok(())
    }

    /// Fails where arguments of a script would do harm: the slurmrestd of Slurm 22.05, for one, ends by
    /// signal 11 when it is given some, and with it everybody's requests.
    fn require_arguments(&self, version: ApiVersion) -> Result<()> {
        if version >= LISTS {
            return Ok(());
        }
        let file = &self.file;
        let why =
            format!("`{file}`: a server of API {version} breaks down at arguments of a script");
        Err(Error::usage(why).hint("give them as variables: --env NAME=VALUE"))
    }

    /// Fails when a version does not know a word of a list: its server would leave it out.
    fn require_words(&self, name: &str, value: &Value, version: ApiVersion) -> Result<()> {
        let Value::Words(words) = value else {
            return Ok(());
        };
        let is_unknown = |word: &&String| {
            versions_of(name, word).is_some_and(|known| !known.contains(&version.number()))
        };
        match words.iter().find(is_unknown) {
            None => Ok(()),
            Some(word) => Err(self.left_out(&format!("{word}` in `{name}"), version)),
        }
    }

    /// Returns the error for what a version does not have.
    pub(super) fn left_out(&self, what: &str, version: ApiVersion) -> Error {
        Error::usage(format!(
            "`{}`: the server would leave out `{what}`, which its API {version} does not have",
            self.file
        ))
        .hint("leave it out, or submit with sbatch on the cluster")
    }
}

/// Writes variables as a version wants them.
fn written(environment: &std::collections::BTreeMap<String, String>, version: ApiVersion) -> Json {
    if version < LISTS {
        return json!(environment);
    }
    let list: Vec<String> = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    json!(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(lines: &str) -> Description {
        let script = format!("#!/bin/sh\n{lines}\n");
        let mut job = Description::read("job.sh", script.as_bytes()).unwrap();
        job.fill(&super::super::owner::me()).unwrap();
        job
    }

    fn sent(lines: &str, version: u32) -> Json {
        job(lines).body(ApiVersion::new(version)).unwrap()["job"].clone()
    }

    #[test]
    fn components_are_sent_as_the_jobs_of_one() {
        let job = job("#SBATCH -n 1 -c 2\n#SBATCH hetjob\n#SBATCH -n 2 -p big");
        for version in [36, 38, 40, 45] {
            let body = job.body(ApiVersion::new(version)).unwrap();
            assert!(body.get("job").is_none() && body["script"].is_string());
            let jobs = body["jobs"].as_array().unwrap();
            assert_eq!(jobs.len(), 2);
            assert_eq!(
                (&jobs[0]["tasks"], &jobs[1]["tasks"]),
                (&json!(1), &json!(2))
            );
            assert_eq!(jobs[1]["partition"], "big");
            assert!(jobs[0].get("partition").is_none());
        }
        let body = job.body(ApiVersion::new(42)).unwrap();
        let first = body["jobs"][0]["environment"].to_string();
        for variable in [
            "SLURM_CPUS_PER_TASK_HET_GROUP_0=2",
            "SLURM_CPUS_PER_TASK_PACK_GROUP_0=2",
            "SLURM_NTASKS_HET_GROUP_1=2",
        ] {
            assert!(first.contains(variable), "{first}");
        }
        assert!(
            body["jobs"][1]["environment"]
                .to_string()
                .contains("HOME=/home/me")
        );
    }

    /// As `sbatch` has it: what is said of the job counts for what follows, what is said of its
    /// resources does not.
    #[test]
    fn a_component_keeps_what_the_one_before_says_of_the_job() {
        let job = job("#SBATCH -J a -t 5 --mem=1G -n 4 -c 2\n#SBATCH hetjob\n#SBATCH -t 9 -p big");
        let body = job.body(ApiVersion::new(42)).unwrap();
        let second = &body["jobs"][1];
        assert_eq!(second["name"], "a");
        assert_eq!(second["time_limit"]["number"], 9);
        assert_eq!(second["memory_per_node"]["number"], 1024);
        assert!(second.get("tasks").is_none() && second.get("cpus_per_task").is_none());
        let wrong = "#!/bin/sh\n#SBATCH --time=x\n#SBATCH hetjob\n#SBATCH -n 1\n";
        let error = Description::read("j", wrong.as_bytes()).unwrap_err();
        assert_eq!(error.to_string().matches("line 2").count(), 1, "{error}");
    }

    #[test]
    fn a_heterogeneous_job_is_no_array() {
        let job = job("#SBATCH -n 1 --array=1-2\n#SBATCH hetjob\n#SBATCH -n 1");
        let error = job.body(ApiVersion::new(42)).unwrap_err().to_string();
        assert!(error.contains("cannot be an array"), "{error}");
    }

    #[test]
    fn components_come_from_json_too() {
        let json =
            r##"{"script": "#!/bin/sh\ntrue", "jobs": [{"tasks": 1, "name": "a"}, {"tasks": 2}]}"##;
        let job = Description::read("f", json.as_bytes()).unwrap();
        let body = job.body(ApiVersion::new(42)).unwrap();
        assert_eq!(body["jobs"][0]["name"], "a");
        assert_eq!(body["jobs"][1]["tasks"], 2);
        let inner = r##"{"jobs": [{"script": "#!/bin/sh\ntrue"}, {"tasks": 2}]}"##;
        assert!(
            Description::read("f", inner.as_bytes())
                .unwrap()
                .is_heterogeneous()
        );
    }

    #[test]
    fn arguments_stand_behind_the_name() {
        let mut job = job("");
        job.give(&["10".to_owned(), "a b".to_owned()]);
        let body = job.body(ApiVersion::new(42)).unwrap();
        assert_eq!(body["job"]["argv"], json!(["job.sh", "10", "a b"]));
        let error = job.body(ApiVersion::new(38)).unwrap_err().to_string();
        assert!(error.contains("breaks down at arguments"), "{error}");
    }

    #[test]
    fn what_a_version_does_not_know_of_a_list_is_refused() {
        assert_eq!(
            sent("#SBATCH --spread-job", 40)["flags"],
            json!(["SPREAD_JOB"])
        );
        let flags = sent("#SBATCH --requeue=expedite --stepmgr", 44)["flags"].clone();
        assert_eq!(flags, json!(["EXPEDITED_REQUEUE", "STEPMGR_ENABLED"]));
        let error = job("#SBATCH --requeue=expedite").body(ApiVersion::new(42));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("`EXPEDITED_REQUEUE` in `flags`")
        );
        assert!(
            job("#SBATCH --exclusive=topo")
                .body(ApiVersion::new(40))
                .is_err()
        );
    }

    #[test]
    fn options_mean_the_same_in_old_versions() {
        for (line, field, value) in [
            ("--gpus=a100:2,v100:1", "gpus", json!("a100:2,v100:1")),
            ("--gpus-per-task=a:2", "gpus_per_task", json!("a:2")),
            ("--gpus-per-socket=1", "gpus_per_socket", json!("1")),
            ("--cpus-per-gpu=2", "cpus_per_gpu", json!("2")),
            ("--mem-per-gpu=1G", "memory_per_gpu", json!(1024)),
            ("--ntasks-per-gpu=2", "ntasks_per_gpu", json!(2)),
            ("--gpu-bind=closest", "gpu_binding", json!("closest")),
            ("--gpu-freq=high", "gpu_frequency", json!("high")),
            ("--no-kill", "no_kill", json!("set")),
            ("--spread-job", "spread_job", json!(true)),
            ("--use-min-nodes", "minimum_nodes", json!(true)),
            (
                "--kill-on-invalid-dep=no",
                "kill_on_invalid_dependency",
                json!(false),
            ),
            (
                "--gres-flags=enforce-binding",
                "gres_flags",
                json!("enforce-binding"),
            ),
            ("--oversubscribe", "exclusive", json!("oversubscribe")),
            ("--wait-all-nodes=1", "wait_all_nodes", json!(1)),
            ("--nodelist=n1,n2", "nodelist", json!("n1,n2")),
            (
                "--mem-bind=map_mem:0,1",
                "memory_binding",
                json!("map_mem:0,1"),
            ),
            ("--signal=RB:USR1@9", "signal", json!("RB:USR1@9")),
            (
                "--profile=all",
                "profile",
                json!("energy,lustre,network,task"),
            ),
            ("--tmp=1G", "temporary_disk_per_node", json!(1024)),
            ("--hint=nomultithread", "threads_per_core", json!(1)),
        ] {
            assert_eq!(sent(&format!("#SBATCH {line}"), 38)[field], value, "{line}");
        }
    }
}
