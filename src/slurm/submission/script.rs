//! Batch scripts, with their `#SBATCH` lines.

use std::borrow::Cow;

use crate::error::{Error, Result};

use super::{command_line, options, others};

/// The longest script that Slurm takes, in bytes (its error 2012).
const LONGEST: usize = 4 << 20;

/// Fails unless a text can be a batch script.
pub(super) fn require_script(file: &str, script: &str) -> Result<()> {
    let refuse = |why: &str| Error::usage(format!("`{file}` is no batch script: {why}"));
    if script.trim().is_empty() {
        return Err(refuse("it is empty"));
    }
    if script.contains('\0') {
        return Err(refuse("it holds zero bytes"));
    }
    if !script.starts_with("#!") {
        return Err(refuse("its first line does not say what runs it")
            .hint("let it begin with: #!/bin/bash"));
    }
    if script.contains("\r\n") {
        return Err(
            refuse("its lines end as on DOS, and would fail on the cluster")
                .hint(format!("mend it: sed -i 's/\\r$//' {file}")),
        );
    }
    if script.len() > LONGEST {
        return Err(refuse("Slurm takes 4 MB at most")
            .hint("put data into files, and let the script read them"));
    }
    Ok(())
}

/// Returns the text of a batch script. Slurm's API takes UTF-8 alone, so a line in Latin-1 is read as
/// such where it is a comment, and told where it is not.
pub fn text(file: &str, bytes: &[u8]) -> Result<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let mut text = String::with_capacity(bytes.len());
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) if line.starts_with(b"#") => text.extend(line.iter().copied().map(char::from)),
            Err(error) => {
                let number = at + 1;
                let words = format!("`{file}` is no text in UTF-8 in line {number}");
                return Err(Error::usage(words)
                    .because(error)
                    .hint(format!("if it is Latin-1: iconv -f latin1 -t utf8 {file}")));
            }
        }
    }
    Ok(text)
}

