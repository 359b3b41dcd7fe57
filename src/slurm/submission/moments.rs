//! Moments as `sbatch` takes them. Where it means the time of its own zone, this means UTC.

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Returns a moment in seconds since 1970, counted from `now`: `now+2hours`, `16:00`, `tomorrow`,
/// `noon`, `12/31`, `12/31/26-16:00`, `2026-11-23T08:00`, and RFC 3339.
pub fn moment(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if let Some(rest) = strip_word(text, "now") {
        return shifted(rest.trim(), now);
    }
    if let Some(seconds) = strip_word(text, "uts") {
        return super::values::count(seconds)
            .filter(|seconds| (1_000_000..1 << 40).contains(seconds));
    }
    if let Ok(moment) = humantime::parse_rfc3339(text) {
        let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
        return Some(since.as_secs());
    }
    let mut parts = Parts::default();
    let mut rest = text;
    while !rest.is_empty() {
        rest = match rest.trim_start_matches([' ', '\t', '-', 'T']) {
            "" => break,
            more => parts.take(more, now)?,
        };
    }
    parts.moment(now)
}

/// Returns what follows a word, in whatever case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// Reads what follows `now`: `+2hours`, `-60`, or nothing.
fn shifted(rest: &str, now: u64) -> Option<u64> {
    let (is_later, rest) = match rest.split_at_checked(1) {
        None => return Some(now),
        Some(("+", rest)) => (true, rest.trim()),
        Some(("-", rest)) => (false, rest.trim()),
        Some(_) => return None,
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let unit = rest[digits..].trim().to_ascii_lowercase();
    let seconds = match unit.as_str() {
        "" | "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => DAY,
        "week" | "weeks" => 7 * DAY,
        _ => return None,
    };
    let shift = super::values::count(&rest[..digits])?.checked_mul(seconds)?;
    match is_later {
        true => now.checked_add(shift),
        false => Some(now.saturating_sub(shift)),
    }
}

/// The names of times of day, and of days from today.
const HOURS: [(&str, u64); 5] = [
    ("midnight", 0),
    ("noon", 12),
    ("elevenses", 11),
    ("fika", 15),
    ("teatime", 16),
];

/// What has been read of a moment.
#[derive(Default)]
struct Parts {
    /// Seconds since midnight.
    time: Option<u64>,
    /// Days since 1970.
    day: Option<u64>,
    /// A day without its year: month and day of it.
    every_year: Option<(u64, u64)>,
}

impl Parts {
    /// Reads the next part of a text; returns what follows it.
    fn take<'a>(&mut self, text: &'a str, now: u64) -> Option<&'a str> {
        for (word, days) in [("today", 0), ("tomorrow", 1)] {
            if let Some(rest) = strip_word(text, word) {
                self.day = Some(now / DAY + days);
                return Some(rest);
            }
        }
        for (word, hour) in HOURS {
            if let Some(rest) = strip_word(text, word) {
                self.time = Some(hour * 3600);
                return Some(rest);
            }
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        match (digits, text.as_bytes().get(digits)) {
            (1..=2, Some(b':')) => self.take_time(text),
            (4, Some(b'-')) => self.take_iso_day(text),
            (1.., _) => self.take_day(text),
            _ => None,
        }
    }

    /// Reads `HH:MM[:SS] [AM|PM]`.
    fn take_time<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (hour, rest) = number(text, 2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
        let (second, rest) = match rest.strip_prefix(':') {
            Some(rest) => number(rest, 2)?,
            None => (0, rest),
        };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let behind = rest.trim_start();
        let (hour, rest) = match (strip_word(behind, "am"), strip_word(behind, "pm")) {
            (Some(behind), _) => (Some(hour % 12).filter(|_| hour <= 12)?, behind),
            (_, Some(behind)) => (Some(hour % 12 + 12).filter(|_| hour <= 12)?, behind),
            _ => (hour, rest),
        };
        self.time = Some(hour * 3600 + minute * 60 + second);
        Some(rest)
    }

    /// Reads `YYYY-MM-DD`.
    fn take_iso_day<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (year, rest) = number(text, 4)?;
        let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
        let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
        self.day = Some(days(year, month, day)?);
        Some(rest)
    }

    /// Reads `MMDD[YY]`, `MM/DD[/YY]` and `MM.DD[.YY]`.
    fn take_day<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let skip = |text: &'a str| text.strip_prefix(['.', '/']).unwrap_or(text);
        let (month, rest) = number(text, 2)?;
        let (day, rest) = number(skip(rest), 2)?;
        let behind = skip(rest);
        if !behind.starts_with(|c: char| c.is_ascii_digit()) {
            days(2024, month, day)?;
            self.every_year = Some((month, day));
            return Some(rest);
        }
        let (year, rest) = number(behind, 2)?;
        self.day = Some(days(2000 + year, month, day)?);
        Some(rest)
    }

    /// Returns the soonest moment that it can be.
    fn moment(&self, now: u64) -> Option<u64> {
        let at = |day: u64, time: u64| day.checked_mul(DAY)?.checked_add(time);
        match (self.day, self.every_year, self.time) {
            (Some(day), _, time) => at(day, time.unwrap_or(0)),
            (None, Some((month, day)), time) => {
                let time = time.unwrap_or(0);
                let this_year = year_of(now / DAY);
                (this_year..this_year + 9)
                    .filter_map(|year| at(days(year, month, day)?, time))
                    .find(|moment| *moment > now)
            }
            (None, None, Some(time)) => {
                let today = at(now / DAY, time)?;
                // A minute that has begun is over.
                Some(if today / 60 > now / 60 {
                    today
                } else {
                    today + DAY
                })
            }
            (None, None, None) => None,
        }
    }
}

