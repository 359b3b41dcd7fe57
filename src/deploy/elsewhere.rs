//! A deployment of the same name in another region or account: what is not here may be there, so
//! an empty look is no proof before this one.

use std::collections::BTreeSet;
use std::fs;

use serde_yaml::Value;

use crate::context::{Context, TAG_DEPLOYMENT};

/// Where a deployment of the same name seems to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// The region.
    pub region: String,
    /// The account; `None` when what was found does not say it.
    pub account: Option<String>,
    /// What says so, e.g. its bucket.
    pub why: String,
}

impl Elsewhere {
    /// Returns the place, for people.
    pub fn place(&self) -> String {
        match &self.account {
            Some(account) => format!("{} of account {account}", self.region),
            None => format!("{}, in an account that is not known", self.region),
        }
    }

    /// Returns what is said to somebody who looked for it here.
    pub fn hint(&self, context: &Context) -> String {
        format!(
            "there is one in {} ({}): {}",
            self.place(),
            self.why,
            self.command(context, "status")
        )
    }

    /// Returns how to type `verb` for the deployment that is there.
    pub fn command(&self, context: &Context, verb: &str) -> String {
        let command = context.settings.again.command_in(&self.region, verb);
        match &self.account {
            Some(account) if *account != context.identity.account => {
                format!("with credentials of account {account}: {command}")
            }
            _ => command,
        }
    }
}

/// Looks for traces of a deployment of this name elsewhere. What cannot be looked at is no trace.
pub async fn look(context: &Context) -> Vec<Elsewhere> {
    let mut found = BTreeSet::new();
    found.extend(local(context));
    let tag = (TAG_DEPLOYMENT, context.settings.name.as_str());
    let prefix = context.settings.name.bucket_prefix();
    let regions = context.aws.buckets.regions_of(&prefix, tag).await;
    let account = &context.identity.account;
    let here = &context.aws.region;
    let others = regions.unwrap_or_default().into_iter();
    found.extend(
        others
            .filter(|region| region != here)
            .map(|region| Elsewhere {
                region,
                account: Some(account.clone()),
                why: "its bucket is there".to_owned(),
            }),
    );
    one_a_place(found)
}

/// Looks at what earlier runs left on this machine alone.
pub(super) fn local(context: &Context) -> Vec<Elsewhere> {
    let folder = context.settings.local_folder();
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut found = BTreeSet::new();
    for file in files {
        let file = file.file_name();
        let Some((account, region)) = file
            .to_str()
            .and_then(|file| place_of_key(file, context.settings.name.as_str()))
        else {
            continue;
        };
        found.insert(Elsewhere {
            region: region.to_owned(),
            account: Some(account.to_owned()),
            why: format!("`{}` is its key", folder.join(&file).display()),
        });
    }
    if let Some(region) = region_of_config(context) {
        let path = context.settings.filled_config_path();
        found.insert(Elsewhere {
            region,
            account: None,
            why: format!("`{}` is its configuration", path.display()),
        });
    }
    let here = &context.aws.region;
    let account = &context.identity.account;
    let is_elsewhere = |one: &Elsewhere| {
        one.region != *here || one.account.as_ref().is_some_and(|there| there != account)
    };
    one_a_place(found.into_iter().filter(is_elsewhere))
}

/// Leaves one trace for each place; what names no account adds nothing to a region that another
/// trace names.
fn one_a_place(found: impl IntoIterator<Item = Elsewhere>) -> Vec<Elsewhere> {
    let mut places: Vec<Elsewhere> = Vec::new();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|one| one.account.is_none());
    for one in found {
        let is_known = |place: &Elsewhere| {
            place.region == one.region && (one.account.is_none() || place.account == one.account)
        };
        if !places.iter().any(is_known) {
            places.push(one);
        }
    }
    places
}

/// Returns the account and the region in the name of a private key's file.
fn place_of_key<'f>(file: &'f str, deployment: &str) -> Option<(&'f str, &'f str)> {
    let place = file.strip_prefix(deployment)?.strip_prefix('-')?;
    let (account, region) = place.strip_suffix(".pem")?.split_once('-')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then_some((account, region))
}

/// Returns the region that the filled configuration names, if it names one.
fn region_of_config(context: &Context) -> Option<String> {
    let text = fs::read_to_string(context.settings.filled_config_path()).ok()?;
    let document: Value = serde_yaml::from_str(&text).ok()?;
    document["Region"].as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_place_of_its_deployment_alone() {
        let place = |file| place_of_key(file, "my-hpc");
        assert_eq!(
            place("my-hpc-123456789012-eu-west-1.pem"),
            Some(("123456789012", "eu-west-1"))
        );
        assert_eq!(place("my-hpc-2-123456789012-eu-west-1.pem"), None);
        assert_eq!(place("my-hpc.yaml"), None);
        assert_eq!(place("other-123456789012-eu-west-1.pem"), None);
    }

    #[test]
    fn a_place_is_told_once_with_its_account() {
        let trace = |region: &str, account: Option<&str>| Elsewhere {
            region: region.to_owned(),
            account: account.map(ToOwned::to_owned),
            why: String::new(),
        };
        let found = [
            trace("eu-west-1", None),
            trace("eu-west-1", Some("1")),
            trace("eu-west-1", Some("2")),
            trace("us-east-2", None),
            trace("eu-west-1", Some("1")),
        ];
        let places = one_a_place(found);
        assert_eq!(
            places,
            [
                trace("eu-west-1", Some("1")),
                trace("eu-west-1", Some("2")),
                trace("us-east-2", None)
            ]
        );
    }
}
