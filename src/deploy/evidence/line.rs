//! One line of a log: whether it speaks of a failure, and what of it is worth showing.

/// How long a line may be.
const WIDTH: usize = 300;

/// Returns whether what a command printed begins below the line, as cfn-init writes it.
pub(super) fn opens_output(line: &str) -> bool {
    line.contains("-Command Output-")
}

/// Returns whether the line only says that a script came to a bad end.
pub(super) fn is_end_of_script(line: &str) -> bool {
    line.contains("Exited with error code")
}

/// Returns whether the line is the reason that the cluster's wait condition gives already.
pub(super) fn is_known(line: &str) -> bool {
    line.contains("fetch_and_run - Failed to")
}

/// Returns whether the line speaks of a failure.
pub(super) fn is_failure(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "error",
        "fail",
        "fatal",
        "traceback",
        "cannot",
        "denied",
        "no space",
        "not found",
        "no such file",
        "unable to",
        "timed out",
    ];
    /// Talk, and names of things that did not fail.
    const TALK: &[&str] = &[
        "debug",
        " info:",
        "info ]",
        "error_log",
        "error.log",
        "errors: 0",
        "0 error",
        "failed=0",
        "ignore_failure",
        // slurmctld, whose folder that is not.
        "chdir(/var/log)",
        "[...]",
    ];
    let line = line.to_lowercase();
    WORDS.iter().any(|word| line.contains(word)) && !TALK.iter().any(|word| line.contains(word))
}

/// Returns whether the line is blank, or a rule.
pub(super) fn is_decoration(line: &str) -> bool {
    without_time(line).chars().all(|c| "=-*# ".contains(c))
}

/// Returns the line without what stands in front of it in most logs: a time, a process.
pub(super) fn without_time(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some((word, after)) = rest.split_once(char::is_whitespace) {
        if !is_stamp(word) {
            break;
        }
        rest = after.trim_start();
    }
    rest.trim_start_matches("[INFO]").trim()
}

/// Returns whether the word is a date, a time, or the number of a process.
fn is_stamp(word: &str) -> bool {
    let bytes = word.trim_matches(['[', ']']).as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        let range = bytes.get(range);
        range.is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let at = |index: usize| bytes.get(index).copied();
    let is_date = digits(0..4) && at(4) == Some(b'-') && at(7) == Some(b'-');
    let is_time = digits(0..2) && at(2) == Some(b':') && at(5) == Some(b':');
    let is_process = bytes.len() > 1 && at(0) == Some(b'P') && digits(1..bytes.len());
    is_date || is_time || is_process
}

/// Returns the line at a length that can be read.
pub(super) fn shortened(line: &str) -> String {
    let line = line.replace('\t', " ");
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} [...]", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_about_failures_is_none() {
        for line in [
            "fatal: Invalid SelectTypeParameters",
            "OSError: [Errno 28] No space left on device",
            "bash: line 3: module: command not found",
            "[2026-11-23] FATAL: Stacktrace dumped",
        ] {
            assert!(is_failure(line), "{line}");
        }
        for line in [
            "util.py[DEBUG]: Failed to read /x",
            "[2026-11-23T14:00:00+00:00] INFO: Processing execute[check errors] action run",
            "PLAY RECAP ok=3 changed=0 failed=0",
            "error: chdir(/var/log): Permission denied",
            "all is well",
        ] {
            assert!(!is_failure(line), "{line}");
        }
    }

    #[test]
    fn a_line_is_shown_without_its_time() {
        for (line, shown) in [
            ("2026-11-23 14:00:00,004 P812 [INFO] \tno luck", "no luck"),
            ("[2026-11-23T14:00:00.123] fatal: x", "fatal: x"),
            ("[2026-11-23T14:00:00+00:00] FATAL: x", "FATAL: x"),
            ("3 nodes failed", "3 nodes failed"),
            ("10.0.0.1:6830 refused", "10.0.0.1:6830 refused"),
            ("x = 1", "x = 1"),
        ] {
            assert_eq!(without_time(line), shown);
        }
    }
}
