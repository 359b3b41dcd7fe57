//! `hpcapi jobs wait`.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::hint::{Hint, Verb};
use crate::output::{Answer, Cell, Table, span};
use crate::slurm::jobs::{self, Job, JobId};

use super::super::reach::{Reach, ReachArgs};
use super::super::show::{ShowArgs, Told, UserArgs, View, print, print_raw, with_client_telling};
use super::forgotten::forgotten;
use super::print_lookups;

/// Long enough for every job.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Wait until jobs have ended, and end with their exit code: of several, the highest
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The jobs: 12, or 12_3 for a task of an array
    #[arg(required = true)]
    id: Vec<JobId>,

    /// Seconds to wait at most, or units as in 2h [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = limit)]
    limit: Option<Duration>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    show: ShowArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_lookups(&args.reach, user, &args.id);
    }
    with_client_telling(
        Told::of_a_wait(),
        &args.reach,
        user,
        async |reach, events| {
            let limit = args.limit.unwrap_or(FOREVER);
            let ended = until_ended(reach, events, &args.id, limit).await?;
            let exit_code = jobs::exit_code(&ended);
            let verdict = verdict(exit_code, &ended);
            // The answer stands below all that was told.
            events.settled().await;
            if args.show.output == View::Raw {
                let version = reach.client.version().await?;
                for id in &args.id {
                    print_raw(&reach.client, &jobs::lookup_request(*id, version)).await?;
                }
            } else {
                let answer = WaitAnswer {
                    exit_code,
                    jobs: ended,
                };
                print(&answer, args.show.output)?;
            }
            verdict
        },
    )
    .await
}

/// Waits until jobs that were just submitted have ended; fails with their exit code.
pub(in crate::cli) async fn wait_for(reach: &Reach, events: &Events, jobs: &[u64]) -> Result<()> {
    let ids: Vec<JobId> = jobs.iter().copied().map(JobId::from).collect();
    let ended = until_ended(reach, events, &ids, FOREVER).await?;
    verdict(jobs::exit_code(&ended), &ended)
}

async fn until_ended(
    reach: &Reach,
    events: &Events,
    ids: &[JobId],
    limit: Duration,
) -> Result<Vec<Job>> {
    let (mut tell, troubled) = telling(events);
    let mut states = BTreeMap::new();
    let seen = |job: &Job| {
        match job.state.has_ended() {
            true => states.remove(&job.shown_id()),
            false => states.insert(job.shown_id(), job.told()),
        };
        events.progress(waits_for(&states));
        tell(job);
    };
    let forgotten = async |id| forgotten(reach, events, id).await;
    events.progress("looking at the jobs");
    let ended = jobs::wait(&reach.client, ids, limit, forgotten, seen, troubled).await;
    events.progress("");
    ended
}

/// Returns what is waited for, of jobs that have not ended, by their ids, with their states.
fn waits_for(states: &BTreeMap<String, String>) -> String {
    if let (1, Some((id, state))) = (states.len(), states.first_key_value()) {
        return format!("job {id} is {state}");
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states.values() {
        *counts.entry(state).or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!("waiting for {} jobs: {}", states.len(), counts.join(", ")),
    }
}

/// Returns the error of jobs that did not all complete, with what went wrong as far as it is known.
fn verdict(exit_code: u8, jobs: &[Job]) -> Result<()> {
    if exit_code == 0 {
        return Ok(());
    }
    let mut error = Error::new(Kind::Job(exit_code), "not every job completed");
    let told = |job: &Job| Some(format!("job {}: {}", job.shown_id(), job.trouble()?));
    let troubles: Vec<String> = jobs.iter().filter_map(told).collect();
    if !troubles.is_empty() {
        error = error.because(troubles.join("\n"));
    }
    if let Some(job) = jobs.iter().find(|job| job.never_starts()) {
        error = error.hint(
            Hint::run(Verb::JobsCancel.with(job.array_job_id.unwrap_or(job.id)))
                .because("give it up"),
        );
    }
    Err(error)
}

/// Returns what tells of each job that is seen, and of each trouble once.
pub(in crate::cli) fn telling(events: &Events) -> (impl FnMut(&Job), impl FnMut(&Error)) {
    let seen = |job: &Job| {
        let told = format!("job {} is {}", job.shown_id(), job.told());
        match job.is_held() && !job.never_starts() {
            // It may be for ever.
            true => events.warn(format!("{told}: it waits until somebody releases it")),
            false => events.note(told),
        }
    };
    let mut last_trouble = String::new();
    let troubled = move |error: &Error| {
        if last_trouble != error.to_string() {
            last_trouble = error.to_string();
            events.warn(format!("cannot look at the moment: {error}"));
        }
    };
    (seen, troubled)
}

fn limit(text: &str) -> Result<Duration> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds
        .or_else(|| humantime::parse_duration(text).ok())
        .filter(|limit| *limit <= FOREVER)
        .ok_or_else(|| {
            Error::usage(format!("`{text}` is no time"))
                .hint("seconds or units, for example: --limit 600, --limit 2h")
        })
}

#[derive(Serialize)]
struct WaitAnswer {
    exit_code: u8,
    jobs: Vec<Job>,
}

impl Answer for WaitAnswer {
    fn text(&self) -> String {
        let mut table = Table::new(&["JOB", "NAME", "STATE", "EXIT CODE", "TIME", "NODES"])
            .numbers(&["TIME"])
            .shortened(&[("NAME", 12), ("NODES", 24)])
            .left_out(&["TIME"]);
        for job in &self.jobs {
            let code = match (job.exit_code, job.signal) {
                (_, Some(signal)) => format!("signal {signal}"),
                (Some(code), None) => code.to_string(),
                (None, None) => "-".to_owned(),
            };
            table.row([
                Cell::from(job.shown_id()),
                Cell::name(job.name.as_deref().unwrap_or("-")),
                Cell::state(job.state.as_str()),
                Cell::from(code),
                Cell::from(job.elapsed(0).map_or("-".to_owned(), span)),
                Cell::from(job.nodes.as_deref().unwrap_or("-")),
            ]);
        }
        table.text()
    }

    fn done(&self) -> Option<String> {
        let ids = self.jobs.iter().map(Job::shown_id);
        let jobs = super::named(ids, "has", "have")?;
        Some(format!("{jobs} ended with exit code {}", self.exit_code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_the_job_or_how_many() {
        let states = |jobs: &[(&str, &str)]| {
            let states = jobs.iter();
            let states = states.map(|(id, state)| ((*id).to_owned(), (*state).to_owned()));
            waits_for(&states.collect())
        };
        assert_eq!(states(&[]), "");
        assert_eq!(states(&[("7", "RUNNING")]), "job 7 is RUNNING");
        assert_eq!(
            states(&[("7", "RUNNING"), ("8_1", "PENDING"), ("8_2", "PENDING")]),
            "waiting for 3 jobs: 2 PENDING, 1 RUNNING"
        );
    }
}
