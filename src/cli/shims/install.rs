//! `hpcapi shims`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::error::{Context, Error, Result};
use crate::hint::{Hint, Verb};
use crate::output;
use crate::shell::quoted;

use super::super::deployment::DeploymentArgs;
use super::Program;

/// Make sbatch, squeue and their like use the API
///
/// Puts them into a folder, for tools that call them, as links to hpcapi.
///
/// Prints what puts them in front of all others of these names: eval "$(hpcapi shims FOLDER)"
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// The folder; it is made if need be
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(in crate::cli) fn run(args: &Args) -> Result<()> {
    let own = std::env::current_exe().doing(|| "cannot find this program's own file".to_owned())?;
    let shown = args.folder.display();
    if shown.to_string().contains(':') {
        return Err(Error::usage(format!(
            "`{shown}` cannot stand in PATH, whose folders colons separate"
        ))
        .hint(Hint::run(Verb::Shims.with("~/hpcapi-shims")).because("choose another folder")));
    }
    let taken: Vec<String> = Program::ALL
        .iter()
        .map(|program| args.folder.join(program.name()))
        .filter(|path| path.symlink_metadata().is_ok() && !is_ours(path, &own))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if !taken.is_empty() {
        return Err(Error::usage(format!(
            "{} there already, and no link to hpcapi",
            match taken.as_slice() {
                [one] => format!("{one} is"),
                several => format!("{} are", several.join(", ")),
            }
        ))
        .hint(
            Hint::run(Verb::Shims.with("~/hpcapi-shims")).because("choose a folder of their own"),
        ));
    }
    fs::create_dir_all(&args.folder).doing(|| format!("cannot make the folder `{shown}`"))?;
    let folder = args
        .folder
        .canonicalize()
        .doing(|| format!("cannot find the folder `{shown}`"))?;
    for program in Program::ALL {
        link(&folder.join(program.name()), &own)?;
    }
    let folder = folder.display().to_string();
    let mut lines = format!("export PATH={}:$PATH\n", quoted(&folder));
    for (name, value) in args.deployment.variables() {
        lines.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    output::raw(&lines)
}

/// Returns whether a path is a link to hpcapi: to this file, or to where another one was.
fn is_ours(path: &Path, own: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| {
        target == own || target.file_name().is_some_and(|name| name == "hpcapi")
    })
}

/// Makes a link, in the place of one that is there.
fn link(path: &Path, own: &Path) -> Result<()> {
    let failure = || format!("cannot make the link `{}`", path.display());
    if fs::read_link(path).is_ok_and(|target| target == own) {
        return Ok(());
    }
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => symlink(own, &new).and_then(|()| fs::rename(&new, path)),
    }
    .doing(failure)
}

/// Returns whether a folder holds links of ours: a job on the cluster has the real programs.
pub(super) fn is_folder_of_shims(folder: &Path) -> bool {
    let own = std::env::current_exe().unwrap_or_default();
    is_ours(&folder.join(Program::Sbatch.name()), &own)
}
