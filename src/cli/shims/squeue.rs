//! `squeue`: lists the jobs that Slurm knows, by default those that wait or run.

use clap::Parser;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::error::Result;
use crate::output;
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Filter, Job, JobId, State};
use crate::slurm::time;

use super::super::jobs::own_name;
use super::job_columns::{COLUMNS, sort};
use super::layout::{Headings, Layout};
use super::surroundings::{Surroundings, users};
use super::values::{date_line, require_time_format, split};
use super::words::{Parsed, parse, require_one_cluster};
use super::{print_json, print_version};

/// As `squeue` shows jobs if nothing else is asked for.
const FORMAT: &str = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
const LONG_FORMAT: &str = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";

/// The order of `squeue`: by partition, state and priority.
const ORDER: &str = "P,t,-p";

/// Up to so many jobs are asked for one by one.
const FEW: usize = 20;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// List the jobs that Slurm knows
#[derive(Debug, Parser)]
#[command(
    name = "squeue",
    infer_long_args = true,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Args {
    /// Jobs of these accounts
    #[arg(short = 'A', long, env = "SQUEUE_ACCOUNT", hide_env_values = true)]
    account: Vec<String>,
    /// No line of headings
    #[arg(short = 'h', long)]
    noheader: bool,
    /// These jobs
    #[arg(short, long)]
    jobs: Vec<String>,
    /// What the server says
    #[arg(long)]
    json: bool,
    /// More columns
    #[arg(short, long)]
    long: bool,
    /// One's own
    #[arg(long)]
    me: bool,
    /// The cluster of the API is the one there is: all
    #[arg(short = 'M', long, env = "SLURM_CLUSTERS", hide_env_values = true)]
    clusters: Option<String>,
    /// Jobs of these names
    #[arg(short, long, env = "SQUEUE_NAMES", hide_env_values = true)]
    name: Vec<String>,
    /// Columns by letters
    #[arg(short = 'o', long, env = "SQUEUE_FORMAT", hide_env_values = true)]
    format: Option<String>,
    /// Columns by names
    #[arg(
        short = 'O',
        long = "Format",
        env = "SQUEUE_FORMAT2",
        hide_env_values = true
    )]
    named_format: Option<String>,
    /// In these partitions
    #[arg(short, long, env = "SQUEUE_PARTITION", hide_env_values = true)]
    partition: Vec<String>,
    /// With these qualities of service
    #[arg(short, long, env = "SQUEUE_QOS", hide_env_values = true)]
    qos: Vec<String>,
    /// A line for each task of an array
    #[arg(short = 'r', long)]
    array: bool,
    /// The order, by letters
    #[arg(
        short = 'S',
        long,
        env = "SQUEUE_SORT",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    sort: Option<String>,
    /// In these states
    #[arg(short = 't', long, env = "SQUEUE_STATES", hide_env_values = true)]
    states: Vec<String>,
    /// Of these users
    #[arg(short, long, env = "SQUEUE_USERS", hide_env_values = true)]
    user: Vec<String>,
    /// Tell more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// The version of Slurm
    #[arg(short = 'V', long)]
    version: bool,
    /// Print this
    #[arg(long, action = clap::ArgAction::Help)]
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
    require_one_cluster(args.clusters.as_deref())?;
    require_time_format()?;
    let layout = match (&args.named_format, &args.format) {
        (Some(names), _) => Layout::names(names, COLUMNS)?,
        (None, Some(letters)) => Layout::letters(letters, COLUMNS)?,
        (None, None) if args.long => Layout::letters(LONG_FORMAT, COLUMNS)?,
        (None, None) => Layout::letters(FORMAT, COLUMNS)?,
    };
    let wanted = Wanted::of(&args)?;
    let surroundings = Surroundings::read()?;
    if args.json {
        surroundings.require_slurmrestd("`--json`")?;
    }
    surroundings
        .with(async |reach, _| {
            let client = &reach.client;
            let filter = wanted.filter(&args, client).await?;
            if args.json {
                let said = jobs::raw(client, |job| wanted.wants(&filter, job)).await?;
                return print_json(&said).map(|()| 0);
            }
            let Some(mut found) = wanted.find(&filter, client).await? else {
                output::harmless("slurm_load_jobs error: Invalid job id specified\n");
                return Ok(1);
            };
            if args.array {
                found = found.into_iter().flat_map(Job::each_task).collect();
            }
            sort(&mut found, args.sort.as_deref().unwrap_or(ORDER))?;
            let mut lines = layout.lines(&found, Headings::unless(args.noheader));
            if args.long && !args.noheader {
                lines.insert_str(0, &format!("{}\n", date_line(time::now())));
            }
            output::raw(&lines).map(|()| 0)
        })
        .await
}

