//! Time, sizes and memory as people say them.

/// Returns seconds as people say them: `45 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`.
pub fn span(seconds: u64) -> String {
    let two = |large: u64, unit: &str, small: u64, below: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {below}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Returns how long something is ago as people say it: `just now`, `3 min ago`, `2 h ago`, `1 d ago`.
pub fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Returns bytes as people say them: `999 B`, `1.5 MB`, `2 GB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    while tenths >= 9_995 && unit + 1 < units.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    match (tenths % 10, tenths >= 1000 || unit == 0) {
        (0, _) | (_, true) => format!("{} {}", tenths / 10, units[unit]),
        (tenth, false) => format!("{}.{tenth} {}", tenths / 10, units[unit]),
    }
}

/// Returns mebibytes as people say them: `972 MiB`, `1.5 GiB`.
pub fn memory(mebibytes: u64) -> String {
    let tenths = |unit: u64| (mebibytes * 10 / unit, mebibytes * 10 % unit);
    let (divisor, unit) = match mebibytes {
        0..1024 => return format!("{mebibytes} MiB"),
        1024..1_048_576 => (1024, "GiB"),
        _ => (1_048_576, "TiB"),
    };
    match tenths(divisor).0 {
        whole if whole % 10 == 0 => format!("{} {unit}", whole / 10),
        part => format!("{}.{} {unit}", part / 10, part % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_in_human_units() {
        let spans = [0, 59, 60, 200, 7500, 90_000].map(span);
        assert_eq!(
            spans,
            ["0 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "1 d 1 h"]
        );
        let ages = [59, 60, 7199, 86_400].map(ago);
        assert_eq!(ages, ["just now", "1 min ago", "1 h ago", "1 d ago"]);
        let bytes = [0, 999, 1000, 1_250_000, 999_960, 64 << 20, u64::MAX].map(size);
        assert_eq!(
            bytes,
            [
                "0 B", "999 B", "1 kB", "1.3 MB", "1 MB", "67.1 MB", "18.4 EB"
            ]
        );
        let sizes = [972, 1024, 1536, 2_097_152].map(memory);
        assert_eq!(sizes, ["972 MiB", "1 GiB", "1.5 GiB", "2 TiB"]);
    }
}
