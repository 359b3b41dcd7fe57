//! `sbatch`: submits a batch script, with the options of the command line, of `SBATCH_*` variables and
//! of the script.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output;
use crate::slurm::jobs::{self, Marker, Submitted};
use crate::slurm::submission::{
    CommandLine, Description, Whose, options_of_environment, sbatch_options,
};

use super::super::jobs::{Files, own_name, read, wait_for};
use super::install::is_folder_of_shims;
use super::print_version;
use super::surroundings::Surroundings;

const HELP: &str = "Usage: sbatch [OPTIONS...] [SCRIPT [ARGUMENTS...]]\n\n\
    Submits a batch script over Slurm's API: hpcapi by the name that tools know. Without a script it is\n\
    read from standard input. The options are those of sbatch: hpcapi jobs submit --help\n";

/// What never goes into a job: who one is here, and what is nobody else's to know.
const KEPT: [&str; 8] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "OLDPWD",
    "SLURM_JWT",
    "_",
];

/// How variables begin that hold credentials, or say which API is asked.
const KEPT_BEGINNINGS: [&str; 3] = ["AWS_", "HPCAPI_", "BASH_FUNC_"];

pub(super) async fn run(words: &[String]) -> Result<u8> {
    let line = CommandLine::read(words)?;
    if line.get("version").is_some() {
        return print_version().await;
    }
    if line.get("help").or(line.get("usage")).is_some() {
        output::raw(HELP)?;
        return Ok(0);
    }
    let mut given = options_of_environment(|name| std::env::var(name).ok());
    given.extend(line.options);
    let (own, of_job): (Vec<_>, Vec<_>) = given
        .into_iter()
        .partition(|(option, _)| is_of_client(option));
    let asks = |option: &str| own.iter().any(|(own, _)| own == option);
    if asks("test-only") {
        return Err(Error::usage(
            "`--test-only` cannot be had over Slurm's API: it does not say when a job would start",
        )
        .hint(
            Hint::run(Verb::JobsSubmit.with("--test-only FILE"))
                .because("see what would be submitted"),
        ));
    }
    let command = own.iter().rfind(|(own, _)| own == "wrap");
    let mut description = description(
        command.map(|(_, command)| command.as_str()),
        &line.rest,
        &of_job,
        !asks("ignore-pbs"),
    )?;
    if description.wishes("test-only") {
        return Err(Error::usage("`--test-only` cannot be had over Slurm's API"));
    }
    let waits = asks("wait") || description.wishes("wait");
    let surroundings = Surroundings::read()?;
    surroundings.require_slurmrestd("`sbatch`")?;
    surroundings
        .with(async |reach, events| {
            let client = &reach.client;
            let name = own_name(client).await?;
            let owner = surroundings.home.owner(reach, &name).await;
            description.fill(&owner)?;
            let submission = jobs::submit(client, description, &Marker::new()?).await;
            let submitted = submission.map_err(failed)?;
            print(&submitted, asks("parsable"), asks("quiet"))?;
            if waits {
                wait_for(reach, events, &[submitted.id]).await?;
            }
            Ok(0)
        })
        .await
}

/// Returns an error of a submission as `sbatch` begins it.
fn failed(error: Error) -> Error {
    let words = format!("Batch job submission failed: {error:#}");
    let hints = error.hints().iter().cloned();
    hints.fold(Error::new(error.kind(), words), Error::hint)
}

fn is_of_client(option: &str) -> bool {
    let mut named = sbatch_options().filter(|known| known.long == option);
    named.any(|known| known.whose() == Whose::Client)
}

/// Reads the job, as it is here: its folder is this one, and its environment this shell's.
fn description(
    command: Option<&str>,
    words: &[String],
    options: &[(String, String)],
    has_others: bool,
) -> Result<Description> {
    let (file, arguments) = match words {
        [] => ("-", words),
        [file, arguments @ ..] => (file.as_str(), arguments),
    };
    if command.is_some() && !words.is_empty() {
        return Err(Error::usage(
            "script arguments not permitted with --wrap option",
        ));
    }
    let files = [file.to_owned()];
    let files = Files {
        files: &files,
        command,
        arguments,
        has_others,
    };
    let mut jobs = read(&files, options)?;
    let mut description = jobs.swap_remove(0).description;
    let here = std::env::current_dir()
        .map_err(|error| Error::failed("cannot find the current folder").because(error))?;
    let here = here.to_str().ok_or_else(|| {
        Error::usage("the path of the current folder is no text in UTF-8")
            .hint("call sbatch in another folder")
    })?;
    description.submit_from(here);
    description.inherit(&inherited());
    Ok(description)
}

/// Returns the variables of this shell that a job may have.
fn inherited() -> Vec<(String, String)> {
    let is_kept = |name: &str| {
        KEPT.contains(&name) || KEPT_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| !is_kept(name) && !name.is_empty() && !value.contains('\0'))
        .map(|(name, value)| match name.as_str() {
            "PATH" => (name, without_shims(&value)),
            _ => (name, value),
        })
        .collect()
}

fn without_shims(path: &str) -> String {
    let folders = path.split(':');
    let folders = folders.filter(|folder| !is_folder_of_shims(Path::new(folder)));
    folders.collect::<Vec<_>>().join(":")
}

/// Prints the number of a job, and what there is to say of it.
fn print(submitted: &Submitted, is_parsable: bool, is_quiet: bool) -> Result<()> {
    let id = submitted.id;
    if let Some(words) = &submitted.job_submit_user_msg {
        let lines = words.lines().map(|line| format!("sbatch: {line}\n"));
        output::harmless(&lines.collect::<String>());
    }
    let warnings = submitted.warnings.iter();
    let warnings = warnings.map(|words| format!("sbatch: warning: {words}\n"));
    output::harmless(&warnings.collect::<String>());
    let line = match (is_quiet, is_parsable) {
        (true, _) => return Ok(()),
        (false, true) => format!("{id}\n"),
        (false, false) => format!("Submitted batch job {id}\n"),
    };
    output::raw(&line).map_err(|error| output::after(&format!("the job {id} was submitted"), error))
}
