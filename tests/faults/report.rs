//! The report: points tried, points converged, things left over.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use crate::journey::{Journey, Outcome};
use crate::point::{Act, Point, Verb};

/// What all journeys came to.
#[derive(Default)]
pub(crate) struct Report {
    /// Points tried and converged, for each verb and act.
    rows: BTreeMap<(Verb, Act), (usize, usize)>,
    /// Points whose call was not made this time.
    missed: Vec<Point>,
    left_over: usize,
    wrong: Vec<String>,
}

impl Report {
    /// Adds a journey; a point has converged when all of its journey has.
    pub(crate) fn add(&mut self, journey: &Journey, outcome: &Outcome) {
        let converged = outcome.wrong.is_empty();
        for point in &outcome.hit {
            let row = self.rows.entry((point.verb, point.act)).or_default();
            row.0 += 1;
            row.1 += usize::from(converged);
        }
        self.missed.retain(|point| !outcome.hit.contains(point));
        for point in &journey.points {
            if !outcome.hit.contains(point) && !self.missed.contains(point) {
                self.missed.push(point.clone());
            }
        }
        self.left_over += outcome.left.values().sum::<usize>();
        if !converged {
            let name = journey.name();
            let words = outcome.wrong.join("\n    ");
            let wrong = format!("  HPCAPI_FAULTS={name}\n    {words}");
            tell(&wrong);
            self.wrong.push(wrong);
        }
    }

    /// Returns how many points were come to.
    pub(crate) fn tried(&self) -> usize {
        self.rows.values().map(|(tried, _)| tried).sum()
    }

    /// Returns the points whose call has not been made.
    pub(crate) fn missed(&self) -> &[Point] {
        &self.missed
    }

    fn converged(&self) -> usize {
        self.rows.values().map(|(_, converged)| converged).sum()
    }

    /// Returns whether all converged and nothing was left.
    pub(crate) fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.left_over == 0 && self.converged() == self.tried()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26}{:>6}{:>11}", "point", "tried", "converged")?;
        for ((verb, act), (tried, converged)) in &self.rows {
            let name = format!("{} {}", verb.name(), act.name());
            writeln!(f, "{name:<26}{tried:>6}{converged:>11}")?;
        }
        writeln!(
            f,
            "{:<26}{:>6}{:>11}",
            "all",
            self.tried(),
            self.converged()
        )?;
        writeln!(
            f,
            "not come to: {}; things left over: {}",
            self.missed.len(),
            self.left_over
        )?;
        for wrong in &self.wrong {
            writeln!(f, "{wrong}")?;
        }
        Ok(())
    }
}

/// Says something that is read whether the tests pass or not.
pub(crate) fn tell(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}
