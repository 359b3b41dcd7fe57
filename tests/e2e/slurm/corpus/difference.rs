//! How two jobs differ.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The most scripts that a failure names for one difference.
const MOST_SHOWN: usize = 4;

/// One thing in which the jobs of one script differ.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) script: String,
    /// As the table in docs/client.md calls it.
    pub(super) what: String,
    sbatch: String,
    hpcapi: String,
}

impl Difference {
    pub(super) fn new(script: &str, what: &str, sbatch: &str, hpcapi: &str) -> Difference {
        Difference {
            script: script.to_owned(),
            what: what.to_owned(),
            sbatch: sbatch.trim().to_owned(),
            hpcapi: hpcapi.trim().to_owned(),
        }
    }
}

/// Returns differences as a failure shows them.
pub(super) fn told(differences: &[Difference]) -> String {
    let mut by_kind: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        by_kind
            .entry(&difference.what)
            .or_default()
            .push(difference);
    }
    let mut words =
        "these are not equal; mend them, or list them in docs/client.md with the reason:\n"
            .to_owned();
    for (what, all) in by_kind {
        let _ = writeln!(words, "{what} ({} scripts)", all.len());
        for one in all.iter().take(MOST_SHOWN) {
            let Difference {
                script,
                sbatch,
                hpcapi,
                ..
            } = one;
            let _ = writeln!(
                words,
                "  {script}\n    sbatch: {sbatch}\n    hpcapi: {hpcapi}"
            );
        }
        let rest: Vec<&str> = all
            .iter()
            .skip(MOST_SHOWN)
            .map(|one| one.script.as_str())
            .collect();
        if !rest.is_empty() {
            let _ = writeln!(words, "  and {}", rest.join(" "));
        }
    }
    words
}
