//! The past, divided: the jobs of all of it would not fit into one answer.

use crate::slurm::jobs::Job;

/// How long the newest span is, in seconds: a day.
const NEWEST: u64 = 86_400;

/// A span is as many times as long as the one after it: a database has most to tell of late.
const GROWTH: u64 = 8;

/// The shortest span that is divided, in seconds.
const DIVIDED: u64 = 10;

/// Where the past begins, in seconds since 1970: in 2001, before Slurm. It takes no small number for a
/// time.
const BEGINNING: u64 = 1_000_000_000;

/// From a time until before another, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Span {
    /// Returns whether a job ended in it.
    pub(super) fn has_end(self, job: &Job) -> bool {
        let ended = job.end_time.filter(|_| job.state.has_ended());
        ended.is_some_and(|ended| (self.from..self.until).contains(&ended))
    }

    /// Returns its halves, unless it is too short.
    pub(super) fn halves(self) -> Option<(Span, Span)> {
        let Span { from, until } = self;
        let middle = from + (until - from) / 2;
        (until - from >= DIVIDED).then_some((
            Span {
                from,
                until: middle,
            },
            Span {
                from: middle,
                until,
            },
        ))
    }
}

/// Returns the spans from now, which is in the first, back to `since`.
pub(super) fn back_from(now: u64, since: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    let (since, mut until, mut length) = (since.max(BEGINNING), now + 1, NEWEST);
    while until > since {
        let from = until.saturating_sub(length).max(since);
        spans.push(Span { from, until });
        (until, length) = (from, length * GROWTH);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spans_cover_the_past_without_a_gap() {
        let now = 1_795_000_000;
        for since in [0, 1, now - 1, now - NEWEST, now - 10 * NEWEST] {
            let spans = back_from(now, since);
            assert_eq!(spans[0].until, now + 1);
            assert!(spans.windows(2).all(|two| two[1].until == two[0].from));
            assert_eq!(spans.last().unwrap().from, since.max(BEGINNING));
            assert!(spans.len() < 10, "{spans:?}");
        }
        assert_eq!(back_from(now, now + 1), []);
    }

    #[test]
    fn a_short_span_is_not_divided() {
        let span = Span {
            from: 100,
            until: 115,
        };
        let (first, second) = span.halves().unwrap();
        assert_eq!((first.from, second.until), (100, 115));
        assert_eq!(first.until, second.from);
        assert_eq!(first.halves(), None);
    }
}
