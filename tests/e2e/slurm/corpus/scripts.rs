//! The scripts of `tests/corpus`. The first lines of one may say what is typed beside its name:
//! `# options: -N 2 --export=NONE` and `# arguments: 10 20`. With `--wrap` there is no script.

use std::fs;
use std::path::{Path, PathBuf};

/// How many lines may say so.
const HEADER: usize = 4;

#[derive(Debug)]
pub(super) struct Script {
    /// Its file's name, without `.sh`.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) options: Vec<String>,
    pub(super) arguments: Vec<String>,
}

impl Script {
    fn read(path: PathBuf) -> Script {
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let said = |what: &str| {
            let mut lines = text.lines().take(HEADER);
            let line = lines.find_map(|line| line.strip_prefix(what));
            shlex::split(line.unwrap_or_default()).unwrap_or_else(|| panic!("{}", path.display()))
        };
        Script {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            options: said("# options: "),
            arguments: said("# arguments: "),
            bytes,
            path,
        }
    }

    /// Returns whether a command takes its place.
    pub(super) fn is_wrapped(&self) -> bool {
        self.options
            .iter()
            .any(|option| option.starts_with("--wrap"))
    }
}

pub(super) fn all() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(Script::read).collect()
}
