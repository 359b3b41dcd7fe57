//! The logs of a head node in one text, part by part, as `head` and `tail` print several files.

/// A log, or the end of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'t> {
    /// The file, or the command that printed it.
    pub(super) name: &'t str,
    /// What it says.
    pub(super) text: &'t str,
}

impl<'t> Part<'t> {
    /// Returns the name of the file without its folders.
    pub(super) fn file(&self) -> &'t str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

/// Returns the line that begins the part `name`.
pub(super) fn head(name: &str) -> String {
    format!("==> {name} <==\n")
}

/// Returns the parts of a text; what stands before the first belongs to none.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = line.trim_end().strip_prefix("==> ");
        if let Some(name) = name.and_then(|name| name.strip_suffix(" <==")) {
            starts.push((name, at, at + line.len()));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start, _)| *start);
    let ends = ends.chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|((name, _, body), end)| Part {
            name,
            text: &text[*body..end],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_its_parts() {
        let text = format!("of i-1\n{}a\nb\n{}", head("/var/log/x.log"), head("y z"));
        let found = parts(&text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].file(), found[0].text), ("x.log", "a\nb\n"));
        assert_eq!((found[1].file(), found[1].text), ("y z", ""));
        assert_eq!(parts("nothing"), []);
    }
}
