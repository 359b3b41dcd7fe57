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

    /// Returns the path one step up; the root has none.
    pub fn parent(&self) -> Option<DocumentPath> {
        let (_, above) = self.0.split_last()?;
        Some(DocumentPath(above.to_vec()))
    }

    /// Returns whether this is `other`, or a place below it.
    pub fn starts_with(&self, other: &DocumentPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Returns the path with every list index left out, and merge keys (`<<`) skipped: the
    /// kind of place it is.
    pub fn kind(&self) -> String {
        let mut kind = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Key(key) if key == "<<" => {}
                Segment::Key(key) if kind.is_empty() => kind.push_str(key),
                Segment::Key(key) => {
                    kind.push('.');
                    kind.push_str(key);
                }
                Segment::Index(_) => kind.push_str("[]"),
            }
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

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = DocumentPath::default()
            .join(Segment::Key("A".to_owned()))
            .join(Segment::Key("<<".to_owned()))
            .join(Segment::Key("B".to_owned()))
            .join(Segment::Index(2));
        assert_eq!(path.to_string(), "A.<<.B[2]");
        assert_eq!(path.kind(), "A.B[]");
        assert!(path.starts_with(&path.parent().unwrap()));
    }
}
