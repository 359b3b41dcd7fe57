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
}

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

    /// Returns the lines of the table for stdout, each ended, without holding them all.
    pub fn each_line(&self) -> impl Iterator<Item = String> {
        self.lines(terminal_width())
    }

    fn lines(&self, width: Option<usize>) -> impl Iterator<Item = String> {
        let mut widths: Vec<usize> = self.heading.iter().map(|word| word.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row.cells.split(SEPARATOR)) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        let heading = Row {
            cells: self.heading.join(&SEPARATOR.to_string()),
            state: None,
        };
        let heading = heading.line(&widths, width);
        let rows = self.rows.iter().map(move |row| row.line(&widths, width));
        std::iter::once(heading).chain(rows)
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
    fn time_and_memory_are_in_human_units() {
        let spans = [0, 59, 60, 200, 7500, 90_000].map(span);
        assert_eq!(
            spans,
            ["0 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "1 d 1 h"]
        );
        let sizes = [972, 1024, 1536, 2_097_152].map(memory);
        assert_eq!(sizes, ["972 MiB", "1 GiB", "1.5 GiB", "2 TiB"]);
    }
}