/// Reads a number of one digit to `most`.
fn number(text: &str, most: usize) -> Option<(u64, &str)> {
    let digits = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let number = text[..digits].parse().ok()?;
    Some((number, &text[digits..]))
}

/// Returns the days since 1970 of a day of the calendar.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_known = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
    let moment = humantime::parse_rfc3339(&text).ok().filter(|_| is_known)?;
    let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs() / DAY)
}

fn year_of(day: u64) -> u64 {
    let text = crate::slurm::time::day(day.saturating_mul(DAY));
    text.get(..4)
        .and_then(|year| year.parse().ok())
        .unwrap_or(1970)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sunday, 29 November 2026, 09:30:20 UTC.
    const NOW: u64 = 1_795_944_620;

    #[test]
    fn moments_are_read_as_sbatch_reads_them() {
        for (text, expected) in [
            ("now", NOW),
            ("now+2hours", NOW + 7200),
            ("NOW + 60", NOW + 60),
            ("now-1minute", NOW - 60),
            ("16:00", NOW + 6 * 3600 + 1780),
            ("09:30", NOW - 20 + 86_400),
            ("4:00 PM", NOW + 6 * 3600 + 1780),
            ("teatime", NOW + 6 * 3600 + 1780),
            ("fika", NOW + 5 * 3600 + 1780),
            ("noon", NOW + 2 * 3600 + 1780),
            ("midnight", NOW + 14 * 3600 + 1780),
            ("tomorrow", NOW + 14 * 3600 + 1780),
            ("noon tomorrow", NOW + 26 * 3600 + 1780),
            ("2026-11-23T04:05:58", 1_795_406_758),
            ("2026-11-23T04:05", 1_795_406_700),
            ("2026-11-23T04:05:58Z", 1_795_406_758),
            ("2026-11-23", 1_795_392_000),
            ("11/23/26-04:05", 1_795_406_700),
            ("112326", 1_795_392_000),
            ("uts1795406758", 1_795_406_758),
        ] {
            assert_eq!(moment(text, NOW), Some(expected), "{text}");
        }
        assert_eq!(
            crate::slurm::time::day(moment("12/31", NOW).unwrap()),
            "2026-12-31"
        );
        assert_eq!(
            crate::slurm::time::day(moment("0101", NOW).unwrap()),
            "2027-01-01"
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "now+",
            "now+2parsecs",
            "someday",
            "24:00",
            "13/01",
            "1:5:70",
            "02/30/26",
        ] {
            assert_eq!(moment(bad, NOW), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), like in "[-+0-9:/. Tnowpam]{0,16}", now in any::<u64>()) {
            let _ = (moment(&text, now), moment(&like, now), moment(&like, NOW));
        }
    }
}
