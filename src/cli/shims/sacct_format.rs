//! The format of `sacct`: fields with widths, padded or parsable.

use crate::error::Result;

use super::layout::{Headings, fitted, unknown};
use super::sacct_columns::{FIELDS, Field, Line};

/// How lines are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// In columns.
    Columns,
    /// With this between fields, and at the end.
    Ended(String),
    /// With this between fields.
    Separated(String),
}

/// A field as it is wanted.
struct Wanted {
    field: &'static Field,
    width: usize,
    is_left: bool,
}

/// A format, read.
pub(super) struct Format(Vec<Wanted>);

impl Format {
    /// Reads `name[%[-]width]`, with commas between.
    pub(super) fn read(format: &str) -> Result<Format> {
        let parts = format.split([',', ' ']).filter(|part| !part.is_empty());
        let wanted = parts.map(|part| {
            let (name, width) = part.split_once('%').unwrap_or((part, ""));
            let mut found = FIELDS
                .iter()
                .filter(|it| it.name.eq_ignore_ascii_case(name));
            let field = found.next().ok_or_else(|| unknown(name))?;
            let digits = width.trim_start_matches('-');
            let own = match digits.is_empty() {
                true => field.width,
                false => digits.parse().map_err(|_| unknown(part))?,
            };
            Ok(Wanted {
                field,
                width: own,
                is_left: width.starts_with('-'),
            })
        });
        wanted.collect::<Result<_>>().map(Format)
    }

    /// Returns the lines, with the headings if they are wanted.
    pub(super) fn lines(&self, lines: &[Line<'_>], form: &Form, headings: Headings) -> String {
        let mut text = String::new();
        if headings == Headings::Shown {
            let name = |wanted: &Wanted| match form {
                // What is cut off is marked in values alone.
                Form::Columns => wanted.field.name.chars().take(wanted.width).collect(),
                _ => wanted.field.name.to_owned(),
            };
            text.push_str(&self.line(self.0.iter().map(name), form));
            if *form == Form::Columns {
                let rules = self.0.iter().map(|wanted| "-".repeat(wanted.width));
                text.push_str(&self.line(rules, form));
            }
        }
        for line in lines {
            let shown = self.0.iter().map(|wanted| (wanted.field.show)(line));
            text.push_str(&self.line(shown, form));
        }
        text
    }

    fn line(&self, shown: impl Iterator<Item = String>, form: &Form) -> String {
        let shown = self.0.iter().zip(shown);
        match form {
            Form::Columns => {
                let cells = shown.map(|(wanted, shown)| {
                    let length = shown.chars().count();
                    let mut cell = fitted(&shown, Some(wanted.width), !wanted.is_left);
                    if length > wanted.width && wanted.width > 0 {
                        // What is cut off is marked.
                        cell.pop();
                        cell.push('+');
                    }
                    cell
                });
                format!("{} \n", cells.collect::<Vec<_>>().join(" "))
            }
            Form::Separated(separator) => {
                let cells: Vec<String> = shown.map(|(_, shown)| shown).collect();
                format!("{}\n", cells.join(separator))
            }
            Form::Ended(separator) => {
                let cells = shown.map(|(_, shown)| format!("{shown}{separator}"));
                format!("{}\n", cells.collect::<String>())
            }
        }
    }
}

/// Returns the names of all fields, four in a line.
pub(super) fn help() -> String {
    let lines = FIELDS.chunks(4).map(|fields| {
        let names = fields
            .iter()
            .map(|field| fitted(field.name, Some(19), false));
        format!("{}\n", names.collect::<Vec<_>>().join(" ").trim_end())
    });
    lines.collect()
}
