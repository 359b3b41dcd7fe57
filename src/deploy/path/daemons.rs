//! The daemons on the head node that a request passes, and the space that they need.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::{Repair, session};
use crate::error::Result;
use crate::hint::Hint;
use crate::slurm::{Controller, Daemons, Disk, look_at_head_node};

use super::{Layer, drift, head_node};

/// Looks at slurmctld, slurmrestd and the proxy before it, in one command.
pub(super) async fn look(context: &Context) -> Result<Vec<Layer>> {
    let instance = head_node::instance(context)?;
    let (daemons, changed) = look_at_head_node(&context.aws.commands, &instance).await?;
    let shell = Hint::run(session(context, &instance));
    let disk = disk(&daemons.disks, &shell);
    let controller = controller(&daemons);
    let controller = match is_of_configuration(&daemons) {
        true => controller
            .then(shell.clone())
            .then(format!(
                "in that shell: correct the line, and then: {RESTART}"
            ))
            .into(),
        false => repaired(context, controller),
    };
    Ok(vec![
        disk.into(),
        controller,
        repaired(context, rest(&daemons)),
        drift::clock(context, &instance, changed.time).into(),
        drift::judged(context, &shell, &changed.faults),
    ])
}

/// Starts slurmctld after a change of its configuration.
const RESTART: &str = "sudo systemctl restart slurmctld";

fn repaired(context: &Context, finding: Finding) -> Layer {
    match finding.is_fine() {
        true => finding.into(),
        false => finding.repaired_by(context, Repair::Daemons),
    }
}

/// So little space, in KiB, or so few files are as good as none: slurmctld writes the scripts of jobs
/// and its state, and each daemon its log.
const LEAST_KIB: u64 = 32 * 1024;
const LEAST_FILES: u64 = 500;

/// Tells of file systems that are full: Slurm takes no job then, and its daemons do not start again.
fn disk(disks: &[Disk], shell: &Hint) -> Finding {
    const SUBJECT: &str = "disk";
    let is_full = |disk: &&Disk| disk.free_kib < LEAST_KIB || disk.free_files < LEAST_FILES;
    let Some(full) = disks.iter().find(is_full) else {
        return Finding::good(SUBJECT, "there is space where Slurm and its daemons write");
    };
    let Disk { folder, mount, .. } = full;
    let left = match full.free_kib < LEAST_KIB {
        true => format!("{} KiB are free", full.free_kib),
        false => format!("{} more files can be made", full.free_files),
    };
    let text = format!("the file system of `{folder}` on the head node is full: {left}");
    let finding = match folder.as_str() {
        // Slurm goes on without it, and jobs fail whose output goes there.
        "/home" => Finding::warning(SUBJECT, text),
        _ => Finding::problem(SUBJECT, text),
    };
    finding.then(shell).then(format!(
        "in that shell, what is large: sudo du -xh --max-depth=3 {mount} | sort -h | tail"
    ))
}

/// Returns whether it is a configuration file that keeps slurmctld from starting, which nobody but
/// whoever wrote the line can mend.
fn is_of_configuration(daemons: &Daemons) -> bool {
    let is_told = |words: &&str| daemons.controller_words.contains(*words);
    daemons.controller == Controller::Off
        && [
            "Parse error in file",
            "Parsing error at unrecognized key",
            "process configuration file",
        ]
        .iter()
        .any(is_told)
}

fn controller(daemons: &Daemons) -> Finding {
    const SUBJECT: &str = "slurmctld";
    if daemons.munge != "active" {
        let text = format!(
            "munge, by which Slurm's programs know each other, is {}",
            daemons.munge
        );
        return Finding::problem(SUBJECT, text).because(daemons.munge_words.clone());
    }
    let text = match daemons.controller {
        Controller::Up => return Finding::good(SUBJECT, "it answers"),
        Controller::Down => "it runs, and takes no connections",
        Controller::Silent => "it takes connections, and answers nothing",
        Controller::Off => "it does not run",
    };
    Finding::problem(SUBJECT, text).because(daemons.controller_words.clone())
}

fn rest(daemons: &Daemons) -> Finding {
    const SUBJECT: &str = "slurmrestd";
    for (unit, state, words) in [
        ("slurmrestd", &daemons.rest, &daemons.rest_words),
        ("the proxy before it", &daemons.proxy, &daemons.proxy_words),
    ] {
        if state != "active" {
            let text = format!("{unit} is {state}");
            return Finding::problem(SUBJECT, text).because(words.clone());
        }
    }
    match daemons.status {
        401 => Finding::good(SUBJECT, "it answers on port 6830, and wants a token"),
        0 => Finding::problem(SUBJECT, "port 6830 does not answer")
            .because(daemons.proxy_words.clone()),
        status => Finding::problem(
            SUBJECT,
            format!("port 6830 answers a call without a token with HTTP {status} instead of 401"),
        )
        .because(format!("{} {}", daemons.rest_words, daemons.proxy_words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::finding::Verdict;

    fn free(folder: &str, free_kib: u64, free_files: u64) -> Disk {
        Disk {
            folder: folder.to_owned(),
            mount: "/".to_owned(),
            free_kib,
            free_files,
        }
    }

    #[test]
    fn a_disk_without_space_or_files_is_full() {
        let told = |disks: &[Disk]| {
            let finding = disk(disks, &"shell".into());
            (finding.verdict, finding.text)
        };
        let roomy = free("/var/log", 1 << 20, 1 << 20);
        assert_eq!(told(std::slice::from_ref(&roomy)).0, Verdict::Good);
        let (verdict, text) = told(&[roomy.clone(), free("/tmp", 7, 1 << 20)]);
        assert_eq!(verdict, Verdict::Problem);
        assert!(
            text.contains("`/tmp`") && text.ends_with("7 KiB are free"),
            "{text}"
        );
        let (verdict, text) = told(&[free("/var/log", 1 << 20, 3)]);
        assert_eq!(verdict, Verdict::Problem);
        assert!(text.ends_with("3 more files can be made"), "{text}");
        assert_eq!(told(&[free("/home", 0, 0)]).0, Verdict::Warning);
    }

    #[test]
    fn a_line_that_slurm_does_not_take_is_its_writers_to_correct() {
        let daemons = |controller, words: &str| Daemons {
            munge: "active".to_owned(),
            munge_words: String::new(),
            controller,
            controller_words: words.to_owned(),
            rest: String::new(),
            rest_words: String::new(),
            proxy: String::new(),
            proxy_words: String::new(),
            status: 0,
            disks: Vec::new(),
        };
        let fatal = "fatal: Unable to process configuration file";
        assert!(is_of_configuration(&daemons(Controller::Off, fatal)));
        assert!(!is_of_configuration(&daemons(Controller::Off, "Stopped")));
        assert!(!is_of_configuration(&daemons(Controller::Silent, fatal)));
    }
}
