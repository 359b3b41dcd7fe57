//! Finds every `CHANGE_ME` and what goes there, or says why nothing can.

use std::ops::Range;
use std::path::Path;

use saphyr_parser::ScalarStyle;

use crate::error::{Error, Result};

use super::document_path::DocumentPath;
use super::places::{self, Place};
use super::scalars::{Alias, Contents, Scalar, position};
use super::{CHANGE_ME, ChangeMe};

/// Returns every `CHANGE_ME`, in the order of the text; fails, naming each, when there are some
/// that hpcapi has no value for.
pub(super) fn find(contents: &Contents, text: &str, file: &Path) -> Result<Vec<ChangeMe>> {
    let mut found: Vec<ChangeMe> = Vec::new();
    let mut refused: Vec<Refused> = Vec::new();
    for scalar in &contents.scalars {
        if !scalar.value.contains(CHANGE_ME) || is_commentary(scalar) {
            continue;
        }
        let span = placeholder(scalar, text);
        match place(scalar, span.is_some(), contents, &found) {
            Ok(place) => {
                let span = span.unwrap_or_else(|| scalar.content.clone());
                let (line, column) = position(text, span.start);
                found.push(ChangeMe {
                    path: scalar.path.clone(),
                    line,
                    column,
                    span,
                    style: scalar.style,
                    place,
                });
            }
            Err(why) => {
                let at = text[scalar.content.clone()].find(CHANGE_ME).unwrap_or(0);
                let (line, column) = position(text, scalar.content.start + at);
                refused.push(Refused {
                    at: format!("{}:{line}:{column}", file.display()),
                    why,
                });
            }
        }
    }
    error(&refused).map_or(Ok(found), Err)
}

/// A `CHANGE_ME` that hpcapi has no value for.
struct Refused {
    at: String,
    why: Why,
}

struct Why {
    message: String,
    advice: String,
}

/// Returns one error of all that is refused: the first, with advice, then where the others are.
fn error(refused: &[Refused]) -> Option<Error> {
    let (first, others) = refused.split_first()?;
    let told = format!("{}: {}", first.at, first.why.message);
    let error = Error::usage(told).hint(first.why.advice.clone());
    let error = others.iter().fold(error, |error, other| {
        error.hint(format!(
            "{}: {}; {}",
            other.at, other.why.message, other.why.advice
        ))
    });
    Some(error.hint(format!("hpcapi fills: {}", places::known())))
}

/// Returns the bytes of the one `CHANGE_ME` in a scalar, if it stands there in plain letters.
fn placeholder(scalar: &Scalar, text: &str) -> Option<Range<usize>> {
    let content = &text[scalar.content.clone()];
    let mut matches = content.match_indices(CHANGE_ME);
    let (at, _) = matches.next()?;
    let start = scalar.content.start + at;
    matches
        .next()
        .is_none()
        .then_some(start..start + CHANGE_ME.len())
}

/// Returns whether a text of several lines speaks of `CHANGE_ME` in comments only, as a script
/// may.
fn is_commentary(scalar: &Scalar) -> bool {
    matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded)
        && scalar
            .value
            .lines()
            .filter(|line| line.contains(CHANGE_ME))
            .all(|line| line.trim_start().starts_with('#'))
}

/// Returns what goes to the `CHANGE_ME` in a scalar, wherever aliases repeat it.
fn place(
    scalar: &Scalar,
    is_plain_letters: bool,
    contents: &Contents,
    found: &[ChangeMe],
) -> Result<Place, Why> {
    let path = &scalar.path;
    if scalar.is_key {
        return Err(Why {
            message: format!("CHANGE_ME stands where a key belongs ({path})"),
            advice: "write the key".to_owned(),
        });
    }
    if scalar.value != CHANGE_ME {
        return if is_plain_letters && is_bucket_of_address(&scalar.value) {
            Ok(Place::Bucket)
        } else {
            Err(part_of_a_word(scalar))
        };
    }
    let place = places::place(&path.kind()).ok_or_else(|| unknown(path, &path.kind()))?;
    for repeated in repetitions(path, &contents.aliases) {
        if places::place(&repeated.kind()) != Some(place) {
            return Err(Why {
                message: format!(
                    "CHANGE_ME at {path} is repeated by an alias at {repeated}, where its value \
                     cannot stand"
                ),
                advice: format!("write what belongs at {repeated} there, instead of the alias"),
            });
        }
    }
    numbered(place, scalar, contents, found).ok_or_else(|| unknown(path, &path.kind()))
}

