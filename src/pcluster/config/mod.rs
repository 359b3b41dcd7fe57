//! A cluster configuration as the user wrote it, and how its `CHANGE_ME`s are filled: each is
//! found by its place in the document, and nothing but it changes in the text.

mod additions;
mod document_path;
mod insertion;
mod invisible;
mod of_roles;
mod placeholders;
mod places;
mod quoting;
mod scalars;
mod source;
mod templates;
mod yaml_1_1;

use std::ops::Range;
use std::path::{Path, PathBuf};

use saphyr_parser::ScalarStyle;
use serde_yaml::Value;

use crate::error::{Error, Result};

pub use additions::Additions;
pub use document_path::{DocumentPath, Segment};
pub use places::Values;

use places::Place;
use scalars::{Contents, Scalar};

/// The word that stands where hpcapi shall put a value.
pub(super) const CHANGE_ME: &str = "CHANGE_ME";

/// What a configuration is called that comes over standard input.
pub const STANDARD_INPUT: &str = "standard input";

const OWN: &str = "leave out --config to use hpcapi's own";

/// Returns whether a path means something else to another process: standard input, and what a shell
/// makes of `<(…)`.
pub fn is_of_this_process(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path == Path::new("/dev/stdin") || path.starts_with("/proc")
}

/// A parsed cluster configuration, possibly with `CHANGE_ME`s.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    text: String,
    file: PathBuf,
    document: Value,
    contents: Contents,
    change_me: Vec<ChangeMe>,
    is_own: bool,
}

/// One `CHANGE_ME` of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeMe {
    /// Where it stands in the document.
    pub path: DocumentPath,
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 1, in characters.
    pub column: usize,
    /// The bytes that are replaced.
    pub span: Range<usize>,
    style: ScalarStyle,
    place: Place,
}

/// A configuration without `CHANGE_ME`s: the only thing that `pcluster` is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledClusterConfig(String);

impl FilledClusterConfig {
    /// Returns the text: the user's own, with values where `CHANGE_ME` stood, and with additions.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl ClusterConfig {
    /// Reads a configuration; `file` is for messages. Fails on what is not one YAML mapping,
    /// on a key given twice, on a template whose variables are not filled, on a configuration of
    /// ParallelCluster 2, and on a `CHANGE_ME` at a place that hpcapi has no value for: always
    /// with the line, and before anything is done.
    pub fn parse(text: &str, file: &Path) -> Result<ClusterConfig> {
        ClusterConfig::read(text, file).map_err(|error| {
            let Some((line, column, what)) = invisible::first(text) else {
                return error;
            };
            let told = format!(
                "{}:{line}:{column}: there is a {what}, which YAML takes for a letter: write a space",
                file.display()
            );
            match std::error::Error::source(&error) {
                None => error.because(told),
                Some(_) => error.hint(told),
            }
        })
    }

    /// Reads the configuration that hpcapi carries, in which a tag that the user asks for holds.
    pub fn own(text: &str, file: &Path) -> Result<ClusterConfig> {
        let config = ClusterConfig::parse(text, file)?;
        Ok(ClusterConfig {
            is_own: true,
            ..config
        })
    }

