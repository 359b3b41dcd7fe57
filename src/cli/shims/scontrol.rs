//! `scontrol`: shows jobs, nodes and partitions, and changes jobs, as far as the API lets.

use clap::Parser;

use crate::error::{Error, Result};
use crate::output;
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Change, Job, JobId};
use crate::slurm::{nodes, partitions, ping};

use super::super::reach::Reach;
use super::print_version;
use super::records;
use super::surroundings::Surroundings;
use super::values::{require_time_format, split};
use super::words::{Parsed, parse, require_one_cluster};

/// Show jobs, nodes and partitions, and change jobs
#[derive(Debug, Parser)]
#[command(
    name = "scontrol",
    after_help = "show job [ID], show node [NAME], show partition [NAME], ping, hold ID…, release ID…,\n\
                  update JobId=ID NAME=VALUE…",
    infer_long_args = true,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Args {
    /// What to do
    command: Vec<String>,
    /// Hidden partitions, too, as far as the token shows them
    #[arg(short, long)]
    all: bool,
    /// All that is known, as always here
    #[arg(short, long)]
    details: bool,
    /// The cluster of the API is the one there is: all
    #[arg(short = 'M', long, env = "SLURM_CLUSTERS", hide_env_values = true)]
    clusters: Option<String>,
    /// A line for each
    #[arg(short, long)]
    oneliner: bool,
    /// No word of what is done
    #[arg(short = 'Q', long)]
    quiet: bool,
    /// Tell more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// The version of Slurm
    #[arg(short = 'V', long)]
    version: bool,
    /// Print this
    #[arg(short, long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

pub(super) async fn run(words: &[String]) -> Result<u8> {
    let args: Args = match parse(words)? {
        Parsed::Given(args) => args,
        Parsed::Answered => return Ok(0),
    };
    let words: Vec<&str> = args.command.iter().map(String::as_str).collect();
    if args.version || words == ["version"] {
        return print_version().await;
    }
    require_one_cluster(args.clusters.as_deref())?;
    require_time_format()?;
    let (command, rest) = words
        .split_first()
        .ok_or_else(|| Error::usage("no command was given").hint("scontrol --help"))?;
    let surroundings = Surroundings::read()?;
    let asked = Asked::read(command, rest)?;
    if !matches!(
        asked,
        Asked::Jobs(_) | Asked::Nodes(_) | Asked::Partitions(_)
    ) {
        surroundings.require_slurmrestd(&format!("`{command}`"))?;
    }
    surroundings
        .with(async |reach, _| match &asked {
            Asked::Jobs(id) => show_jobs(reach, *id, args.oneliner).await,
            Asked::Nodes(names) => show_nodes(&reach.client, names, args.oneliner).await,
            Asked::Partitions(names) => show_partitions(&reach.client, names, args.oneliner).await,
            Asked::Ping => ping(&reach.client).await,
            Asked::Change(ids, change) => change_all(&reach.client, ids, change).await,
        })
        .await
}

/// What a command asks for.
enum Asked {
    Jobs(Option<JobId>),
    Nodes(Vec<String>),
    Partitions(Vec<String>),
    Ping,
    Change(Vec<JobId>, Change),
}

impl Asked {
    fn read(command: &str, rest: &[&str]) -> Result<Asked> {
        match command.to_lowercase().as_str() {
            "show" => Asked::shown(rest),
            "ping" => Ok(Asked::Ping),
            "hold" | "uhold" => Ok(Asked::Change(ids(rest)?, Change::Hold)),
            "release" => Ok(Asked::Change(ids(rest)?, Change::Release)),
            "update" => updated(rest),
            _ => Err(
                Error::usage(format!("`{command}` cannot be had over Slurm's API"))
                    .hint("scontrol --help"),
            ),
        }
    }

    fn shown(rest: &[&str]) -> Result<Asked> {
        let (what, names) = match rest {
            [] => return Err(Error::usage("nothing was named to show").hint("scontrol --help")),
            [first, names @ ..] => match first.split_once('=') {
                Some((what, name)) => (
                    what,
                    std::iter::once(name).chain(names.iter().copied()).collect(),
                ),
                None => (*first, names.to_vec()),
            },
        };
        let names: Vec<String> = names.into_iter().map(ToOwned::to_owned).collect();
        match what.to_lowercase().as_str() {
            "job" | "jobs" | "jobid" => {
                let id = names.first().map(|id| id.parse()).transpose()?;
                Ok(Asked::Jobs(id))
            }
            "node" | "nodes" | "nodename" => Ok(Asked::Nodes(split(&names))),
            "partition" | "partitions" | "partitionname" => Ok(Asked::Partitions(split(&names))),
            "config" => Err(Error::usage(
                "`show config` cannot be had: Slurm's API does not tell the configuration",
            )),
            what => Err(
                Error::usage(format!("`show {what}` cannot be had over Slurm's API"))
                    .hint("scontrol --help"),
            ),
        }
    }
}

/// Reads numbers of jobs, with commas or blanks between them.
fn ids(words: &[&str]) -> Result<Vec<JobId>> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let ids: Vec<JobId> = split(&words)
        .iter()
        .map(|word| word.to_lowercase())
        .map(|word| word.trim_start_matches("jobid=").parse())
        .collect::<Result<_>>()?;
    match ids.is_empty() {
        true => Err(Error::usage("no job was named")),
        false => Ok(ids),
    }
}