/// Returns the place with its number in the list, where that makes a difference.
fn numbered(
    place: Place,
    scalar: &Scalar,
    contents: &Contents,
    found: &[ChangeMe],
) -> Option<Place> {
    let list = scalar.path.parent();
    let before = found
        .iter()
        .filter(|item| item.path.parent() == list)
        .count();
    let kind = scalar.path.kind();
    match place {
        Place::ComputeSubnet(_) => (before < 2).then_some(Place::ComputeSubnet(before)),
        Place::HeadNodeSubnet if kind.ends_with("[]") => (before == 0).then_some(place),
        Place::HeadNodeSecurityGroup if kind.ends_with(".SecurityGroups[]") => {
            let is_other = |other: &Scalar| other.path.parent() == list && other.value != CHANGE_ME;
            contents.scalars.iter().any(is_other).then_some(place)
        }
        _ => Some(place),
    }
}

/// Returns the places at which aliases repeat what stands at `path`.
pub(super) fn repetitions(path: &DocumentPath, aliases: &[Alias]) -> Vec<DocumentPath> {
    let mut paths = vec![path.clone()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        next += 1;
        for alias in aliases {
            if let Some(repeated) = path.moved(&alias.target, &alias.path)
                && !paths.contains(&repeated)
            {
                paths.push(repeated);
            }
        }
    }
    paths.remove(0);
    paths
}

/// Returns whether `CHANGE_ME` is the bucket of an address in S3.
fn is_bucket_of_address(value: &str) -> bool {
    let bucket = match value.split_once(CHANGE_ME) {
        Some(("s3://", rest)) => rest,
        Some((start, rest)) if start.starts_with("arn:aws") && start.ends_with(":s3:::") => rest,
        _ => return false,
    };
    bucket.is_empty() || bucket.starts_with('/')
}

fn part_of_a_word(scalar: &Scalar) -> Why {
    let kind = scalar.path.kind();
    let advice = if scalar.value.contains('\n') && scalar.value.trim() == CHANGE_ME {
        "write CHANGE_ME on the line of its key".to_owned()
    } else if places::place(&kind).is_some() {
        "write CHANGE_ME alone, or as the bucket of an address (s3://CHANGE_ME/…)".to_owned()
    } else {
        places::advice(&kind)
    };
    Why {
        message: format!(
            "hpcapi has no value for CHANGE_ME as a part of {}",
            scalar.path
        ),
        advice,
    }
}

