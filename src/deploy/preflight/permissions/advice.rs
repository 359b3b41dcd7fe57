//! What helps against each thing that refuses; nothing is advised that it would outweigh.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::hint::{AwsCall, Hint};
use crate::tags::Tag;

use super::caller::Caller;

/// What advice depends on.
#[derive(Clone, Copy)]
pub(super) struct Advice<'a> {
    pub(super) context: &'a Context,
    pub(super) caller: &'a Caller,
    /// The caller's ARN, as it is told.
    pub(super) who: &'a str,
    /// The ARN of the caller's permissions boundary, if it is known.
    pub(super) boundary: Option<&'a str>,
    /// The policies that allow the caller anything.
    pub(super) allowing: &'a BTreeSet<String>,
}

/// The uses that are other ones with a service role, as `hpcapi iam-policy` calls them.
const OF_STACKS: [&str; 4] = [
    "stacks",
    "operations-stack",
    "notifications-stack",
    "limits-stack",
];

impl Advice<'_> {
    /// Returns the command that prints a policy of ours.
    fn prints(&self, word: &str) -> String {
        let prefix = self.context.iam_prefix();
        let prefix = prefix.map(|prefix| format!(" --iam-prefix {prefix}"));
        let role = self.context.service_role();
        let role = role.filter(|_| OF_STACKS.contains(&word));
        let role = role.map(|role| format!(" --service-role {role}"));
        format!(
            "{} iam-policy {word} --deployment {} --region {} --account {}{}{}",
            self.context.settings.again.program,
            self.context.settings.name,
            self.context.aws.region,
            self.context.identity.account,
            prefix.unwrap_or_default(),
            role.unwrap_or_default()
        )
    }

    /// Adds how the caller is given the policy of a use.
    pub(super) fn on_missing_allow(&self, finding: Finding, word: &str) -> Finding {
        let prints = self.prints(word);
        if let Some(set) = self.caller.permission_set() {
            return finding.then(format!(
                "let whoever manages the permission set `{set}` of IAM Identity Center add to its \
                 policies what `{prints}` prints"
            ));
        }
        let policy = format!("{}-{word}", self.context.settings.name);
        let account = &self.context.identity.account;
        let arn = format!(
            "arn:{}:iam::{account}:policy/{policy}",
            self.context.identity.partition()
        );
        // One that is attached already comes from an earlier hpcapi.
        if self.allowing.contains(&policy) {
            let call = AwsCall::anywhere("iam create-policy-version");
            return finding.then(Hint::run(call.with(format!(
                "--set-as-default --policy-arn {arn} --policy-document \"$({prints})\""
            ))));
        }
        let call = AwsCall::anywhere("iam create-policy");
        let finding = finding.then(Hint::run(call.with(format!(
            "--policy-name {policy} --policy-document \"$({prints})\""
        ))));
        let attach = |operation: &str, whom: String| {
            let call = AwsCall::anywhere(operation).with(whom);
            Hint::run(call.with(format!("--policy-arn {arn}")))
        };
        match self.caller {
            Caller::User(user) => finding.then(attach(
                "iam attach-user-policy",
                format!("--user-name {user}"),
            )),
            Caller::Role(role) => finding.then(attach(
                "iam attach-role-policy",
                format!("--role-name {role}"),
            )),
            Caller::Root | Caller::Other => finding,
        }
    }

    /// Adds that CloudFormation may make the resources of hpcapi's own stacks as another.
    pub(super) fn on_own_resources(&self, finding: Finding, word: &str) -> Finding {
        if !OF_STACKS.contains(&word) || self.context.service_role().is_some() {
            return finding;
        }
        let up = self.context.settings.again.command("up");
        finding.then(format!(
            "if the account has a role as which CloudFormation makes such things: {up} --service-role ROLE_ARN"
        ))
    }

    /// Returns whether policies are the caller's boundary and no other.
    pub(super) fn is_boundary(&self, policies: &BTreeSet<String>) -> bool {
        let name = self.boundary_name();
        name.is_some_and(|name| policies.len() == 1 && policies.contains(name))
    }

    fn boundary_name(&self) -> Option<&str> {
        self.boundary?.rsplit('/').next()
    }

    pub(super) fn boundary_named(&self) -> String {
        match self.boundary {
            Some(arn) => format!("the permissions boundary `{arn}`"),
            None => "the permissions boundary".to_owned(),
        }
    }

    /// Adds that the boundary has to allow what policies allow.
    pub(super) fn on_boundary(&self, finding: Finding, words: &[&str]) -> Finding {
        let prints: Vec<_> = words
            .iter()
            .map(|word| format!("`{}`", self.prints(word)))
            .collect();
        finding
            .because("whatever other policies allow, a boundary has to allow it, too")
            .then(format!(
                "let whoever manages the boundary add to it what {} prints",
                prints.join(" and ")
            ))
    }

    /// Adds who can change a Deny.
    pub(super) fn on_deny(&self, finding: Finding, policies: &BTreeSet<String>) -> Finding {
        let named: Vec<_> = policies.iter().map(|name| format!("`{name}`")).collect();
        let of = match named.as_slice() {
            [] => String::new(),
            names => format!(" in {}", names.join(" and ")),
        };
        finding
            .because(format!("a Deny{of}, which no Allow outweighs"))
            .then(format!(
                "let whoever manages that policy except this from the Deny{of}, or go on as somebody \
                 whom it does not deny it (--profile)"
            ))
    }

    /// Adds who can change a policy of the organization.
    pub(super) fn on_organization(&self, finding: Finding) -> Finding {
        finding
            .because(
                "IAM simulates service control policies without much of what their conditions look \
                 at: `up` tries it all the same",
            )
            .then(format!(
                "ask whoever manages the organization, if it fails: from its management account \
                 `aws organizations list-policies-for-target --target-id {} --filter \
                 SERVICE_CONTROL_POLICY` lists these policies",
                self.context.identity.account
            ))
    }

    /// Adds that policies ask what is made for these tags.
    pub(super) fn on_tags(&self, finding: Finding, keys: &[&str]) -> Finding {
        let tags = keys.iter().filter_map(|key| Tag::new(key, "VALUE").ok());
        let options: String = tags.map(|tag| tag.option()).collect();
        if options.is_empty() {
            return finding;
        }
        let up = self.context.settings.again.command("up");
        finding.then(format!(
            "if they ask for these tags, type them with your account's values: {up}{options}"
        ))
    }

    /// Adds that policies ask new roles for a boundary.
    pub(super) fn on_boundary_of_roles(&self, finding: Finding) -> Finding {
        let asks = "if they ask new roles for a permissions boundary";
        let up = self.context.settings.again.command("up");
        if self.context.config.permissions_boundary().is_some() {
            let file = self.context.config.file().display();
            return finding.then(format!(
                "{asks}, and for another one, write that into {file}: Iam.PermissionsBoundary: ARN"
            ));
        }
        match &self.context.settings.permissions_boundary {
            Some(arn) => finding.then(format!("{asks}, it may be another one than `{arn}`")),
            None => finding.then(format!("{asks}: {up} --permissions-boundary ARN")),
        }
    }

    /// Adds that policies let roles be made at other places than these.
    pub(super) fn on_place_of_roles(&self, finding: Finding) -> Finding {
        let lets = "if roles may be made below a path alone";
        let up = self.context.settings.again.command("up");
        if let Some(prefix) = self.context.config.resource_prefix() {
            let file = self.context.config.file().display();
            return finding.then(format!(
                "{lets}, and not below `{prefix}`, write the one into {file}: Iam.ResourcePrefix: /PATH/"
            ));
        }
        match self.context.iam_prefix() {
            Some(prefix) => finding.then(format!("{lets}, it may be another one than `{prefix}`")),
            None => finding.then(format!("{lets}: {up} --iam-prefix /PATH/")),
        }
    }
}
