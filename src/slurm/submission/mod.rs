//! From a job file and the options of `sbatch` to the body of a submission, for every version of
//! the API. What a version has no field for is refused: its server would leave it out without a
//! word.

mod body;
#[cfg(test)]
mod cases;
mod command_line;
mod derived;
mod environment;
mod exclusive;
mod fields;
mod json_fields;
mod json_file;
mod launchers;
mod moments;
mod older;
mod options;
mod others;
mod owner;
mod readings;
mod script;
mod setters;
mod submitter;
mod tasks;
mod value;
mod values;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};

use value::Value;

pub use command_line::CommandLine;
pub use moments::moment;
pub use options::{Follows, SbatchOption, Whose, all as sbatch_options};
pub use owner::Owner;
pub use script::text as script_text;
pub use variables::options as options_of_environment;

/// What Windows begins a text with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A batch job as its user described it, for any version of the API.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Description {
    file: String,
    script: String,
    arguments: Vec<String>,
    fields: Fields,
    environment: BTreeMap<String, String>,
    /// Parts of a text field that several options write, by the field and the option.
    parts: BTreeMap<(&'static str, &'static str), String>,
    /// Variables that `sbatch` sets from options, as they were given.
    told: BTreeMap<&'static str, String>,
    /// What its programs are like (`--hint`).
    hints: Vec<String>,
    /// The options of `sbatch` that were given.
    given: BTreeSet<&'static str>,
    /// Those that whoever submits the job is to do.
    wishes: BTreeSet<&'static str>,
    remarks: Vec<String>,
    owner: Option<Owner>,
    /// The other components of a heterogeneous job.
    others: Vec<Description>,
}

type Fields = BTreeMap<&'static str, Value>;

