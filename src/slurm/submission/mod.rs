//! From a job file and the options of `sbatch` to the body of a submission, for every version of
//! the API. What a version has no field for is refused: its server would leave it out without a
//! word.

mod fields;
mod json_file;
mod options;
mod readings;
mod script;
mod value;
mod values;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};

use super::client::ApiVersion;
use super::time;

use fields::field;
use value::Value;

/// Where programs are looked for, unless the user says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/slurm/bin";

/// The first version that takes a list of nodes, words and variables as such.
const LISTS: ApiVersion = ApiVersion::new(39);

/// A batch job as its user described it, for any version of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    file: String,
    script: String,
    fields: BTreeMap<&'static str, Value>,
    environment: BTreeMap<String, String>,
}

impl Description {
    /// Reads a job file: JSON if it begins with `{`, else a batch script. `file` is what the user
    /// calls it.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Description> {
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        let mut description = if is_json {
            json_file::read(file, bytes)?
        } else {
            let script = std::str::from_utf8(bytes).map_err(|error| {
                Error::usage(format!("`{file}` is no text in UTF-8")).because(error)
            })?;
            Description::empty(file, script.to_owned())
        };
        script::require_script(file, &description.script)?;
        let own = std::mem::take(&mut description.fields);
        for (line, option, value) in script::directives(file, &description.script)? {
            description.set(option, &value).map_err(|error| {
                let hints = error.hints().to_vec();
                let error = Error::usage(format!("{file}, line {line}: {error}"));
                hints.into_iter().fold(error, Error::hint)
            })?;
        }
        // What JSON says beside the script wins over the script's own lines.
        description.fields.extend(own);
        Ok(description)
    }

    /// Sets an option of `sbatch` by its long name without dashes, as the command line gives it.
    pub fn set(&mut self, option: &str, value: &str) -> Result<()> {
        options::set(self, option, value)
    }

    /// Fills in what Slurm wants and the user left out: a folder, and an environment.
    pub fn fill(&mut self, directory: &str, user: &str) {
        self.fields
            .entry("current_working_directory")
            .or_insert_with(|| Value::Text(directory.to_owned()));
        for (name, value) in [("PATH", PATH), ("USER", user), ("LOGNAME", user)] {
            self.environment
                .entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
    }

    /// Adds a marker to the job's comment.
    pub fn mark(&mut self, marker: &str) {
        let comment = match self.text("comment") {
            Some(comment) => format!("{comment} {marker}"),
            None => marker.to_owned(),
        };
        self.put("comment", Value::Text(comment));
    }

    /// Returns the job's name: by default that of its file, as `sbatch` has it.
    pub fn name(&self) -> &str {
        let file = self.file.rsplit('/').next().unwrap_or_default();
        let own = self.text("name").filter(|name| !name.is_empty());
        own.unwrap_or(if file == "-" { "sbatch" } else { file })
    }

    /// Returns the tasks of its array.
    pub fn array(&self) -> Option<&str> {
        self.text("array")
    }

    /// Returns whether the job is to wait until it is released.
    pub fn is_held(&self) -> bool {
        self.fields.get("hold") == Some(&Value::Flag(true))
    }

    /// Returns the body of the submission in a version of the API; fails when the version has no
    /// field for something.
    pub fn body(&self, version: ApiVersion) -> Result<Json> {
        let mut job = Map::new();
        job.insert("name".to_owned(), json!(self.name()));
        for (name, value) in &self.fields {
            let known = field(name).expect("only fields of the table are put");
            let is_off = *value == Value::Flag(false);
            match known.name_in(version) {
                // Old servers take it and leave it out.
                Some("requeue") if version < LISTS && is_off => {
                    job.insert("no_requeue".to_owned(), json!(true));
                }
                Some("mail_type") if version >= LISTS => {
                    job.insert("mail_type".to_owned(), mail_types(value));
                }
                Some(own) => {
                    job.insert(own.to_owned(), value.write(known.kind, version));
                }
                None => self.write_otherwise(&mut job, name, value, version)?,
            }
        }
        job.insert("environment".to_owned(), self.environment(version));
        Ok(json!({"script": self.script, "job": job}))
    }

    /// Writes what old versions have, but write otherwise.
    fn write_otherwise(
        &self,
        job: &mut Map<String, Json>,
        name: &'static str,
        value: &Value,
        version: ApiVersion,
    ) -> Result<()> {
        let is_early = version < LISTS;
        let gpus = |resources: &str| resources.strip_prefix("gres/gpu:").map(ToOwned::to_owned);
        let text = match value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let written = match name {
            "minimum_nodes" | "maximum_nodes" if is_early => {
                let number = |name| match self.fields.get(name) {
                    Some(Value::Number(number)) => Some(*number),
                    _ => None,
                };
                let (least, most) = (number("minimum_nodes"), number("maximum_nodes"));
                let least = least.or(most).unwrap_or(1);
                // A list of both is taken, and left out.
                Some(("nodes", json!(format!("{least}-{}", most.unwrap_or(least)))))
            }
            "tres_per_node" if is_early => {
                let parts: Option<Vec<&str>> = text
                    .split(',')
                    .map(|part| part.strip_prefix("gres/"))
                    .collect();
                parts.map(|parts| ("gres", json!(parts.join(","))))
            }
            "tres_per_job" if is_early => gpus(text).map(|gpus| ("gpus", json!(gpus))),
            "tres_per_task" if is_early => {
                let gpus = text
                    .strip_prefix("gres/gpu")
                    .map(|gpus| gpus.replace('=', ":"));
                gpus.map(|gpus| ("gpus_per_task", json!(gpus.trim_start_matches(':'))))
            }
            // Says the same as the GPUs of each task.
            "tres_bind" if is_early && self.fields.contains_key("tres_per_task") => return Ok(()),
            "excluded_nodes" if is_early => match value {
                Value::Words(names) => Some(("exclude_nodes", json!(names.join(",")))),
                _ => None,
            },
            "begin_time" | "deadline" if is_early => match value {
                Value::Number(moment) => {
                    let left = moment.saturating_sub_unsigned(time::now()).max(0);
                    Some((name, json!(format!("now+{left}"))))
                }
                _ => None,
            },
            "delay_boot" if is_early => match value {
                Value::Number(seconds) => Some((name, json!(seconds / 60))),
                _ => None,
            },
            "shared" if is_early => match value {
                Value::Words(words) if words == &["none"] => {
                    Some(("exclusive", json!("exclusive")))
                }
                Value::Words(words) if words.len() == 1 => Some(("exclusive", json!(words[0]))),
                _ => None,
            },
            "kill_warning_signal" if is_early => Some(("signal", json!(self.signal()))),
            // Written together with the signal.
            "kill_warning_delay" | "kill_warning_flags" if is_early => return Ok(()),
            _ => None,
        };
        match written {
            Some((own, json)) => {
                job.insert(own.to_owned(), json);
                Ok(())
            }
            None => Err(Error::usage(format!(
                "`{}`: the server would leave out `{name}`, which its API {version} does not have",
                self.file
            ))
            .hint("leave it out, or submit with sbatch on the cluster")),
        }
    }

    /// Returns the signal as `sbatch` writes it.
    fn signal(&self) -> String {
        let is_batch = matches!(self.fields.get("kill_warning_flags"), Some(Value::Words(words)) if !words.is_empty());
        let signal = self.text("kill_warning_signal").unwrap_or_default();
        let seconds = match self.fields.get("kill_warning_delay") {
            Some(Value::Number(seconds)) => *seconds,
            _ => 60,
        };
        format!("{}{signal}@{seconds}", if is_batch { "B:" } else { "" })
    }

    fn environment(&self, version: ApiVersion) -> Json {
        if version < LISTS {
            return json!(self.environment);
        }
        let list: Vec<String> = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        json!(list)
    }

    fn empty(file: &str, script: String) -> Description {
        Description {
            file: file.to_owned(),
            script,
            fields: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }

    fn put(&mut self, name: &'static str, value: Value) {
        self.fields.insert(name, value);
    }

    fn variable(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is_name =
            !name.is_empty() && !name.contains(['\0', '=', '\n']) && !value.contains('\0');
        if !is_name {
            return Err("variable as in NAME=VALUE".to_owned());
        }
        self.environment.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.fields.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Writes occasions for a mail as the later versions call them.
fn mail_types(value: &Value) -> Json {
    let Value::Words(words) = value else {
        return json!([]);
    };
    let renamed = |word: &String| match word.as_str() {
        "INVALID_DEPEND" => "INVALID_DEPENDENCY".to_owned(),
        "TIME_LIMIT" => "TIME=100%".to_owned(),
        "TIME_LIMIT_90" => "TIME=90%".to_owned(),
        "TIME_LIMIT_80" => "TIME=80%".to_owned(),
        "TIME_LIMIT_50" => "TIME=50%".to_owned(),
        word => word.to_owned(),
    };
    json!(words.iter().map(renamed).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "#!/bin/bash\n#SBATCH --job-name=a --nodes=1-2 --time=5\ntrue\n";

    fn read(text: &str) -> Description {
        let mut description = Description::read("folder/job.sh", text.as_bytes()).unwrap();
        description.fill("/home/me", "me");
        description
    }

    fn body(description: &Description, version: u32) -> Json {
        description.body(ApiVersion::new(version)).unwrap()
    }

    #[test]
    fn one_job_means_the_same_in_every_version() {
        let job = read(SCRIPT);
        let (old, new) = (body(&job, 36), body(&job, 45));
        assert_eq!(old["script"], SCRIPT);
        assert_eq!(old["job"]["nodes"], "1-2");
        assert_eq!(old["job"]["time_limit"], 5);
        assert_eq!(old["job"]["environment"]["USER"], "me");
        assert_eq!(new["job"]["minimum_nodes"], 1);
        assert_eq!(new["job"]["maximum_nodes"], 2);
        assert_eq!(new["job"]["time_limit"]["number"], 5);
        assert_eq!(new["job"]["environment"][0], "LOGNAME=me");
        assert_eq!(new["job"]["name"], "a");
        assert_eq!(body(&job, 99), new);
    }

    #[test]
    fn old_and_new_json_mean_the_same_job() {
        let old = r##"{"script": "#!/bin/sh\ntrue", "job": {"ntasks": 2, "nodes": 1, "name": "x",
            "current_working_directory": "/w", "environment": {"A": "b"}, "standard_out": "/o",
            "time_limit": "00:05:00"}}"##;
        let new = r##"{"job": {"script": "#!/bin/sh\ntrue", "tasks": 2, "minimum_nodes": 1,
            "maximum_nodes": 1, "name": "x", "current_working_directory": "/w",
            "environment": ["A=b"], "standard_output": "/o", "time_limit": {"number": 5}}}"##;
        assert_eq!(body(&read(old), 42), body(&read(new), 42));
        assert_eq!(body(&read(old), 36), body(&read(new), 36));
    }

    #[test]
    fn the_command_line_wins_over_json_and_json_over_the_script() {
        let text = r##"{"script": "#!/bin/sh\n#SBATCH -n 2 -c 2 --mem=1G\n", "job": {"tasks": 3, "cpus_per_task": 3}}"##;
        let mut job = read(text);
        job.set("ntasks", "4").unwrap();
        let body = body(&job, 42);
        assert_eq!(body["job"]["tasks"], 4);
        assert_eq!(body["job"]["cpus_per_task"], 3);
        assert_eq!(body["job"]["memory_per_node"]["number"], 1024);
    }

    #[test]
    fn what_a_server_would_leave_out_is_refused_by_name() {
        let refused = |text: &str| {
            Description::read("f", text.as_bytes())
                .unwrap_err()
                .to_string()
        };
        let unknown = r##"{"script": "#!/bin/sh", "job": {"time_limitt": 5}}"##;
        assert!(refused(unknown).contains("`time_limitt`"));
        let outside = r##"{"script": "#!/bin/sh", "name": "x", "job": {}}"##;
        assert!(refused(outside).contains("`name`"));
        assert!(refused("#!/bin/sh\n#SBATCH --parsable\n").contains("f, line 2: `--parsable`"));
        let job = read("#!/bin/sh\n#SBATCH --nodelist=n1\n");
        let error = job.body(ApiVersion::new(38)).unwrap_err().to_string();
        assert!(
            error.contains("required_nodes") && error.contains("v0.0.38"),
            "{error}"
        );
    }

    #[test]
    fn a_marker_goes_behind_the_comment() {
        let mut job = read(SCRIPT);
        job.mark("m1");
        assert_eq!(body(&job, 42)["job"]["comment"], "m1");
        job.set("comment", "hello").unwrap();
        job.mark("m2");
        assert_eq!(body(&job, 42)["job"]["comment"], "hello m2");
    }

    #[test]
    fn a_job_is_named_after_its_file() {
        assert_eq!(read("#!/bin/sh\ntrue").name(), "job.sh");
        assert_eq!(read(SCRIPT).name(), "a");
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes in any::<Vec<u8>>(), text in "\\{[\"a-z:{}\\[\\],0-9 ]{0,60}") {
            let _ = Description::read("f", &bytes);
            let _ = Description::read("f", text.as_bytes());
        }

        #[test]
        fn no_option_makes_it_panic(option in "[a-z-]{1,12}", value in any::<String>(), version in 30_u32..60) {
            let mut job = read(SCRIPT);
            let _ = job.set(&option, &value);
            let _ = job.body(ApiVersion::new(version));
        }
    }
}
