//! The lines of a head node's logs that matter: where it went wrong first, not where that was
//! noticed last.

use crate::pcluster::answer::Failure;

use super::line;
use super::parts::Part;

/// How many lines are told in all.
const MOST: usize = 10;

/// How many lines of one log are told, so that another has its say.
const MOST_OF_ONE: usize = 6;

/// How many lines before its end are told of a script that says nothing of a failure itself.
const BEFORE_THE_END: usize = 4;

/// The logs by the thing that fails, the most telling first.
const SCRIPTS: &[&str] = &["hpcapi-node.log", COMMANDS, "cfn-init.log"];
const RECIPES: &[&str] = &[
    "chef-client.log",
    "slurmctld.log",
    "journalctl --unit slurmctld",
];
const COMPUTE_NODES: &[&str] = &["clustermgtd", "slurm_resume.log", "slurmctld.log"];
const BOOT: &[&str] = &["cloud-init-output.log", "cloud-init.log", "console"];

/// Where the set-up has come to.
const PROGRESS: &[&str] = &["cfn-init.log", "cloud-init-output.log", "console"];

/// The log of what cfn-init runs; cfn-init.log only repeats it.
const COMMANDS: &str = "cfn-init-cmd.log";

/// Returns the lines that matter when a cluster failed so, each with its log's name.
pub(super) fn telling(parts: &[Part<'_>], failure: Option<&Failure>) -> Vec<String> {
    let (code, reason) = failure.map_or(("", ""), |it| (it.code.as_str(), it.reason.as_str()));
    let is_late = reason.contains("timed out");
    let groups = match code {
        "StaticNodeBootstrapFailure" => [COMPUTE_NODES, RECIPES, SCRIPTS, BOOT],
        "HeadNodeBootstrapFailure" if reason.contains("set up") => {
            [RECIPES, SCRIPTS, BOOT, COMPUTE_NODES]
        }
        _ => [SCRIPTS, BOOT, RECIPES, COMPUTE_NODES],
    };
    let of = |group: &[&str]| -> Vec<Part<'_>> {
        let named = |name: &&str| parts.iter().find(|part| part.file() == *name).copied();
        group.iter().filter_map(named).collect()
    };
    let mut told = Vec::new();
    if is_late {
        // What hangs says no more: its last words tell where.
        told = tell(&of(PROGRESS), last_words);
    }
    // One group says it: what others complain of comes from that, or has always been so.
    let failed = groups
        .into_iter()
        .map(|group| tell(&of(group), around_failure));
    told.extend(
        failed
            .into_iter()
            .find(|lines| !lines.is_empty())
            .unwrap_or_default(),
    );
    if told.is_empty() {
        told = tell(&of(PROGRESS), last_words);
    }
    told.truncate(MOST);
    told
}

fn tell<'t>(parts: &[Part<'t>], choose: impl Fn(&[&'t str]) -> Vec<&'t str>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for part in parts {
        if part.file() == "cfn-init.log" && told.iter().any(|line| line.starts_with(COMMANDS)) {
            continue;
        }
        let lines: Vec<&str> = part
            .text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line::is_decoration(line) && !line::is_known(line))
            .collect();
        for line in choose(&lines).into_iter().take(MOST_OF_ONE) {
            let words = line::without_time(line);
            if !said.contains(&words) {
                said.push(words);
                told.push(format!("{}: {}", part.file(), line::shortened(words)));
            }
        }
    }
    told
}

