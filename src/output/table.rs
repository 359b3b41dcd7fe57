//! Tables for people: aligned columns, states in colour on a terminal, no line longer than it.
//! Libraries for tables hold every cell and break lines; here rows come one by one, very many, and
//! columns go where a terminal is narrow. Widths of characters and colours are `console`'s.

use console::{Alignment, Style, Term, measure_text_width, pad_str, truncate_str};

use super::layout::{Columns, Place};

/// Between the cells of a row: a cell has no control characters.
const SEPARATOR: char = '\u{1f}';

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    is_state: bool,
}

impl Cell {
    /// Returns a cell with the state of something, coloured by how good it is.
    pub fn state(word: &str) -> Cell {
        Cell {
            is_state: true,
            ..Cell::from(word)
        }
    }

    /// Returns a cell with a name of others', cut off where it would make the table too wide.
    pub fn name(name: &str) -> Cell {
        if name.chars().count() <= WIDEST {
            return Cell::from(name);
        }
        let begin: String = name.chars().take(WIDEST - 1).collect();
        Cell::from(format!("{begin}…"))
    }
}

/// The most characters of a name that a table shows.
const WIDEST: usize = 40;

pub(super) fn style(state: &str) -> Style {
    match state {
        "ok" => Style::new().green(),
        "warning" => Style::new().yellow(),
        "problem" => Style::new().red(),
        "RUNNING" | "COMPLETED" | "UP" | "IDLE" | "MIXED" | "ALLOCATED" => Style::new().green(),
        "PENDING" | "CONFIGURING" | "COMPLETING" | "SUSPENDED" | "REQUEUED" | "DRAIN"
        | "INACTIVE" => Style::new().yellow(),
        "FAILED" | "TIMEOUT" | "NODE_FAIL" | "BOOT_FAIL" | "DEADLINE" | "OUT_OF_MEMORY"
        | "DOWN" | "ERROR" => Style::new().red(),
        "CANCELLED" | "PREEMPTED" => Style::new().magenta(),
        _ => Style::new(),
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Cell {
        // Names come from others: none may move the cursor or hide a column.
        Cell {
            text: super::plain(text.as_ref()),
            is_state: false,
        }
    }
}

/// Rows below a heading.
#[derive(Debug)]
pub struct Table {
    columns: Columns,
    rows: Vec<Row>,
}

/// A row in one piece: there may be very many.
#[derive(Debug)]
struct Row {
    cells: String,
    /// Which of them is a state.
    state: Option<usize>,
}

impl Table {
    /// Returns a table without rows, all of whose columns stay.
    pub fn new(heading: &[&'static str]) -> Table {
        Table {
            columns: Columns::new(heading),
            rows: Vec::new(),
        }
    }

    /// Makes these columns end at the right, as numbers do.
    pub fn numbers(mut self, names: &[&'static str]) -> Table {
        self.columns.set_numbers(names);
        self
    }

    /// Makes the cells of these columns shorter on a terminal that is too narrow, the first of them
    /// first, and none below so many characters.
    pub fn shortened(mut self, least: &[(&'static str, usize)]) -> Table {
        self.columns.set_shortened(least);
        self
    }

    /// Leaves these columns out on a terminal that is too narrow, the first of them first.
    pub fn left_out(mut self, names: &[&'static str]) -> Table {
        self.columns.set_left_out(names);
        self
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row = Row {
            cells: String::new(),
            state: None,
        };
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                row.cells.push(SEPARATOR);
            }
            row.cells.push_str(&cell.text);
            row.state = row.state.or(cell.is_state.then_some(at));
        }
        row.cells.shrink_to_fit();
        self.rows.push(row);
    }

    /// Returns the table as text for stdout.
    pub fn text(&self) -> String {
        self.text_within(terminal_width())
    }

    /// Returns the table as text, with lines of so many characters at most.
    pub fn text_within(&self, width: Option<usize>) -> String {
        self.lines(width).collect()
    }

    fn lines(&self, width: Option<usize>) -> impl Iterator<Item = String> {
        let places = self.places(width);
        let heading = self.heading(&places, width);
        let rows = self.rows.iter().map(move |row| row.line(&places, width));
        std::iter::once(heading).chain(rows)
    }

    fn heading(&self, places: &[Place], width: Option<usize>) -> String {
        let heading = Row {
            cells: self.columns.heading().join(&SEPARATOR.to_string()),
            state: None,
        };
        heading.line(places, width)
    }

    fn places(&self, width: Option<usize>) -> Vec<Place> {
        let names = self.columns.heading();
        let mut widths: Vec<usize> = names.iter().map(|word| word.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row.cells.split(SEPARATOR)) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        self.columns.places(&widths, width)
    }
}

/// A table whose rows come one by one and may be very many: its columns are as wide as its first rows
/// want them, and only these are held.
#[derive(Debug)]
pub(super) struct LongTable {
    first: Table,
    /// Once the first rows are told.
    places: Option<Vec<Place>>,
    terminal: Option<usize>,
}

impl LongTable {
    /// How many rows decide how wide the columns are.
    const FIRST: usize = 1000;

    /// Returns a table like one that has no rows yet.
    pub(super) fn of(first: Table) -> LongTable {
        LongTable {
            first,
            places: None,
            terminal: terminal_width(),
        }
    }

    /// Adds a row; returns the lines that are known by it.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> String {
        self.first.row(cells);
        if self.places.is_some() || self.first.rows.len() >= LongTable::FIRST {
            return self.known();
        }
        String::new()
    }

    /// Returns the lines that are left.
    pub(super) fn end(mut self) -> String {
        self.known()
    }

    fn known(&mut self) -> String {
        let rows = std::mem::take(&mut self.first.rows);
        if let Some(places) = &self.places {
            let lines = rows.iter().map(|row| row.line(places, self.terminal));
            return lines.collect();
        }
        self.first.rows = rows;
        self.places = Some(self.first.places(self.terminal));
        let lines = self.first.lines(self.terminal).collect();
        self.first.rows.clear();
        lines
    }
}

impl Row {
    /// Returns the row as a line with its cells in these places, cut off at `width`.
    fn line(&self, places: &[Place], width: Option<usize>) -> String {
        let mut line = String::new();
        let cells = self.cells.split(SEPARATOR).zip(places).enumerate();
        for (at, (cell, place)) in cells.filter(|(_, (_, place))| place.is_shown) {
            let cell = match place.is_cut {
                true => truncate_str(cell, place.width, "…"),
                false => cell.into(),
            };
            let shown = match self.state == Some(at) {
                true => style(&cell).apply_to(&cell).to_string(),
                false => cell.into_owned(),
            };
            let side = match place.is_number {
                true => Alignment::Right,
                false => Alignment::Left,
            };
            line.push_str(&pad_str(&shown, place.width, side, None));
            line.push_str("  ");
        }
        let line = line.trim_end();
        match width {
            Some(width) => format!("{}\n", truncate_str(line, width, "…")),
            None => format!("{line}\n"),
        }
    }
}

/// Returns how wide the terminal is, if stdout is one.
pub(super) fn terminal_width() -> Option<usize> {
    let terminal = Term::stdout();
    terminal
        .is_term()
        .then(|| usize::from(terminal.size().1))
        .filter(|width| *width > 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_at_the_terminal() {
        let mut table = Table::new(&["JOB", "NAME", "STATE"]);
        table.row(["1".into(), "größe\u{1b}[2J".into(), Cell::state("RUNNING")]);
        table.row(["12_[3-4]".into(), "x".into(), "PENDING".into()]);
        assert_eq!(
            table.lines(None).collect::<String>(),
            "JOB       NAME       STATE\n\
             1         größe\u{fffd}[2J  RUNNING\n\
             12_[3-4]  x          PENDING\n"
        );
        for line in table.lines(Some(15)) {
            assert!(measure_text_width(line.trim_end()) <= 15, "{line}");
        }
    }

    #[test]
    fn a_very_long_name_makes_no_wide_table() {
        let mut table = Table::new(&["JOB", "NAME"]);
        table.row(["1".into(), Cell::name(&"ü".repeat(1000))]);
        let text: String = table.lines(None).collect();
        assert!(
            text.ends_with(&format!("1    {}…\n", "ü".repeat(39))),
            "{text}"
        );
        assert_eq!(Cell::name(&"x".repeat(40)).text.len(), 40);
    }

    #[test]
    fn wide_characters_take_two_columns_and_are_not_cut_in_two() {
        let mut table = Table::new(&["NAME", "CPUS", "WHERE"])
            .numbers(&["CPUS"])
            .shortened(&[("NAME", 5)]);
        table.row(["計算計算".into(), "8".into(), "n1".into()]);
        table.row(["é\u{301}x".into(), "1024".into(), "n2".into()]);
        let lines = |width| table.lines(width).collect::<String>();
        assert_eq!(
            lines(None),
            "NAME      CPUS  WHERE\n計算計算     8  n1\né\u{301}x        1024  n2\n"
        );
        assert_eq!(
            lines(Some(18)),
            "NAME   CPUS  WHERE\n計算…     8  n1\né\u{301}x     1024  n2\n"
        );
    }

    #[test]
    fn a_long_table_is_told_as_it_comes() {
        let mut table = LongTable::of(Table::new(&["JOB", "NAME"]));
        let mut told = String::new();
        for number in 0..LongTable::FIRST {
            assert_eq!(told, "");
            told = table.row([number.to_string().into(), "x".into()]);
        }
        assert!(told.starts_with("JOB  NAME\n0    x\n1    x\n"), "{told}");
        assert_eq!(told.lines().count(), LongTable::FIRST + 1);
        assert_eq!(table.row(["12345".into(), "y".into()]), "12345  y\n");
        assert_eq!(table.row(["6".into(), "z".into()]), "6    z\n");
        assert_eq!(table.end(), "");
        assert_eq!(
            LongTable::of(Table::new(&["JOB", "NAME"])).end(),
            "JOB  NAME\n"
        );
    }
}
