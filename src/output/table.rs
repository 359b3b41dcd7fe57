//! Tables for people: aligned columns, states in colour on a terminal, no line longer than it.

use console::{Style, Term, measure_text_width, pad_str, truncate_str};

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

fn style(state: &str) -> Style {
    match state {
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
    heading: Vec<&'static str>,
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
    /// Returns a table without rows.
    pub fn new(heading: &[&'static str]) -> Table {
        Table {
            heading: heading.to_vec(),
            rows: Vec::new(),
        }
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
        self.lines(terminal_width()).collect()
    }

    fn lines(&self, width: Option<usize>) -> impl Iterator<Item = String> {
        let widths = self.widths();
        let heading = Row {
            cells: self.heading.join(&SEPARATOR.to_string()),
            state: None,
        };
        let heading = heading.line(&widths, width);
        let rows = self.rows.iter().map(move |row| row.line(&widths, width));
        std::iter::once(heading).chain(rows)
    }

    /// Returns how wide its columns are.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heading.iter().map(|word| word.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row.cells.split(SEPARATOR)) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        widths
    }
}

/// A table whose rows come one by one and may be very many: its columns are as wide as its first rows
/// want them, and only these are held.
#[derive(Debug)]
pub(super) struct LongTable {
    first: Table,
    /// Once the first rows are told.
    widths: Option<Vec<usize>>,
    terminal: Option<usize>,
}

impl LongTable {
    /// How many rows decide how wide the columns are.
    const FIRST: usize = 1000;

    /// Returns a table without rows.
    pub(super) fn new(heading: &[&'static str]) -> LongTable {
        LongTable {
            first: Table::new(heading),
            widths: None,
            terminal: terminal_width(),
        }
    }

    /// Adds a row; returns the lines that are known by it.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> String {
        self.first.row(cells);
        if self.widths.is_some() || self.first.rows.len() >= LongTable::FIRST {
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
        if let Some(widths) = &self.widths {
            let lines = rows.iter().map(|row| row.line(widths, self.terminal));
            return lines.collect();
        }
        self.first.rows = rows;
        self.widths = Some(self.first.widths());
        let lines = self.first.lines(self.terminal).collect();
        self.first.rows.clear();
        lines
    }
}

impl Row {
    /// Returns the row as a line with columns of these widths, cut off at `width`.
    fn line(&self, widths: &[usize], width: Option<usize>) -> String {
        let mut line = String::new();
        for (at, (cell, width)) in self.cells.split(SEPARATOR).zip(widths).enumerate() {
            let shown = match self.state == Some(at) {
                true => style(cell).apply_to(cell).to_string(),
                false => cell.to_owned(),
            };
            if at + 1 == widths.len() {
                line.push_str(&shown);
            } else {
                line.push_str(&pad_str(&shown, *width, console::Alignment::Left, None));
                line.push_str("  ");
            }
        }
        let line = line.trim_end();
        match width {
            Some(width) => format!("{}\n", truncate_str(line, width, "…")),
            None => format!("{line}\n"),
        }
    }
}

/// Returns how wide the terminal is, if stdout is one.
fn terminal_width() -> Option<usize> {
    let terminal = Term::stdout();
    terminal
        .is_term()
        .then(|| usize::from(terminal.size().1))
        .filter(|width| *width > 20)
}

/// Returns seconds as people say them: `45 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`.
pub fn span(seconds: u64) -> String {
    let two = |large: u64, unit: &str, small: u64, below: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {below}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Returns bytes as people say them: `999 B`, `1.5 MB`, `2 GB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    while tenths >= 9_995 && unit + 1 < units.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    match (tenths % 10, tenths >= 1000 || unit == 0) {
        (0, _) | (_, true) => format!("{} {}", tenths / 10, units[unit]),
        (tenth, false) => format!("{}.{tenth} {}", tenths / 10, units[unit]),
    }
}

/// Returns mebibytes as people say them: `972 MiB`, `1.5 GiB`.
pub fn memory(mebibytes: u64) -> String {
    let tenths = |unit: u64| (mebibytes * 10 / unit, mebibytes * 10 % unit);
    let (divisor, unit) = match mebibytes {
        0..1024 => return format!("{mebibytes} MiB"),
        1024..1_048_576 => (1024, "GiB"),
        _ => (1_048_576, "TiB"),
    };
    match tenths(divisor).0 {
        whole if whole % 10 == 0 => format!("{} {unit}", whole / 10),
        part => format!("{}.{} {unit}", part / 10, part % 10),
    }
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
    fn a_long_table_is_told_as_it_comes() {
        let mut table = LongTable::new(&["JOB", "NAME"]);
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
        assert_eq!(LongTable::new(&["JOB", "NAME"]).end(), "JOB  NAME\n");
    }

    #[test]
    fn time_and_memory_are_in_human_units() {
        let spans = [0, 59, 60, 200, 7500, 90_000].map(span);
        assert_eq!(
            spans,
            ["0 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "1 d 1 h"]
        );
        let bytes = [0, 999, 1000, 1_250_000, 999_960, 64 << 20, u64::MAX].map(size);
        assert_eq!(
            bytes,
            [
                "0 B", "999 B", "1 kB", "1.3 MB", "1 MB", "67.1 MB", "18.4 EB"
            ]
        );
        let sizes = [972, 1024, 1536, 2_097_152].map(memory);
        assert_eq!(sizes, ["972 MiB", "1 GiB", "1.5 GiB", "2 TiB"]);
    }
}
