//! What this machine needs to run `pcluster`.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::pcluster::{require_node, require_python, require_room};

use super::finding;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let node = finding("Node.js", require_node().await, |version| version);
    let search = context.pcluster_search();
    let found = match search.find().await {
        Ok(found) => found,
        Err(error) => return vec![node, Finding::of_error("pcluster", &error)],
    };
    if let Some(program) = found {
        return vec![
            node,
            Finding::good("pcluster", program.display().to_string()),
        ];
    }
    let (python, room) = tokio::join!(require_python(), require_room(&context.cache));
    vec![
        node,
        finding("Python", python, |version| version),
        finding("disk", room, |free| format!("{free} MB free for pcluster")),
    ]
}
