//! What to do next, as data: words, and commands among them. Who gives a hint need not know how this
//! program was called; [`Again`], which knows it, spells the hint.

mod again;
mod command;
mod verb;

use std::fmt;

pub use again::Again;
pub use command::{AwsCall, Call, Command};
pub use verb::{Takes, Verb};

/// What to type, or where to look, next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

/// A part of a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Command(Command),
}

impl Hint {
    /// Returns the hint to type this command.
    pub fn run(command: impl Into<Command>) -> Hint {
        Hint(vec![Part::Command(command.into())])
    }

    /// Reads a hint that somebody else wrote, who calls this program by its plain name: the first
    /// command of ours in it becomes one that is spelled like all others.
    pub fn read(words: &str) -> Hint {
        let own = words.match_indices("hpcapi ").find_map(|(at, name)| {
            let line = &words[at + name.len()..];
            let verb = Verb::of(line)?;
            Some((at, verb, &line[verb.words().len()..]))
        });
        match own {
            Some((at, verb, rest)) => Hint::from(&words[..at]).then_run(verb).then(rest),
            None => words.into(),
        }
    }

    /// Puts what it is good for before it: `see them: …`.
    #[must_use]
    pub fn because(mut self, lead: impl fmt::Display) -> Hint {
        self.0.insert(0, Part::Words(format!("{lead}: ")));
        self
    }

    /// Adds words, as they are.
    #[must_use]
    pub fn then(mut self, words: impl Into<String>) -> Hint {
        self.0.push(Part::Words(words.into()));
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn then_run(mut self, command: impl Into<Command>) -> Hint {
        self.0.push(Part::Command(command.into()));
        self
    }

    /// Names another command wherever it names one of `verb`.
    #[must_use]
    pub fn instead_of(self, verb: Verb, other: &Call) -> Hint {
        let parts = self.0.into_iter().map(|part| match part {
            Part::Command(Command::Own(call)) if call.verb() == verb => {
                Part::Command(other.clone().into())
            }
            part => part,
        });
        Hint(parts.collect())
    }

    /// Returns it as one line, with the commands as `spell` spells them.
    fn spelled(&self, spell: impl Fn(&Command) -> String) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Words(words) => words.clone(),
            Part::Command(command) => spell(command),
        });
        parts.collect()
    }
}

impl From<String> for Hint {
    fn from(words: String) -> Hint {
        Hint(vec![Part::Words(words)])
    }
}

impl From<&str> for Hint {
    fn from(words: &str) -> Hint {
        words.to_owned().into()
    }
}

impl From<&String> for Hint {
    fn from(words: &String) -> Hint {
        words.clone().into()
    }
}

impl From<&Hint> for Hint {
    fn from(hint: &Hint) -> Hint {
        hint.clone()
    }
}

/// As whoever typed `hpcapi` without options would type it.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Again::of("hpcapi").hint(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl PartialEq<&str> for Hint {
        fn eq(&self, words: &&str) -> bool {
            let typed = self.to_string();
            typed == *words
        }
    }

    impl PartialEq<String> for Hint {
        fn eq(&self, words: &String) -> bool {
            let typed = self.to_string();
            typed == *words
        }
    }

    #[test]
    fn words_stand_around_commands() {
        let hint = Hint::run(Verb::Ping)
            .because("look what is wrong")
            .then("; allow more time: --timeout 120");
        assert_eq!(
            hint,
            "look what is wrong: hpcapi ping; allow more time: --timeout 120"
        );
        let hint = Hint::from("export SLURM_JWT=$(")
            .then_run(Verb::Token)
            .then(")");
        assert_eq!(hint, "export SLURM_JWT=$(hpcapi token)");
    }

    #[test]
    fn a_command_in_the_words_of_others_is_spelled_like_ours() {
        let again = Again {
            deployment: Some("x".to_owned()),
            ..Again::of("/opt/hpcapi")
        };
        for (words, typed) in [
            ("hpcapi doctor", "/opt/hpcapi doctor --deployment x"),
            (
                "hpcapi up, which brings it up to date",
                "/opt/hpcapi up --deployment x, which brings it up to date",
            ),
            ("ask: hpcapi up", "ask: /opt/hpcapi up --deployment x"),
            ("hpcapi updates it", "hpcapi updates it"),
            ("wait", "wait"),
        ] {
            assert_eq!(again.hint(&Hint::read(words)), typed);
        }
    }

    #[test]
    fn another_command_takes_the_place_of_one_verb_alone() {
        let other = Verb::Api.with("GET /openapi/v3");
        let hint = Hint::run(Verb::Ping)
            .because("look")
            .instead_of(Verb::Ping, &other);
        assert_eq!(hint, "look: hpcapi api GET /openapi/v3");
        let hint = Hint::run(Verb::Nodes).instead_of(Verb::Ping, &other);
        assert_eq!(hint, "hpcapi nodes");
    }
}
