//! Profiles of the AWS configuration that lead nowhere: those that are not there, and those that ask for
//! what the SDK does not do: sessions of `aws login`, and codes of MFA devices. The AWS CLI does both,
//! and hands on the credentials that it gets.

use std::borrow::Cow;

use aws_config::profile::{self, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use crate::error::Error;

/// How many profiles may take their credentials one from another.
const LONGEST_CHAIN: usize = 8;

/// As many profiles are named.
const MOST_NAMED: usize = 12;

/// Settings of a profile, and what they ask for.
const BEYOND: [(&str, &str); 2] = [
    (
        "login_session",
        "takes its credentials from a session of `aws login`",
    ),
    ("mfa_serial", "wants a code of an MFA device"),
];

/// Returns whether a call failed for want of credentials.
pub(super) fn lacks_credentials(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.to_string().contains("credential"))
}

/// Returns the error of a call for which there were no credentials: with the profile's setting that is
/// why, if there is one. `named` is the profile that was named; else that of the environment counts.
pub(super) async fn explained(named: Option<&str>, error: Error) -> Error {
    let is_of_profile = named.is_some() || std::env::var_os("AWS_ACCESS_KEY_ID").is_none();
    if !lacks_credentials(&error) || !is_of_profile {
        return error;
    }
    let Some(profiles) = load(named).await else {
        return error;
    };
    if let Some(missing) = missing_of(&profiles) {
        return missing;
    }
    let Some((profile, what)) = beyond(&profiles) else {
        return error;
    };
    Error::usage(format!(
        "the profile `{profile}` {what}, which hpcapi cannot do itself"
    ))
    .hint(format!(
        "let the AWS CLI do it, and leave out --profile: eval \"$(aws configure \
         export-credentials --profile {profile} --format env)\""
    ))
}

/// Returns the error of a profile that was chosen and is not there. `named` is the profile that was
/// named; else that of the environment counts.
pub(super) async fn missing(named: Option<&str>) -> Option<Error> {
    missing_of(&load(named).await?)
}

async fn load(named: Option<&str>) -> Option<ProfileSet> {
    let named = named.map(|name| Cow::Owned(name.to_owned()));
    let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), named).await;
    profiles.ok()
}

fn missing_of(profiles: &ProfileSet) -> Option<Error> {
    let selected = profiles.selected_profile();
    // Nobody need have named the default one, and an empty variable names none.
    if ["", "default"].contains(&selected) || profiles.get_profile(selected).is_some() {
        return None;
    }
    let there: Vec<&str> = profiles.profiles().collect();
    Some(
        Error::usage(format!(
            "there is no profile `{selected}` in the AWS configuration"
        ))
        .hint(choice(selected, there)),
    )
}

/// Returns what to type instead of a profile that is not there.
fn choice(missing: &str, mut there: Vec<&str>) -> String {
    there.sort_unstable();
    let Some(first) = there.first().copied() else {
        return format!("make it: aws configure --profile {missing}");
    };
    let more = match there.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    there.truncate(MOST_NAMED);
    let there = there.join(", ");
    format!("there are {there}{more}; for example: --profile {first}")
}

/// Returns the selected profile, and what it or one that it takes its credentials from asks for.
fn beyond(profiles: &ProfileSet) -> Option<(&str, &'static str)> {
    let selected = profiles.selected_profile();
    let mut profile = profiles.get_profile(selected)?;
    for _ in 0..LONGEST_CHAIN {
        for (setting, what) in BEYOND {
            if profile.get(setting).is_some() {
                return Some((selected, what));
            }
        }
        profile = profiles.get_profile(profile.get("source_profile")?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_that_there_are_are_named() {
        assert_eq!(choice("x", vec![]), "make it: aws configure --profile x");
        assert_eq!(
            choice("x", vec!["work", "default"]),
            "there are default, work; for example: --profile default"
        );
        let many: Vec<String> = (10..30).map(|number| format!("p{number}")).collect();
        let many = choice("x", many.iter().map(String::as_str).collect());
        assert!(many.contains("p20, p21 and 8 more; "), "{many}");
    }
}
