//! The list of differences, as docs/client.md shows it.

use std::collections::BTreeSet;

use super::difference::Difference;

const DOCUMENT: &str = include_str!("../../../../docs/client.md");
const HEADING: &str = "### Where a job differs from `sbatch`'s";

/// One difference of the table: a thing, in which scripts, in one Slurm.
#[derive(Debug)]
struct Row {
    what: String,
    /// A script's name, with `*` at its end for all that begin so; or `all`.
    scripts: String,
}

impl Row {
    fn has(&self, difference: &Difference) -> bool {
        let is_script = match self.scripts.strip_suffix('*') {
            Some(beginning) => difference.script.starts_with(beginning),
            None => self.scripts == "all" || self.scripts == difference.script,
        };
        is_script && self.what == difference.what
    }
}

/// What may differ in a Slurm.
pub(super) struct Listed {
    rows: Vec<Row>,
    met: BTreeSet<usize>,
}

impl Listed {
    /// Reads the table for a release of Slurm.
    pub(super) fn read(release: &str) -> Listed {
        let (_, section) = DOCUMENT.split_once(HEADING).expect("the heading is there");
        let section = section.split("\n## ").next().unwrap_or_default();
        let lines = section.lines().filter(|line| line.starts_with("| "));
        // The first is the table's head.
        let rows: Vec<Row> = lines.skip(1).flat_map(|line| rows(line, release)).collect();
        assert!(!rows.is_empty(), "the table is there");
        Listed {
            rows,
            met: BTreeSet::new(),
        }
    }

    /// Returns whether a difference is listed, and remembers that it was met.
    pub(super) fn has(&mut self, difference: &Difference) -> bool {
        let all = self.rows.iter().enumerate();
        let found: Vec<usize> = all
            .filter(|(_, row)| row.has(difference))
            .map(|(at, _)| at)
            .collect();
        self.met.extend(&found);
        !found.is_empty()
    }

    /// Returns whether hpcapi is to refuse a script.
    pub(super) fn is_refused(&self, script: &str) -> bool {
        let refused = Difference::new(script, "refused by hpcapi", "", "");
        self.rows.iter().any(|row| row.has(&refused))
    }

    /// Fails when something is listed that does not differ.
    pub(super) fn require_met(&self) {
        let all = self.rows.iter().enumerate();
        let equal: Vec<_> = all.filter(|(at, _)| !self.met.contains(at)).collect();
        assert!(
            equal.is_empty(),
            "docs/client.md lists what is equal: {equal:#?}"
        );
    }
}

/// Reads a line of the table: what, in which scripts, in which Slurms, why.
fn rows(line: &str, release: &str) -> Vec<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [what, scripts, releases, why] = cells.as_slice() else {
        panic!("a line of four cells: {line}");
    };
    assert!(!why.is_empty(), "{line}");
    if *releases != "all" && !releases.split(", ").any(|one| one == release) {
        return Vec::new();
    }
    // `variables `A` and `B`` are as many differences, `refused by hpcapi` is one.
    let whats: Vec<String> = match what.split_once(' ') {
        Some(("field" | "fields", _)) => named(what, "field"),
        Some(("variable" | "variables", _)) => named(what, "variable"),
        _ => vec![(*what).to_owned()],
    };
    let scripts: Vec<String> = match *scripts {
        "all" => vec!["all".to_owned()],
        several => quoted(several).map(ToOwned::to_owned).collect(),
    };
    let pairs = whats.iter().flat_map(|what| {
        scripts.iter().map(|scripts| Row {
            what: what.clone(),
            scripts: scripts.clone(),
        })
    });
    pairs.collect()
}

fn named(cell: &str, kind: &str) -> Vec<String> {
    quoted(cell)
        .map(|name| format!("{kind} `{name}`"))
        .collect()
}

/// Returns what stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
