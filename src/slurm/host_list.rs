//! Node lists as Slurm writes them: `queue1-dy-a-[1-3,7],login1`.

/// Returns names as Slurm writes a list of them: sorted, numbers at the end folded to ranges,
/// leading zeros kept.
pub fn folded(names: impl IntoIterator<Item = String>) -> String {
    let mut parts: Vec<(String, usize, Option<u64>)> = names.into_iter().map(split).collect();
    parts.sort();
    parts.dedup();
    let mut groups: Vec<(String, usize, Vec<Option<u64>>)> = Vec::new();
    for (prefix, width, number) in parts {
        match groups.last_mut() {
            Some((last, last_width, numbers))
                if *last == prefix
                    && *last_width == width
                    && number.is_some()
                    && numbers[0].is_some() =>
            {
                numbers.push(number);
            }
            _ => groups.push((prefix, width, vec![number])),
        }
    }
    let lists: Vec<String> = groups
        .into_iter()
        .map(|(prefix, width, numbers)| {
            let numbers: Vec<u64> = numbers.into_iter().flatten().collect();
            match numbers.as_slice() {
                [] => prefix,
                [number] => format!("{prefix}{number:0width$}"),
                numbers => format!("{prefix}[{}]", ranges(numbers, width)),
            }
        })
        .collect();
    lists.join(",")
}

/// Returns whether a list as Slurm writes it holds a name.
pub fn holds(list: &str, name: &str) -> bool {
    let mut depth = 0_usize;
    list.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .any(|pattern| matches(pattern, name))
}

/// Returns whether a name is one of those that a pattern such as `a[1-2]b[07-12]` stands for.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('[') else {
        return pattern == name;
    };
    let (Some(name), Some((numbers, pattern))) = (name.strip_prefix(start), rest.split_once(']'))
    else {
        return false;
    };
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    // What follows may begin with digits, too.
    (1..=digits).any(|length| {
        let (number, rest) = name.split_at(length);
        numbers.split(',').any(|range| is_within(range, number)) && matches(pattern, rest)
    })
}

fn is_within(range: &str, number: &str) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let is_as_wide =
        number.len() == first.len() || !(first.starts_with('0') || number.starts_with('0'));
    match (
        first.parse::<u64>(),
        last.parse::<u64>(),
        number.parse::<u64>(),
    ) {
        (Ok(first), Ok(last), Ok(number)) => is_as_wide && (first..=last).contains(&number),
        _ => false,
    }
}

/// Returns a name as prefix, width of its number when that has leading zeros, and number.
fn split(name: String) -> (String, usize, Option<u64>) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (prefix, text) = name.split_at(name.len() - digits);
    match text.parse() {
        Ok(number) => {
            let is_padded = text.len() > 1 && text.starts_with('0');
            let width = if is_padded { text.len() } else { 0 };
            (prefix.to_owned(), width, Some(number))
        }
        Err(_) => (name, 0, None),
    }
}

/// Returns sorted numbers as ranges, each with so many digits at least: `1-3,7`.
pub fn ranges(numbers: &[u64], width: usize) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let ranges: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                format!("{first:0width$}")
            } else {
                format!("{first:0width$}-{last:0width$}")
            }
        })
        .collect();
    ranges.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_slurm_folds_them() {
        let fold = |names: &[&str]| folded(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(fold(&["q-1", "q-3", "q-2", "q-10"]), "q-[1-3,10]");
        assert_eq!(fold(&["n001", "n002", "n003"]), "n[001-003]");
        assert_eq!(fold(&["n0", "n1", "n10"]), "n[0-1,10]");
        assert_eq!(fold(&["login", "a1"]), "a1,login");
        assert_eq!(fold(&["x", "x"]), "x");
        assert_eq!(fold(&[]), "");
        assert_eq!(
            fold(&["99999999999999999999999"]),
            "99999999999999999999999"
        );
    }

    #[test]
    fn a_list_holds_what_it_stands_for() {
        let list = "q-dy-[1-3,7],n[001-010],r[1-2]c[3-4],login";
        for name in ["q-dy-1", "q-dy-7", "n001", "n010", "r2c4", "login"] {
            assert!(holds(list, name), "{name}");
        }
        for name in ["q-dy-4", "q-dy-01", "n1", "n011", "r3c4", "r2c", "log", ""] {
            assert!(!holds(list, name), "{name}");
        }
        assert!(!holds("n[", "n1") && !holds("n[1-]", "n1") && !holds("", "n1"));
    }
}
