//! What this machine needs to run `pcluster`.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::pcluster::{Found, require_node, require_python, require_room};

use super::finding;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let node = finding("Node.js", require_node().await, |version| version);
    let search = context.pcluster_search();
    let broken = match search.find().await {
        Ok(Found::Ready(program)) => {
            let program = program.display().to_string();
            return vec![node, Finding::good("pcluster", program)];
        }
        Ok(Found::Missing) => None,
        Ok(Found::Broken(reason)) => {
            Some(Finding::warning("pcluster", "it is made anew").because(reason))
        }
        Err(error) => return vec![node, Finding::of_error("pcluster", &error)],
    };
    let (python, room) = tokio::join!(require_python(), require_room(&context.cache));
    let needed = [
        node,
        finding("Python", python, |version| version),
        finding("disk", room, |free| format!("{free} MB free for pcluster")),
    ];
    needed.into_iter().chain(broken).collect()
}
