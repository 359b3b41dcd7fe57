//! Places in a document, written as `Scheduling.SlurmQueues[0].Networking.SubnetIds[1]`.

use std::fmt;

/// One step down a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, from 0.
    Index(usize),
}

/// A place in a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentPath(Vec<Segment>);

impl DocumentPath {
    /// Returns the path one step further down.
    #[must_use]
    pub fn join(&self, segment: Segment) -> DocumentPath {
        let mut segments = self.0.clone();
        segments.push(segment);
        DocumentPath(segments)
    }

    /// Returns the path further down, through these keys.
    #[must_use]
    pub fn below(&self, keys: &[&str]) -> DocumentPath {
        let keys = keys.iter().map(|key| Segment::Key((*key).to_owned()));
        DocumentPath(self.0.iter().cloned().chain(keys).collect())
    }

    /// Returns the steps from the root.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Returns the path one step up; the root has none.
    pub fn parent(&self) -> Option<DocumentPath> {
        let (_, above) = self.0.split_last()?;
        Some(DocumentPath(above.to_vec()))
    }

    /// Returns whether this is `other`, or a place below it.
    pub fn starts_with(&self, other: &DocumentPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Returns the place that is for `to` what this is for `from`, if this is below `from`.
    pub fn moved(&self, from: &DocumentPath, to: &DocumentPath) -> Option<DocumentPath> {
        let rest = self.0.strip_prefix(from.0.as_slice())?;
        Some(DocumentPath([to.0.as_slice(), rest].concat()))
    }

    /// Returns the kind of place it is: the path without the numbers of list items, and
    /// without merge keys (`<<`), whose keys stand as if written one level up.
    pub fn kind(&self) -> String {
        let mut kind = String::new();
        let mut merging = false;
        for segment in &self.0 {
            match segment {
                Segment::Key(key) if key == "<<" => {
                    merging = true;
                    continue;
                }
                Segment::Key(key) => {
                    if !kind.is_empty() {
                        kind.push('.');
                    }
                    kind.push_str(key);
                }
                // `<<` takes a list of mappings, too.
                Segment::Index(_) if merging => {}
                Segment::Index(_) => kind.push_str("[]"),
            }
            merging = false;
        }
        kind
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => write!(f, "{key}")?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(segments: &[&str]) -> DocumentPath {
        let segment = |text: &&str| match text.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Key((*text).to_owned()),
        };
        DocumentPath(segments.iter().map(segment).collect())
    }

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = path(&["A", "<<", "B", "2"]);
        assert_eq!(path.to_string(), "A.<<.B[2]");
        assert!(path.starts_with(&path.parent().unwrap()));
    }

    #[test]
    fn a_merge_key_does_not_change_the_kind_of_place() {
        assert_eq!(path(&["A", "<<", "B", "2"]).kind(), "A.B[]");
        assert_eq!(path(&["A", "0", "<<", "1", "B"]).kind(), "A[].B");
    }

    #[test]
    fn a_path_moves_with_what_it_is_below() {
        let moved = path(&["A", "0", "B"]).moved(&path(&["A", "0"]), &path(&["C"]));
        assert_eq!(moved, Some(path(&["C", "B"])));
        assert_eq!(path(&["A"]).moved(&path(&["C"]), &path(&["D"])), None);
    }
}