impl Description {
    /// Reads a job file: JSON if it begins with `{`, else a batch script. `file` is what the user
    /// calls it. The error tells all that is wrong.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Description> {
        Description::read_with(file, bytes, script::directives)
    }

    /// Reads a job file without the lines that it has for other schedulers.
    pub fn read_without_others(file: &str, bytes: &[u8]) -> Result<Description> {
        Description::read_with(file, bytes, script::own_directives)
    }

    /// Returns the job that runs a command.
    pub fn wrap(command: &str) -> Result<Description> {
        let script = format!("#!/bin/sh\n# Made of --wrap by hpcapi.\n\n{command}\n");
        script::require_script("wrap", &script)?;
        Ok(Description::empty("wrap", script))
    }

    fn read_with(
        file: &str,
        bytes: &[u8],
        directives: fn(&str, &str) -> script::Directives,
    ) -> Result<Description> {
        let refuse = |why: &str| Error::usage(format!("`{file}` {why}"));
        let start = bytes.trim_ascii_start();
        if start.starts_with(BYTE_ORDER_MARK) {
            return Err(refuse("begins with a byte order mark").hint(format!(
                "take it away: sed -i '1s/^\\xEF\\xBB\\xBF//' {file}"
            )));
        }
        let mut description = match start.first() {
            Some(b'{') => json_file::read(file, bytes)?,
            Some(b'[') => {
                return Err(refuse("is a JSON list, and a job is a JSON object")
                    .hint("one file for each job; components of one job: {\"jobs\": […]}"));
            }
            _ => Description::empty(file, script::text(file, bytes)?),
        };
        script::require_script(file, &description.script)?;
        let mut read = directives(file, &description.script);
        description.remarks.append(&mut read.remarks);
        for (at, component) in read.components.into_iter().enumerate() {
            if at > description.others.len() {
                let other = Description::empty(file, String::new());
                description.others.push(other);
            }
            let target = match at {
                0 => &mut description,
                at => &mut description.others[at - 1],
            };
            // What JSON says beside the script wins over the script's own lines.
            let mut own = Description::empty(file, String::new());
            for (line, option, value) in component {
                if let Err(error) = options::set(&mut own, option, &value) {
                    let hints = error.hints().to_vec();
                    let error = Error::usage(format!("{file}, line {line}: {error}"));
                    read.faults.push(hints.into_iter().fold(error, Error::hint));
                }
            }
            target.stand_on(own);
        }
        // A component repeats what it has of the one before.
        let mut told = BTreeSet::new();
        read.faults.retain(|fault| told.insert(fault.to_string()));
        match Error::all(read.faults) {
            Some(all) => Err(all),
            None => Ok(description),
        }
    }

    /// Returns the options that a batch script has for Slurm, by their long names; of a
    /// heterogeneous job those of its first component.
    pub fn options(file: &str, script: &str) -> Result<Vec<(String, String)>> {
        let read = script::directives(file, script);
        if let Some(all) = Error::all(read.faults) {
            return Err(all);
        }
        let first = read.components.into_iter().next().unwrap_or_default();
        let is_job = |name: &str| {
            let mut all = options::all().filter(|option| option.long == name);
            all.any(|option| option.whose() == Whose::Job)
        };
        Ok(first
            .into_iter()
            .filter(|(_, option, _)| is_job(option))
            .map(|(_, option, value)| (option.to_owned(), value))
            .collect())
    }

    /// Sets an option of `sbatch` by its long name without dashes, as the command line gives it.
    pub fn set(&mut self, option: &str, value: &str) -> Result<()> {
        for other in &mut self.others {
            options::set(other, option, value)?;
        }
        options::set(self, option, value)
    }

    /// Fills in what Slurm wants and the user left out: a folder, and whose job it is. Fails when
    /// the folder is below a home that is not known.
    pub fn fill(&mut self, owner: &Owner) -> Result<()> {
        for other in &mut self.others {
            other.fill(owner)?;
        }
        let given = self.text("current_working_directory").unwrap_or_default();
        let folder = match owner.home_with(&self.environment) {
            _ if given.starts_with('/') => given.to_owned(),
            Some(home) => below(&home, given),
            None => return Err(owner.homeless(&self.file)),
        };
        self.put("current_working_directory", Value::Text(folder));
        self.owner = Some(owner.clone());
        Ok(())
    }

    /// Has the job run another script than the one that describes it.
    pub fn run_by(&mut self, script: String) {
        self.script = script;
    }

    /// Gives its script arguments.
    pub fn give(&mut self, arguments: &[String]) {
        self.arguments = arguments.to_vec();
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

    /// Returns the partition that it is for, if it names one.
    pub fn partition(&self) -> Option<&str> {
        self.text("partition")
    }

    /// Returns the tasks of its array.
    pub fn array(&self) -> Option<&str> {
        self.text("array")
    }

    /// Returns whether the job is to wait until it is released.
    pub fn is_held(&self) -> bool {
        self.fields.get("hold") == Some(&Value::Flag(true))
    }

    /// Returns whether its file asks whoever submits it for something: an option of `sbatch`.
    pub fn wishes(&self, option: &str) -> bool {
        self.wishes.contains(option)
    }

    /// Returns whether it has several components.
    pub fn is_heterogeneous(&self) -> bool {
        !self.others.is_empty()
    }

    /// Returns what its user should know, though nothing is wrong.
    pub fn remarks(&self) -> Vec<String> {
        let has_home = self.environment.contains_key("HOME") || self.asks_node_for_login();
        let owner = self.owner.iter().flat_map(|owner| owner.remarks(has_home));
        let all = std::iter::once(self).chain(&self.others);
        all.flat_map(|one| one.remarks.iter().cloned().chain(derived::remark(one)))
            .chain(owner)
            .collect()
    }

    fn empty(file: &str, script: String) -> Description {
        Description {
            file: file.to_owned(),
            script,
            ..Description::default()
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.fields.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Returns a job's folder below the user's home.
fn below(home: &str, given: &str) -> String {
    let below = given
        .strip_prefix('~')
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let parts = below.unwrap_or(given).split('/');
    let parts = parts.filter(|part| !part.is_empty() && *part != ".");
    std::iter::once(home)
        .chain(parts)
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    const SCRIPT: &str = "#!/bin/bash\n#SBATCH --job-name=a --nodes=1-2 --time=5\ntrue\n";

    fn read(text: &str) -> Description {
        let mut description = Description::read("folder/job.sh", text.as_bytes()).unwrap();
        description.fill(&owner::me()).unwrap();
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
        let variables = new["job"]["environment"].as_array().unwrap();
        assert!(variables.contains(&"LOGNAME=me".into()), "{variables:?}");
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
        assert!(refused("#!/bin/sh\n#SBATCH --uid=me\n").contains("f, line 2: `--uid`"));
        let job = read("#!/bin/sh\n#SBATCH --contiguous\n");
        let error = job.body(ApiVersion::new(38)).unwrap_err().to_string();
        assert!(
            error.contains("contiguous") && error.contains("v0.0.38"),
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
        fn no_value_of_an_option_makes_it_panic(
            option in proptest::sample::select(sbatch_options().map(|it| it.long).collect::<Vec<_>>()),
            value in any::<String>(),
            like in "[-+=:@%,.A-Za-z0-9/]{0,20}",
            version in 36_u32..47,
        ) {
            for value in [value, like] {
                let mut job = read(SCRIPT);
                let _ = job.set(option, &value);
                let _ = job.body(ApiVersion::new(version));
            }
        }

        #[test]
        fn no_option_makes_it_panic(option in "[a-z-]{1,12}", value in any::<String>(), version in 30_u32..60) {
            let mut job = read(SCRIPT);
            let _ = job.set(&option, &value);
            let _ = job.body(ApiVersion::new(version));
        }
    }
}
