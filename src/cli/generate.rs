//! `hpcapi completions` and `hpcapi man`: made from the very arguments that are read.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Command};
use clap_complete::Shell;

use crate::error::{Context, Result};
use crate::output;

/// Print a completion script for a shell
///
/// For example: source <(hpcapi completions bash)
#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the man page, or write those of all commands
#[derive(Debug, ClapArgs)]
pub(super) struct ManArgs {
    /// The folder, e.g. ~/.local/share/man/man1
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "hpcapi", &mut script);
    output::bytes(&script).map(|_| ())
}

pub(super) fn man(args: &ManArgs, command: Command) -> Result<()> {
    match &args.folder {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command)
                .render(&mut page)
                .doing(|| "cannot write the man page".to_owned())?;
            output::bytes(&page).map(|_| ())
        }
        Some(folder) => {
            let failure = || format!("cannot write the man pages to `{}`", folder.display());
            std::fs::create_dir_all(folder).doing(failure)?;
            clap_mangen::generate_to(command, folder).doing(failure)
        }
    }
}
