//! Commands that ask for little, against curl, and some that ask nobody, for scale.

use super::cluster::{Cluster, Way};
use super::curl;
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};
use super::measure::turns::in_turn;

/// So many of them are measured in the place of one long command.
const OFTEN: usize = 5;

/// What a ping may take: it asks more than one question.
const PING: Limit = Limit::AtMostTheirs {
    times: 1.3,
    more: 10.0,
};

/// Compares them all.
pub(crate) fn commands(cluster: &Cluster, rounds: usize) -> Result<Vec<Comparison>> {
    let rounds = rounds * OFTEN;
    eprintln!("small commands");
    let mut comparisons = Vec::new();
    for option in ["--version", "--help"] {
        let one = || run(&mut cluster.hpcapi(Way::Gateway, &[option]));
        let (runs, _) = in_turn(rounds, one, || Ok(()))?;
        comparisons.push(Comparison {
            name: format!("hpcapi {option}"),
            unit: Unit("ms"),
            ours: milliseconds(&runs),
            theirs: None,
            limit: Limit::None,
        });
    }
    for (way, name) in [(Way::Gateway, "gateway"), (Way::Socket, "socket")] {
        for (arguments, resource, limit) in [
            (&["ping"][..], "ping", PING),
            (&["jobs", "show", "1"], "job/1", Limit::None),
        ] {
            let (ours, theirs) = in_turn(
                rounds,
                || run(&mut cluster.hpcapi(way, arguments)),
                || curl::get(cluster, way, resource),
            )?;
            comparisons.push(Comparison {
                name: format!("{} vs curl {resource} ({name})", arguments.join(" ")),
                unit: Unit("ms"),
                ours: milliseconds(&ours),
                theirs: Some(milliseconds(&theirs)),
                limit,
            });
        }
    }
    Ok(comparisons)
}

fn milliseconds(runs: &[Run]) -> Figures {
    Figures::new(runs.iter().map(Run::milliseconds).collect())
}
