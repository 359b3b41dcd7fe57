//! The jobs of the cluster that have not ended, for those who are asked whether they may.

use crate::aws::Instance;
use crate::context::Context;
use crate::error::Error;
use crate::slurm::{Workload, look_at_workload};

/// The jobs of the cluster that have not ended, or why they could not be counted.
#[derive(Debug, Clone)]
pub struct Jobs(Result<Workload, String>);

impl Jobs {
    /// Counts them on the head node.
    pub(super) async fn look(context: &Context) -> Jobs {
        let head_node = context.facts().head_node.clone();
        Jobs::on(context, head_node.as_ref()).await
    }

    /// Counts them on this head node.
    pub(super) async fn on(context: &Context, head_node: Option<&Instance>) -> Jobs {
        let found = match head_node {
            Some(instance) => look_at_workload(&context.aws.commands, &instance.id).await,
            None => Err(Error::failed("no head node is found")),
        };
        Jobs(found.map_err(|error| format!("{error:#}")))
    }

    /// Returns how many run; `None` where that is not known.
    pub(super) fn running(&self) -> Option<u64> {
        self.0.as_ref().ok().map(|found| found.running)
    }

    /// Returns them in words, as the rest of a sentence that begins with whose they are.
    pub fn words(&self) -> String {
        match &self.0 {
            Ok(Workload {
                running: 0,
                pending: 0,
                ..
            }) => "it has no jobs now".to_owned(),
            Ok(Workload {
                running, pending, ..
            }) => format!("its jobs: {running} running, {pending} pending"),
            Err(why) => format!("its jobs, which could not be counted: {why}"),
        }
    }
}

#[cfg(test)]
impl From<Result<Workload, String>> for Jobs {
    fn from(found: Result<Workload, String>) -> Jobs {
        Jobs(found)
    }
}