/// Which jobs are wanted.
struct Wanted {
    ids: Vec<JobId>,
    /// Whether one job was named, and once: then it is an error that there is none.
    is_one: bool,
    /// Without any, those that have not ended.
    states: Option<Vec<State>>,
    accounts: Vec<String>,
    qos: Vec<String>,
}

impl Wanted {
    fn of(args: &Args) -> Result<Wanted> {
        let ids: Result<Vec<JobId>> = split(&args.jobs).iter().map(|id| id.parse()).collect();
        let mut ids = ids?;
        let is_one = ids.len() == 1;
        ids.sort_unstable();
        ids.dedup();
        let states = split(&args.states);
        let states = match states.iter().any(|state| state.eq_ignore_ascii_case("all")) {
            true => Some(Vec::new()),
            false if states.is_empty() => None,
            false => Some(
                states
                    .iter()
                    .map(|state| state.parse())
                    .collect::<Result<_>>()?,
            ),
        };
        Ok(Wanted {
            ids,
            is_one,
            states,
            accounts: split(&args.account),
            qos: split(&args.qos),
        })
    }

    async fn filter(&self, args: &Args, client: &Client) -> Result<Filter> {
        let users = match args.me {
            true => vec![own_name(client).await?],
            false => users(client, &split(&args.user)).await?,
        };
        Ok(Filter {
            users,
            states: self.states.clone().unwrap_or_default(),
            partitions: split(&args.partition),
            names: split(&args.name),
            ..Filter::default()
        })
    }

    fn wants(&self, filter: &Filter, job: &Job) -> bool {
        let among = |wanted: &[String], own: &Option<String>| {
            wanted.is_empty() || own.as_ref().is_some_and(|own| wanted.contains(own))
        };
        filter.wants(job)
            && (self.states.is_some() || !job.state.has_ended())
            && (self.ids.is_empty() || self.ids.iter().any(|id| job.is(*id)))
            && among(&self.accounts, &job.account)
            && among(&self.qos, &job.qos)
    }

    /// Returns the jobs; `None` when a single one is wanted that Slurm does not know.
    async fn find(&self, filter: &Filter, client: &Client) -> Result<Option<Vec<Job>>> {
        let mut found = match self.ids.as_slice() {
            [] => listed(client, filter).await?,
            ids if ids.len() <= FEW => {
                let found: Vec<Vec<Job>> = stream::iter(ids)
                    .map(|id| jobs::lookup(client, *id))
                    .buffered(AT_ONCE)
                    .try_collect()
                    .await?;
                if self.is_one && found.iter().all(Vec::is_empty) {
                    return Ok(None);
                }
                found.into_iter().flatten().collect()
            }
            _ => listed(client, filter).await?,
        };
        found.sort_by_key(|job| job.id);
        found.dedup_by_key(|job| job.id);
        found.retain(|job| self.wants(filter, job));
        Ok(Some(found))
    }
}

async fn listed(client: &Client, filter: &Filter) -> Result<Vec<Job>> {
    let listing = jobs::list(client, filter, None).await?;
    Ok(listing.map(|listing| listing.jobs).unwrap_or_default())
}
