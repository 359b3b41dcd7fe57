//! `hpcapi runs list`.

use clap::Args as ClapArgs;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::{self, Answer, Cell, Emptiness, Format, Table};
use crate::runs::{RunId, RunState, Runs};
use crate::slurm::time;

use super::super::reach::ReachArgs;
use super::super::show::{UserArgs, with_client};

/// How many runs are looked at at once.
const AT_ONCE: usize = 16;

/// List runs, the newest last
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// No more than so many: the newest
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    with_client(&args.reach, user, async |reach, _| {
        let runs = reach.bucket().await?.runs;
        let all = runs.all().await?;
        let first = all.len().saturating_sub(args.limit as usize);
        let looked = stream::iter(&all[first..]).map(|run| RunLine::look(&runs, run));
        let looked = looked.buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        let runs: Vec<RunLine> = looked.into_iter().flatten().collect();
        let empty = runs.is_empty().then(|| Emptiness {
            said: "there are no runs".to_owned(),
            next: vec![args.reach.command("run SCRIPT")],
        });
        output::answer(&ListAnswer { runs, empty }, args.output)
    })
    .await
}

/// A run in a list.
#[derive(Debug, Serialize)]
pub(super) struct RunLine {
    pub(super) run: RunId,
    pub(super) script: String,
    pub(super) user: String,
    #[serde(serialize_with = "time::serialize")]
    pub(super) created: Option<u64>,
    pub(super) job: Option<u64>,
    #[serde(flatten)]
    pub(super) state: RunState,
}

impl RunLine {
    /// Looks at a run; one that is being deleted, or about to begin, is none.
    pub(super) async fn look(runs: &Runs, run: &RunId) -> Result<Option<RunLine>> {
        let Some(asked) = runs.find(run).await? else {
            return Ok(None);
        };
        let submission = runs.submission(run).await?;
        let state = runs.state(run).await?;
        Ok::<_, Error>(Some(RunLine {
            run: run.clone(),
            script: asked.script.name,
            user: asked.user,
            created: Some(asked.created),
            job: submission.map(|it| it.job_id),
            state,
        }))
    }

    /// Returns how the run is, in words.
    pub(super) fn state(&self) -> String {
        let RunState {
            started,
            ended,
            well,
        } = self.state;
        match (self.job, started, ended) {
            (None, ..) => "not submitted".to_owned(),
            (Some(_), 0, _) => "submitted".to_owned(),
            (_, started, ended) if ended < started => format!("{ended} of {started} ended"),
            (_, 1, _) if well == 1 => "well".to_owned(),
            (_, 1, _) => "not well".to_owned(),
            (_, started, _) => format!("{well} of {started} well"),
        }
    }
}

#[derive(Debug, Serialize)]
struct ListAnswer {
    runs: Vec<RunLine>,
    #[serde(skip)]
    empty: Option<Emptiness>,
}

impl Answer for ListAnswer {
    fn text(&self) -> String {
        let mut table = Table::new(&["RUN", "SCRIPT", "USER", "JOB", "STATE"]);
        for line in &self.runs {
            table.row([
                Cell::from(line.run.as_str()),
                Cell::from(&line.script),
                Cell::from(&line.user),
                Cell::from(line.job.map_or("-".to_owned(), |job| job.to_string())),
                Cell::from(line.state()),
            ]);
        }
        table.text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}