/// What `update` calls a part of a job, and the option of `sbatch` that sets it.
const CHANGES: [(&str, &str); 21] = [
    ("account", "account"),
    ("comment", "comment"),
    ("deadline", "deadline"),
    ("dependency", "dependency"),
    ("eligibletime", "begin"),
    ("excnodelist", "exclude"),
    ("features", "constraint"),
    ("jobname", "job-name"),
    ("licenses", "licenses"),
    ("minmemorycpu", "mem-per-cpu"),
    ("minmemorynode", "mem"),
    ("name", "job-name"),
    ("nice", "nice"),
    ("numnodes", "nodes"),
    ("numtasks", "ntasks"),
    ("partition", "partition"),
    ("priority", "priority"),
    ("qos", "qos"),
    ("reqnodelist", "nodelist"),
    ("reservationname", "reservation"),
    ("timelimit", "time"),
];

/// Reads `JobId=12 TimeLimit=10 Partition=big`.
fn updated(words: &[&str]) -> Result<Asked> {
    let mut job = None;
    let mut options = Vec::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Error::usage(format!("`{word}` is no change as in TimeLimit=10")))?;
        let own = name.to_lowercase();
        if own == "jobid" || own == "job" {
            job = Some(ids(&[value])?);
            continue;
        }
        let mut known = CHANGES.iter().filter(|(known, _)| *known == own);
        let (_, option) = known.next().ok_or_else(|| {
            Error::usage(format!(
                "`{name}` of a job cannot be changed over Slurm's API"
            ))
            .hint("of nodes and partitions nothing can")
        })?;
        options.push(((*option).to_owned(), value.to_owned()));
    }
    let job = job.ok_or_else(|| {
        Error::usage("only jobs can be updated over Slurm's API, and none was named")
            .hint("for example: scontrol update JobId=12 TimeLimit=10")
    })?;
    if options.is_empty() {
        return Err(Error::usage("no changes were named"));
    }
    Ok(Asked::Change(job, Change::Options(options)))
}

async fn show_jobs(reach: &Reach, id: Option<JobId>, is_one_line: bool) -> Result<u8> {
    let client = &reach.client;
    let found: Vec<Job> = match id {
        Some(id) => jobs::lookup(client, id).await?,
        None => {
            let listing = jobs::list(client, &jobs::Filter::default(), None).await?;
            listing.map(|listing| listing.jobs).unwrap_or_default()
        }
    };
    if found.is_empty() {
        return match id {
            Some(_) => {
                output::harmless("slurm_load_jobs error: Invalid job id specified\n");
                Ok(1)
            }
            None => output::raw("No jobs in the system\n").map(|()| 0),
        };
    }
    print(found.iter().map(records::job), is_one_line)
}

