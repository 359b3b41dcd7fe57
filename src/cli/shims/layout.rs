//! The formats that Slurm's programs take: `%.18i %t`, `jobid:10,state` and `JobID%20,State`, as a line of
//! headings and a line for each thing that is listed.

use crate::error::{Error, Result};

/// The width of a column that is named without one (`-O`).
const NAMED_WIDTH: usize = 20;

/// What can be shown of a thing.
pub(super) struct Column<T: 'static> {
    /// Its letter in a format of `-o`.
    pub(super) letter: Option<char>,
    /// Its names in a format of `-O`, in lower case.
    pub(super) names: &'static [&'static str],
    /// What stands above it.
    pub(super) heading: &'static str,
    /// What is shown.
    pub(super) show: fn(&T) -> String,
}

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// As wide as what is in it.
    Free,
    /// So wide; what is longer is cut off.
    Is(usize),
    /// As wide as the widest that is in it.
    Widest,
}

enum Piece<T: 'static> {
    Text(String),
    Column {
        column: &'static Column<T>,
        width: Width,
        is_right: bool,
    },
}

/// A format, read.
pub(super) struct Layout<T: 'static>(Vec<Piece<T>>);

impl<T: 'static> Layout<T> {
    /// Reads a format of `-o`: `%[[.]width]letter`, and text between.
    pub(super) fn letters(format: &str, columns: &'static [Column<T>]) -> Result<Layout<T>> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut letters = format.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            let is_right = letters.next_if_eq(&'.').is_some();
            let width = match letters.next_if_eq(&'#') {
                Some(_) => Width::Widest,
                None => {
                    let mut digits = String::new();
                    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    width(&digits)
                }
            };
            match letters.next() {
                None | Some('%') => text.push('%'),
                Some(letter) => {
                    let mut own = columns.iter().filter(|own| own.letter == Some(letter));
                    let column = own.next().ok_or_else(|| unknown(&format!("%{letter}")))?;
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Column {
                        column,
                        width,
                        is_right,
                    });
                }
            }
        }
        pieces.push(Piece::Text(text));
        Ok(Layout(pieces))
    }

    /// Reads a format of `-O`: `name[:[.]width[suffix]]`, with commas between.
    pub(super) fn names(format: &str, columns: &'static [Column<T>]) -> Result<Layout<T>> {
        let mut pieces = Vec::new();
        for part in format.split(',').filter(|part| !part.is_empty()) {
            let (name, shape) = match part.split_once(':') {
                Some((name, shape)) => (name, Some(shape)),
                None => (part, None),
            };
            let own = name.trim().to_ascii_lowercase();
            let mut found = columns.iter().filter(|it| it.names.contains(&own.as_str()));
            let column = found.next().ok_or_else(|| unknown(name))?;
            let shape = shape.unwrap_or_default();
            let (is_right, shape) = match shape.strip_prefix('.') {
                Some(shape) => (true, shape),
                None => (false, shape),
            };
            let digits = shape.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, suffix) = shape.split_at(digits);
            let width = match part.contains(':') {
                true => width(digits),
                false => Width::Is(NAMED_WIDTH),
            };
            pieces.push(Piece::Column {
                column,
                width,
                is_right,
            });
            pieces.push(Piece::Text(suffix.to_owned()));
        }
        Ok(Layout(pieces))
    }

    /// Returns what is shown of a thing in the columns that are wanted.
    pub(super) fn shown(&self, thing: &T, wants: impl Fn(&Column<T>) -> bool) -> Vec<String> {
        let columns = self.columns().filter(|column| wants(column));
        columns.map(|column| (column.show)(thing)).collect()
    }

    /// Returns the lines, with that of the headings if it is wanted.
    pub(super) fn lines(&self, things: &[T], headings: Headings) -> String {
        let mut rows = Vec::new();
        if headings == Headings::Shown {
            rows.push(self.columns().map(|it| it.heading.to_owned()).collect());
        }
        rows.extend(things.iter().map(|thing| self.shown(thing, |_| true)));
        let widest = |at: usize| {
            let widths = rows.iter().map(|row: &Vec<String>| row[at].chars().count());
            widths.max().unwrap_or(0)
        };
        let mut text = String::new();
        for row in &rows {
            let mut at = 0;
            for piece in &self.0 {
                match piece {
                    Piece::Text(words) => text.push_str(words),
                    Piece::Column {
                        width, is_right, ..
                    } => {
                        let width = match width {
                            Width::Free => None,
                            Width::Is(width) => Some(*width),
                            Width::Widest => Some(widest(at)),
                        };
                        text.push_str(&fitted(&row[at], width, *is_right));
                        at += 1;
                    }
                }
            }
            text.push('\n');
        }
        text
    }

    fn columns(&self) -> impl Iterator<Item = &'static Column<T>> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Column { column, .. } => Some(*column),
        })
    }
}

/// Whether there is a line of headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Headings {
    /// It comes first.
    Shown,
    /// There is none (`--noheader`).
    None,
}

impl Headings {
    /// Returns what `--noheader` asks for.
    pub(super) fn unless(is_without: bool) -> Headings {
        match is_without {
            true => Headings::None,
            false => Headings::Shown,
        }
    }
}

/// Returns the error of a field that is none, or that Slurm's API does not tell.
pub(super) fn unknown(field: &str) -> Error {
    Error::usage(format!(
        "`{field}` is no field that can be shown over Slurm's API"
    ))
}

fn width(digits: &str) -> Width {
    match digits.parse() {
        Ok(0) | Err(_) => Width::Free,
        Ok(width) => Width::Is(width),
    }
}

/// Returns a text cut off or filled up to a width.
pub(super) fn fitted(text: &str, width: Option<usize>, is_right: bool) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let cut: String = text.chars().take(width).collect();
    match is_right {
        true => format!("{cut:>width$}"),
        false => format!("{cut:<width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column<(u32, &str)>] = &[
        Column {
            letter: Some('i'),
            names: &["id", "number"],
            heading: "ID",
            show: |it| it.0.to_string(),
        },
        Column {
            letter: Some('n'),
            names: &["name"],
            heading: "NAME",
            show: |it| it.1.to_owned(),
        },
    ];

    const THINGS: [(u32, &str); 2] = [(7, "short"), (12, "longer")];

    #[test]
    fn letters_are_laid_out_as_slurm_does_it() {
        for (format, expected) in [
            ("%i %n", "ID NAME\n7 short\n12 longer\n"),
            ("%.4i|%4n|", "  ID|NAME|\n   7|shor|\n  12|long|\n"),
            ("%i^^^%n", "ID^^^NAME\n7^^^short\n12^^^longer\n"),
            ("%#n.%i", "NAME  .ID\nshort .7\nlonger.12\n"),
            ("100%%", "100%\n100%\n100%\n"),
        ] {
            let layout = Layout::letters(format, COLUMNS).unwrap();
            assert_eq!(layout.lines(&THINGS, Headings::Shown), expected, "{format}");
        }
        let error = Layout::letters("%z", COLUMNS).err().unwrap();
        assert!(error.to_string().contains("`%z`"));
    }

    #[test]
    fn names_are_laid_out_as_slurm_does_it() {
        let lines = |format: &str| {
            let layout = Layout::names(format, COLUMNS).unwrap();
            layout.lines(&THINGS[..1], Headings::None)
        };
        assert_eq!(lines("Number:.3,name:3"), "  7sho\n");
        assert_eq!(lines("id:|,name:"), "7|short\n");
        assert_eq!(lines("id"), format!("{:<20}\n", 7));
        assert!(Layout::names("foo", COLUMNS).is_err());
    }
}
