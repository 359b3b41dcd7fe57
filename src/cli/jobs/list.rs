//! `hpcapi jobs list`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::slurm::client::Request;
use crate::slurm::jobs::{self, Filter, State};
use crate::slurm::time;

use super::super::reach::ReachArgs;
use super::super::show::{
    AsUserArgs, ShowArgs, View, WatchArgs, print_curl, print_raw, show_list, with_client,
};
use super::table::JobsAnswer;

/// List the jobs that Slurm knows: those that wait, run, or ended minutes ago
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) filter: FilterArgs,

    /// Only those with this name, or with one of several with commas between them
    #[arg(short = 'n', long, value_delimiter = ',')]
    name: Vec<String>,

    /// Only those submitted since: a time as in 2026-11-23T08:00:00Z, or an age as in 2h
    #[arg(long, value_parser = since)]
    since: Option<u64>,

    /// No more than so many: the newest
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: AsUserArgs,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    watch: WatchArgs,
}

/// Which jobs are meant.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct FilterArgs {
    /// Only those of this user, or of several with commas between them
    #[arg(short, long, value_delimiter = ',')]
    pub(super) user: Vec<String>,

    /// Only those in this state, in full or in short, as in PENDING,R
    #[arg(short = 't', long, value_delimiter = ',')]
    pub(super) state: Vec<State>,

    /// Only those in this partition
    #[arg(short, long, value_delimiter = ',')]
    pub(super) partition: Vec<String>,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.as_user.as_ref();
    let whole = Request::get("jobs");
    if args.show.curl {
        return print_curl(&args.reach, user, &[whole]);
    }
    let filter = Filter {
        users: args.filter.user.clone(),
        states: args.filter.state.clone(),
        partitions: args.filter.partition.clone(),
        names: args.name.clone(),
        since: args.since,
        marker: None,
        limit: args.limit.map(|limit| limit as usize),
    };
    with_client(&args.reach, user, async |reach, _| {
        if args.show.output == View::Raw {
            return print_raw(&reach.client, &whole).await;
        }
        let mut after = None;
        show_list(&args.show, &args.watch, async || {
            let listing = jobs::list(&reach.client, &filter, after).await?;
            Ok(listing.map(|listing| {
                after = listing.last_update;
                JobsAnswer { jobs: listing.jobs }
            }))
        })
        .await
    })
    .await
}

fn since(text: &str) -> Result<u64> {
    if let Ok(age) = humantime::parse_duration(text) {
        return Ok(time::now().saturating_sub(age.as_secs()));
    }
    let moment = humantime::parse_rfc3339_weak(text).or_else(|_| {
        let midnight = format!("{text}T00:00:00Z");
        humantime::parse_rfc3339_weak(&midnight)
    });
    moment
        .ok()
        .and_then(|moment: SystemTime| moment.duration_since(UNIX_EPOCH).ok())
        .map(|since| since.as_secs())
        .ok_or_else(|| {
            Error::usage(format!("`{text}` is neither a time nor an age"))
                .hint("for example: --since 2h, --since 2026-11-23, --since 2026-11-23T08:00:00Z")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_an_age() {
        assert_eq!(since("2026-11-23T04:05:58Z").unwrap(), 1_795_406_758);
        assert_eq!(since("2026-11-23 04:05:58").unwrap(), 1_795_406_758);
        assert_eq!(since("2026-11-23").unwrap() % 86_400, 0);
        assert!(since("2h").unwrap() < time::now());
        for bad in ["", "yesterday", "2026-13-01", "-1h"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }
}