async fn show_nodes(client: &Client, names: &[String], is_one_line: bool) -> Result<u8> {
    let mut found = nodes::list(client, &[]).await?;
    for name in names {
        if found.iter().all(|node| node.name != *name) {
            return output::raw(&format!("Node {name} not found\n")).map(|()| 1);
        }
    }
    found.retain(|node| names.is_empty() || names.contains(&node.name));
    print(found.iter().map(records::node), is_one_line)
}

async fn show_partitions(client: &Client, names: &[String], is_one_line: bool) -> Result<u8> {
    let mut found = partitions::list(client).await?;
    for name in names {
        if found.iter().all(|partition| partition.name != *name) {
            return output::raw(&format!("Partition {name} not found\n")).map(|()| 1);
        }
    }
    found.retain(|partition| names.is_empty() || names.contains(&partition.name));
    print(found.iter().map(records::partition), is_one_line)
}

/// Prints records: the words of a line, the lines of each.
fn print(records: impl Iterator<Item = Vec<Vec<String>>>, is_one_line: bool) -> Result<u8> {
    let mut text = String::new();
    for record in records {
        let lines: Vec<String> = record.iter().map(|words| words.join(" ")).collect();
        match is_one_line {
            true => text.push_str(&format!("{} \n", lines.join(" "))),
            false => text.push_str(&format!("{}\n\n", lines.join("\n   "))),
        }
    }
    output::raw(&text).map(|()| 0)
}

async fn ping(client: &Client) -> Result<u8> {
    let found = ping::ping(client).await?;
    let mut code = 0;
    let mut text = String::new();
    for controller in &found.controllers {
        let state = match controller.is_up {
            true => "UP",
            false => {
                code = 1;
                "DOWN"
            }
        };
        let mode = controller.mode.as_deref().unwrap_or("primary");
        text.push_str(&format!(
            "Slurmctld({mode}) at {} is {state}\n",
            controller.host
        ));
    }
    output::raw(&text)?;
    Ok(code)
}

async fn change_all(client: &Client, ids: &[JobId], change: &Change) -> Result<u8> {
    let mut code = 0;
    for id in ids {
        if let Err(error) = jobs::change(client, *id, change).await {
            code = 1;
            output::harmless(&format!("{error:#} for job {id}\n"));
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        for (line, words) in [
            ("requeue 12", "`requeue`"),
            ("wait_job 12", "`wait_job`"),
            ("show config", "`show config`"),
            ("show hostnames n[1-2]", "`show hostnames`"),
            ("update NodeName=n1 State=DOWN", "`NodeName`"),
            ("update TimeLimit=10", "only jobs"),
            ("update JobId=12", "no changes"),
            ("update JobId=12 Shared=yes", "`Shared`"),
            ("hold", "no job"),
            ("show", "nothing"),
        ] {
            let line: Vec<&str> = line.split(' ').collect();
            let error = Asked::read(line[0], &line[1..]).err().unwrap();
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_job_is_named_in_all_of_slurms_ways() {
        for line in ["job 12", "job=12", "jobid=12", "JobId 12"] {
            let line: Vec<&str> = line.split(' ').collect();
            let asked = Asked::read("show", &line).unwrap();
            assert!(
                matches!(asked, Asked::Jobs(Some(id)) if id.job == 12),
                "{line:?}"
            );
        }
        let line = ["JobId=12,13", "TimeLimit=10", "Name=x"];
        let Asked::Change(ids, Change::Options(options)) = Asked::read("update", &line).unwrap()
        else {
            panic!("another command");
        };
        assert_eq!(ids.len(), 2);
        assert_eq!(options[0], ("time".to_owned(), "10".to_owned()));
        assert_eq!(options[1].0, "job-name");
    }
}
