//! What a look at one thing finds, in words for people: what is so, why, and what to type next.

use crate::error::Error;
use crate::hint::Hint;

/// What a look at one thing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It works, but something about it should be known.
    Warning,
    /// It is on its way: asking again is all there is to do.
    Waiting,
    /// It is wrong.
    Problem,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    /// Returns the verdict as one word, for people and for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Warning => "warning",
            Verdict::Waiting => "waiting",
            Verdict::Problem => "problem",
            Verdict::Unknown => "unknown",
        }
    }
}

/// What a look at one thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, e.g. `target`.
    pub subject: &'static str,
    /// What the look came to.
    pub verdict: Verdict,
    /// What is so.
    pub text: String,
    /// The cause, in the words of whoever reported it.
    pub cause: Option<String>,
    /// What to type next.
    pub next: Vec<Hint>,
}

impl Finding {
    fn new(subject: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
        Finding {
            subject,
            verdict,
            text: text.into(),
            cause: None,
            next: Vec::new(),
        }
    }

    /// Returns a finding of [`Verdict::Good`].
    pub fn good(subject: &'static str, text: impl Into<String>) -> Finding {
        Finding::new(subject, Verdict::Good, text)
    }

    /// Returns a finding of [`Verdict::Warning`].
    pub fn warning(subject: &'static str, text: impl Into<String>) -> Finding {
        Finding::new(subject, Verdict::Warning, text)
    }

    /// Returns a finding of [`Verdict::Waiting`].
    pub fn waiting(subject: &'static str, text: impl Into<String>) -> Finding {
        Finding::new(subject, Verdict::Waiting, text)
    }

    /// Returns a finding of [`Verdict::Problem`].
    pub fn problem(subject: &'static str, text: impl Into<String>) -> Finding {
        Finding::new(subject, Verdict::Problem, text)
    }

    /// Returns what an error says: that a usage error is a problem, and any other that it could
    /// not be looked.
    pub fn of_error(subject: &'static str, error: &Error) -> Finding {
        let verdict = match error.kind() {
            crate::error::Kind::Usage => Verdict::Problem,
            _ => Verdict::Unknown,
        };
        Finding {
            cause: std::error::Error::source(error).map(ToString::to_string),
            next: error.hints().to_vec(),
            ..Finding::new(subject, verdict, error.to_string())
        }
    }

    /// Adds the cause, in the words of whoever reported it; empty words add nothing.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Finding {
        let cause = cause.into();
        self.cause = (!cause.trim().is_empty()).then(|| cause.trim().to_owned());
        self
    }

    /// Adds a cause to that which there is.
    #[must_use]
    pub fn also_because(self, cause: &str) -> Finding {
        let cause = match &self.cause {
            Some(first) => format!("{first}; {cause}"),
            None => cause.to_owned(),
        };
        self.because(cause)
    }

    /// Adds something to type next.
    #[must_use]
    pub fn then(mut self, next: impl Into<Hint>) -> Finding {
        self.next.push(next.into());
        self
    }

    /// Returns whether nothing is wrong with the thing, as far as could be seen.
    pub fn is_fine(&self) -> bool {
        matches!(self.verdict, Verdict::Good | Verdict::Warning)
    }

    /// Returns the finding as a cause of an error: one line, or two.
    pub fn sentence(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {}: {cause}", self.subject, self.text),
            None => format!("{}: {}", self.subject, self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_cause_leaves_the_first() {
        let finding = Finding::problem("permissions", "refused").also_because("a Deny");
        assert_eq!(finding.cause.as_deref(), Some("a Deny"));
        let finding = finding.also_because("no tags");
        assert_eq!(finding.cause.as_deref(), Some("a Deny; no tags"));
    }
}
