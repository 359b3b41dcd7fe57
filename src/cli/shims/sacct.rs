//! `sacct`: lists jobs that have ended, too: from the accounting database where there is one, and else from
//! what Slurm knows and from the job memory.

use std::ops::ControlFlow;

use clap::Parser;

use crate::error::{Error, Result};
use crate::event::Events;
use crate::output;
use crate::slurm::client::{Request, encoded};
use crate::slurm::jobs::{self, Filter, Job, State, Step};
use crate::slurm::submission::moment;
use crate::slurm::time;

use super::super::jobs::{AllJobs, forgotten, own_name};
use super::super::reach::Reach;
use super::layout::Headings;
use super::sacct_columns::Line;
use super::sacct_format::{Form, Format, help};
use super::selected::{Selected, Told};
use super::surroundings::{Surroundings, users};
use super::values::{require_time_format, split};
use super::words::{Parsed, parse, require_one_cluster};
use super::{print_json, print_version};

/// As `sacct` shows jobs if nothing else is asked for.
const FORMAT: &str = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode";
const BRIEF_FORMAT: &str = "JobID,State,ExitCode";

const DAY: u64 = 86_400;

/// List jobs, those that have ended among them
#[derive(Debug, Parser)]
#[command(
    name = "sacct",
    infer_long_args = true,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Args {
    /// Of all users, as far as the token shows them
    #[arg(short, long)]
    allusers: bool,
    /// Of these accounts
    #[arg(short = 'A', long, visible_alias = "account")]
    accounts: Vec<String>,
    /// Number, state and exit code
    #[arg(short, long)]
    brief: bool,
    /// What stands between the fields of -p and -P
    #[arg(long)]
    delimiter: Option<String>,
    /// A job that was started anew as often as it was: refused, for the last start is told
    #[arg(short = 'D', long, hide = true)]
    duplicates: bool,
    /// Until
    #[arg(short = 'E', long)]
    endtime: Option<String>,
    /// The fields there are
    #[arg(short = 'e', long)]
    helpformat: bool,
    /// These jobs, or steps as 12.0 and 12.batch
    #[arg(short, long)]
    jobs: Vec<String>,
    /// What the server says
    #[arg(long)]
    json: bool,
    /// The cluster of the API is the one there is: all
    #[arg(short = 'M', long, visible_alias = "cluster")]
    clusters: Option<String>,
    /// The clusters all, too
    #[arg(short = 'L', long)]
    allclusters: bool,
    /// Of these names
    #[arg(long)]
    name: Vec<String>,
    /// No headings
    #[arg(short, long)]
    noheader: bool,
    /// The fields
    #[arg(short = 'o', long, env = "SACCT_FORMAT", hide_env_values = true)]
    format: Vec<String>,
    /// With | between the fields, and at the end
    #[arg(short, long)]
    parsable: bool,
    /// With | between the fields
    #[arg(short = 'P', long)]
    parsable2: bool,
    /// In these partitions
    #[arg(short = 'r', long)]
    partition: Vec<String>,
    /// In these states
    #[arg(short, long)]
    state: Vec<String>,
    /// Since [default: midnight in UTC, and for --jobs ever]
    #[arg(short = 'S', long)]
    starttime: Option<String>,
    /// Of these users
    #[arg(short, long, visible_alias = "uid")]
    user: Vec<String>,
    /// The version of Slurm
    #[arg(short = 'V', long)]
    version: bool,
    /// Jobs without their steps
    #[arg(short = 'X', long)]
    allocations: bool,
    /// Print this
    #[arg(short, long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

pub(super) async fn run(words: &[String]) -> Result<u8> {
    let args: Args = match parse(words)? {
        Parsed::Given(args) => args,
        Parsed::Answered => return Ok(0),
    };
    if args.version {
        return print_version().await;
    }
    if args.helpformat {
        return output::raw(&help()).map(|()| 0);
    }
    if args.duplicates {
        return Err(Error::usage(
            "`--duplicates` cannot be had: of a job that was started anew the last start is told",
        ));
    }
    require_one_cluster(args.clusters.as_deref())?;
    require_time_format()?;
    let format = match args.format.as_slice() {
        [] if args.brief => BRIEF_FORMAT.to_owned(),
        [] => FORMAT.to_owned(),
        formats => formats.join(","),
    };
    let format = Format::read(&format)?;
    let separator = args.delimiter.clone().unwrap_or_else(|| "|".to_owned());
    let form = match (args.parsable2, args.parsable) {
        (true, _) => Form::Separated(separator),
        (false, true) => Form::Ended(separator),
        (false, false) => Form::Columns,
    };
    let wanted = Wanted::of(&args)?;
    let surroundings = Surroundings::read()?;
    if args.json {
        surroundings.require_slurmrestd("`--json`")?;
    }
    surroundings
        .with(async |reach, events| {
            let filter = wanted.filter(&args, reach).await?;
            if args.json {
                let request = wanted.request(&filter);
                let said = reach.client.fetch::<serde_json::Value>(&request).await?;
                return print_json(&said).map(|()| 0);
            }
            let found = wanted.find(reach, events, &filter).await?;
            let lines: Vec<Line<'_>> = found
                .iter()
                .flat_map(|Told { job, is_whole }| {
                    let steps: &[Step] = match args.allocations {
                        true => &[],
                        false => &job.steps,
                    };
                    let own = is_whole.then_some(None).into_iter();
                    own.chain(steps.iter().map(Some))
                        .map(move |step| Line { job, step })
                })
                .collect();
            output::raw(&format.lines(&lines, &form, Headings::unless(args.noheader))).map(|()| 0)
        })
        .await
}

/// Which jobs are wanted.
struct Wanted {
    selected: Vec<Selected>,
    states: Vec<State>,
    accounts: Vec<String>,
    since: Option<u64>,
    until: Option<u64>,
}

impl Wanted {
    fn of(args: &Args) -> Result<Wanted> {
        let now = time::now();
        let selected = Selected::all(&split(&args.jobs))?;
        let states = split(&args.state);
        let states = states
            .iter()
            .filter(|state| !state.eq_ignore_ascii_case("all"));
        let since = match &args.starttime {
            Some(text) => Some(past(text, now)?),
            None if selected.is_empty() => Some(now / DAY * DAY),
            None => None,
        };
        Ok(Wanted {
            states: states.map(|state| state.parse()).collect::<Result<_>>()?,
            accounts: split(&args.accounts),
            since,
            until: args
                .endtime
                .as_deref()
                .map(|text| past(text, now))
                .transpose()?,
            selected,
        })
    }

    /// Returns whose jobs are wanted, of which names and partitions. Without a user they are one's own.
    async fn filter(&self, args: &Args, reach: &Reach) -> Result<Filter> {
        let client = &reach.client;
        let named = split(&args.user);
        let users = match (args.allusers, named.is_empty(), self.selected.is_empty()) {
            (false, true, true) => vec![own_name(client).await?],
            (true, ..) | (_, true, false) => Vec::new(),
            _ => users(client, &named).await?,
        };
        Ok(Filter {
            users,
            names: split(&args.name),
            partitions: split(&args.partition),
            ..Filter::default()
        })
    }

    fn wants(&self, filter: &Filter, job: &Job) -> bool {
        let is_over = job.end_time.filter(|_| job.state.has_ended());
        let account = &job.account;
        filter.wants(job)
            && (self.states.is_empty() || self.states.contains(&job.state))
            && (self.accounts.is_empty()
                || account
                    .as_ref()
                    .is_some_and(|it| self.accounts.contains(it)))
            && self
                .since
                .is_none_or(|since| is_over.is_none_or(|end| end >= since))
            && self
                .until
                .is_none_or(|until| job.submit_time.is_none_or(|begin| begin <= until))
    }

    async fn find(&self, reach: &Reach, events: &Events, filter: &Filter) -> Result<Vec<Told>> {
        let mut found = Vec::new();
        for selected in &self.selected {
            let mut jobs = jobs::lookup(&reach.client, selected.id).await?;
            if jobs.is_empty() {
                jobs = forgotten(reach, events, selected.id).await;
            }
            found.extend(jobs.into_iter().map(|job| selected.told(job)));
        }
        if self.selected.is_empty() {
            let listed = self.list(reach, events, filter).await?.into_iter();
            let is_whole = true;
            found.extend(listed.map(|job| Told { job, is_whole }));
        }
        found.retain(|told| self.wants(filter, &told.job));
        found.sort_by_key(|Told { job, is_whole }| {
            let array = job.array_job_id.unwrap_or(job.id);
            (array, job.array_task_id, job.id, !is_whole)
        });
        found.dedup_by_key(|told| (told.job.id, told.job.submit_time));
        Ok(found)
    }

    /// Lists those that Slurm knows and, where somebody tells, those that it has forgotten.
    async fn list(&self, reach: &Reach, events: &Events, filter: &Filter) -> Result<Vec<Job>> {
        let mut found = Vec::new();
        match AllJobs::look(reach, events, filter).await {
            Ok(all) => {
                let live = all
                    .each_forgotten(self.since, filter, |job| {
                        found.push(job);
                        Ok(ControlFlow::Continue(()))
                    })
                    .await?;
                found.extend(live);
            }
            Err(error) => {
                events.warn(format!("these are only the jobs that Slurm knows: {error}"));
                let listing = jobs::list(&reach.client, filter, None).await?;
                found.extend(listing.into_iter().flat_map(|listing| listing.jobs));
            }
        }
        Ok(found)
    }

    /// Returns the request to the accounting database itself.
    fn request(&self, filter: &Filter) -> Request {
        let ids: Vec<String> = self.selected.iter().map(|one| one.id.to_string()).collect();
        if let [id] = ids.as_slice() {
            return Request::accounting(&format!("job/{id}"));
        }
        let mut parts = Vec::new();
        let mut part = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{name}={}", encoded(&values.join(","))));
            }
        };
        let uts = |time: Option<u64>| time.map(|time| format!("uts{time}")).into_iter().collect();
        part("start_time", uts(self.since));
        part("end_time", uts(self.until));
        part("users", filter.users.clone());
        part("job_name", filter.names.clone());
        part("partition", filter.partitions.clone());
        part("account", self.accounts.clone());
        part("step", ids);
        part(
            "state",
            self.states.iter().map(ToString::to_string).collect(),
        );
        Request::accounting(&format!("jobs?{}", parts.join("&")))
    }
}

/// Returns a moment that a time of the day alone does not put into the future.
fn past(text: &str, now: u64) -> Result<u64> {
    let moment = moment(text, now).ok_or_else(|| {
        Error::usage(format!("Invalid time specification: {text}"))
            .hint("for example: 2026-11-23T08:00:00, now-2days, 08:00")
    })?;
    let is_of_day = text.contains(':') && !text.contains(['-', '/', 'T']);
    match moment > now && is_of_day {
        true => Ok(moment - DAY),
        false => Ok(moment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_are_those_that_were() {
        let noon = 1_795_435_200;
        assert_eq!(past("now-2days", noon).unwrap(), noon - 2 * DAY);
        assert!(past("23:00", noon).unwrap() <= noon);
        assert!(past("2999-01-01T00:00", noon).is_ok_and(|it| it > noon));
        assert!(past("x", noon).is_err());
    }
}