fn unknown(path: &DocumentPath, kind: &str) -> Why {
    Why {
        message: format!("hpcapi has no value for CHANGE_ME at {path}"),
        advice: places::advice(kind),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::super::ClusterConfig;
    use super::*;

    fn refusal(text: &str) -> (String, Vec<String>) {
        let error = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Usage);
        assert!(error.source().is_none());
        let hints = error.hints().iter().map(ToString::to_string);
        (error.to_string(), hints.collect())
    }

    #[test]
    fn an_unknown_place_is_refused_with_its_place_and_advice() {
        let (message, hints) = refusal("# ü\nImage: {Os: \"ü\", CustomAmi: 'CHANGE_ME'}\n");
        assert_eq!(
            message,
            "my.yaml:2:30: hpcapi has no value for CHANGE_ME at Image.CustomAmi"
        );
        assert_eq!(hints[0], "write an AMI id (ami-…)");
        assert!(hints[1].starts_with("hpcapi fills: Region, "));
    }

    #[test]
    fn all_unknown_places_are_named_at_once() {
        let (message, hints) = refusal("Tags:\n- Key: CHANGE_ME\n  Value: CHANGE_ME\n");
        assert!(message.ends_with("at Tags[0].Key"));
        assert_eq!(
            hints[1],
            "my.yaml:3:10: hpcapi has no value for CHANGE_ME at Tags[0].Value; write a value of \
             your own"
        );
    }

    #[test]
    fn a_key_a_third_subnet_and_a_lone_security_group_are_refused() {
        let (message, _) = refusal("HeadNode: {CHANGE_ME: 1}\n");
        assert!(message.contains("stands where a key belongs"), "{message}");
        let (message, hints) = refusal(
            "Scheduling:\n  SlurmQueues:\n  - Networking:\n      SubnetIds: [CHANGE_ME, \
             CHANGE_ME, CHANGE_ME]\n",
        );
        assert!(message.ends_with("SubnetIds[2]"), "{message}");
        assert!(hints[0].contains("two subnets"), "{hints:?}");
        let (_, hints) = refusal("HeadNode: {Networking: {SecurityGroups: [CHANGE_ME]}}\n");
        assert!(hints[0].contains("AdditionalSecurityGroups"), "{hints:?}");
    }

    #[test]
    fn a_space_that_is_none_is_named() {
        let text = "HeadNode:\n  Networking:\n    SubnetId: CHANGE_ME\u{a0}\n";
        let error = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap_err();
        let cause = error.source().unwrap().to_string();
        let told =
            "my.yaml:3:24: there is a no-break space (U+00A0), which YAML takes for a letter";
        assert!(cause.starts_with(told), "{cause}");
        assert!(
            error.hints()[0]
                .to_string()
                .starts_with("write CHANGE_ME alone"),
            "{error:?}"
        );
    }

    #[test]
    fn part_of_a_word_is_refused_unless_it_is_a_bucket() {
        for value in [
            "xCHANGE_ME",
            "s3://CHANGE_ME-logs/x",
            "s3://CHANGE_ME/CHANGE_ME",
            "\"s3://CH\\x41NGE_ME/x\"",
            "https://CHANGE_ME/x",
            "|\n        CHANGE_ME",
        ] {
            let text = format!("HeadNode:\n  Iam:\n    S3Access:\n    - BucketName: {value}\n");
            let (message, _) = refusal(&text);
            assert!(message.contains("as a part of"), "{value}: {message}");
        }
        for value in [
            "s3://CHANGE_ME",
            "s3://CHANGE_ME/x",
            "arn:aws-cn:s3:::CHANGE_ME/*",
        ] {
            let text = format!("X: {value}\n");
            let config = ClusterConfig::parse(&text, "my.yaml".as_ref()).unwrap();
            assert_eq!(config.change_me()[0].place, Place::Bucket);
        }
    }

    #[test]
    fn an_alias_may_repeat_a_value_only_where_it_fits() {
        let script = "HeadNode:\n  CustomActions:\n    OnNodeStart: {Script: &s CHANGE_ME}\n";
        let good = format!("{script}    OnNodeConfigured: {{Script: *s}}\n");
        assert!(ClusterConfig::parse(&good, "my.yaml".as_ref()).is_ok());
        let (message, _) = refusal(&format!("{script}  Ssh: {{KeyName: *s}}\n"));
        assert!(
            message.contains("repeated by an alias at HeadNode.Ssh.KeyName"),
            "{message}"
        );
        let (message, _) = refusal(
            "LoginNodes: {Pools: [{Networking: &n {SubnetIds: [CHANGE_ME]}}]}\n\
             Scheduling: {SlurmQueues: [{Networking: {<<: *n}}]}\n",
        );
        assert!(
            message.contains("at Scheduling.SlurmQueues[0].Networking.<<.SubnetIds[0]"),
            "{message}"
        );
    }
}
