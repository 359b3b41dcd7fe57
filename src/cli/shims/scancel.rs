//! `scancel`: cancels jobs by number or by filter, or sends them a signal.

use clap::Parser;

use crate::error::{Error, Result};
use crate::output;
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Filter, Job, JobId, Parts, Receiver, Signal, State};

use super::super::jobs::own_name;
use super::print_version;
use super::surroundings::{Surroundings, users};
use super::values::split;
use super::words::{Parsed, parse, require_one_cluster};

/// The signals that Slurm's programs know by name.
const SIGNALS: [&str; 16] = [
    "HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "USR2", "ALRM", "TERM", "CHLD", "CONT", "STOP",
    "TSTP", "URG", "PIPE", "XCPU",
];

/// The most tasks that are named in one word.
const MOST: u64 = 100_000;

/// Cancel jobs, or send them a signal
#[derive(Debug, Parser)]
#[command(
    name = "scancel",
    infer_long_args = true,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Args {
    /// The jobs: 12, 12_3 for a task of an array, 12_[1-3,7]
    jobs: Vec<String>,
    /// Of these accounts
    #[arg(short = 'A', long)]
    account: Vec<String>,
    /// The signal goes to the batch script alone
    #[arg(short, long)]
    batch: bool,
    /// The request goes by way of slurmctld, as all do here
    #[arg(short, long)]
    ctld: bool,
    /// The signal goes to the batch script and to the steps
    #[arg(short, long)]
    full: bool,
    /// One's own
    #[arg(long)]
    me: bool,
    /// The cluster of the API is the one there is: all
    #[arg(short = 'M', long, env = "SLURM_CLUSTERS", hide_env_values = true)]
    clusters: Option<String>,
    /// Of these names
    #[arg(short, long, visible_alias = "jobname")]
    name: Vec<String>,
    /// In these partitions
    #[arg(short, long)]
    partition: Vec<String>,
    /// With these qualities of service
    #[arg(short, long)]
    qos: Vec<String>,
    /// No word of jobs that are not there
    #[arg(short = 'Q', long)]
    quiet: bool,
    /// The signal, by name or number [default: all ends]
    #[arg(short, long)]
    signal: Option<String>,
    /// In this state: PENDING, RUNNING or SUSPENDED
    #[arg(short = 't', long)]
    state: Vec<String>,
    /// Of this user
    #[arg(short, long)]
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

impl Args {
    fn has_filter(&self) -> bool {
        let lists = [
            &self.account,
            &self.name,
            &self.partition,
            &self.qos,
            &self.state,
            &self.user,
        ];
        self.me || lists.iter().any(|list| !list.is_empty())
    }
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
    let mut ids = Vec::new();
    for word in split_words(&args.jobs) {
        ids.extend(named(&word)?);
    }
    if ids.is_empty() && !args.has_filter() {
        return Err(Error::usage("No job identification provided"));
    }
    let signal = signal(&args)?;
    let states: Vec<State> = split(&args.state)
        .iter()
        .map(|state| state.parse())
        .collect::<Result<_>>()?;
    Surroundings::read()?
        .with(async |reach, _| {
            let client = &reach.client;
            let wanted = match ids.is_empty() {
                true => filtered(&args, client, states).await?,
                false => looked_up(&args, client, &ids, states).await?,
            };
            end(&args, client, wanted, signal.as_ref()).await
        })
        .await
}

/// What is to be cancelled, and what is not there.
#[derive(Default)]
struct Wanted {
    parts: Parts,
    /// Those that have ended, or that Slurm does not know: it takes them for one.
    gone: Vec<JobId>,
}

async fn filter(args: &Args, client: &Client, states: Vec<State>) -> Result<Filter> {
    let users = match (args.me || args.user.is_empty(), args.has_filter()) {
        (_, false) => Vec::new(),
        (true, true) => vec![own_name(client).await?],
        (false, true) => users(client, &split(&args.user)).await?,
    };
    Ok(Filter {
        users,
        states,
        partitions: split(&args.partition),
        names: split(&args.name),
        ..Filter::default()
    })
}

fn wants(args: &Args, filter: &Filter, job: &Job) -> bool {
    let among = |wanted: &[String], own: &Option<String>| {
        wanted.is_empty() || own.as_ref().is_some_and(|own| split(wanted).contains(own))
    };
    filter.wants(job) && among(&args.account, &job.account) && among(&args.qos, &job.qos)
}

async fn filtered(args: &Args, client: &Client, states: Vec<State>) -> Result<Wanted> {
    let filter = filter(args, client, states).await?;
    let listing = jobs::list(client, &filter, None).await?;
    let mut met = listing.map(|listing| listing.jobs).unwrap_or_default();
    met.retain(|job| wants(args, &filter, job));
    Ok(Wanted {
        parts: jobs::parts(client, met).await?,
        ..Wanted::default()
    })
}

async fn looked_up(
    args: &Args,
    client: &Client,
    ids: &[JobId],
    states: Vec<State>,
) -> Result<Wanted> {
    let filter = filter(args, client, states).await?;
    let mut wanted = Wanted::default();
    for id in ids {
        let found = jobs::lookup(client, *id).await?;
        if found.iter().all(|job| job.state.has_ended()) {
            wanted.gone.push(*id);
        } else if !args.has_filter() {
            wanted.parts.named.push((*id, found));
        } else {
            let met = found.into_iter().filter(|job| wants(args, &filter, job));
            let parts = jobs::parts(client, met.collect()).await?;
            wanted.parts.named.extend(parts.named);
            wanted.parts.unnamed.extend(parts.unnamed);
        }
    }
    Ok(wanted)
}

/// Cancels what is wanted, tells what could not be, and returns the exit code.
async fn end(args: &Args, client: &Client, wanted: Wanted, signal: Option<&Signal>) -> Result<u8> {
    let mut lines = String::new();
    let mut code = 0;
    let mut fault = |id: &str, reason: &str| {
        lines.push_str(&format!(
            "scancel: error: Kill job error on job id {id}: {reason}\n"
        ));
    };
    for id in &wanted.gone {
        // Whoever wants it ended has it so; that a signal comes to nobody is an error.
        code = if signal.is_some() { 1 } else { code };
        if (signal.is_some() && !args.quiet) || args.verbose > 0 {
            fault(&id.to_string(), "Invalid job id specified");
        }
    }
    let done = match signal {
        Some(signal) => jobs::signal(client, &wanted.parts.named, signal).await?,
        None => jobs::cancel(client, &wanted.parts.named).await?,
    };
    for refused in done.refused.iter().chain(&wanted.parts.unnamed) {
        code = 1;
        fault(&refused.id, &refused.reason);
    }
    output::harmless(&lines);
    Ok(code)
}

/// Returns the signal that is wanted; none when the job is to be cancelled.
fn signal(args: &Args) -> Result<Option<Signal>> {
    let receiver = match (args.batch, args.full) {
        (_, true) => Receiver::All,
        (true, false) => Receiver::Script,
        (false, false) => Receiver::Steps,
    };
    let Some(word) = &args.signal else {
        return match receiver {
            Receiver::Steps => Ok(None),
            receiver => Ok(Some(Signal {
                name: "KILL".to_owned(),
                receiver,
            })),
        };
    };
    let upper = word.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_number = name
        .parse::<u8>()
        .is_ok_and(|number| (1..=64).contains(&number));
    match (is_number || SIGNALS.contains(&name), name, receiver) {
        (false, ..) => Err(Error::usage(format!("Unknown job signal: {word}"))),
        // As if no signal were named.
        (true, "KILL" | "9", Receiver::Steps) => Ok(None),
        (true, name, receiver) => Ok(Some(Signal {
            name: name.to_owned(),
            receiver,
        })),
    }
}

/// Splits at commas that stand in no brackets.
fn split_words(words: &[String]) -> Vec<String> {
    let mut parts = Vec::new();
    for word in words {
        let mut part = String::new();
        let mut is_inside = false;
        for letter in word.chars() {
            is_inside = (is_inside || letter == '[') && letter != ']';
            match letter {
                ',' if !is_inside => parts.push(std::mem::take(&mut part)),
                letter => part.push(letter),
            }
        }
        parts.push(part);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns the jobs that a word names: `12`, `12_3`, `12_[1-3,7]`.
fn named(word: &str) -> Result<Vec<JobId>> {
    let refuse = || Error::usage(format!("Invalid job id {word}"));
    if word.contains('.') {
        return Err(refuse().because("Slurm's API cannot cancel a step of a job"));
    }
    let ranges = word
        .strip_suffix(']')
        .and_then(|word| word.split_once("_["));
    let Some((job, ranges)) = ranges else {
        return word.parse().map(|id| vec![id]).map_err(|_| refuse());
    };
    let job: JobId = job.parse().map_err(|_| refuse())?;
    let mut ids = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.parse::<u64>().ok(), last.parse::<u64>().ok());
        let (Some(first), Some(last)) = bounds else {
            return Err(refuse());
        };
        if last.saturating_sub(first) > MOST {
            return Err(refuse());
        }
        ids.extend((first..=last).map(|task| JobId {
            job: job.job,
            task: Some(task),
        }));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_named_as_scancel_takes_them() {
        let all = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let ids: Result<Vec<Vec<JobId>>> =
                split_words(&words).iter().map(|it| named(it)).collect();
            let ids: Vec<String> = ids
                .ok()?
                .iter()
                .flatten()
                .map(ToString::to_string)
                .collect();
            Some(ids.join(" "))
        };
        assert_eq!(all(&["12", "13_4"]).unwrap(), "12 13_4");
        assert_eq!(
            all(&["12,13", "14_[1-3,7]"]).unwrap(),
            "12 13 14_1 14_2 14_3 14_7"
        );
        for wrong in ["x", "12.0", "12_[a]", "12_[0-9999999999]", "12_[]", "0"] {
            assert_eq!(all(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn signals_are_named_as_scancel_takes_them() {
        let read = |line: &str| {
            let words: Vec<&str> = std::iter::once("scancel").chain(line.split(' ')).collect();
            signal(&Args::try_parse_from(words).unwrap())
        };
        assert_eq!(read("12").unwrap(), None);
        assert_eq!(read("-s KILL 12").unwrap(), None);
        let signal = read("--signal=SIGUSR1 --full 12").unwrap().unwrap();
        assert_eq!(
            (signal.name.as_str(), signal.receiver),
            ("USR1", Receiver::All)
        );
        assert_eq!(
            read("-b -s 15 12").unwrap().unwrap().receiver,
            Receiver::Script
        );
        assert!(read("-s FOO 12").is_err());
    }
}
