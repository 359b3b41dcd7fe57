//! The code of a function as Lambda takes it: an archive in the bucket, whose key holds the digest of
//! its content.

use std::io::{Cursor, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::notifications::Notify;
use crate::settings::{Settings, Toggle};

/// What Lambda is to import.
const MODULE: &str = "function.py";

/// The longest name of a function: here each has that of its stack.
const LONGEST_NAME: usize = 64;

/// Fails when a function that is to be made would have a longer name than Lambda takes.
pub(in crate::deploy) fn require_short_names(settings: &Settings) -> Result<()> {
    let name = &settings.name;
    let wanted = [
        (settings.operations == Toggle::On, name.operations_stack()),
        (settings.triggers == Toggle::On, name.triggers_stack()),
        (
            matches!(settings.notify, Notify::To(_)),
            name.notifications_stack(),
        ),
        (settings.asks_for_limits(), name.limits_stack()),
    ];
    let wanted = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
    let excess = wanted.map(|(_, stack)| stack.len().saturating_sub(LONGEST_NAME));
    match excess.max().unwrap_or(0) {
        0 => Ok(()),
        excess => {
            let most = name.as_str().len() - excess;
            Err(Error::usage(format!(
                "`{name}` is too long a name for this: Lambda takes no longer name of a function"
            ))
            .hint(format!(
                "take one of {most} characters at most: --deployment"
            )))
        }
    }
}

/// The code of a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct FunctionCode {
    /// What the archive is called.
    pub(super) name: &'static str,
    /// The module.
    pub(super) text: &'static str,
}

impl FunctionCode {
    /// Puts it where Lambda is told to find it.
    pub(super) async fn put(self, context: &Context, bucket: &str) -> Result<()> {
        let buckets = &context.aws.buckets;
        buckets.put(bucket, &self.key(), self.archive()).await
    }

    /// Returns where it lies.
    pub(super) fn key(self) -> String {
        let digest = Sha256::digest(self.archive());
        let digits: String = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("hpcapi/{digits}/{}.zip", self.name)
    }

    /// Returns the archive: the same bytes each time.
    fn archive(self) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        archive
            .start_file(MODULE, options)
            .and_then(|()| Ok(archive.write_all(self.text.as_bytes())?))
            .expect("memory takes it");
        archive.finish().expect("memory takes it").into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_has_the_same_key() {
        let code = |text| FunctionCode { name: "one", text };
        assert_eq!(code("a").archive(), code("a").archive());
        assert_eq!(code("a").key(), code("a").key());
        assert_ne!(code("a").key(), code("b").key());
        assert!(code("a").key().starts_with("hpcapi/") && code("a").key().ends_with("/one.zip"));
    }
}
