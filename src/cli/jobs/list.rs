//! `hpcapi jobs list`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args as ClapArgs, ValueEnum};

use crate::error::{Error, Result};
use crate::output::Emptiness;
use crate::slurm::client::{Client, Request};
use crate::slurm::jobs::{self, Filter, Listing};
use crate::slurm::time;

use super::super::reach::ReachArgs;
use super::super::show::{
    AsUserArgs, View, WatchArgs, print_curl, print_raw, show_list, with_client,
};
use super::filter::FilterArgs;
use super::history::{Form, show, show_all};
use super::table::{Arrays, JobsAnswer};

/// List jobs: those that wait, run, or ended minutes ago, and with --all those that Slurm has forgotten
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    filter: FilterArgs,

    /// Only those with this name, or with one of several with commas between them
    #[arg(short = 'n', long, value_delimiter = ',')]
    name: Vec<String>,

    /// Those that Slurm has forgotten, too: needs a deployment of hpcapi, or an accounting database
    #[arg(short, long, conflicts_with_all = ["watch", "curl"])]
    all: bool,

    /// Only those submitted since: a time as in 2026-11-23T08:00:00Z, or an age as in 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,

    /// Only those submitted until: a time or an age
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,

    /// No more than so many: the newest
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Each task of an array on a line of its own: else those in one state share a line
    #[arg(short = 'r', long)]
    array: bool,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: AsUserArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// Print the request as a curl command, with the token as $SLURM_JWT, and send nothing
    #[arg(long)]
    curl: bool,

    #[command(flatten)]
    watch: WatchArgs,
}

/// How a list of jobs is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table.
    Text,
    /// One JSON document, of the same shape whatever the server's version.
    Json,
    /// Comma-separated values with a heading: the fields of the JSON document.
    Csv,
    /// What the server said.
    Raw,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.as_user.as_ref();
    let whole = Request::get("jobs");
    if args.curl {
        return print_curl(&args.reach, user, &[whole]);
    }
    if args.all && args.output == Output::Raw {
        return Err(
            Error::usage("the server knows no more than it says: --output raw")
                .hint("--all takes --output text, json or csv"),
        );
    }
    if args.watch.watch && args.output == Output::Csv {
        return Err(Error::usage(
            "a list that is watched is redrawn, as text or json",
        ));
    }
    with_client(&args.reach, user, async |reach, events| {
        let (view, form) = match args.output {
            Output::Raw => return print_raw(&reach.client, &whole).await,
            Output::Text => (Some(View::Text), Form::Text),
            Output::Json => (Some(View::Json), Form::Json),
            Output::Csv => (None, Form::Csv),
        };
        let filter = Filter {
            names: args.name.clone(),
            since: args.since,
            until: args.until,
            limit: args.limit.map(|limit| limit as usize),
            ..args.filter.filter(&reach.client).await?
        };
        if args.all {
            let empty = empty(&args, &filter);
            return show_all(reach, events, &filter, form, &empty).await;
        }
        match view {
            Some(view) => show_known(&args, &reach.client, &filter, view).await,
            None => {
                let listing = jobs::list(&reach.client, &filter, None).await?;
                let listed = listing.map(|listing| listing.jobs).unwrap_or_default();
                let checked = args.filter.require_partitions(&reach.client, &listed);
                checked.await?;
                show(listed, form)
            }
        }
    })
    .await
}

/// Shows the jobs that Slurm knows, once or again and again.
async fn show_known(args: &Args, client: &Client, filter: &Filter, view: View) -> Result<()> {
    let arrays = match args.array {
        true => Arrays::Unfolded,
        false => Arrays::Folded,
    };
    let mut after = None;
    let mut is_checked = false;
    show_list(view, &args.watch, async || {
        let listing = jobs::list(client, filter, after).await?;
        let Some(Listing { jobs, last_update }) = listing else {
            return Ok(None);
        };
        if !is_checked {
            args.filter.require_partitions(client, &jobs).await?;
            is_checked = true;
        }
        after = last_update;
        let empty = jobs.is_empty().then(|| empty(args, filter));
        Ok(Some(JobsAnswer {
            jobs,
            arrays,
            empty,
        }))
    })
    .await
}

/// Returns what is said where there are no jobs.
fn empty(args: &Args, filter: &Filter) -> Emptiness {
    let list = if args.all {
        "jobs list --all"
    } else {
        "jobs list"
    };
    if filter.is_choosy() {
        return Emptiness {
            said: "no job is as wanted".to_owned(),
            next: vec![format!("all of them: {}", args.reach.command(list))],
        };
    }
    Emptiness {
        said: "there are no jobs".to_owned(),
        next: vec![args.reach.command("jobs submit FILE")],
    }
}

/// Returns the seconds since 1970 of a time or an age.
pub(super) fn moment(text: &str) -> Result<u64> {
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
                .hint("for example: 2h, 2026-11-23, 2026-11-23T08:00:00Z")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        assert_eq!(moment("2026-11-23T04:05:58Z").unwrap(), 1_795_406_758);
        assert_eq!(moment("2026-11-23 04:05:58").unwrap(), 1_795_406_758);
        assert_eq!(moment("2026-11-23").unwrap() % 86_400, 0);
        assert!(moment("2h").unwrap() < time::now());
        for bad in ["", "yesterday", "2026-13-01", "-1h"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
