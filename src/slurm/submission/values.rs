//! Values as `sbatch` takes them.

/// Returns seconds; `None` inside stands for no limit. Forms: `minutes[:seconds]`,
/// `hours:minutes:seconds`, `days-[hours[:minutes[:seconds]]]`, `UNLIMITED`. All parts are added up.
pub(super) fn seconds(text: &str) -> Option<Option<u64>> {
    if ["unlimited", "infinite", "-1"].contains(&text.to_ascii_lowercase().as_str()) {
        return Some(None);
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(count(days)?), rest),
        None => (None, text),
    };
    let parts: Vec<u64> = match (days, rest) {
        (Some(_), "") => Vec::new(),
        (_, rest) => rest.split(':').map(count).collect::<Option<_>>()?,
    };
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (Some(_), []) => (0, 0, 0),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let total = days
        .unwrap_or(0)
        .checked_mul(86_400)?
        .checked_add(hours.checked_mul(3600)?)?
        .checked_add(minutes.checked_mul(60)?)?
        .checked_add(seconds)?;
    // As many as fit into Slurm's own number.
    (total < 1 << 31).then_some(Some(total))
}

/// Returns minutes; `None` inside stands for no limit, and so does 0. Seconds count as a begun
/// minute.
pub(super) fn minutes(text: &str) -> Option<Option<u64>> {
    let seconds = seconds(text)?;
    Some(
        seconds
            .map(|seconds| seconds.div_ceil(60))
            .filter(|minutes| *minutes > 0),
    )
}

/// Returns mebibytes, from a number with K, M, G or T behind it, and perhaps B; without a letter it
/// is mebibytes.
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let digits = text.trim_start();
    let end = digits
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(digits.len());
    let (number, unit) = digits.split_at(end);
    let number = whole_64(number)?;
    let unit = unit.to_ascii_uppercase();
    let size = match unit
        .strip_suffix('B')
        .filter(|it| !it.is_empty())
        .unwrap_or(&unit)
    {
        "K" => number.div_ceil(1024),
        "" | "M" => number,
        "G" => number.checked_mul(1 << 10)?,
        "T" => number.checked_mul(1 << 20)?,
        _ => return None,
    };
    (size < 1 << 40).then_some(size)
}

/// Returns a plain whole number that is not negative.
pub(super) fn count(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Returns a whole number as C reads one, with blanks and a plus sign before it.
fn whole_64(text: &str) -> Option<u64> {
    let text = text.trim_start();
    count(text.strip_prefix('+').unwrap_or(text))
}

/// Returns a whole number as `sbatch` reads it: `2` and `+2`.
pub(super) fn whole(text: &str) -> Option<u64> {
    whole_64(text).filter(|number| *number < (1 << 31) - 1)
}

/// Returns a whole number that may have K for 1024 or M for its square behind it.
pub(super) fn thousands(text: &str) -> Option<u64> {
    let (number, factor) = match text.trim_end().strip_suffix(['k', 'K', 'm', 'M']) {
        Some(number) if text.trim_end().ends_with(['k', 'K']) => (number, 1 << 10),
        Some(number) => (number, 1 << 20),
        None => (text.trim_end(), 1),
    };
    whole_64(number)?
        .checked_mul(factor)
        .filter(|number| *number < 1 << 31)
}

/// Returns the least nodes, and the most if there are any, from `N`, `N-M` and `-M`.
pub(super) fn nodes(text: &str) -> Option<(u64, Option<u64>)> {
    let Some((least, most)) = text.split_once('-') else {
        let number = thousands(text).filter(|number| *number > 0)?;
        return Some((number, Some(number)));
    };
    let least = if least.is_empty() {
        1
    } else {
        thousands(least)?
    };
    let most = thousands(most)?;
    match most {
        0 => Some((least, None)),
        most => (least <= most).then_some((least, Some(most))),
    }
}

/// Returns the least and the most nodes of a list as in `1,2,4` and `1-7:2`.
pub(super) fn node_list(text: &str) -> Option<(u64, u64)> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, Some(whole(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (count(first)?, count(last)?),
            None if step.is_some() => return None,
            None => (count(range)?, count(range)?),
        };
        if first > last || last >= 1 << 16 {
            return None;
        }
        let steps = (last - first) / step.unwrap_or(1);
        all.extend([first, first + steps * step.unwrap_or(1)]);
    }
    let (least, most) = (*all.iter().min()?, *all.iter().max()?);
    (least > 0).then_some((least, most))
}

