//! Whether the caller may do what `up` does, and what comes after it: asked of IAM's simulation.

mod advice;
mod caller;
mod circumstances;
mod refusals;

use std::collections::BTreeSet;

use crate::aws::Wish;
use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::error::{Error, Result};
use crate::iam_policy::{self, RolePlaces, Scope, Use};
use crate::notifications::Notify;
use crate::settings::{EndpointFate, Toggle};

use caller::Caller;
use circumstances::Circumstances;
use refusals::{Answers, Refusal};

const SUBJECT: &str = "permissions";

/// The uses that are asked for, as `hpcapi iam-policy` calls them, and whether `up` itself needs them.
/// What several need is needed by the first.
const USES: &[(Use, &str, bool)] = &[
    (Use::Up, "up", true),
    (Use::Stacks, "stacks", true),
    (Use::Pcluster, "pcluster", true),
    (Use::OperationsStack, "operations-stack", true),
    (Use::NotificationsStack, "notifications-stack", true),
    (Use::LimitsStack, "limits-stack", true),
    (Use::Teardown, "teardown", false),
    (Use::Token, "token", false),
    (Use::Jobs, "jobs", false),
    (Use::Run, "run", false),
];

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
            Ok(Some(role)) => role.arn,
            // Most roles have no path.
            Ok(None) | Err(_) => format!(
                "arn:{}:iam::{}:role/{name}",
                context.identity.partition(),
                context.identity.account
            ),
        },
    };
    match ask(context, &principal).await {
        Err(error) => vec![not_looked(&error)],
        Ok(answers) if answers.refusals.is_empty() => {
            let text = format!("{principal} may do all of it");
            vec![Finding::good(SUBJECT, text)]
        }
        Ok(answers) => refusals::findings(context, &caller, answers).await,
    }
}

/// Asks what the principal may do. What is allowed everywhere, as to an administrator, is found with
/// few calls; only the rest is asked for place by place.
async fn ask(context: &Context, principal: &str) -> Result<Answers> {
    let scope = scope(context);
    let uses: Vec<_> = uses(context).map(|(wanted, ..)| *wanted).collect();
    let mut questions = iam_policy::questions(&uses, &scope);
    if context.is_in_network_of_user() {
        let endpoints = match context.facts().vpc_endpoints {
            Some(_) => EndpointFate::Made,
            None => context.settings.vpc_endpoints,
        };
        let needless = iam_policy::of_new_network(endpoints);
        for question in &mut questions {
            question
                .actions
                .retain(|action| !needless.contains(action.as_str()));
        }
    }
    let own_keys = iam_policy::keys(&scope);
    let circumstances = Circumstances::of(context, principal);
    let all: BTreeSet<_> = questions.iter().flat_map(|one| &one.actions).collect();
    let everywhere = Wish {
        actions: all.into_iter().cloned().collect(),
        resources: vec!["*".to_owned()],
        context: circumstances.always(),
    };
    let permissions = &context.aws.permissions;
    let rest = permissions.simulate(principal, &everywhere).await?;
    let mut answers = Answers {
        refusals: Vec::new(),
        allowing: rest.allowing,
    };
    for question in questions {
        let context = circumstances.when_asked(&question);
        let is_open = |action: &String| rest.refused.contains_key(action);
        let wish = Wish {
            actions: question.actions.into_iter().filter(is_open).collect(),
            resources: question.resources,
            context,
        };
        if wish.actions.is_empty() {
            continue;
        }
        let simulated = permissions.simulate(principal, &wish).await?;
        answers.allowing.extend(simulated.allowing);
        let refused = simulated.refused.into_iter();
        answers.refusals.extend(refused.map(|(action, refused)| {
            let wanted = question.wanted;
            Refusal::new(wanted, action, refused, &own_keys)
        }));
    }
    Ok(answers)
}

/// Returns the uses that this deployment has.
fn uses(context: &Context) -> impl Iterator<Item = &'static (Use, &'static str, bool)> {
    let has_operations = context.settings.operations == Toggle::On;
    let has_notifications = matches!(context.settings.notify, Notify::To(_));
    let has_limit = context.settings.asks_for_limits();
    USES.iter().filter(move |(wanted, ..)| match wanted {
        Use::OperationsStack => has_operations,
        Use::NotificationsStack => has_notifications,
        Use::LimitsStack => has_limit,
        _ => true,
    })
}

fn scope(context: &Context) -> Scope {
    let name = context.settings.name.clone();
    let of_cluster = context.resource_prefix();
    let ours = context.iam_prefix();
    Scope {
        roles: RolePlaces::of(&name, of_cluster.as_deref(), ours.as_ref()),
        name,
        partition: context.identity.partition().to_owned(),
        account: context.identity.account.clone(),
        region: context.aws.region.clone(),
    }
}

/// A caller that may not simulate may well be allowed all that is needed.
fn not_looked(error: &Error) -> Finding {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    unknown(error.to_string()).because(cause.unwrap_or_default())
}

fn unknown(text: String) -> Finding {
    Finding {
        verdict: Verdict::Unknown,
        ..Finding::problem(SUBJECT, text)
    }
}
