//! The files that `jobs submit` reads: into jobs, or into orders for the operations path.

use std::io::Read;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::slurm::ApiVersion;
use crate::slurm::jobs::Marker;
use crate::slurm::operations::Order;
use crate::slurm::submission::{self, Description, Owner};

use super::notify::NotifyArgs;

/// A job, and the file that describes it.
pub(in crate::cli) struct Job {
    pub(super) file: String,
    pub(in crate::cli) description: Description,
}

/// Where jobs come from.
pub(in crate::cli) struct Files<'a> {
    pub(in crate::cli) files: &'a [String],
    /// A command instead of a file.
    pub(in crate::cli) command: Option<&'a str>,
    /// What the scripts get.
    pub(in crate::cli) arguments: &'a [String],
    /// Whether lines for other schedulers count.
    pub(in crate::cli) has_others: bool,
}

impl Files<'_> {
    /// Fails for a command beside a file, or with arguments.
    pub(super) fn require_one_way(&self) -> Result<()> {
        if self.command.is_some() && !(self.files.is_empty() && self.arguments.is_empty()) {
            return Err(Error::usage(
                "`--wrap` is a job without a file and without arguments",
            ));
        }
        Ok(())
    }
}

/// Reads all jobs; the error tells all that is wrong with any of them.
pub(in crate::cli) fn read(files: &Files<'_>, options: &[(String, String)]) -> Result<Vec<Job>> {
    require_options(options)?;
    if let Some(command) = files.command {
        let description = with_options(Description::wrap(command)?, options)?;
        return Ok(vec![Job {
            file: "wrap".to_owned(),
            description,
        }]);
    }
    let read = |file: &String| {
        let bytes = contents(file)?;
        let description = match files.has_others {
            true => Description::read(file, &bytes)?,
            false => Description::read_without_others(file, &bytes)?,
        };
        let mut description = with_options(description, options)?;
        description.give(files.arguments);
        Ok(Job {
            file: file.clone(),
            description,
        })
    };
    all(files.files.iter().map(read))
}

/// Returns all values, or the errors of all that failed as one.
fn all<T>(outcomes: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    Error::all(faults).map_or(Ok(values), Err)
}

/// Fails for options of the command line that are wrong whatever the file.
fn require_options(options: &[(String, String)]) -> Result<()> {
    let mut none = Description::wrap("true")?;
    all(options
        .iter()
        .map(|(option, value)| none.set(option, value)))
    .map(drop)
}

fn with_options(mut description: Description, options: &[(String, String)]) -> Result<Description> {
    for (option, value) in options {
        description.set(option, value)?;
    }
    Ok(description)
}

fn contents(file: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Error::usage(format!("cannot read the job file `{file}`")).because(error))
}

/// Returns the text of a batch script; fails when it is none.
pub(in crate::cli) fn batch_script(file: &str, bytes: &[u8]) -> Result<String> {
    let script = submission::script_text(file, bytes)?;
    match script.starts_with("#!") {
        true => Ok(script),
        false => Err(Error::usage(format!(
            "`{file}` is no batch script: its first line does not begin with #!"
        ))),
    }
}

/// Returns what the operations path takes: batch scripts alone.
pub(super) fn orders(
    files: &Files<'_>,
    options: &[(String, String)],
    notify: NotifyArgs,
) -> Result<Vec<(String, Order)>> {
    let order = |file: &str, script: String| {
        let name = file.rsplit('/').next().unwrap_or_default();
        let mut options = options.to_vec();
        notify.add_to(&mut options, file, &script)?;
        let order = Order {
            name: if name == "-" { "sbatch" } else { name }.to_owned(),
            script,
            arguments: files.arguments.to_vec(),
            options,
            marker: Marker::digits()?,
        };
        Ok((file.to_owned(), order))
    };
    if let Some(command) = files.command {
        let script = format!("#!/bin/sh\n{command}\n");
        return Ok(vec![order("wrap", script)?]);
    }
    all(files.files.iter().map(|file| {
        let script = batch_script(file, &contents(file)?).map_err(|error| {
            error.hint("the API's own JSON goes to slurmrestd: leave out --via operations")
        })?;
        order(file, script)
    }))
}

/// Fills in whose jobs they are. Fails for those whose folder is below a home that is not known.
pub(super) fn filled(jobs: Vec<Job>, owner: &Owner) -> Result<Vec<Job>> {
    all(jobs.into_iter().map(|mut job| {
        job.description.fill(owner)?;
        Ok(job)
    }))
}

/// Returns what would be sent of each job; the error tells all that is wrong with any of them.
pub(super) fn bodies(jobs: &[Job], version: ApiVersion) -> Result<Vec<Json>> {
    all(jobs.iter().map(|job| job.description.body(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[String]) -> Files<'_> {
        Files {
            files,
            command: None,
            arguments: &[],
            has_others: true,
        }
    }

    #[test]
    fn all_that_is_wrong_with_all_files_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<String> = ["a.sh", "b.sh"]
            .iter()
            .map(|name| folder.path().join(name).display().to_string())
            .collect();
        std::fs::write(&paths[0], "#!/bin/sh\n#SBATCH --foo\n#SBATCH --bar=1\n").unwrap();
        std::fs::write(&paths[1], "#!/bin/sh\n#SBATCH -n 1\n#SBATCH --mem=4Q\n").unwrap();
        let message = read(&files(&paths), &[]).err().unwrap().to_string();
        for words in [
            "a.sh, line 2: `--foo`",
            "a.sh, line 3: `--bar`",
            "b.sh, line 3: `4Q`",
        ] {
            assert!(message.contains(words), "{message}");
        }
        std::fs::write(&paths[0], "#!/bin/sh\n").unwrap();
        std::fs::write(&paths[1], "#!/bin/sh\n").unwrap();
        let wrong = ["mem", "ntasks"].map(|option| (option.to_owned(), "x".to_owned()));
        let message = read(&files(&paths), &wrong).err().unwrap().to_string();
        assert_eq!(message.matches("`x`").count(), 2, "{message}");
        assert_eq!(read(&files(&paths), &[]).unwrap().len(), 2);
    }

    #[test]
    fn a_command_is_a_job_without_a_file() {
        let files = Files {
            command: Some("hostname"),
            ..files(&[])
        };
        files.require_one_way().unwrap();
        let jobs = read(&files, &[]).unwrap();
        assert_eq!(jobs[0].description.name(), "wrap");
        let body = jobs[0].description.body(ApiVersion::new(42)).unwrap();
        assert!(body["script"].as_str().unwrap().ends_with("\nhostname\n"));
        let with_file = Files {
            files: &["job.sh".to_owned()],
            ..files
        };
        assert!(with_file.require_one_way().is_err());
    }
}
