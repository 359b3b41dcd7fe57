//! From a job file and the options of `sbatch` to the body of a submission, for every version of
//! the API. What a version has no field for is refused: its server would leave it out without a
//! word.

mod derived;
mod fields;
mod json_file;
mod older;
mod options;
mod readings;
mod script;
mod value;
mod values;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};

use super::client::ApiVersion;
use fields::field;
use value::Value;

/// The first version that takes a list of nodes, words and variables as such.
const LISTS: ApiVersion = ApiVersion::new(39);

/// Returns a user's home: only the cluster knows it, so it is taken to be where Linux has it by
/// default.
pub fn home_of(user: &str) -> String {
    match user {
        "root" => "/root".to_owned(),
        user => format!("/home/{user}"),
    }
}

/// A batch job as its user described it, for any version of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    file: String,
    script: String,
    fields: Fields,
    environment: BTreeMap<String, String>,
    /// Resources of each node, by the option of `sbatch` that asks for them: one field has all.
    per_node: BTreeMap<&'static str, String>,
    owner: Option<Owner>,
}

type Fields = BTreeMap<&'static str, Value>;

/// Whose job it is.
#[derive(Debug, Clone, PartialEq)]
struct Owner {
    name: String,
    home: String,
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
        let own_per_node = std::mem::take(&mut description.per_node);
        for (line, option, value) in script::directives(file, &description.script)? {
            description.set(option, &value).map_err(|error| {
                let hints = error.hints().to_vec();
                let error = Error::usage(format!("{file}, line {line}: {error}"));
                hints.into_iter().fold(error, Error::hint)
            })?;
        }
        // What JSON says beside the script wins over the script's own lines.
        description.fields.extend(own);
        description.per_node.extend(own_per_node);
        Ok(description)
    }

    /// Returns the options that a batch script has in its #SBATCH lines, by their long names.
    pub fn options(file: &str, script: &str) -> Result<Vec<(String, String)>> {
        let lines = script::directives(file, script)?.into_iter();
        Ok(lines
            .map(|(_, option, value)| (option.to_owned(), value))
            .collect())
    }

    /// Sets an option of `sbatch` by its long name without dashes, as the command line gives it.
    pub fn set(&mut self, option: &str, value: &str) -> Result<()> {
        options::set(self, option, value)
    }

    /// Fills in what Slurm wants and the user left out: a folder, and whose job it is.
    pub fn fill(&mut self, user: &str) {
        let home = home_of(user);
        self.fields
            .entry("current_working_directory")
            .or_insert_with(|| Value::Text(home.clone()));
        self.owner = Some(Owner {
            name: user.to_owned(),
            home,
        });
    }

    /// Has the job run another script than the one that describes it.
    pub fn run_by(&mut self, script: String) {
        self.script = script;
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
        let fields = derived::fields(self).map_err(|[one, other]| {
            Error::usage(format!(
                "`{}`: `{one}` and `{other}` exclude each other",
                self.file
            ))
            .hint("leave one of them out")
        })?;
        let mut job = Map::new();
        job.insert("name".to_owned(), json!(self.name()));
        for (name, value) in &fields {
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
                Some(own) => {
                    job.insert(own.to_owned(), value.write(known.kind, version));
                }
                None => self.write_otherwise(&mut job, name, value, version)?,
            }
        }
        job.insert("environment".to_owned(), self.environment(&fields, version));
        Ok(json!({"script": self.script, "job": job}))
    }

    fn environment(&self, fields: &Fields, version: ApiVersion) -> Json {
        let environment = derived::environment(self, fields);
        if version < LISTS {
            return json!(environment);
        }
        let list: Vec<String> = environment
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
            per_node: BTreeMap::new(),
            owner: None,
        }
    }

    /// Adds what another one sets; returns a field that both set.
    fn add(&mut self, other: Description) -> Option<&'static str> {
        let twice = other
            .fields
            .keys()
            .find(|name| self.fields.contains_key(*name));
        let twice = twice.copied();
        self.fields.extend(other.fields);
        self.environment.extend(other.environment);
        self.per_node.extend(other.per_node);
        twice
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "#!/bin/bash\n#SBATCH --job-name=a --nodes=1-2 --time=5\ntrue\n";

    fn read(text: &str) -> Description {
        let mut description = Description::read("folder/job.sh", text.as_bytes()).unwrap();
        description.fill("me");
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
        assert_eq!(new["job"]["environment"][1], "LOGNAME=me");
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
