//! What `hpcapi` alone prints: every command on one screen, and where to begin.

use clap::Command;

/// The commands, in groups and in the order in which they are shown; those on one line are told by the
/// words of the first.
const GROUPS: [(&str, &[&str]); 3] = [
    (
        "Deploy",
        &[
            "up, upgrade",
            "plan",
            "status",
            "doctor",
            "list",
            "pause, resume",
            "extend",
            "teardown",
        ],
    ),
    (
        "Use",
        &[
            "run, runs",
            "jobs",
            "partitions",
            "nodes",
            "trigger",
            "token",
            "ping",
            "api",
        ],
    ),
    (
        "More",
        &[
            "config",
            "init",
            "iam-policy",
            "sandbox",
            "shims",
            "completions, man",
        ],
    ),
];

/// Where to begin, and where there is more.
const BEGIN: &str = "Try it without an AWS account: hpcapi up --sandbox   (more: hpcapi --help)\n";

/// Returns the overview, with the words that the commands' own help begins with.
pub(super) fn text(command: &Command) -> String {
    let mut text = String::new();
    for (group, names) in GROUPS {
        for (at, name) in names.iter().enumerate() {
            let group = if at == 0 { group } else { "" };
            let first = name.split(", ").next().unwrap_or_default();
            let about = command.find_subcommand(first).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("{group:<8}{name:<18}{about}\n"));
        }
    }
    text + BEGIN
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    /// A terminal has 24 lines, and the last is the shell's.
    const MOST_LINES: usize = 23;

    #[test]
    fn every_command_is_in_a_group_in_the_order_of_the_help() {
        let command = Cli::command();
        let all: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        let groups = GROUPS.iter();
        let shown: Vec<_> = groups
            .flat_map(|(_, names)| names.iter().flat_map(|names| names.split(", ")))
            .collect();
        assert_eq!(shown, all);
    }

    #[test]
    fn every_command_says_in_few_words_what_it_does() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().unwrap().to_string();
            let length = about.chars().count();
            assert!((1..=50).contains(&length), "{length}: {about}");
            assert!(!about.contains('\n'), "{about}");
        }
    }

    #[test]
    fn all_of_it_is_seen_on_a_small_terminal() {
        let text = text(&Cli::command());
        assert!(text.lines().count() <= MOST_LINES, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
