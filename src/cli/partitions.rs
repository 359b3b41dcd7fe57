//! `hpcapi partitions`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::Result;
use crate::output::{Answer, Cell, Emptiness, Table, span};
use crate::slurm::partitions::{self, Partition};

use super::reach::ReachArgs;
use super::show::{
    ShowArgs, UserArgs, View, WatchArgs, print_curl, print_raw, show_list, with_client,
};

/// List the partitions, ParallelCluster's queues
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    watch: WatchArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_curl(&args.reach, user, &[partitions::request()]);
    }
    with_client(&args.reach, user, async |reach, _| {
        if args.show.output == View::Raw {
            return print_raw(&reach.client, &partitions::request()).await;
        }
        show_list(args.show.output, &args.watch, async || {
            let partitions = partitions::list(&reach.client).await?;
            let empty = partitions.is_empty().then(|| Emptiness {
                said: "there are no partitions".to_owned(),
                next: vec![args.reach.examination()],
            });
            Ok(Some(PartitionsAnswer { partitions, empty }))
        })
        .await
    })
    .await
}

#[derive(Serialize)]
struct PartitionsAnswer {
    partitions: Vec<Partition>,
    #[serde(skip)]
    empty: Option<Emptiness>,
}

impl Answer for PartitionsAnswer {
    fn text(&self) -> String {
        let mut table = Table::new(&["PARTITION", "STATE", "LIMIT", "NODES", "CPUS", "WHERE"])
            .numbers(&["LIMIT", "NODES", "CPUS"])
            .shortened(&[("WHERE", 24)])
            .left_out(&["LIMIT", "CPUS"]);
        let number =
            |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        for partition in &self.partitions {
            table.row([
                Cell::from(&partition.name),
                Cell::state(partition.state.as_deref().unwrap_or("-")),
                Cell::from(partition.time_limit_seconds.map_or("none".to_owned(), span)),
                Cell::from(number(partition.node_count)),
                Cell::from(number(partition.cpus)),
                Cell::from(partition.nodes.as_deref().unwrap_or("-")),
            ]);
        }
        table.text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}
