//! A refusal that comes after something was made: what was made, what it costs, and how to go on or
//! back. Exit code 2 says that nothing was changed, so this is none.

use std::error::Error as _;

use crate::context::Context;
use crate::error::{Error, Kind};
use crate::prices::money;

use super::leftovers::{self, Leftover, Scan};

/// As many things are named.
const NAMED: usize = 6;

/// Returns the error with all of that, if anything is there.
pub(super) async fn told(context: &Context, error: Error) -> Error {
    let scan = match leftovers::check(context).await {
        Ok(scan) if scan.left.is_empty() && scan.unseen.is_empty() => return error,
        Ok(scan) => scan,
        // Something was begun, and nobody knows what is there: it may be anything.
        Err(_) => Scan::default(),
    };
    let again = &context.settings.again;
    with_hints(
        error,
        &scan.left,
        &again.command("up"),
        &again.command("teardown"),
    )
}

fn with_hints(error: Error, left: &[Leftover], up: &str, teardown: &str) -> Error {
    let mut told = Error::new(Kind::Failed, error.to_string());
    if let Some(cause) = error.source() {
        told = told.because(cause.to_string());
    }
    for hint in error.hints() {
        told = told.hint(hint.clone());
    }
    if !left.is_empty() {
        told = told.hint(format!("already made: {}", sentence(left)));
    }
    told.hint(format!("go on, once that is changed: {up}"))
        .hint(format!("or remove all of it: {teardown}"))
}

/// Returns what was made, that which costs most first, and what all of it costs.
fn sentence(left: &[Leftover]) -> String {
    let price = |one: &Leftover| one.cost.usd_per_month.unwrap_or(0.0);
    let mut left: Vec<_> = left.iter().collect();
    left.sort_by(|a, b| price(b).total_cmp(&price(a)));
    let sum: f64 = left.iter().map(|one| price(one)).sum();
    let named: Vec<_> = left
        .iter()
        .take(NAMED)
        .map(|one| format!("{} {}", one.kind, one.name))
        .collect();
    let more = match left.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "{}{more}; about {} a month, without data",
        named.join(", "),
        money::amount(sum)
    )
}

#[cfg(test)]
mod tests {
    use super::super::leftovers::Cost;
    use super::*;

    fn thing(kind: &'static str, name: &str, usd: Option<f64>) -> Leftover {
        Leftover {
            kind,
            id: name.to_owned(),
            name: name.to_owned(),
            state: String::new(),
            why: String::new(),
            cost: Cost {
                usd_per_month: usd,
                note: String::new(),
            },
            remove: None,
        }
    }

    #[test]
    fn a_refusal_after_the_network_was_made_says_what_it_costs_and_how_to_go_on_or_back() {
        let left = [
            thing("stack", "x-requirements", Some(0.0)),
            thing("NAT gateway", "nat-1", Some(32.85)),
            thing("elastic IP", "eip-1", Some(3.65)),
            thing("bucket", "b", None),
        ];
        let refused = Error::usage("pcluster refuses it")
            .because("line 3")
            .hint("change it");
        let told = with_hints(refused, &left, "hpcapi up", "hpcapi teardown");
        assert_eq!(told.kind().exit_code(), 1);
        assert_eq!(format!("{told:#}"), "pcluster refuses it: line 3");
        assert_eq!(
            told.hints(),
            [
                "change it",
                "already made: NAT gateway nat-1, elastic IP eip-1, stack x-requirements, \
                 bucket b; about $36.50 a month, without data",
                "go on, once that is changed: hpcapi up",
                "or remove all of it: hpcapi teardown",
            ]
        );
    }
}
