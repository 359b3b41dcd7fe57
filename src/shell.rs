//! Words of commands that are printed for somebody to type.

/// Returns a word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    // No argument of a process has a NUL; in another text it is for the shell to refuse.
    let quoter = shlex::Quoter::new().allow_nul(true);
    match quoter.quote(word) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_back_as_it_was() {
        for word in [
            "/opt/a-b_1.2+c/pcluster",
            "my file.yaml",
            "it's",
            "$(id)",
            "",
            "a\nb",
            "!x ^y",
        ] {
            let read = shlex::split(&quoted(word)).unwrap();
            assert_eq!(read, [word]);
        }
        assert_eq!(quoted("/opt/a-b_1.2+c/pcluster"), "/opt/a-b_1.2+c/pcluster");
        assert_eq!(quoted("my file.yaml"), "'my file.yaml'");
    }
}
