//! `sinfo`: lists the partitions with their nodes; those that are alike share a line.

use clap::Parser;

use crate::error::Result;
use crate::output;
use crate::slurm::client::Client;
use crate::slurm::nodes::{self, Node};
use crate::slurm::partitions::{self, Partition};

use super::layout::{Headings, Layout};
use super::node_columns::{COLUMNS, Group, OF_ALL, shown_state};
use super::surroundings::Surroundings;
use super::values::split;
use super::words::{Parsed, parse, require_one_cluster};
use super::{print_json, print_version};

/// As `sinfo` shows nodes if nothing else is asked for.
const FORMAT: &str = "%9P %.5a %.10l %.6D %.6t %N";
const LONG_FORMAT: &str = "%9P %.5a %.10l %.6D %.11T %N";
const SHORT_FORMAT: &str = "%9P %.5a %.10l %.16F %N";
const NODE_FORMAT: &str = "%#N %.6D %#P %6t";
const LONG_NODE_FORMAT: &str = "%#N %.6D %#P %.11T %.4c %.8z %.6m %.8f %20E";

/// List partitions and their nodes
#[derive(Debug, Parser)]
#[command(
    name = "sinfo",
    infer_long_args = true,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Args {
    /// Hidden partitions, too, as far as the token shows them
    #[arg(short, long)]
    all: bool,
    /// Every node by itself, as -N does
    #[arg(short, long)]
    exact: bool,
    /// No line of headings
    #[arg(short = 'h', long)]
    noheader: bool,
    /// What the server says
    #[arg(long)]
    json: bool,
    /// More columns
    #[arg(short, long)]
    long: bool,
    /// The cluster of the API is the one there is: all
    #[arg(short = 'M', long, env = "SLURM_CLUSTERS", hide_env_values = true)]
    clusters: Option<String>,
    /// A line for each node
    #[arg(short = 'N', long = "Node")]
    node: bool,
    /// These nodes
    #[arg(short, long)]
    nodes: Vec<String>,
    /// Columns by letters
    #[arg(short = 'o', long, env = "SINFO_FORMAT", hide_env_values = true)]
    format: Option<String>,
    /// Columns by names
    #[arg(short = 'O', long = "Format")]
    named_format: Option<String>,
    /// These partitions
    #[arg(short, long, env = "SINFO_PARTITION", hide_env_values = true)]
    partition: Vec<String>,
    /// A line for each partition
    #[arg(short, long)]
    summarize: bool,
    /// Nodes in these states
    #[arg(short = 't', long)]
    states: Vec<String>,
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
    let layout = match (&args.named_format, &args.format) {
        (Some(names), _) => Layout::names(names, COLUMNS)?,
        (None, Some(letters)) => Layout::letters(letters, COLUMNS)?,
        (None, None) => Layout::letters(default_format(&args), COLUMNS)?,
    };
    let surroundings = Surroundings::read()?;
    if args.json {
        surroundings.require_slurmrestd("`--json`")?;
    }
    surroundings
        .with(async |reach, _| {
            let client = &reach.client;
            if args.json {
                let said = client.fetch::<serde_json::Value>(&nodes::request()).await?;
                return print_json(&said).map(|()| 0);
            }
            let groups = groups(&args, client, &layout).await?;
            output::raw(&layout.lines(&groups, Headings::unless(args.noheader))).map(|()| 0)
        })
        .await
}

fn default_format(args: &Args) -> &'static str {
    match (args.summarize, args.node, args.long) {
        (true, ..) => SHORT_FORMAT,
        (false, true, true) => LONG_NODE_FORMAT,
        (false, true, false) => NODE_FORMAT,
        (false, false, true) => LONG_FORMAT,
        (false, false, false) => FORMAT,
    }
}

/// Returns the lines: nodes of a partition that look alike, or with -N each by itself.
async fn groups(args: &Args, client: &Client, layout: &Layout<Group>) -> Result<Vec<Group>> {
    let (all, nodes) = tokio::try_join!(partitions::list(client), nodes::list(client, &[]))?;
    let partitions = split(&args.partition);
    let is_wanted = |it: &Partition| partitions.is_empty() || partitions.contains(&it.name);
    let is_alone = args.node || args.exact;
    let mut groups: Vec<(Vec<String>, Group)> = Vec::new();
    for partition in all.into_iter().filter(is_wanted) {
        let own = nodes
            .iter()
            .filter(|node| node.partitions.contains(&partition.name));
        let own: Vec<&Node> = own.filter(|node| wants(args, node)).collect();
        let none = own.is_empty().then_some(None);
        for node in own.into_iter().map(Some).chain(none) {
            let one = Group {
                partition: partition.clone(),
                nodes: node.into_iter().cloned().collect(),
            };
            let mut key = layout.shown(&one, |column| {
                !column.letter.is_some_and(|it| OF_ALL.contains(&it))
            });
            if is_alone {
                key.extend(node.map(|node| node.name.clone()));
            }
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => {
                    let is_new = |node: &&Node| group.nodes.iter().all(|own| own.name != node.name);
                    let new = node.filter(is_new).cloned();
                    group.nodes.extend(new);
                }
                None => groups.push((key, one)),
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(_, group)| group).collect();
    if is_alone {
        groups.retain(|group| !group.nodes.is_empty());
        let place = |name: &str| nodes.iter().position(|node| node.name == name);
        groups.sort_by_key(|group| group.nodes.first().and_then(|node| place(&node.name)));
    }
    Ok(groups)
}

fn wants(args: &Args, node: &Node) -> bool {
    let (names, states) = (split(&args.nodes), split(&args.states));
    let (short, long) = shown_state(node);
    let is_in = |wanted: &String| {
        let wanted = wanted.to_lowercase();
        let own = [short.as_str(), long.as_str()]
            .map(|own| own.trim_end_matches(|c: char| !c.is_ascii_alphabetic()));
        own.contains(&wanted.as_str())
            || node.state.to_lowercase() == wanted
            || node.flags.iter().any(|flag| flag.to_lowercase() == wanted)
    };
    (names.is_empty() || names.contains(&node.name))
        && (states.is_empty() || states.iter().any(|state| state == "all" || is_in(state)))
}