/// Returns the names in a file: one a line, with `#` before remarks.
pub(super) fn names_in(path: &str) -> Result<Vec<String>, String> {
    let unread = |error: std::io::Error| format!("file of nodes that can be read here ({error})");
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let names: Vec<String> = lines
        .flat_map(|line| line.split([',', ' ', '\t', '\r']))
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    match names.as_slice() {
        [] => Err("file of nodes: it names none".to_owned()),
        _ => Ok(names),
    }
}

/// Returns whether a text names the tasks of an array: `0-9`, `1,3,5-7:2`, in brackets or not, with
/// `%4` behind it for the most that run at once.
pub(super) fn is_array(text: &str) -> bool {
    let (indices, at_once) = match text.split_once('%') {
        Some((indices, at_once)) => (indices, Some(at_once)),
        None => (text, None),
    };
    let inner = indices
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'));
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
    inner.unwrap_or(indices).split(',').all(is_range)
        && at_once.is_none_or(|most| is_index(most).is_some())
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
            ("00:60:00", Some(Some(60))),
            ("0:90:00", Some(Some(90))),
            ("24:60:00", Some(Some(1500))),
            ("90:00:00", Some(Some(5400))),
            ("1-0", Some(Some(1440))),
            ("1-", Some(Some(1440))),
            ("0-24:00:00", Some(Some(1440))),
            ("1-25", Some(Some(49 * 60))),
            ("2-03:04", Some(Some(3064))),
            ("1-00:00:01", Some(Some(1441))),
            ("UNLIMITED", Some(None)),
            ("-1", Some(None)),
            ("0", Some(None)),
            ("00:00:00", Some(None)),
            ("1-:30", None),
            (":30", None),
            ("5:", None),
            ("1h", None),
            ("", None),
            ("-5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
        assert_eq!(seconds("1:30"), Some(Some(90)));
    }

    #[test]
    fn sizes_are_read_as_sbatch_reads_them() {
        let sizes = [
            "512", "4G", "1T", "100K", "0", "400MB", "1gb", "16Gb", "1k", "+5m",
        ];
        let expected = [512, 4096, 1 << 20, 1, 0, 400, 1024, 16_384, 1, 5];
        assert_eq!(sizes.map(mebibytes), expected.map(Some));
        assert_eq!(
            ["4Q", "G", "", "1.5G", "-1", "4KiB", "4B", "4GBB"].map(mebibytes),
            [None; 8]
        );
    }

    #[test]
    fn numbers_are_read_as_sbatch_reads_them() {
        assert_eq!(["2", "+2", " 2"].map(whole), [Some(2); 3]);
        assert_eq!(
            ["", "-2", "2x", "=2", "2147483647", "0x2"].map(whole),
            [None; 6]
        );
    }

    #[test]
    fn nodes_are_read_as_sbatch_reads_them() {
        for (text, expected) in [
            ("2", Some((2, Some(2)))),
            ("2-4", Some((2, Some(4)))),
            ("2k", Some((2048, Some(2048)))),
            ("-4", Some((1, Some(4)))),
            ("2-0", Some((2, None))),
        ] {
            assert_eq!(nodes(text), expected, "{text}");
        }
        assert_eq!(
            ["4-2", "0", "x", "1-", "-1-", "", "2kk"].map(nodes),
            [None; 7]
        );
        assert_eq!(node_list("1,2,4"), Some((1, 4)));
        assert_eq!(node_list("1-7:2"), Some((1, 7)));
        assert_eq!(node_list("1-6:2"), Some((1, 5)));
        assert_eq!(
            ["1,", "0,1", "2:2", "4-1,2", "1-99999:1"].map(node_list),
            [None; 5]
        );
    }

    #[test]
    fn arrays_are_read_as_sbatch_reads_them() {
        for good in [
            "0-9",
            "1,3,5-7:2",
            "0-9%2",
            "7",
            "[0-4]%2",
            "0-3%0",
            "[1,3]",
        ] {
            assert!(is_array(good), "{good}");
        }
        for bad in [
            "", "9-0", "1-", "a", "1:2", "0-9%", "1,,2", "0-9:0", "[0-4", "[]",
        ] {
            assert!(!is_array(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_of_nodes_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# ours\nn1\nn2 n3 # big\n").unwrap();
        assert_eq!(
            names_in(file.path().to_str().unwrap()).unwrap(),
            ["n1", "n2", "n3"]
        );
        assert!(
            names_in("/no/such/file")
                .unwrap_err()
                .contains("file of nodes")
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), like in "[-+0-9:,%kMB]{0,24}") {
            for text in [text, like] {
                let _ = (minutes(&text), mebibytes(&text), nodes(&text), node_list(&text));
                let _ = (is_array(&text), thousands(&text), whole(&text));
            }
        }
    }
}