    /// Returns whether it is the one that hpcapi carries.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    fn read(text: &str, file: &Path) -> Result<ClusterConfig> {
        templates::require_version_3(text, file)?;
        let contents = scalars::read(text, file)
            .map_err(|error| templates::unrendered(text, file).unwrap_or(error))?;
        templates::require_rendered(&contents, text, file)?;
        let document = document(text, file, &contents)?;
        let change_me = placeholders::find(&contents, text, file)?;
        Ok(ClusterConfig {
            text: text.to_owned(),
            file: file.to_owned(),
            document,
            contents,
            change_me,
            is_own: false,
        })
    }

    /// Returns the configuration as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the file it came from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the parsed document, `CHANGE_ME`s and all, with aliases and merge keys resolved.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns every `CHANGE_ME`, in the order of the text.
    pub fn change_me(&self) -> &[ChangeMe] {
        &self.change_me
    }

    /// Returns whether the key pair's name is left to hpcapi.
    pub fn wants_key_name(&self) -> bool {
        self.change_me
            .iter()
            .any(|item| item.place == Place::KeyName)
    }

    /// Returns whether the script that serves the API is left to hpcapi.
    pub fn wants_node_script(&self) -> bool {
        self.change_me
            .iter()
            .any(|item| item.place == Place::NodeScript)
    }

    /// Returns whether the network is left to hpcapi.
    pub fn wants_network(&self) -> bool {
        self.change_me
            .iter()
            .any(|item| matches!(item.place, Place::HeadNodeSubnet | Place::ComputeSubnet(_)))
    }

    /// Returns whether a list of subnets leaves two of them to hpcapi.
    pub fn wants_two_compute_subnets(&self) -> bool {
        self.change_me
            .iter()
            .any(|item| item.place == Place::ComputeSubnet(1))
    }

    /// Returns the key pair's name that the user wrote.
    pub fn key_name(&self) -> Option<String> {
        let name = self.document.get("HeadNode")?.get("Ssh")?.get("KeyName")?;
        name.as_str()
            .filter(|name| *name != CHANGE_ME)
            .map(ToOwned::to_owned)
    }

    /// Returns what looks like the variable of a template in text that is for others, as arguments
    /// of scripts and tags are, with its place.
    pub fn unrendered_texts(&self) -> Vec<(DocumentPath, String)> {
        templates::in_texts(&self.contents)
    }

    /// Puts `values` where `CHANGE_ME` stands; every other byte stays as it is.
    pub fn fill(&self, values: &Values) -> FilledClusterConfig {
        let mut filled = String::with_capacity(self.text.len() + 256);
        let mut copied = 0;
        for item in &self.change_me {
            filled.push_str(&self.text[copied..item.span.start]);
            filled.push_str(&quoting::written(values.of(item.place), item.style));
            copied = item.span.end;
        }
        filled.push_str(&self.text[copied..]);
        FilledClusterConfig(filled)
    }

    /// Returns the line (from 1) of what stands at `path`, or of what comes closest to it.
    pub fn line_of(&self, path: &DocumentPath) -> Option<usize> {
        let at = |path: &DocumentPath| {
            let scalars = self.contents.scalars.iter();
            let inside = scalars.filter(|scalar| scalar.path.starts_with(path));
            inside.map(|scalar| scalar.line).min()
        };
        std::iter::successors(Some(path.clone()), DocumentPath::parent).find_map(|path| at(&path))
    }

    /// Returns the file and a line of it as messages begin with them: `my.yaml:12`.
    pub fn place(&self, line: Option<usize>) -> String {
        let file = self.file.display();
        match line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        }
    }

    /// Returns the line (from 1) of the value, or the setting of Slurm, that is exactly `word`, if
    /// there is one only.
    pub fn line_of_word(&self, word: &str) -> Option<usize> {
        let named = self.value_scalars().chain(self.setting_scalars());
        let mut found = named.filter(|scalar| scalar.value == word);
        match (found.next(), found.next()) {
            (Some(scalar), None) => Some(scalar.line),
            _ => None,
        }
    }

    /// Returns the values of all scalars that are no keys.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.value_scalars().map(|scalar| scalar.value.as_str())
    }

    /// Returns the values of all scalars that are no keys, with their places.
    pub fn placed_values(&self) -> impl Iterator<Item = (&DocumentPath, &str)> {
        self.value_scalars()
            .map(|scalar| (&scalar.path, scalar.value.as_str()))
    }

    /// Returns the names of the settings that are for Slurm.
    pub fn slurm_settings(&self) -> impl Iterator<Item = &str> {
        self.setting_scalars().map(|scalar| scalar.value.as_str())
    }

    fn setting_scalars(&self) -> impl Iterator<Item = &Scalar> {
        let is_setting = |scalar: &&Scalar| {
            let above = scalar.path.parent().map(|above| above.kind());
            let above = above.unwrap_or_default();
            scalar.is_key
                && above
                    .trim_end_matches("[]")
                    .ends_with("CustomSlurmSettings")
        };
        self.contents.scalars.iter().filter(is_setting)
    }

    fn value_scalars(&self) -> impl Iterator<Item = &Scalar> {
        self.contents.scalars.iter().filter(|scalar| !scalar.is_key)
    }
}

/// Reads the document as a whole, as a mapping.
fn document(text: &str, file: &Path, contents: &Contents) -> Result<Value> {
    let file = file.display();
    let text = without_mark(text);
    if text.trim().is_empty() {
        return Err(Error::usage(format!("`{file}` is empty")).hint(OWN));
    }
    let mut document: Value = serde_yaml::from_str(text)
        .map_err(|error| Error::usage(format!("`{file}` is not valid YAML")).because(error))?;
    yaml_1_1::read_booleans(&mut document, contents);
    document
        .apply_merge()
        .map_err(|error| Error::usage(format!("`{file}` merges what cannot be")).because(error))?;
    if document.is_mapping() {
        return Ok(document);
    }
    Err(Error::usage(format!(
        "`{file}` is not a cluster configuration: it is not a mapping of keys to values"
    ))
    .hint(OWN))
}

/// Returns the text without a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(segments: &[&str]) -> DocumentPath {
        segments.iter().fold(DocumentPath::default(), |path, text| {
            path.join(match text.parse() {
                Ok(index) => Segment::Index(index),
                Err(_) => Segment::Key((*text).to_owned()),
            })
        })
    }

    #[test]
    fn a_place_has_a_line_even_when_nothing_stands_there() {
        let text = "# é\nHeadNode:\n  Networking: &n\n    SubnetId: a\nScheduling:\n  SlurmQueues:\n  \
                    - Name: b\n    Networking: *n\n  - Name: c\n";
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let line = |segments: &[&str]| config.line_of(&path(segments));
        assert_eq!(line(&["HeadNode", "Networking", "SubnetId"]), Some(4));
        assert_eq!(line(&["HeadNode", "Networking", "ElasticIp"]), Some(3));
        assert_eq!(line(&["Scheduling", "SlurmQueues", "1"]), Some(9));
        assert_eq!(
            line(&["Scheduling", "SlurmQueues", "0", "Networking", "SubnetId"]),
            Some(8),
            "where the alias stands"
        );
        assert_eq!(line(&["Image"]), Some(2), "the document");
    }

    #[test]
    fn a_value_has_a_line_unless_it_stands_twice() {
        let text = "A: [x, y]\nB: {y: z}\nC: x\n";
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let line = |value| config.line_of_word(value);
        assert_eq!([line("y"), line("z"), line("x")], [Some(1), Some(2), None]);
        assert_eq!(config.values().collect::<Vec<_>>(), ["x", "y", "z", "x"]);
    }
}
