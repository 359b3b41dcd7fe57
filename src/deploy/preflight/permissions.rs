//! Whether the caller may do what `up` does: asked of IAM's simulation, by use.

use std::collections::BTreeSet;

use crate::aws::{ContextKey, Wish};
use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::error::Result;
use crate::iam_policy::{self, Question, Scope, Use};
use crate::notifications::Notify;
use crate::settings::Toggle;

const SUBJECT: &str = "permissions";

/// The uses that `up` needs, as `hpcapi iam-policy` calls them.
const USES: &[(Use, &str)] = &[
    (Use::Up, "up"),
    (Use::Stacks, "stacks"),
    (Use::Pcluster, "pcluster"),
];

/// As many denied actions are named.
const NAMED: usize = 8;

/// Who asks, as IAM knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Caller {
    /// The account itself, which may do everything.
    Root,
    /// A user with its name.
    User(String),
    /// A session of a role with its name.
    Role(String),
    /// Somebody whose policies cannot be looked up by their ARN.
    Other,
}

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let arn = &context.identity.arn;
    let caller = Caller::of(arn);
    let principal = match &caller {
        Caller::Root => {
            let text = format!("{arn} may do everything");
            return vec![Finding::good(SUBJECT, text)];
        }
        Caller::Other => return vec![unknown(format!("cannot look what {arn} may do"))],
        Caller::User(_) => arn.clone(),
        Caller::Role(name) => match context.aws.permissions.role(name).await {
            Ok(Some(arn)) => arn,
            // Most roles have no path.
            Ok(None) | Err(_) => format!(
                "arn:{}:iam::{}:role/{name}",
                partition(arn),
                context.identity.account
            ),
        },
    };
    let mut findings = Vec::new();
    let mut uses = USES.to_vec();
    if context.settings.operations == Toggle::On {
        uses.push((Use::OperationsStack, "operations-stack"));
    }
    if matches!(context.settings.notify, Notify::To(_)) {
        uses.push((Use::NotificationsStack, "notifications-stack"));
    }
    for (wanted, word) in &uses {
        match denied(context, &principal, *wanted).await {
            Err(error) => return vec![not_looked(&error)],
            Ok(denied) if denied.is_empty() => {}
            Ok(denied) => findings.push(problem(context, &caller, word, &denied)),
        }
    }
    if findings.is_empty() {
        let text = format!("{principal} may do all of it");
        findings.push(Finding::good(SUBJECT, text));
    }
    findings
}

/// Returns the actions of a use that the principal may not do. What is allowed everywhere, as to
/// an administrator, is found with few calls; only the rest is asked for place by place.
async fn denied(context: &Context, principal: &str, wanted: Use) -> Result<BTreeSet<String>> {
    let scope = Scope {
        name: context.settings.name.clone(),
        partition: partition(&context.identity.arn).to_owned(),
        account: context.identity.account.clone(),
        region: context.aws.region.clone(),
    };
    let questions = iam_policy::questions(wanted, &scope);
    let all: BTreeSet<_> = questions.iter().flat_map(|one| &one.actions).collect();
    let everywhere = Wish {
        actions: all.into_iter().cloned().collect(),
        resources: vec!["*".to_owned()],
        context: vec![ContextKey {
            name: "aws:RequestedRegion".to_owned(),
            values: vec![context.aws.region.clone()],
            is_list: false,
        }],
    };
    let permissions = &context.aws.permissions;
    let rest = permissions.denied(principal, &everywhere).await?;
    let mut denied = BTreeSet::new();
    for question in questions {
        let wish = wish(question, &rest);
        if !wish.actions.is_empty() {
            denied.extend(permissions.denied(principal, &wish).await?);
        }
    }
    Ok(denied)
}

/// Returns what of a question is to be asked still.
fn wish(question: Question, rest: &BTreeSet<String>) -> Wish {
    let actions = question.actions.into_iter();
    let keys = question.circumstances.into_iter();
    Wish {
        actions: actions.filter(|action| rest.contains(action)).collect(),
        resources: question.resources,
        context: keys
            .map(|key| ContextKey {
                name: key.name,
                values: key.values,
                is_list: key.is_list,
            })
            .collect(),
    }
}

fn problem(context: &Context, caller: &Caller, wanted: &str, denied: &BTreeSet<String>) -> Finding {
    let account = &context.identity.account;
    let name = &context.settings.name;
    let policy = format!("{name}-{wanted}");
    let finding = Finding::problem(
        SUBJECT,
        format!(
            "{} may not do {} of the actions of `iam-policy {wanted}`: {}",
            context.identity.arn,
            denied.len(),
            named(denied)
        ),
    )
    .then(format!(
        "aws iam create-policy --policy-name {policy} --policy-document \"$({} iam-policy {wanted} \
         --name {name} --region {} --account {account})\"",
        context.settings.again.program, context.aws.region
    ));
    let arn = format!(
        "arn:{}:iam::{account}:policy/{policy}",
        partition(&context.identity.arn)
    );
    match caller {
        Caller::User(user) => finding.then(format!(
            "aws iam attach-user-policy --user-name {user} --policy-arn {arn}"
        )),
        Caller::Role(role) => finding.then(format!(
            "aws iam attach-role-policy --role-name {role} --policy-arn {arn}"
        )),
        Caller::Root | Caller::Other => finding,
    }
}

fn named(denied: &BTreeSet<String>) -> String {
    let first: Vec<_> = denied.iter().take(NAMED).map(String::as_str).collect();
    match denied.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{}, and {more} more", first.join(", ")),
    }
}

/// A caller that may not simulate may well be allowed all that is needed.
fn not_looked(error: &crate::error::Error) -> Finding {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    unknown(error.to_string()).because(cause.unwrap_or_default())
}

fn unknown(text: String) -> Finding {
    Finding {
        verdict: Verdict::Unknown,
        ..Finding::problem(SUBJECT, text)
    }
}

fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}

impl Caller {
    fn of(arn: &str) -> Caller {
        let who = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let mut parts = who.split('/');
        let last = |who: &str| who.rsplit('/').next().unwrap_or_default().to_owned();
        match parts.next() {
            Some("root") => Caller::Root,
            Some("user") => Caller::User(last(who)),
            Some("role") => Caller::Role(last(who)),
            Some("assumed-role") => match parts.next() {
                Some(role) => Caller::Role(role.to_owned()),
                None => Caller::Other,
            },
            _ => Caller::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_roles() {
        for (arn, caller) in [
            ("arn:aws:iam::123456789012:root", Caller::Root),
            (
                "arn:aws:iam::123456789012:user/team/ada",
                Caller::User("ada".to_owned()),
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/Admin/ada@example.org",
                Caller::Role("Admin".to_owned()),
            ),
            (
                "arn:aws:sts::123456789012:federated-user/ada",
                Caller::Other,
            ),
        ] {
            assert_eq!(Caller::of(arn), caller, "{arn}");
        }
    }

    #[test]
    fn many_denied_actions_are_counted_and_few_are_named() {
        let denied = (10..20).map(|number| format!("ec2:Act{number}")).collect();
        let text = named(&denied);
        assert!(text.starts_with("ec2:Act10, ec2:Act11"), "{text}");
        assert!(text.ends_with("ec2:Act17, and 2 more"), "{text}");
    }
}
