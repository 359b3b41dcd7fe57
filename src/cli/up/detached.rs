//! `hpcapi up --detach`: the same command again, in the background, telling its story to a file.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Context as _, Result};
use crate::files;
use crate::output::Answer;
use crate::process;
use crate::settings::Settings;
use crate::shell::quoted;

/// An `up` in the background.
#[derive(Serialize)]
pub(super) struct Detached {
    /// Its process id.
    pid: u32,
    /// The file that it tells its story to.
    log: PathBuf,
    /// How to see what became of it.
    commands: Vec<String>,
}

impl Detached {
    /// Begins it. It is no child of the shell's job, so that neither Ctrl-C nor the end of the
    /// terminal ends it; the end of the machine does, and then `up` goes on where it was. `piped` is
    /// the file of a configuration that came through a pipe, which nobody can read again; `file` is the
    /// settings file, if there is one.
    pub(super) fn begin(
        settings: &Settings,
        piped: Option<&Path>,
        file: Option<&Path>,
    ) -> Result<Detached> {
        let log = settings.up_log_path();
        let failure = || {
            format!(
                "cannot begin in the background, with its story in `{}`",
                log.display()
            )
        };
        files::write_private(&log, b"")?;
        let story = File::options().append(true).open(&log).doing(failure)?;
        let own = std::env::args_os().skip(1);
        let pid =
            process::again_in_background(arguments(own, piped, file), &story).doing(failure)?;
        let again = &settings.again;
        let commands = vec![
            format!("tail -f {}", quoted(&log.display().to_string())),
            again.command("status"),
            again.command("up"),
        ];
        Ok(Detached { pid, log, commands })
    }
}

/// Returns the arguments of the process in the background: what could be asked was asked, and
/// what could be looked at was looked at. Before a cluster is deleted it is looked again.
fn arguments(
    own: impl Iterator<Item = OsString>,
    piped: Option<&Path>,
    file: Option<&Path>,
) -> Vec<OsString> {
    let mut arguments: Vec<_> = own.filter(|argument| argument != "--detach").collect();
    if let Some(piped) = piped {
        without(&mut arguments, "--config");
        arguments.extend(["--config".into(), piped.into()]);
        // It would be looked for beside that one, from now on.
        if let Some(file) = file {
            without(&mut arguments, "--settings");
            arguments.extend(["--settings".into(), file.into()]);
        }
    }
    let option = "--replace-cluster".as_bytes();
    let mut given = arguments.iter();
    let replaces = given.any(|one| one.as_encoded_bytes().starts_with(option));
    arguments.push("--yes".into());
    if !replaces {
        arguments.push("--skip-preflight".into());
    }
    arguments
}

/// Takes out an option with its value.
fn without(arguments: &mut Vec<OsString>, option: &str) {
    let joined = format!("{option}=");
    let is_joined = |one: &OsString| one.as_encoded_bytes().starts_with(joined.as_bytes());
    arguments.retain(|one| !is_joined(one));
    if let Some(at) = arguments.iter().position(|one| one == option) {
        arguments.drain(at..(at + 2).min(arguments.len()));
    }
}

impl Answer for Detached {
    fn text(&self) -> String {
        format!(
            "`up` goes on in the background (process {}); to follow it, to see what is ready, to \
             wait for its end:\n\n{}\n",
            self.pid,
            self.commands.join("\n")
        )
    }

    fn done(&self) -> Option<String> {
        let log = self.log.display();
        Some(format!(
            "`up` goes on in the background (process {}), with its story in `{log}`",
            self.pid
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::assert_describes;
    use super::*;

    #[test]
    fn the_published_schema_has_the_keys_of_the_answer_at_once() {
        let begun = Detached {
            pid: 1,
            log: "up.log".into(),
            commands: vec!["tail -f up.log".to_owned()],
        };
        assert_describes("begun", &begun, &begun);
    }

    #[test]
    fn the_process_in_the_background_asks_and_detaches_no_more() {
        let own = ["up", "--detach", "--deployment", "x", "--yes"].map(OsString::from);
        assert_eq!(
            arguments(own.into_iter(), None, None),
            [
                "up",
                "--deployment",
                "x",
                "--yes",
                "--yes",
                "--skip-preflight"
            ]
        );
        let own = ["up", "--replace-cluster", "--detach"].map(OsString::from);
        assert_eq!(
            arguments(own.into_iter(), None, None),
            ["up", "--replace-cluster", "--yes"]
        );
        let own = ["up", "--replace-cluster=in-place", "--detach"].map(OsString::from);
        assert_eq!(
            arguments(own.into_iter(), None, None),
            ["up", "--replace-cluster=in-place", "--yes"]
        );
    }

    #[test]
    fn the_process_in_the_background_reads_a_piped_configuration_from_its_file() {
        let kept = Path::new("/h/x.piped-0.yaml");
        let expected = ["up", "--yes", "--config", "/h/x.piped-0.yaml", "--yes"];
        for own in [
            &["up", "--config", "/dev/fd/63", "--yes"][..],
            &["up", "--config=-", "--yes"],
            &["up", "--yes", "--config", "-", "--detach"],
        ] {
            let own = own.iter().map(OsString::from);
            assert_eq!(arguments(own, Some(kept), None)[..5], expected);
        }
    }

    #[test]
    fn the_process_in_the_background_finds_the_same_settings() {
        let file = Path::new("./hpcapi.yaml");
        let own = ["up", "--config", "-", "--detach"].map(OsString::from);
        assert_eq!(
            arguments(own.into_iter(), Some(Path::new("/h/x.yaml")), Some(file))[..5],
            ["up", "--config", "/h/x.yaml", "--settings", "./hpcapi.yaml"]
        );
        let own = ["up", "--settings", "a.yaml"].map(OsString::from);
        assert_eq!(
            arguments(own.into_iter(), None, Some(Path::new("a.yaml")))[..3],
            ["up", "--settings", "a.yaml"]
        );
    }
}