/// Returns the lines around the first that speaks of a failure.
fn around_failure<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let Some(first) = lines.iter().position(|line| line::is_failure(line)) else {
        return Vec::new();
    };
    let line = lines[first];
    if line::is_end_of_script(line) {
        let mut before = lines[..first].to_vec();
        if let Some(start) = before.iter().rposition(|line| line::opens_output(line)) {
            before.drain(..=start);
        }
        let from = before.len().saturating_sub(BEFORE_THE_END);
        return before[from..].iter().chain([&line]).copied().collect();
    }
    if let Some(output) = lines[first + 1..].first().and_then(|next| cfn_output(next)) {
        // The rest of what the command printed stands in lines of its own.
        let more = lines[first + 2..]
            .iter()
            .take_while(|line| !line.contains("[ERROR]"));
        let printed: Vec<_> = [output].into_iter().chain(more.copied()).collect();
        let from = printed.len().saturating_sub(BEFORE_THE_END);
        return [line]
            .into_iter()
            .chain(printed[from..].iter().copied())
            .collect();
    }
    if line.starts_with("Traceback ") {
        // The frames are of no use to somebody who has not written the program.
        let end = lines[first + 1..]
            .iter()
            .find(|line| !line.starts_with(' '));
        return end.into_iter().copied().collect();
    }
    if line.contains("Error executing action") {
        let end = |line: &&&str| !line.starts_with("---- End output");
        let block = lines[first..].iter().take_while(end);
        return block
            .filter(|line| !line.starts_with("---- Begin output"))
            .copied()
            .collect();
    }
    let rest = lines[first..].iter().filter(|line| line::is_failure(line));
    rest.take(MOST_OF_ONE / 2).copied().collect()
}

/// Returns what a command printed, if the line is where cfn-init repeats it.
fn cfn_output(line: &str) -> Option<&str> {
    let (before, output) = line.split_once(" output: ")?;
    before.contains("[DEBUG] Command ").then_some(output)
}

