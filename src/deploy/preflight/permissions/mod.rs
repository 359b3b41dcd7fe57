//! Whether the caller may do what `up` does, and what comes after it: asked of IAM's simulation.

mod advice;
mod caller;
mod circumstances;
mod refusals;
mod service_role;

use std::collections::BTreeSet;

use crate::aws::Wish;
use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::error::{Error, Result};
use crate::iam_policy::{self, Question, RolePlaces, Scope, Use};
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
    (Use::ServiceRole, "service-role", true),
    (Use::ServiceRoleParts, "service-role-parts", true),
    (Use::Teardown, "teardown", false),
    (Use::Token, "token", false),
    (Use::Jobs, "jobs", false),
    (Use::Run, "run", false),
];

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let of_role = async {
        match context.service_role() {
            Some(role) => service_role::look(context, &role).await,
            None => Vec::new(),
        }
    };
    let (of_caller, of_role) = tokio::join!(look_at_caller(context), of_role);
    [of_caller, of_role].concat()
}

/// Returns what there is to say of whoever runs hpcapi.
async fn look_at_caller(context: &Context) -> Vec<Finding> {
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
    let wanted: Vec<_> = uses(context).map(|(wanted, ..)| *wanted).collect();
    let mut questions = iam_policy::questions(&wanted, &scope(context));
    // The role that a deployment has is passed only to stacks that are made anew, if there are any.
    if let (None, Some(kept)) = (&context.settings.service_role, context.service_role()) {
        questions.retain(|one| one.resources != [kept.as_str()]);
    }
    match ask(context, &principal, questions).await {
        Err(error) => vec![not_looked(&error)],
        Ok(answers) if answers.refusals.is_empty() => {
            let text = format!("{principal} may do all of it");
            vec![Finding::good(SUBJECT, text)]
        }
        Ok(answers) => refusals::findings(context, &caller, arn, answers).await,
    }
}

/// Asks what the principal may do. What is allowed everywhere, as to an administrator, is found with
/// few calls; only the rest is asked for place by place.
async fn ask(context: &Context, principal: &str, mut questions: Vec<Question>) -> Result<Answers> {
    let scope = scope(context);
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

/// Returns the uses that this deployment has, of whoever runs hpcapi.
fn uses(context: &Context) -> impl Iterator<Item = &'static (Use, &'static str, bool)> {
    let has_operations = context.settings.operations == Toggle::On;
    let has_notifications = matches!(context.settings.notify, Notify::To(_));
    let has_limit = context.settings.asks_for_limits();
    USES.iter().filter(move |(wanted, ..)| match wanted {
        Use::OperationsStack => has_operations,
        Use::NotificationsStack => has_notifications,
        Use::LimitsStack => has_limit,
        Use::ServiceRole | Use::ServiceRoleParts => false,
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
        service_role: context.service_role(),
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
