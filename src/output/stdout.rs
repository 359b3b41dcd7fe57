//! The answer on stdout: all of it is written, or it is an error. A reader that has enough, such
//! as `head`, is none.

use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

use crate::error::{Error, Result};

use super::{Answer, Format};

/// How much of a document is written at once: what a pipe holds on Linux.
const PIECE: usize = 64 << 10;

/// Whether somebody takes what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It was written.
    There,
    /// The pipe is closed: nobody wants the rest.
    Gone,
}

/// Prints the answer of a command; the error tells what the command has done.
pub fn answer(answer: &impl Answer, format: Format) -> Result<()> {
    let written = match format {
        Format::Text => write(answer.text().as_bytes()),
        Format::Json => write_json(answer),
    };
    if format == Format::Text
        && written.is_ok()
        && let Some(emptiness) = answer.emptiness()
    {
        emptiness.tell();
    }
    match (written, answer.done()) {
        (Err(error), Some(done)) => Err(after(&done, error)),
        (written, _) => written.map(|_| ()),
    }
}

/// Returns the error of an answer that could not be written after something was done.
pub fn after(done: &str, unwritten: Error) -> Error {
    let hints = unwritten.hints().iter();
    let error = hints.fold(
        Error::failed(format!("{done}, but {unwritten}")),
        Error::hint,
    );
    match std::error::Error::source(&unwritten) {
        Some(cause) => error.because(cause.to_string()),
        None => error,
    }
}

/// Prints text on stdout as it is.
pub fn raw(text: &str) -> Result<()> {
    write(text.as_bytes()).map(|_| ())
}

/// Prints bytes on stdout as they are.
pub fn bytes(bytes: &[u8]) -> Result<Reader> {
    write(bytes)
}

/// Prints bytes of a job on stderr as they are.
pub fn error_bytes(bytes: &[u8]) {
    // Without stderr there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// Prints a document on stdout as it is.
pub fn document(document: &[u8]) -> Result<()> {
    bytes(document)?;
    end_of_document(document.last().copied())
}

/// Lets what comes after a document that ended with this byte begin on a new line of a terminal.
pub fn end_of_document(last: Option<u8>) -> Result<()> {
    if std::io::stdout().is_terminal() && last != Some(b'\n') {
        bytes(b"\n")?;
    }
    Ok(())
}

fn write(bytes: &[u8]) -> Result<Reader> {
    let mut stdout = std::io::stdout().lock();
    outcome(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Writes a document straight to its place: a long list is not held a second time.
fn write_json(answer: &impl Answer) -> Result<Reader> {
    let mut stdout = BufWriter::with_capacity(PIECE, std::io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut stdout, answer).map_err(std::io::Error::from);
    outcome(
        written
            .and_then(|()| writeln!(stdout))
            .and_then(|()| stdout.flush()),
    )
}

/// Returns what came of an answer that another library printed.
pub fn printed(written: std::io::Result<()>) -> Result<()> {
    outcome(written.and_then(|()| std::io::stdout().flush())).map(|_| ())
}

/// Returns what a write came to.
pub(super) fn outcome(written: std::io::Result<()>) -> Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(
            Error::failed("the answer cannot be written to standard output")
                .because(error)
                .hint("make room there, or send it elsewhere"),
        ),
    }
}
