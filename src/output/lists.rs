//! Long lists on stdout, printed element by element: none is held.

use std::io::{BufWriter, Stdout, Write, stdout};

use serde::Serialize;

use crate::error::Result;

use super::stdout::{Reader, outcome};
use super::table::{Cell, LongTable, Table};

/// A list as one JSON document, `{"name": […]}`.
#[derive(Debug)]
pub struct JsonList {
    stdout: BufWriter<Stdout>,
    is_empty: bool,
}

impl JsonList {
    /// Begins the document.
    pub fn begin(name: &str) -> Result<JsonList> {
        let mut list = JsonList {
            stdout: BufWriter::new(stdout()),
            is_empty: true,
        };
        outcome(write!(list.stdout, "{{\n  \"{name}\": ["))?;
        Ok(list)
    }

    /// Adds an element.
    pub fn element(&mut self, element: &impl Serialize) -> Result<Reader> {
        let json = serde_json::to_string_pretty(element).expect("elements are plain data");
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        let json = json.replace('\n', "\n    ");
        outcome(write!(self.stdout, "{comma}\n    {json}"))
    }

    /// Ends the document.
    pub fn end(mut self) -> Result<()> {
        let end = if self.is_empty { "]\n}" } else { "\n  ]\n}" };
        outcome(writeln!(self.stdout, "{end}").and_then(|()| self.stdout.flush())).map(|_| ())
    }
}

/// A list as a table.
#[derive(Debug)]
pub struct TextList {
    stdout: BufWriter<Stdout>,
    table: LongTable,
}

impl TextList {
    /// Begins a table that has no rows yet.
    pub fn begin(table: Table) -> TextList {
        TextList {
            stdout: BufWriter::new(stdout()),
            table: LongTable::of(table),
        }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<Reader> {
        let lines = self.table.row(cells);
        outcome(self.stdout.write_all(lines.as_bytes()))
    }

    /// Ends the table.
    pub fn end(mut self) -> Result<()> {
        let lines = self.table.end();
        let written = self.stdout.write_all(lines.as_bytes());
        outcome(written.and_then(|()| self.stdout.flush())).map(|_| ())
    }
}

/// A list as comma-separated values, with a heading.
pub struct CsvList(Box<csv::Writer<Stdout>>);

impl CsvList {
    /// Begins the list.
    pub fn begin() -> CsvList {
        CsvList(Box::new(csv::Writer::from_writer(stdout())))
    }

    /// Adds an element, whose fields are the columns.
    pub fn element(&mut self, element: &impl Serialize) -> Result<Reader> {
        outcome(self.0.serialize(element).map_err(Into::into))
    }

    /// Ends the list.
    pub fn end(mut self) -> Result<()> {
        outcome(self.0.flush()).map(|_| ())
    }
}
