//! `hpcapi nodes`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::Result;
use crate::output::{Answer, Cell, Emptiness, Table, memory};
use crate::slurm::host_list;
use crate::slurm::nodes::{self, Node};
use crate::slurm::partitions;

use super::reach::ReachArgs;
use super::show::{
    ShowArgs, UserArgs, View, WatchArgs, print_curl, print_raw, show_list, with_client,
};

/// List the nodes; those that are alike share a line
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    /// Only the nodes of this partition, or of several with commas between them
    #[arg(short, long, value_delimiter = ',')]
    partition: Vec<String>,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    watch: WatchArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_curl(&args.reach, user, &[nodes::request()]);
    }
    with_client(&args.reach, user, async |reach, _| {
        if args.show.output == View::Raw {
            return print_raw(&reach.client, &nodes::request()).await;
        }
        partitions::require(&reach.client, &args.partition).await?;
        show_list(args.show.output, &args.watch, async || {
            let nodes = nodes::list(&reach.client, &args.partition).await?;
            let empty = nodes.is_empty().then(|| empty(&args));
            Ok(Some(NodesAnswer { nodes, empty }))
        })
        .await
    })
    .await
}

/// Returns what is said where there are no nodes.
fn empty(args: &Args) -> Emptiness {
    match args.partition.as_slice() {
        [] => Emptiness {
            said: "there are no nodes".to_owned(),
            next: vec![args.reach.examination()],
        },
        partitions => Emptiness {
            said: format!("there are no nodes in {}", partitions.join(", ")),
            next: vec![args.reach.command("nodes")],
        },
    }
}

#[derive(Serialize)]
struct NodesAnswer {
    nodes: Vec<Node>,
    #[serde(skip)]
    empty: Option<Emptiness>,
}

/// What nodes on one line have in common.
#[derive(PartialEq)]
struct Alike<'a> {
    partitions: &'a [String],
    state: &'a str,
    flags: &'a [String],
    cpus: Option<u64>,
    cpus_allocated: Option<u64>,
    memory_mb: Option<u64>,
    features: &'a [String],
    reason: Option<&'a str>,
}

impl<'a> Alike<'a> {
    fn of(node: &'a Node) -> Self {
        Alike {
            partitions: &node.partitions,
            state: &node.state,
            flags: &node.flags,
            cpus: node.cpus,
            cpus_allocated: node.cpus_allocated,
            memory_mb: node.memory_mb,
            features: &node.features,
            reason: node.reason.as_deref(),
        }
    }
}

impl Answer for NodesAnswer {
    fn text(&self) -> String {
        let mut groups: Vec<(Alike<'_>, Vec<String>)> = Vec::new();
        for node in &self.nodes {
            let alike = Alike::of(node);
            match groups.iter_mut().find(|(known, _)| *known == alike) {
                Some((_, names)) => names.push(node.name.clone()),
                None => groups.push((alike, vec![node.name.clone()])),
            }
        }
        let mut table = Table::new(&[
            "NODES",
            "COUNT",
            "PARTITION",
            "STATE",
            "FLAGS",
            "CPUS",
            "MEMORY",
            "FEATURES",
            "REASON",
        ])
        .numbers(&["COUNT", "CPUS", "MEMORY"])
        .shortened(&[("NODES", 24), ("FEATURES", 8), ("REASON", 24)])
        .left_out(&["FEATURES", "MEMORY", "CPUS", "PARTITION", "COUNT"]);
        for (alike, names) in groups {
            let cpus = match (alike.cpus_allocated, alike.cpus) {
                (Some(used), Some(all)) => format!("{used}/{all}"),
                (None, Some(all)) => all.to_string(),
                (_, None) => "-".to_owned(),
            };
            let count = names.len().to_string();
            table.row([
                Cell::from(host_list::folded(names)),
                Cell::from(count),
                Cell::from(alike.partitions.join(",")),
                Cell::state(alike.state),
                Cell::from(alike.flags.join(",").to_lowercase()),
                Cell::from(cpus),
                Cell::from(alike.memory_mb.map_or("-".to_owned(), memory)),
                Cell::from(alike.features.join(",")),
                Cell::from(alike.reason.unwrap_or_default()),
            ]);
        }
        table.text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}
