//! Batch scripts, with their `#SBATCH` lines.

use crate::error::{Error, Result};

use super::options::{self, Followed};

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

/// Returns the options of the `#SBATCH` lines with the number of their line. As `sbatch` does, it
/// stops at the first line that is neither empty nor a comment.
pub(super) fn directives(file: &str, script: &str) -> Result<Vec<(usize, &'static str, String)>> {
    let mut found = Vec::new();
    for (at, line) in script.lines().enumerate() {
        let is_blank_or_comment = line.trim().is_empty() || line.trim_start().starts_with('#');
        if !is_blank_or_comment {
            break;
        }
        let Some(rest) = line.strip_prefix("#SBATCH") else {
            continue;
        };
        if !rest.starts_with([' ', '\t']) {
            continue;
        }
        let number = at + 1;
        let wrong = |why: String| Error::usage(format!("{file}, line {number}: {why}"));
        let words = words(rest).map_err(|why| wrong(why.to_owned()))?;
        for (option, value) in options(&words).map_err(wrong)? {
            found.push((number, option, value));
        }
    }
    Ok(found)
}

/// Splits a line into words as a shell does, without expanding anything.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = letters.next().ok_or("a backslash at its end")?;
                word.get_or_insert_default().push(next);
            }
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

/// Reads words as options with their values.
fn options(words: &[String]) -> Result<Vec<(&'static str, String)>, String> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(long), _) => match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            },
            (None, Some(short)) => {
                let end = short.chars().next().map_or(0, char::len_utf8);
                let (name, value) = short.split_at(end);
                let value = value.strip_prefix('=').unwrap_or(value);
                (name, Some(value).filter(|value| !value.is_empty()))
            }
            (None, None) => return Err(format!("`{word}` is no option of sbatch's")),
        };
        let shown = word.split('=').next().unwrap_or_default();
        let (option, followed) = options::find(name)
            .ok_or_else(|| format!("`{shown}` is no option of sbatch's that hpcapi knows"))?;
        let value = match (followed, value) {
            (Followed::ByNothing, Some(_)) => return Err(format!("`{shown}` takes no value")),
            (Followed::ByNothing | Followed::Maybe, None) => String::new(),
            (_, Some(value)) => value.to_owned(),
            (Followed::ByValue, None) => match words.next() {
                Some(value) => value.clone(),
                None => return Err(format!("`{shown}` wants a value")),
            },
        };
        found.push((option, value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(script: &str) -> Vec<(usize, &'static str, String)> {
        directives("job.sh", script).unwrap()
    }

    #[test]
    fn directives_are_read_as_sbatch_reads_them() {
        let script = "#!/bin/bash\n\
            # a comment\n\
            ##SBATCH --time=1\n\
            #SBATCH --job-name=\"my job\" -n4 -c 2 # the rest\n\
            #SBATCHX --nodes=9\n\
            \n\
            #SBATCH --exclusive -p=a --output='x y'\n\
            echo\n\
            #SBATCH --nodes=2\n";
        let found = read(script);
        let expected = [
            (4, "job-name", "my job"),
            (4, "ntasks", "4"),
            (4, "cpus-per-task", "2"),
            (7, "exclusive", ""),
            (7, "partition", "a"),
            (7, "output", "x y"),
        ];
        assert_eq!(
            found,
            expected.map(|(line, name, value)| (line, name, value.to_owned()))
        );
    }

    #[test]
    fn a_directive_that_is_not_understood_is_named_with_its_line() {
        for (line, words) in [
            ("#SBATCH --nodez=2", "`--nodez`"),
            ("#SBATCH -Z", "`-Z`"),
            ("#SBATCH nodes=2", "`nodes=2`"),
            ("#SBATCH --nodes", "wants a value"),
            ("#SBATCH --hold=1", "takes no value"),
            ("#SBATCH --comment='a", "quote"),
        ] {
            let error = directives("job.sh", &format!("#!/bin/sh\n{line}\n")).unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with("job.sh, line 2: ") && message.contains(words),
                "{message}"
            );
        }
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
            let _ = directives("x", &format!("#!/bin/sh\n#SBATCH {line}\n#SBATCH {more}\n"));
        }
    }
}
