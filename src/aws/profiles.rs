//! What profiles of the AWS configuration may ask for and the SDK does not do: sessions of `aws login`,
//! and codes of MFA devices. The AWS CLI does both, and hands on the credentials that it gets.

use std::borrow::Cow;

use aws_config::profile::{self, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use crate::error::Error;

/// How many profiles may take their credentials one from another.
const LONGEST_CHAIN: usize = 8;

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
    let named = named.map(|name| Cow::Owned(name.to_owned()));
    let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), named).await;
    let profiles = profiles.ok();
    let Some((profile, what)) = profiles.as_ref().and_then(beyond) else {
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
