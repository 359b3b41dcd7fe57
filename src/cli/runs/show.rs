//! `hpcapi runs show`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::{self, Answer, Format};
use crate::runs::{Asked, Attempt, Ended};
use crate::slurm::time;

use super::super::show::with_client;
use super::RunArgs;
use super::list::RunLine;

/// Show what a run was asked to do, and what has become of each part of it
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    of: RunArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let run = &args.of.run;
    with_client(&args.of.reach, args.of.user(), async |reach, _| {
        let runs = reach.bucket().await?.runs;
        let asked = runs.asked(run).await?;
        let line = RunLine::look(&runs, run).await?;
        let line = line.ok_or_else(|| Error::failed(format!("there is no run `{}`", run)))?;
        let mut parts = Vec::new();
        for attempt in runs.last_attempts(run).await? {
            let ended = runs.ended(run, &attempt).await?;
            parts.push(Part { attempt, ended });
        }
        output::answer(&ShowAnswer { line, asked, parts }, args.output)
    })
    .await
}

#[derive(Debug, Serialize)]
struct ShowAnswer {
    #[serde(flatten)]
    line: RunLine,
    asked: Asked,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    #[serde(flatten)]
    attempt: Attempt,
    /// How it ended; `null` while it runs, or when it was killed.
    ended: Option<Ended>,
}

impl Answer for ShowAnswer {
    fn text(&self) -> String {
        let Asked {
            script,
            arguments,
            options,
            out,
            created,
            ..
        } = &self.asked;
        let options = options.iter().map(|(name, value)| match value.as_str() {
            "" => format!("--{name}"),
            value => format!("--{name}={value}"),
        });
        let rows = [
            ("run", self.line.run.to_string()),
            ("script", script.name.clone()),
            ("arguments", arguments.join(" ")),
            ("options", options.collect::<Vec<_>>().join(" ")),
            ("outputs", out.join(" ")),
            ("user", self.line.user.clone()),
            ("created", output::moment_from(*created, time::now())),
            (
                "job",
                self.line.job.map_or(String::new(), |job| job.to_string()),
            ),
            ("state", self.line.state()),
        ];
        let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        let parts = self.parts.iter().map(Part::row);
        rows.chain(parts)
            .map(|(name, value)| format!("{name:<16}{}\n", output::plain(&value)))
            .collect()
    }
}

impl Part {
    fn row(&self) -> (String, String) {
        let name = match self.attempt.task {
            Some(task) => format!("task {task}"),
            None => "end".to_owned(),
        };
        let Some(ended) = &self.ended else {
            return (name, "not yet".to_owned());
        };
        let how = match (ended.exit_code, ended.signal) {
            (_, Some(signal)) => format!("signal {signal}"),
            (Some(code), None) => format!("exit code {code}"),
            (None, None) => "the script did not end".to_owned(),
        };
        let problem = ended.problem.iter().map(|problem| format!("; {problem}"));
        (name, format!("{how}{}", problem.collect::<String>()))
    }
}
