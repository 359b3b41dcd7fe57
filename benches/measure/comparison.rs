//! What was measured, beside what it may be.

use super::figures::{Figures, Unit};

/// What our median is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// Nothing: it is there for scale.
    None,
    /// It is at most so much.
    AtMost(f64),
    /// It is at most so many times theirs, and so much more.
    AtMostTheirs { times: f64, more: f64 },
    /// It is at least so many times theirs.
    AtLeastTheirs { times: f64 },
}

/// Our figures, and those of what a user would run instead.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Figures,
    pub(crate) theirs: Option<Figures>,
    pub(crate) limit: Limit,
}

impl Comparison {
    /// Returns whether the limit is kept. One that needs their figures and has none is broken.
    pub(crate) fn is_kept(&self) -> bool {
        let ours = self.ours.median();
        let theirs = self.theirs.as_ref().map(Figures::median);
        match (self.limit, theirs) {
            (Limit::None, _) => true,
            (Limit::AtMost(most), _) => ours <= most,
            (Limit::AtMostTheirs { times, more }, Some(theirs)) => ours <= theirs * times + more,
            (Limit::AtLeastTheirs { times }, Some(theirs)) => ours >= theirs * times,
            (Limit::AtMostTheirs { .. } | Limit::AtLeastTheirs { .. }, None) => false,
        }
    }

    fn cells(&self) -> [String; 7] {
        let Unit(symbol) = self.unit;
        let ratio = self
            .theirs
            .as_ref()
            .map(|theirs| format!("{:.2}", self.ours.median() / theirs.median()));
        let limit = match self.limit {
            Limit::None => "-".to_owned(),
            Limit::AtMost(most) => format!("<= {most:.0} {symbol}"),
            Limit::AtMostTheirs { times, more: 0.0 } => format!("<= {times:.2} x"),
            Limit::AtMostTheirs { times, more } => format!("<= {times:.2} x + {more:.0} {symbol}"),
            Limit::AtLeastTheirs { times } => format!(">= {times:.2} x"),
        };
        let verdict = match self.limit {
            Limit::None => "-",
            _ if self.is_kept() => "ok",
            _ => "BROKEN",
        };
        [
            self.name.clone(),
            self.ours.count().to_string(),
            written(&self.ours, symbol),
            self.theirs
                .as_ref()
                .map_or_else(|| "-".to_owned(), |theirs| written(theirs, symbol)),
            ratio.unwrap_or_else(|| "-".to_owned()),
            limit,
            verdict.to_owned(),
        ]
    }
}

/// Returns the median, and from where to where the figures go.
fn written(figures: &Figures, symbol: &str) -> String {
    let digits = usize::from(figures.median() < 100.0);
    format!(
        "{:.digits$} {symbol} ({:.digits$}-{:.digits$})",
        figures.median(),
        figures.least(),
        figures.most()
    )
}

/// Returns all comparisons as a table.
pub(crate) fn table(comparisons: &[Comparison]) -> String {
    let heads = [
        "what",
        "n",
        "ours: median (min-max)",
        "theirs",
        "ratio",
        "limit",
        "",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(comparisons.iter().map(Comparison::cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..heads.len()).filter_map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
