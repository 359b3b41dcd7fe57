//! Values as `sbatch` takes them.

/// Returns minutes; `None` inside stands for no limit. Forms: `minutes`, `minutes:seconds`,
/// `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`, `UNLIMITED`. Seconds count as a
/// begun minute.
pub(super) fn minutes(text: &str) -> Option<Option<u64>> {
    if ["unlimited", "infinite", "-1"].contains(&text.to_lowercase().as_str()) {
        return Some(None);
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(count(days)?), rest),
        None => (None, text),
    };
    let parts: Vec<u64> = rest.split(':').map(count).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    // With something larger in front of it, a part has to fit below that.
    let fits = match (days, parts.len()) {
        (Some(_), _) => hours < 24 && minutes < 60 && seconds < 60,
        (None, 3) => minutes < 60 && seconds < 60,
        (None, 2) => seconds < 60,
        _ => true,
    };
    let total = days
        .unwrap_or(0)
        .checked_mul(24 * 60)?
        .checked_add(hours.checked_mul(60)?)?
        .checked_add(minutes)?
        .checked_add(u64::from(seconds > 0))?;
    (fits && total > 0 && total < u64::from(u32::MAX - 1)).then_some(Some(total))
}

/// Returns mebibytes, from a number with K, M, G or T behind it; without a letter it is mebibytes.
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.char_indices().last()? {
        (at, unit) if unit.is_ascii_alphabetic() => (&text[..at], unit.to_ascii_uppercase()),
        _ => (text, 'M'),
    };
    let number = count(number)?;
    let size = match unit {
        'K' => number.div_ceil(1024),
        'M' => number,
        'G' => number.checked_mul(1 << 10)?,
        'T' => number.checked_mul(1 << 20)?,
        _ => return None,
    };
    (size < 1 << 40).then_some(size)
}

/// Returns a plain whole number that is not negative.
pub(super) fn count(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Returns the least and the most nodes, from `N` or `N-M`.
pub(super) fn nodes(text: &str) -> Option<(u64, u64)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let (least, most) = (count(least)?, count(most)?);
    (least > 0 && least <= most && most < 1 << 24).then_some((least, most))
}

/// Returns whether a text names the tasks of an array: `0-9`, `1,3,5-7:2`, with `%4` behind it
/// for the most that run at once.
pub(super) fn is_array(text: &str) -> bool {
    let (indices, at_once) = match text.split_once('%') {
        Some((indices, at_once)) => (indices, Some(at_once)),
        None => (text, None),
    };
    let is_index = |text: &str| count(text).filter(|index| *index < 1 << 22);
    let is_range = |part: &str| {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) if range.contains('-') => (range, Some(step)),
            Some(_) => return false,
            None => (part, None),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let is_ordered = matches!((is_index(first), is_index(last)), (Some(a), Some(b)) if a <= b);
        is_ordered && step.is_none_or(|step| is_index(step).is_some_and(|step| step > 0))
    };
    indices.split(',').all(is_range)
        && at_once.is_none_or(|most| is_index(most).is_some_and(|most| most > 0))
}

/// Returns a moment in seconds since 1970: `now`, `now+2hours`, or a time in UTC as in
/// `2026-11-23T08:00` and RFC 3339.
pub(super) fn moment(text: &str, now: u64) -> Option<u64> {
    if let Some(rest) = text.strip_prefix("now") {
        if rest.is_empty() {
            return Some(now);
        }
        let rest = rest.strip_prefix('+')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let seconds = match &rest[digits..] {
            "" | "second" | "seconds" => 1,
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3600,
            "day" | "days" => 86_400,
            "week" | "weeks" => 7 * 86_400,
            _ => return None,
        };
        return now.checked_add(count(&rest[..digits])?.checked_mul(seconds)?);
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => text.to_owned(),
    };
    let moment = humantime::parse_rfc3339_weak(&whole).ok()?;
    let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_as_sbatch_reads_them() {
        for (text, expected) in [
            ("60", Some(Some(60))),
            ("1:30", Some(Some(2))),
            ("01:30:00", Some(Some(90))),
            ("90:00:00", Some(Some(5400))),
            ("1-0", Some(Some(1440))),
            ("2-03:04", Some(Some(3064))),
            ("1-00:00:01", Some(Some(1441))),
            ("UNLIMITED", Some(None)),
            ("0", None),
            ("25:61", None),
            ("1:60:00", None),
            ("1-24", None),
            ("1h", None),
            ("", None),
            ("-5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_nodes_and_arrays_are_read_as_sbatch_reads_them() {
        let sizes = ["512", "4G", "1T", "100K", "0"].map(mebibytes);
        assert_eq!(sizes, [512, 4096, 1 << 20, 1, 0].map(Some));
        assert_eq!(["4Q", "G", "", "1.5G", "-1"].map(mebibytes), [None; 5]);
        assert_eq!(nodes("2-4"), Some((2, 4)));
        assert_eq!(["4-2", "0", "x", "1-", "-1"].map(nodes), [None; 5]);
        for good in ["0-9", "1,3,5-7:2", "0-9%2", "7"] {
            assert!(is_array(good), "{good}");
        }
        for bad in [
            "", "9-0", "1-", "a", "1:2", "0-9%0", "0-9%", "1,,2", "0-9:0",
        ] {
            assert!(!is_array(bad), "{bad}");
        }
    }

    #[test]
    fn moments_are_read_as_sbatch_reads_them() {
        assert_eq!(moment("now+2hours", 100), Some(7300));
        assert_eq!(moment("now", 100), Some(100));
        assert_eq!(moment("2026-11-23T04:05:58", 0), Some(1_795_406_758));
        assert_eq!(moment("2026-11-23T04:05", 0), Some(1_795_406_700));
        for bad in ["", "tomorrow", "now+", "now+2parsecs", "now-1"] {
            assert_eq!(moment(bad, 100), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = (minutes(&text), mebibytes(&text), nodes(&text), moment(&text, u64::MAX));
            let _ = is_array(&text);
        }
    }
}
