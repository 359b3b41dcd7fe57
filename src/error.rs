//! The one error type: what failed in the user's words, the cause in the service's own
//! words, and what to type next. Its kind picks the exit code.

use std::error::Error as StdError;
use std::fmt;

use crate::hint::{Call, Hint, Verb};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Decides the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that was tried did not work: exit code 1.
    Failed,
    /// Arguments or a configuration file are wrong, and nothing was changed: exit code 2.
    Usage,
    /// The deployment is not (all) there: exit code 3.
    NotReady,
    /// The user was asked and said no, so nothing was changed: exit code 2, though no error.
    Declined,
    /// What was only looked at has an exit code of its own, though nothing is wrong.
    Answer(u8),
    /// The user interrupted: exit code 130.
    Interrupted,
    /// A job ended otherwise than well: its own exit code.
    Job(u8),
}

impl Kind {
    /// Returns the process exit code of this kind of error.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage | Kind::Declined => 2,
            Kind::NotReady => 3,
            Kind::Interrupted => 130,
            Kind::Job(code) | Kind::Answer(code) => code,
        }
    }
}

/// What went wrong: a message, its cause, and hints (commands to type).
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<Hint>,
}

impl Error {
    /// Returns an error of `kind`. The message is lower case, without a full stop, with
    /// names in backticks.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// Returns an error of [`Kind::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Error::new(Kind::Failed, message)
    }

    /// Returns an error of [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message)
    }

    /// Adds the cause, in the words of whoever reported it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Adds a hint: what to type, or where to look, next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint before all others.
    #[must_use]
    pub fn hint_first(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.insert(0, hint.into());
        self
    }

    /// Adds a hint, unless there is one already.
    #[must_use]
    pub fn or_hint(self, hint: impl Into<Hint>) -> Self {
        if self.hints.is_empty() {
            self.hint(hint)
        } else {
            self
        }
    }

    /// Returns several errors as one that tells them all, a line each, with the kind of the first;
    /// nothing when there is none.
    pub fn all(errors: Vec<Error>) -> Option<Error> {
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        let rest: Vec<Error> = errors.collect();
        if rest.is_empty() {
            return Some(first);
        }
        let mut message = format!("{first:#}");
        let mut hints = first.hints;
        for error in rest {
            message.push_str(&format!("\n{error:#}"));
            for hint in error.hints {
                if !hints.contains(&hint) {
                    hints.push(hint);
                }
            }
        }
        let all = Error::new(first.kind, message);
        Some(hints.into_iter().fold(all, Error::hint))
    }

    /// Names another command in its hints wherever they name one of `verb`.
    #[must_use]
    pub fn instead_of(mut self, verb: Verb, other: &Call) -> Self {
        let hints = self.hints.into_iter();
        self.hints = hints.map(|hint| hint.instead_of(verb, other)).collect();
        self
    }

    /// Returns the kind, which picks the exit code.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what to type next, most useful first.
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }
}

/// With `{:#}` the cause follows in the same line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(cause) if f.alternate() => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// Adds what was being done to an error that only knows its own cause.
pub trait Context<T> {
    /// Wraps the cause into an [`Error`] of [`Kind::Failed`].
    fn doing(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn doing(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::failed(message()).because(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_follows_when_it_is_asked_for() {
        let error = Error::failed("it failed").because("no space");
        assert_eq!(error.to_string(), "it failed");
        assert_eq!(format!("{error:#}"), "it failed: no space");
        assert_eq!(format!("{:#}", Error::failed("it failed")), "it failed");
    }

    #[test]
    fn the_most_useful_hint_can_come_last_and_stand_first() {
        let error = Error::failed("it failed").hint("b").hint_first("a");
        assert_eq!(error.hints(), ["a", "b"]);
    }

    #[test]
    fn several_errors_are_told_together() {
        let one = |name: &str| Error::usage(format!("{name} is wrong")).hint("mend it");
        assert!(Error::all(Vec::new()).is_none());
        let all = Error::all(vec![one("a"), one("b").because("no space")]).unwrap();
        assert_eq!(all.to_string(), "a is wrong\nb is wrong: no space");
        assert_eq!(all.hints(), ["mend it"]);
        assert_eq!(all.kind(), Kind::Usage);
    }

    #[test]
    fn every_kind_has_an_exit_code_of_its_own() {
        let codes =
            [Kind::Failed, Kind::Usage, Kind::NotReady, Kind::Interrupted].map(Kind::exit_code);
        assert_eq!(codes, [1, 2, 3, 130]);
    }
}
