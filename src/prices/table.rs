//! The table of prices as it is carried: compressed CSV with a row for each thing and a column for
//! each region, below lines that say its date and sources.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;

/// The table. What cannot be read of it is not known: no command fails for want of a price.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Its day, as 2026-07-20.
    pub(super) date: String,
    /// Where it is from.
    pub(super) sources: Vec<String>,
    regions: Vec<String>,
    /// The figures of a thing, in the order of the regions, as they were written.
    rows: BTreeMap<String, String>,
}

impl Table {
    /// Reads it out of what `scripts/prices.py` wrote.
    pub(super) fn read(compressed: &[u8]) -> Table {
        let mut text = String::new();
        match GzDecoder::new(compressed).read_to_string(&mut text) {
            Ok(_) => Table::parse(&text),
            Err(_) => Table::default(),
        }
    }

    fn parse(text: &str) -> Table {
        let mut table = Table::default();
        for line in text.lines() {
            if let Some(said) = line.strip_prefix("# ") {
                match said.split_once(' ') {
                    Some(("date", date)) => table.date = date.to_owned(),
                    Some(("source", source)) => table.sources.push(source.to_owned()),
                    _ => (),
                }
            } else if let Some((name, figures)) = line.split_once(',') {
                // The first one has the names of the columns.
                if table.regions.is_empty() {
                    table.regions = figures.split(',').map(ToOwned::to_owned).collect();
                } else {
                    table.rows.insert(name.to_owned(), figures.to_owned());
                }
            }
        }
        table
    }

    /// Returns the price of a thing in a region in US dollars, if it is known.
    pub(super) fn price(&self, name: &str, region: &str) -> Option<f64> {
        let column = self.regions.iter().position(|it| it == region)?;
        let figure = self.rows.get(name)?.split(',').nth(column)?;
        figure.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_row_and_column_and_an_empty_one_is_none() {
        let table = Table::parse(
            "# Prices.\n# date 2026-07-20\n# source A, 2026\n# source B\nname,us-east-1,eu-west-1\n\
             alarm,0.1,\nm5.large,0.096,0.107\n",
        );
        assert_eq!(table.date, "2026-07-20");
        assert_eq!(table.sources, ["A, 2026", "B"]);
        assert_eq!(table.price("m5.large", "eu-west-1"), Some(0.107));
        assert_eq!(table.price("alarm", "us-east-1"), Some(0.1));
        assert_eq!(table.price("alarm", "eu-west-1"), None);
        assert_eq!(table.price("alarm", "eu-west-2"), None);
        assert_eq!(table.price("m5.small", "us-east-1"), None);
    }

    #[test]
    fn what_is_no_table_knows_nothing() {
        assert_eq!(Table::read(b"no gzip").price("m5.large", "us-east-1"), None);
    }
}
