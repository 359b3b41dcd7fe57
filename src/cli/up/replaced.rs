//! What is said of a cluster that is about to be replaced, before it is asked whether it may be.

use crate::context::Context;
use crate::deploy::Replaced;
use crate::output;

/// Says what becomes of the old cluster and of the endpoint; returns the question.
pub(in crate::cli) async fn tell(context: &Context, replaced: &Replaced) -> &'static str {
    let lines = replaced.lines().join("\n  ");
    context.events.settled().await;
    let (text, question) = match replaced.beside() {
        Some(name) => (
            format!(
                "this makes the cluster {name}, which takes the place of the old one behind the same URL: \
                 for some seconds no request comes through then\n\
                 afterwards it deletes for good:\n  {lines}\n"
            ),
            "make the new cluster, and then delete all that?",
        ),
        None => (
            format!(
                "the endpoint is gone until the new cluster is made\n\
                 before that this deletes for good:\n  {lines}\n"
            ),
            "delete it all, and make a new cluster?",
        ),
    };
    output::tell(&text);
    question
}
