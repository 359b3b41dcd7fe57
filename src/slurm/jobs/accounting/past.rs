//! The past, divided: the jobs of all of it would not fit into one answer.

use crate::slurm::jobs::Period;

/// How long the newest period is, in seconds: a day.
const NEWEST: u64 = 86_400;

/// A period is as many times as long as the one after it: a database has most to tell of late.
const GROWTH: u64 = 8;

/// The shortest period that is divided, in seconds.
const DIVIDED: u64 = 10;

/// Where the past begins, in seconds since 1970: in 2001, before Slurm. It takes no small number for a
/// time.
const BEGINNING: u64 = 1_000_000_000;

/// Returns the periods from now, which is in the first, back to `since`.
pub(super) fn back_from(now: u64, since: u64) -> Vec<Period> {
    let mut periods = Vec::new();
    let (earliest, mut until, mut length) = (since.max(BEGINNING), now + 1, NEWEST);
    while until > earliest {
        let since = until.saturating_sub(length).max(earliest);
        periods.push(Period { since, until });
        (until, length) = (since, length * GROWTH);
    }
    periods
}

/// Returns the halves of a period, unless it is too short.
pub(super) fn halves(period: Period) -> Option<(Period, Period)> {
    let Period { since, until } = period;
    let middle = since + (until - since) / 2;
    let first = Period {
        since,
        until: middle,
    };
    let second = Period {
        since: middle,
        until,
    };
    (until - since >= DIVIDED).then_some((first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_periods_cover_the_past_without_a_gap() {
        let now = 1_795_000_000;
        for since in [0, 1, now - 1, now - NEWEST, now - 10 * NEWEST] {
            let periods = back_from(now, since);
            assert_eq!(periods[0].until, now + 1);
            assert!(periods.windows(2).all(|two| two[1].until == two[0].since));
            assert_eq!(periods.last().unwrap().since, since.max(BEGINNING));
            assert!(periods.len() < 10, "{periods:?}");
        }
        assert_eq!(back_from(now, now + 1), []);
    }

    #[test]
    fn a_short_period_is_not_divided() {
        let period = Period {
            since: 100,
            until: 115,
        };
        let (first, second) = halves(period).unwrap();
        assert_eq!((first.since, second.until), (100, 115));
        assert_eq!(first.until, second.since);
        assert_eq!(halves(first), None);
    }
}
