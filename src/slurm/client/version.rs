//! Versions of Slurm's REST API, and which of them to speak with a server.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::error::{Error, Result};
use crate::slurm::shape;

/// A version of Slurm's REST API: `v0.0.NN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(u32);

impl ApiVersion {
    /// The oldest version whose shapes we know (Slurm 21.08).
    pub const OLDEST: ApiVersion = ApiVersion(36);

    /// The newest version whose shapes we know (Slurm 26.05).
    pub const NEWEST: ApiVersion = ApiVersion(45);

    /// Returns version `v0.0.number`.
    pub const fn new(number: u32) -> ApiVersion {
        ApiVersion(number)
    }

    /// Returns the last of its numbers.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns every version whose shapes we know, the newest first.
    pub fn known_newest_first() -> impl Iterator<Item = ApiVersion> {
        (Self::OLDEST.0..=Self::NEWEST.0).rev().map(ApiVersion)
    }

    /// Returns the newest of `offered` that we know; of a server that is all newer, the one
    /// nearest to what we know.
    pub fn choose(offered: &[ApiVersion]) -> Option<ApiVersion> {
        let known = offered
            .iter()
            .filter(|version| (Self::OLDEST..=Self::NEWEST).contains(*version))
            .max();
        let newer = || {
            offered
                .iter()
                .filter(|version| **version > Self::NEWEST)
                .min()
        };
        known.or_else(newer).copied()
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v0.0.{}", self.0)
    }
}

impl FromStr for ApiVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_prefix("v0.0.").or(text.strip_prefix("0.0."));
        let number: Option<u32> = number.unwrap_or(text).parse().ok();
        number
            .map(ApiVersion)
            .filter(|version| *version >= Self::OLDEST)
            .ok_or_else(|| {
                Error::usage(format!("`{text}` is no API version that hpcapi speaks")).hint(
                    format!(
                        "from {} to {}, for example: --api-version v0.0.42",
                        Self::OLDEST,
                        Self::NEWEST
                    ),
                )
            })
    }
}

/// Reads the versions of the `/slurm/v0.0.NN/…` paths in an OpenAPI document. `None` when it is
/// no such document.
pub fn offered(document: &[u8]) -> Option<Vec<ApiVersion>> {
    #[derive(Deserialize)]
    struct Document {
        paths: Paths,
    }
    let document: Document = shape::read(document).ok()?;
    let mut versions = document.paths.0;
    versions.sort_unstable();
    versions.dedup();
    Some(versions)
}

/// The versions in the keys of `paths`; the rest of a large document is passed over.
struct Paths(Vec<ApiVersion>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Paths;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the paths of an OpenAPI document")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Paths, M::Error> {
                let mut versions = Vec::new();
                while let Some((path, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    versions.extend(version_of(&path));
                }
                Ok(Paths(versions))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

fn version_of(path: &str) -> Option<ApiVersion> {
    let number = path.strip_prefix("/slurm/v0.0.")?.split('/').next()?;
    number.parse().ok().map(ApiVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(numbers: &[u32]) -> Vec<ApiVersion> {
        numbers.iter().copied().map(ApiVersion).collect()
    }

    #[test]
    fn the_newest_shared_version_is_spoken() {
        let choose =
            |numbers: &[u32]| ApiVersion::choose(&versions(numbers)).map(ApiVersion::number);
        assert_eq!(choose(&[36, 37, 38]), Some(38));
        assert_eq!(choose(&[44, 45, 46, 47]), Some(45));
        assert_eq!(choose(&[47, 46, 48]), Some(46));
        assert_eq!(choose(&[35]), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn a_version_can_be_typed_in_short() {
        for text in ["v0.0.42", "0.0.42", "42"] {
            assert_eq!(text.parse::<ApiVersion>().unwrap(), ApiVersion(42));
        }
        for bad in ["", "v0.0.35", "v1", "v0.0.x", "-1"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_found_by_number_in_the_paths() {
        let document = br#"{"openapi":"3.0","paths":{"/slurm/v0.0.9/jobs/":{},
            "\/slurm\/v0.0.41\/jobs\/":{"get":[1]},"/slurmdb/v0.0.50/jobs/":{}}}"#;
        assert_eq!(offered(document), Some(versions(&[9, 41])));
        assert_eq!(offered(b"{}"), None);
        assert_eq!(offered(b"<html>"), None);
    }
}
