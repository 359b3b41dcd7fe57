//! How long a deployment works before it is put to rest: a span of time that begins with `up`, and anew
//! when the deployment is brought back to work; or one in which no job has run or waited.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::now;
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

/// What is typed instead of a span when there is to be no limit.
const OFF: &str = "off";

/// A span of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// AWS looks once a minute whether the time is over.
    const SHORTEST: Span = Span(60);

    const LONGEST: Span = Span(366 * 24 * 3600);

    /// Reads what was written down of it, in seconds.
    pub fn read(seconds: &str) -> Option<Span> {
        seconds.parse().ok().map(Span)
    }

    /// Returns how many seconds it has.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |why: &str| {
            Err(Error::usage(format!("`{text}` {why}")).hint("for example: 8h, 90m or 2days"))
        };
        let Ok(duration) = humantime::parse_duration(text) else {
            return refused("is no span of time");
        };
        match Span(duration.as_secs()) {
            span if span < Span::SHORTEST => refused("is too short: a minute is the shortest"),
            span if span > Span::LONGEST => refused("is too long: 366 days are the longest"),
            span => Ok(span),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(Duration::from_secs(self.0)).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

/// What is asked for with `--ttl`, or with `--idle`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpanChoice {
    /// The limit stays as it is, if there is one.
    #[default]
    AsItIs,
    /// It is to be so long.
    For(Span),
    /// There is to be no limit.
    Off,
}

impl SpanChoice {
    /// Returns what was typed, if anything.
    pub fn typed(self) -> Option<String> {
        match self {
            SpanChoice::AsItIs => None,
            SpanChoice::For(span) => Some(span.to_string()),
            SpanChoice::Off => Some(OFF.to_owned()),
        }
    }

    /// Returns what it means as a time that begins at this moment.
    pub fn now(self) -> Limit {
        match self {
            SpanChoice::AsItIs => Limit::AsItIs,
            SpanChoice::For(span) => Limit::To(Term::from_now(span)),
            SpanChoice::Off => Limit::Off,
        }
    }
}

impl FromStr for SpanChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            OFF => Ok(SpanChoice::Off),
            span => span.parse().map(SpanChoice::For),
        }
    }
}

/// What becomes of the limit of a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limit {
    /// It stays as it is, if there is one.
    #[default]
    AsItIs,
    /// It is to be this one.
    To(Term),
    /// It is to go.
    Off,
}

/// The time that a deployment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When it is over, in seconds since 1970.
    until: u64,
    /// How long it is when it begins.
    span: Span,
}

impl Term {
    /// Returns the time that begins now.
    pub fn from_now(span: Span) -> Term {
        Term {
            until: now() + span.0,
            span,
        }
    }

    /// Reads what was written down of it: when it is over, and how many seconds it has.
    pub fn read(until: &str, span: &str) -> Option<Term> {
        let until = humantime::parse_rfc3339(until).ok()?;
        let until = until.duration_since(UNIX_EPOCH).ok()?;
        Some(Term {
            until: until.as_secs(),
            span: Span::read(span)?,
        })
    }

    /// Returns when it is over, in seconds since 1970.
    pub fn until(self) -> u64 {
        self.until
    }

    /// Returns how long it is when it begins.
    pub fn span(self) -> Span {
        self.span
    }

    /// Returns when it is over, as RFC 3339 in UTC.
    pub fn end(self) -> String {
        let end = UNIX_EPOCH + Duration::from_secs(self.until);
        humantime::format_rfc3339_seconds(end).to_string()
    }

    /// Returns whether it is over.
    pub fn is_over(self) -> bool {
        self.until <= now()
    }

    /// Returns the one that is over so much later.
    pub fn extended(self, by: Span) -> Result<Term> {
        let until = self.until.saturating_add(by.0);
        if until > now().saturating_add(Span::LONGEST.0) {
            return Err(Error::usage(
                "the end would be too far away: 366 days from now are the most",
            )
            .hint(Hint::run(Verb::Up.with("--ttl off")).because("without any end")));
        }
        Ok(Term { until, ..self })
    }
}

