//! Where a job's output goes: the pattern of `sbatch --output`, filled in as Slurm does.

/// NO_VAL of Slurm, which it writes for the index of a job that is no task.
const NO_VALUE: u64 = 4_294_967_294;

/// What a pattern may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) id: u64,
    pub(super) array_job_id: Option<u64>,
    pub(super) array_task_id: Option<u64>,
    pub(super) name: &'a str,
    pub(super) user: &'a str,
    pub(super) directory: &'a str,
    pub(super) first_node: &'a str,
}

/// Returns the whole path that `pattern` means; an empty one means Slurm's own default.
pub(super) fn path(pattern: &str, names: Names<'_>) -> String {
    let default = match names.array_job_id {
        Some(_) => "slurm-%A_%a.out",
        None => "slurm-%j.out",
    };
    let pattern = if pattern.is_empty() { default } else { pattern };
    let mut filled = fill(pattern, names);
    if names.array_job_id.is_some() && names.array_task_id.is_none() {
        // A server that fills patterns in itself says NO_VAL for the index.
        filled = filled.replace(&NO_VALUE.to_string(), "%a");
    }
    if filled.starts_with('/') || names.directory.is_empty() {
        filled
    } else {
        format!("{}/{filled}", names.directory.trim_end_matches('/'))
    }
}

fn fill(pattern: &str, names: Names<'_>) -> String {
    // A backslash anywhere turns every pattern off.
    if pattern.contains('\\') {
        return pattern.replace('\\', "");
    }
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let width: usize = after[..digits].parse().unwrap_or(0).min(10);
        let mut letters = after[digits..].chars();
        let letter = letters.next();
        match letter.and_then(|letter| value(letter, width, names)) {
            Some(value) => {
                filled.push_str(&value);
                rest = letters.as_str();
            }
            None => {
                filled.push('%');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn value(letter: char, width: usize, names: Names<'_>) -> Option<String> {
    let number = |number: u64| format!("{number:0width$}");
    Some(match letter {
        '%' => "%".to_owned(),
        'j' | 'J' => number(names.id),
        'A' => number(names.array_job_id.unwrap_or(names.id)),
        'a' => match (names.array_task_id, names.array_job_id) {
            (Some(task), _) => number(task),
            // Tasks that have not started share one record.
            (None, Some(_)) => "%a".to_owned(),
            (None, None) => number(NO_VALUE),
        },
        'u' => names.user.to_owned(),
        'x' => names.name.to_owned(),
        'N' => names.first_node.to_owned(),
        'n' | 't' => number(0),
        's' => "batch".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_filled_as_slurm_does() {
        let names = Names {
            id: 12,
            array_job_id: Some(10),
            array_task_id: Some(2),
            name: "my job",
            user: "me",
            directory: "/home/me/",
            first_node: "n1",
        };
        assert_eq!(path("", names), "/home/me/slurm-10_2.out");
        assert_eq!(
            path("/x/%4j-%A.%a.%u.%x.%N.%%", names),
            "/x/0012-10.2.me.my job.n1.%"
        );
        assert_eq!(path("logs/%q%", names), "/home/me/logs/%q%");
        assert_eq!(path("/a\\%j", names), "/a%j");
        let single = Names {
            array_job_id: None,
            array_task_id: None,
            ..names
        };
        assert_eq!(path("", single), "/home/me/slurm-12.out");
        let waiting = Names {
            array_task_id: None,
            ..names
        };
        assert_eq!(path("", waiting), "/home/me/slurm-10_%a.out");
        assert_eq!(
            path("/x/slurm-10_4294967294.out", waiting),
            "/x/slurm-10_%a.out"
        );
    }
}
