//! Verbs that other tools have for the same, answered with those of hpcapi.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Error;

use super::called;

/// Verbs below one command, and what they are called here.
struct Neighbours {
    /// The command above them; empty for the program itself.
    below: &'static str,
    theirs: &'static [&'static str],
    ours: &'static str,
}

const fn of(
    below: &'static str,
    theirs: &'static [&'static str],
    ours: &'static str,
) -> Neighbours {
    Neighbours {
        below,
        theirs,
        ours,
    }
}

const NEIGHBOURS: [Neighbours; 24] = [
    of(
        "",
        &["destroy", "delete", "down", "remove", "rm"],
        "teardown",
    ),
    of("", &["deploy", "create", "apply", "launch", "start"], "up"),
    of("", &["stop", "suspend", "sleep", "hibernate"], "pause"),
    of("", &["unpause", "wake", "continue"], "resume"),
    of("", &["diff", "preview"], "plan"),
    of("", &["check"], "doctor"),
    of("", &["logs"], "jobs logs"),
    of("", &["submit", "sbatch", "run-job"], "jobs submit"),
    of("", &["queue", "squeue"], "jobs list"),
    of("", &["ls", "deployments"], "list"),
    of("", &["sacct"], "jobs list --all"),
    of("", &["cancel", "scancel"], "jobs cancel"),
    of("", &["sinfo"], "nodes"),
    of("", &["login", "auth"], "token"),
    of("", &["version"], "--version"),
    of("jobs", &["ls", "queue", "squeue"], "jobs list"),
    of(
        "jobs",
        &["rm", "delete", "kill", "stop", "scancel"],
        "jobs cancel",
    ),
    of("jobs", &["status", "describe", "get", "info"], "jobs show"),
    of("jobs", &["create", "run", "sbatch"], "jobs submit"),
    of("jobs", &["log", "output", "tail"], "jobs logs"),
    of("runs", &["ls"], "runs list"),
    of("runs", &["rm", "remove"], "runs delete"),
    of("trigger", &["ls"], "trigger list"),
    of("trigger", &["rm", "delete"], "trigger remove"),
];

/// Returns the error of a command that is not known here, if it is known elsewhere. `words` are all
/// that was typed behind the program's name.
pub(super) fn answer(unknown: &clap::Error, command: &Command, words: &[String]) -> Option<Error> {
    if unknown.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(verb)) = unknown.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let mut above = words.iter().take_while(|word| *word != verb);
    let below = above.find(|word| command.find_subcommand(word).is_some());
    let below = below.map(String::as_str).unwrap_or_default();
    let found = NEIGHBOURS
        .iter()
        .find(|it| it.below == below && it.theirs.contains(&verb.as_str()))?;
    let typed = format!("{below} {verb}");
    Some(
        Error::usage(format!("there is no command `{}`", typed.trim_start()))
            .hint(called::unknown().command(found.ours)),
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;
    use crate::error::Kind;

    fn typed(words: &[&str]) -> Option<Error> {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        let all = ["hpcapi".to_owned()].into_iter().chain(words.clone());
        let error = Cli::command().try_get_matches_from(all).unwrap_err();
        answer(&error, &Cli::command(), &words)
    }

    #[test]
    fn every_verb_of_a_neighbour_is_answered_with_ours() {
        for Neighbours {
            below,
            theirs,
            ours,
        } in NEIGHBOURS
        {
            for verb in theirs {
                let mut words = vec!["--via", "operations"];
                words.extend(below.split_whitespace());
                words.extend([*verb, "--yes", "x"]);
                let error = typed(&words).unwrap_or_else(|| panic!("{words:?}"));
                assert_eq!(
                    error.hints(),
                    [called::unknown().command(ours)],
                    "{words:?}"
                );
                assert_eq!(error.kind(), Kind::Usage);
                let name = [below, *verb].join(" ");
                let name = name.trim_start();
                assert_eq!(error.to_string(), format!("there is no command `{name}`"));
            }
        }
    }

    #[test]
    fn what_is_answered_is_there() {
        for Neighbours { ours, .. } in NEIGHBOURS {
            let mut command = Cli::command();
            for name in ours
                .split_whitespace()
                .filter(|word| !word.starts_with('-'))
            {
                let found = command.find_subcommand(name).cloned();
                command = found.unwrap_or_else(|| panic!("{ours}"));
            }
        }
    }

    #[test]
    fn what_nobody_calls_so_is_left_to_clap() {
        assert!(typed(&["nonsense"]).is_none());
        assert!(typed(&["jobs", "destroy"]).is_none());
        assert!(typed(&["sandbox", "rm"]).is_none());
        assert!(typed(&["up", "--nonsense"]).is_none());
        assert!(typed(&["jobs"]).is_none());
    }
}