/// What puts a deployment to rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The time that it has, if there is an end to it.
    pub term: Option<Term>,
    /// How long no job may have run or waited, if there is a limit to that.
    pub idle: Option<Span>,
}

impl Limits {
    /// Returns whether nothing does.
    pub fn are_none(self) -> bool {
        self == Limits::default()
    }

    /// Returns what they become when this is asked for.
    pub fn with(self, limit: Limit, idle: SpanChoice) -> Limits {
        Limits {
            term: match limit {
                Limit::AsItIs => self.term,
                Limit::To(term) => Some(term),
                Limit::Off => None,
            },
            idle: match idle {
                SpanChoice::AsItIs => self.idle,
                SpanChoice::For(span) => Some(span),
                SpanChoice::Off => None,
            },
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.term.map(|term| format!("at {}", term.end()));
        let after = self
            .idle
            .map(|span| format!("when no job has run or waited for {span}"));
        let all: Vec<_> = at.into_iter().chain(after).collect();
        f.write_str(&all.join(", or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_typed_as_it_is_shown() {
        for (typed, seconds, shown) in [
            ("8h", 28_800, "8h"),
            ("90m", 5400, "1h30m"),
            ("1m", 60, "1m"),
            ("1day 12h", 129_600, "1day12h"),
        ] {
            let span: Span = typed.parse().unwrap();
            assert_eq!(
                (span.seconds(), span.to_string().as_str()),
                (seconds, shown)
            );
            assert_eq!(shown.parse::<Span>().unwrap(), span);
        }
        for bad in ["", "8", "-8h", "59s", "0", "400days", "soon", "off "] {
            let error = bad.parse::<SpanChoice>().unwrap_err();
            assert_eq!(error.hints(), ["for example: 8h, 90m or 2days"], "{bad}");
        }
        assert_eq!("off".parse::<SpanChoice>().unwrap(), SpanChoice::Off);
    }

    #[test]
    fn what_was_written_down_is_read() {
        let term = Term::read("2026-12-01T17:24:14Z", "28800").unwrap();
        assert_eq!(term.end(), "2026-12-01T17:24:14Z");
        assert_eq!(term.span(), "8h".parse().unwrap());
        assert_eq!(Term::read("soon", "60"), None);
        assert_eq!(Term::read("2026-12-01T17:24:14Z", ""), None);
    }

    #[test]
    fn each_limit_changes_without_the_other() {
        let (hour, day): (Span, Span) = ("1h".parse().unwrap(), "1day".parse().unwrap());
        let term = Term::read("2026-12-01T17:24:14Z", "28800").unwrap();
        let both = Limits::default().with(Limit::To(term), SpanChoice::For(hour));
        assert_eq!((both.term, both.idle), (Some(term), Some(hour)));
        assert_eq!(both.with(Limit::AsItIs, SpanChoice::AsItIs), both);
        let longer = both.with(Limit::AsItIs, SpanChoice::For(day));
        assert_eq!((longer.term, longer.idle), (Some(term), Some(day)));
        let idle = both.with(Limit::Off, SpanChoice::AsItIs);
        assert_eq!((idle.term, idle.idle), (None, Some(hour)));
        assert!(!idle.are_none());
        assert!(idle.with(Limit::AsItIs, SpanChoice::Off).are_none());
        let told = "at 2026-12-01T17:24:14Z, or when no job has run or waited for 1h";
        assert_eq!(both.to_string(), told);
        assert_eq!(idle.to_string(), "when no job has run or waited for 1h");
    }

    #[test]
    fn a_term_can_be_extended_but_not_for_ever() {
        let hour: Span = "1h".parse().unwrap();
        let term = Term::from_now(hour);
        assert!(!term.is_over());
        let longer = term.extended(hour).unwrap();
        assert_eq!(longer.until() - term.until(), 3600);
        assert_eq!(longer.span(), hour);
        assert!(longer.extended(Span::LONGEST).is_err());
        assert!(Term::read("2020-01-01T00:00:00Z", "60").unwrap().is_over());
    }
}
