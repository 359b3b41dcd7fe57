//! Words as `sbatch` reads them: options, long, abbreviated and by letters, up to the first word that
//! is none.

use crate::error::{Error, Result};

use super::options::{self, Follows};

/// What words say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words<'a> {
    /// The options by their long names, with their values, in their order.
    pub(super) options: Vec<(&'static str, String)>,
    /// All that is no option, from the first word on that is none.
    pub(super) rest: &'a [String],
    /// What is wrong with the others.
    pub(super) faults: Vec<String>,
}

/// The command line of `sbatch`, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The options by their long names without dashes, with their values, in their order.
    pub options: Vec<(String, String)>,
    /// The script and its arguments.
    pub rest: Vec<String>,
}

impl CommandLine {
    /// Reads the words behind the program's name. The error tells all that is wrong with them.
    pub fn read(words: &[String]) -> Result<CommandLine> {
        let read = self::read(words);
        if let Some(all) = Error::all(read.faults.into_iter().map(Error::usage).collect()) {
            return Err(all);
        }
        let options = read.options.into_iter();
        Ok(CommandLine {
            options: options
                .map(|(option, value)| (option.to_owned(), value))
                .collect(),
            rest: read.rest.to_vec(),
        })
    }

    /// Returns the last value of an option, if it was given.
    pub fn get(&self, option: &str) -> Option<&str> {
        let given = self.options.iter().rfind(|(name, _)| name == option);
        given.map(|(_, value)| value.as_str())
    }
}

/// Reads words as options with their values, as far as they are some.
pub(super) fn read(words: &[String]) -> Words<'_> {
    let mut read = Words {
        rest: words,
        ..Words::default()
    };
    while let [word, behind @ ..] = read.rest {
        let mut behind = behind.iter();
        let outcome = match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(""), _) => {
                read.rest = behind.as_slice();
                break;
            }
            (Some(name), _) => long(name, &mut behind).map(|one| vec![one]),
            (None, Some(letters)) if !letters.is_empty() => short(letters, &mut behind),
            _ => break,
        };
        match outcome {
            Ok(found) => read.options.extend(found),
            Err(why) => read.faults.push(why),
        }
        read.rest = behind.as_slice();
    }
    read
}

/// Reads an option by its long name, behind the dashes.
fn long<'a>(
    text: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(&'static str, String), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let option = options::find(name)?;
    let value = match (option.follows, value) {
        (Follows::Nothing, Some(_)) => return Err(format!("`--{name}` takes no value")),
        (Follows::Nothing | Follows::Maybe(_), None) => String::new(),
        (_, Some(value)) => value,
        (Follows::Value(_), None) => rest
            .next()
            .cloned()
            .ok_or_else(|| format!("`--{name}` wants a value"))?,
    };
    Ok((option.long, value))
}

/// Reads options by their letters, of which the last may have a value: `-HJ name`, `-n4`.
fn short<'a>(
    letters: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<Vec<(&'static str, String)>, String> {
    let mut found = Vec::new();
    for (at, letter) in letters.char_indices() {
        let option = options::find_short(letter)
            .ok_or_else(|| format!("`-{letter}` is no option of sbatch's that hpcapi knows"))?;
        let behind = &letters[at + letter.len_utf8()..];
        let value = match option.follows {
            Follows::Nothing => {
                found.push((option.long, String::new()));
                continue;
            }
            Follows::Maybe(_) => behind.to_owned(),
            Follows::Value(_) if behind.is_empty() => rest
                .next()
                .cloned()
                .ok_or_else(|| format!("`-{letter}` wants a value"))?,
            Follows::Value(_) => behind.to_owned(),
        };
        found.push((option.long, value));
        break;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn options_end_at_the_script_whose_arguments_are_its_own() {
        let line = CommandLine::read(&words("-N1 --parsable --job x job.sh -n 2 --hold")).unwrap();
        let expected = [("nodes", "1"), ("parsable", ""), ("job-name", "x")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(line.options, expected);
        assert_eq!(line.rest, ["job.sh", "-n", "2", "--hold"]);
        assert_eq!(line.get("job-name"), Some("x"));
        assert_eq!(CommandLine::read(&words("-H -- -x")).unwrap().rest, ["-x"]);
        assert_eq!(CommandLine::read(&[]).unwrap(), CommandLine::default());
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let error = CommandLine::read(&words("--foo -Z --hold=1 job.sh")).unwrap_err();
        for part in ["`--foo`", "`-Z`", "`--hold`"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