fn last_words<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    lines[lines.len().saturating_sub(2)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::parts::parts;
    use super::*;

    fn told(text: &str, code: &str, reason: &str) -> Vec<String> {
        let failure = Failure {
            code: code.to_owned(),
            reason: reason.to_owned(),
        };
        telling(&parts(text), Some(&failure))
    }

    #[test]
    fn a_script_is_told_by_its_last_words_and_its_exit_code() {
        let text = "\
==> /var/log/cfn-init.log <==
2026-11-23 14:00:01,000 [ERROR] Command runpostinstall (/opt/parallelcluster/scripts/fetch_and_run) failed
==> /var/log/cfn-init-cmd.log <==
2026-11-23 14:00:00,001 P812 [INFO] ============================================================
2026-11-23 14:00:00,001 P812 [INFO] Command runpreinstall
2026-11-23 14:00:00,001 P812 [INFO] Completed successfully.
2026-11-23 14:00:00,002 P812 [INFO] Command runpostinstall
2026-11-23 14:00:00,003 P812 [INFO] -----------------------Command Output-----------------------
2026-11-23 14:00:00,004 P812 [INFO] \tstarting
2026-11-23 14:00:00,004 P812 [INFO] \tno luck today
2026-11-23 14:00:00,004 P812 [INFO] \tfetch_and_run - Failed to execute OnNodeConfigured script 1
2026-11-23 14:00:00,005 P812 [INFO] ------------------------------------------------------------
2026-11-23 14:00:00,006 P812 [ERROR] Exited with error code 3
==> /var/log/hpcapi-node.log <==
2026-11-23T13:59:00Z phase start is done
";
        let told = told(text, "OnNodeConfiguredExecutionFailure", "");
        assert_eq!(
            told,
            [
                "cfn-init-cmd.log: starting",
                "cfn-init-cmd.log: no luck today",
                "cfn-init-cmd.log: [ERROR] Exited with error code 3",
            ]
        );
    }

    #[test]
    fn what_cfn_init_repeats_of_a_script_is_told_when_there_is_no_more() {
        let text = "==> cfn-init.log <==\n2026-11-23 [DEBUG] Running command runpostinstall\n\
            2026-11-23 [ERROR] Command runpostinstall (/opt/fetch_and_run) failed\n\
            2026-11-23 [DEBUG] Command runpostinstall output: starting\nno luck today\n\
            2026-11-23 [ERROR] Error encountered during build of x: Command runpostinstall failed\n";
        assert_eq!(
            told(text, "OnNodeConfiguredExecutionFailure", ""),
            [
                "cfn-init.log: [ERROR] Command runpostinstall (/opt/fetch_and_run) failed",
                "cfn-init.log: starting",
                "cfn-init.log: no luck today",
            ]
        );
    }

    #[test]
    fn a_script_that_names_its_failure_is_told_from_there() {
        let text = "==> /var/log/cfn-init-cmd.log <==\n\
            P1 [INFO] \tgetting x\nP1 [INFO] \tcurl: (6) Could not resolve host: no such file\n\
            P1 [INFO] \tgoing on\nP1 [ERROR] Exited with error code 1\n";
        assert_eq!(
            told(text, "OnNodeStartExecutionFailure", ""),
            [
                "cfn-init-cmd.log: curl: (6) Could not resolve host: no such file",
                "cfn-init-cmd.log: [ERROR] Exited with error code 1",
            ]
        );
    }

    #[test]
    fn a_recipe_is_told_with_what_the_daemon_says() {
        let text = "\
==> /var/log/chef-client.log <==
[2026-11-23T14:00:00+00:00] INFO: Processing execute[check errors] action run
================================================================================
Error executing action `run` on resource 'execute[check slurmctld status]'
================================================================================

Mixlib::ShellOut::ShellCommandFailed
------------------------------------
Expected process to exit with [0], but received '3'
---- Begin output of systemctl is-active --quiet slurmctld ----
STDOUT: 
STDERR: nothing
---- End output of systemctl is-active --quiet slurmctld ----
Cinc Client failed. 3 resources updated
==> /var/log/slurmctld.log <==
[2026-11-23T14:00:00] slurmctld version 24.11.5 started on cluster parallelcluster
[2026-11-23T14:00:00] fatal: Invalid SelectTypeParameters
[2026-11-23T14:00:00] error: later
";
        assert_eq!(
            told(
                text,
                "HeadNodeBootstrapFailure",
                "Failed to set up the head node."
            ),
            [
                "chef-client.log: Error executing action `run` on resource 'execute[check slurmctld status]'",
                "chef-client.log: Mixlib::ShellOut::ShellCommandFailed",
                "chef-client.log: Expected process to exit with [0], but received '3'",
                "chef-client.log: STDOUT:",
                "chef-client.log: STDERR: nothing",
                "slurmctld.log: fatal: Invalid SelectTypeParameters",
                "slurmctld.log: error: later",
            ]
        );
    }

    #[test]
    fn of_a_traceback_its_exception_is_told() {
        let text = "==> /var/log/cloud-init-output.log <==\nTraceback (most recent call last):\n\
            \x20 File \"x.py\", line 1, in <module>\nOSError: [Errno 28] No space left on device\nmore\n";
        assert_eq!(
            told(
                text,
                "HeadNodeBootstrapFailure",
                "Failed to bootstrap the head node."
            ),
            ["cloud-init-output.log: OSError: [Errno 28] No space left on device"]
        );
    }

    #[test]
    fn what_hangs_is_told_by_its_last_words() {
        let text = "==> /var/log/cfn-init.log <==\na\nb\n2026-11-23 [DEBUG] Running command x\n\n\
            ==> slurmctld.log <==\nerror: late\n";
        for reason in [
            "Cluster creation timed out.",
            "Failed to bootstrap the head node.",
        ] {
            let told = told(text, "HeadNodeBootstrapFailure", reason);
            let expected = [
                "cfn-init.log: b",
                "cfn-init.log: [DEBUG] Running command x",
                "slurmctld.log: error: late",
            ];
            let from = if reason.contains("timed out") { 0 } else { 2 };
            assert_eq!(told, expected[from..]);
        }
        let silent = "==> /var/log/cfn-init.log <==\nb\n";
        assert_eq!(telling(&parts(silent), None), ["cfn-init.log: b"]);
    }

    #[test]
    fn no_more_is_told_than_can_be_read() {
        let mut text = String::new();
        for name in RECIPES {
            text += &format!("==> {name} <==\n");
            text += "Error executing action\n";
            for number in 0..50 {
                text += &format!("error {name} {number} {}\n", "x".repeat(1000));
            }
        }
        let told = told(
            &text,
            "HeadNodeBootstrapFailure",
            "Failed to set up the head node.",
        );
        assert_eq!(told.len(), MOST);
        assert!(told.iter().all(|line| line.len() < 400));
        assert_eq!(
            told.iter().filter(|line| line.starts_with("chef")).count(),
            MOST_OF_ONE
        );
    }
}
