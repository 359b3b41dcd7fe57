//! Whether jobs can start in the partitions at all, whoever asks.

use futures_util::future::try_join;

use crate::error::Result;
use crate::slurm::client::Client;
use crate::slurm::nodes::{self, Node};
use crate::slurm::partitions::{self, Partition};

use super::{Awaited, capacity, machines};

/// A partition, and what keeps jobs from starting in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its state, where that is not `UP`.
    pub closed: Option<String>,
    /// How its nodes are, in one sentence.
    pub summary: String,
    /// Whether none of its nodes will run a job without help.
    pub has_no_nodes: bool,
    /// The nodes that somebody has to return to service; those of one reason together.
    pub out_of_service: Vec<Awaited>,
    /// The nodes that got no instance of EC2, and for which ParallelCluster tries again.
    pub without_instance: Vec<Awaited>,
}

impl Queue {
    fn of(partition: Partition, nodes: &[Node]) -> Queue {
        let own = machines::of_partition(nodes, &partition);
        let lacks = capacity::lacks(&own);
        Queue {
            closed: partition.state.filter(|state| state != "UP"),
            summary: machines::summary(&partition.name, &own).text,
            has_no_nodes: machines::in_service(&own) == 0,
            out_of_service: machines::out_of_service(&own),
            without_instance: lacks.into_iter().map(|(awaited, _)| awaited).collect(),
            name: partition.name,
        }
    }
}

/// Looks at all partitions and their nodes.
pub async fn queues(client: &Client) -> Result<Vec<Queue>> {
    let (partitions, nodes) = try_join(partitions::list(client), nodes::list(client, &[])).await?;
    let queues = partitions.into_iter().map(|it| Queue::of(it, &nodes));
    Ok(queues.collect())
}

#[cfg(test)]
mod tests {
    use super::machines::tests::node;
    use super::*;

    fn partition(state: &str) -> Partition {
        let of = serde_json::json!({"name": "q", "state": state, "nodes": "n[1-2]"});
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn a_queue_without_a_node_in_service_has_none() {
        let nodes = [
            node("n1", "DOWN+CLOUD", "burnt"),
            node(
                "n2",
                "DOWN+CLOUD",
                "(Code:Unsupported)Failure when resuming nodes",
            ),
        ];
        let queue = Queue::of(partition("UP"), &nodes);
        assert!(queue.closed.is_none() && queue.has_no_nodes);
        assert_eq!(queue.out_of_service[0].text, "n1: down: burnt");
        assert!(
            queue.without_instance[0]
                .text
                .starts_with("n2: EC2 does not offer")
        );
        let queue = Queue::of(partition("INACTIVE"), &[node("n1", "IDLE+CLOUD", "")]);
        assert_eq!(queue.closed.as_deref(), Some("INACTIVE"));
        assert!(!queue.has_no_nodes);
    }
}
