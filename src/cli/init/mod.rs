//! `hpcapi init`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::files;
use crate::output;
use crate::pcluster::Preset;
use crate::settings::DeploymentName;
use crate::shell::quoted;

use super::called;
use super::config::PresetArg;
use super::configuration::DEFAULT_CONFIG;
use super::settings_file;

/// Write a folder's hpcapi.yaml and configuration
///
/// Commands that are typed in the folder mean the deployment that hpcapi.yaml names, with the options in it.
/// Nothing is overwritten.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The folder; it is made if need be
    #[arg(value_name = "FOLDER", default_value = HERE)]
    folder: PathBuf,

    /// Name of the deployment
    #[arg(
        long,
        value_name = "NAME",
        env = "HPCAPI_DEPLOYMENT",
        hide_env_values = true,
        default_value = DeploymentName::DEFAULT
    )]
    deployment: String,

    /// The configuration to start from [default: a small cluster of t3 instances]
    #[arg(long, value_enum)]
    preset: Option<PresetArg>,

    /// Write nothing: print the JSON Schema of hpcapi.yaml, for editors
    #[arg(long, conflicts_with_all = ["folder", "preset"])]
    schema: bool,
}

/// The folder in which the command is typed.
const HERE: &str = ".";

/// The name of the configuration, as the settings have it.
const CONFIG: &str = "cluster-config.yaml";

/// What an editor knows of hpcapi.yaml.
pub(super) const SCHEMA: &str = include_str!("../../../docs/hpcapi.schema.json");

pub(super) fn run(args: &Args) -> Result<()> {
    if args.schema {
        return output::raw(SCHEMA);
    }
    let name: DeploymentName = args.deployment.parse()?;
    let config = match args.preset {
        Some(preset) => Preset::from(preset).text(),
        None => DEFAULT_CONFIG,
    };
    let settings = settings(name.as_str());
    let [settings_path, config_path] =
        [settings_file::NAME, CONFIG].map(|name| args.folder.join(name));
    for path in [&settings_path, &config_path] {
        require_absent(path)?;
    }
    files::write_new(&config_path, config.as_bytes())?;
    files::write_new(&settings_path, settings.as_bytes())?;
    output::raw(&answer(&args.folder, [&settings_path, &config_path]))
}

/// Returns the settings of a deployment of this name, with the other keys as examples.
pub(super) fn settings(name: &str) -> String {
    include_str!("hpcapi.yaml").replace("DEPLOYMENT", name)
}

fn require_absent(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(_) => Err(Error::usage(format!(
            "`{}` is there already, and nothing is overwritten",
            path.display()
        ))
        .hint(called::unknown().command("init FOLDER"))),
        Err(_) => Ok(()),
    }
}

/// Returns what was written, and what to type next.
fn answer(folder: &Path, written: [&Path; 2]) -> String {
    let go_there = match folder.as_os_str() == HERE {
        true => String::new(),
        false => format!("cd {} && ", quoted(&folder.display().to_string())),
    };
    let again = called::unknown();
    let mut text = String::new();
    for path in written {
        text.push_str(&format!("wrote {}\n", path.display()));
    }
    let next = [("what it would make", "plan"), ("make it", "up")];
    text.push('\n');
    for (purpose, verb) in next {
        text.push_str(&format!("{purpose:<20}{go_there}{}\n", again.command(verb)));
    }
    text
}