/// An option in a script, with the number of its line.
pub(super) type Directive = (usize, &'static str, String);

/// What the lines of a script say.
#[derive(Debug, Default)]
pub(super) struct Directives {
    /// The options of each component: of most jobs, of one.
    pub(super) components: Vec<Vec<Directive>>,
    /// What is left out of lines for other schedulers, with the number of the line.
    pub(super) remarks: Vec<String>,
    /// All that is wrong.
    pub(super) faults: Vec<Error>,
}

/// Returns what a script says for `sbatch`. As it does, this stops at the first line that is neither
/// empty nor a comment, and then obeys lines for other schedulers.
pub(super) fn directives(file: &str, script: &str) -> Directives {
    let mut all = own_directives(file, script);
    let ignores = |directive: &Directive| directive.1 == "ignore-pbs";
    if !all.components.iter().flatten().any(ignores) {
        others::read(file, script, &mut all);
    }
    all
}

/// Returns what a script says for `sbatch`, without its lines for other schedulers.
pub(super) fn own_directives(file: &str, script: &str) -> Directives {
    let mut all = Directives {
        components: vec![Vec::new()],
        ..Directives::default()
    };
    for (at, line) in script.lines().enumerate() {
        let is_blank_or_comment = line.trim().is_empty() || line.trim_start().starts_with('#');
        if !is_blank_or_comment {
            break;
        }
        let rest = line.strip_prefix("#SBATCH").or(line.strip_prefix("#SLURM"));
        let Some(rest) = rest else { continue };
        let number = at + 1;
        let mut wrong = |why: String| {
            let error = Error::usage(format!("{file}, line {number}: {why}"));
            all.faults.push(error);
        };
        let rest = match separator(rest) {
            None => Cow::Borrowed(rest),
            Some(rest) => {
                let before = all.components.last().expect("never empty");
                let kept = before
                    .iter()
                    .filter(|(_, option, _)| !options::is_of_one_component(option));
                let kept = kept.cloned().collect();
                all.components.push(kept);
                Cow::Owned(rest)
            }
        };
        match words(&rest) {
            Err(why) => wrong(why.to_owned()),
            Ok(words) => {
                let read = command_line::read(&words);
                read.faults.into_iter().for_each(&mut wrong);
                // What follows it, sbatch would not read.
                if let Some(word) = read.rest.first() {
                    wrong(format!("`{word}` is no option of sbatch's"));
                }
                let component = all.components.last_mut().expect("never empty");
                let found = read.options.into_iter();
                component.extend(found.map(|(name, value)| (number, name, value)));
            }
        }
    }
    all
}

/// Returns what stands behind the word that begins another component, if it is there.
fn separator(rest: &str) -> Option<String> {
    let rest = rest.trim_start();
    let word = rest.split_ascii_whitespace().next()?;
    let is_separator = ["hetjob", "packjob"]
        .iter()
        .any(|it| word.eq_ignore_ascii_case(it));
    is_separator.then(|| rest[word.len()..].to_owned())
}

/// Splits a line into words as `sbatch` does: quotes, backslashes, and a `#` that ends it.
pub(super) fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\\') => {
                let next = letters.next().ok_or("a backslash at its end")?;
                word.get_or_insert_default().push(next);
            }
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') => break,
            (None, letter) if letter.is_ascii_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(script: &str) -> Vec<Directive> {
        let read = directives("job.sh", script);
        assert!(read.faults.is_empty(), "{:?}", read.faults);
        read.components.into_iter().next().unwrap()
    }

    fn found(line: &str) -> Vec<(&'static str, String)> {
        let read = read(&format!("#!/bin/sh\n{line}\n"));
        read.into_iter()
            .map(|(_, name, value)| (name, value))
            .collect()
    }

    fn faults(script: &str) -> Vec<String> {
        let faults = directives("job.sh", script).faults;
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn directives_are_read_as_sbatch_reads_them() {
        let script = "#!/bin/bash\n\
            # a comment\n\
            ##SBATCH --time=1\n\
            #SBATCH --job-name=\"my job\" -n4 -c 2 # the rest\n\
            \n\
            #SBATCH --exclusive -p=a --output='x y'\n\
            echo\n\
            #SBATCH --nodes=2\n";
        let expected = [
            (4, "job-name", "my job"),
            (4, "ntasks", "4"),
            (4, "cpus-per-task", "2"),
            (6, "exclusive", ""),
            (6, "partition", "=a"),
            (6, "output", "x y"),
        ];
        let expected = expected.map(|(line, name, value)| (line, name, value.to_owned()));
        assert_eq!(read(script), expected);
    }

    #[test]
    fn words_options_and_letters_are_read_as_sbatch_reads_them() {
        for (line, expected) in [
            ("#SBATCH--ntasks=2", vec![("ntasks", "2")]),
            ("#SBATCH\t--ntasks 2", vec![("ntasks", "2")]),
            ("#SLURM -n 2", vec![("ntasks", "2")]),
            ("#SBATCH -HJ nm", vec![("hold", ""), ("job-name", "nm")]),
            (
                "#SBATCH -Hk --out=x",
                vec![("hold", ""), ("no-kill", ""), ("output", "x")],
            ),
            ("#SBATCH --comment=a#b -n 2", vec![("comment", "a")]),
            ("#SBATCH --comment=a\\ b", vec![("comment", "a b")]),
            ("#SBATCH --comment='it\\'s'", vec![("comment", "it's")]),
            (
                "#SBATCH --nice --nodes=2",
                vec![("nice", ""), ("nodes", "2")],
            ),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(n, v)| (*n, (*v).to_owned()))
                .collect();
            assert_eq!(found(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (line, words) in [
            ("#SBATCH --nodez=2", "`--nodez`"),
            ("#SBATCH -Z", "`-Z`"),
            ("#SBATCH nodes=2", "`nodes=2`"),
            ("#SBATCHX -n 3", "`X`"),
            ("#SBATCH --nodes", "wants a value"),
            ("#SBATCH --hold=1", "takes no value"),
            ("#SBATCH --cpus=1", "may mean"),
            ("#SBATCH --comment='a", "quote"),
        ] {
            let faults = faults(&format!("#!/bin/sh\n{line}\n"));
            let message = faults.join("\n");
            assert_eq!(faults.len(), 1, "{message}");
            assert!(
                message.starts_with("job.sh, line 2: ") && message.contains(words),
                "{message}"
            );
        }
        let all = faults("#!/bin/sh\n#SBATCH --foo\n#SBATCH -Z --bar=1\n");
        assert_eq!(all.len(), 3, "{all:?}");
    }

    #[test]
    fn components_are_separated_as_sbatch_separates_them() {
        let script =
            "#!/bin/sh\n#SBATCH -n 1\n#SBATCH hetjob\n#SBATCH -n 2\n#SBATCH packjob -n 3\n";
        let read = directives("job.sh", script);
        assert!(read.faults.is_empty());
        let tasks: Vec<_> = read
            .components
            .iter()
            .map(|one| one[0].2.as_str())
            .collect();
        assert_eq!(tasks, ["1", "2", "3"]);
    }

    #[test]
    fn latin1_is_read_in_comments_alone() {
        let script = b"#!/bin/sh\n#SBATCH --comment=gr\xfc\xdfe\ntrue\n";
        assert!(text("f", script).unwrap().contains("=gr\u{fc}\u{df}e"));
        let error = text("f", b"#!/bin/sh\necho \xfc\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn what_cannot_run_is_no_script() {
        for bad in ["", " \n", "echo", "#!/bin/sh\r\necho\r\n", "#!/bin/sh\n\0"] {
            assert!(require_script("job.sh", bad).is_err(), "{bad:?}");
        }
        let long = format!("#!/bin/sh\n{}", "a".repeat(LONGEST));
        assert!(require_script("job.sh", &long).is_err());
        assert!(require_script("job.sh", "#!/bin/sh\ntrue\n").is_ok());
    }

    proptest! {
        #[test]
        fn no_directive_makes_it_panic(line in any::<String>(), more in "[-=a-zN'\"\\\\ #]{0,20}") {
            let _ = directives("x", &format!("#!/bin/sh\n#SBATCH{line}\n#SBATCH {more}\n#PBS {more}\n#BSUB {line}\n"));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = text("x", &bytes);
        }
    }
}
