//! What is so when `up` makes its calls, as far as policies ask for it: where they are made, by whom,
//! with which tags and with which permissions boundary.

use serde_yaml::Value;

use crate::aws::{ContextKey, ContextValue, TAG_CLUSTER};
use crate::context::Context;
use crate::iam_policy::{Question, Use};
use crate::step::Step;

use super::caller::Caller;

const CALLED_VIA: &str = "aws:CalledVia";
const PASSED_TO: &str = "iam:PassedToService";
const BY_SERVICE: &str = "aws:ViaAWSService";
const TAG_KEYS: &str = "aws:TagKeys";
const METADATA_TOKENS: &str = "ec2:MetadataHttpTokens";
const BOUNDARY: &str = "iam:PermissionsBoundary";
const REQUEST_TAG: &str = "aws:RequestTag/";

/// The tag with which `pcluster` says its version.
const TAG_PCLUSTER_VERSION: &str = "parallelcluster:version";

/// What the keys of conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Circumstances {
    always: Vec<ContextKey>,
    own_tags: Vec<(String, String)>,
    cluster_tags: Vec<(String, String)>,
    /// That of the cluster's roles.
    boundary: Option<String>,
    /// That of the roles of functions.
    boundary_of_functions: Option<String>,
    metadata_tokens: &'static str,
}

impl Circumstances {
    pub(super) fn of(context: &Context, principal: &str) -> Circumstances {
        let config = context.config.document();
        let name = context.cluster_name();
        let mut cluster_tags = vec![
            (TAG_CLUSTER.to_owned(), name.clone()),
            (
                TAG_PCLUSTER_VERSION.to_owned(),
                context.settings.pcluster.version.clone(),
            ),
        ];
        let own = context.own_tags().pairs();
        cluster_tags.extend(own.iter().cloned());
        let written = context.config.tags();
        cluster_tags.extend(written.map(|(key, value)| (key.to_owned(), value.to_owned())));
        Circumstances {
            always: always(context, principal),
            own_tags: context.tags(Step::Requirements),
            cluster_tags,
            boundary: boundary(context),
            boundary_of_functions: context.permissions_boundary(),
            metadata_tokens: metadata_tokens(config),
        }
    }

    /// Returns what is so whatever is asked for.
    pub(super) fn always(&self) -> Vec<ContextKey> {
        self.always.clone()
    }

    /// Returns what is so when the actions of a question are asked for.
    pub(super) fn when_asked(&self, question: &Question) -> Vec<ContextKey> {
        let mut keys = self.always();
        let own = question.circumstance.as_ref();
        keys.extend(own.map(|key| ContextKey {
            name: key.name.clone(),
            value: match key.is_list {
                true => ContextValue::List(vec![key.value.clone()]),
                false => ContextValue::Text(key.value.clone()),
            },
        }));
        let is = |name: &str| own.is_some_and(|key| key.name == name);
        if let Some(via) = own.filter(|key| key.name == CALLED_VIA) {
            keys.extend(
                ["First", "Last"].map(|end| text(&format!("{CALLED_VIA}{end}"), &via.value)),
            );
        }
        if question.wanted != Use::Pcluster {
            keys.push(flag(BY_SERVICE, is(CALLED_VIA)));
        }
        match question.wanted {
            Use::Up | Use::Stacks => keys.extend(of_tags(&self.own_tags)),
            Use::OperationsStack
            | Use::NotificationsStack
            | Use::LimitsStack
            | Use::ServiceRole
            | Use::ServiceRoleParts => {
                keys.extend(of_tags(&self.own_tags));
                keys.extend(
                    self.boundary_of_functions
                        .iter()
                        .map(|arn| text(BOUNDARY, arn)),
                );
                if !is(PASSED_TO) {
                    keys.push(text(PASSED_TO, "lambda.amazonaws.com"));
                }
            }
            // CloudFormation and `pcluster` itself both ask for these.
            Use::Pcluster => {
                keys.extend(of_tags(&self.cluster_tags));
                keys.extend(self.boundary.iter().map(|arn| text(BOUNDARY, arn)));
                keys.push(text(METADATA_TOKENS, self.metadata_tokens));
            }
            _ => {}
        }
        keys
    }
}

/// Returns whether a key is answered where it is there: without an answer it is absent from the calls.
pub(super) fn answers(key: &str) -> bool {
    let known = [BY_SERVICE, TAG_KEYS, METADATA_TOKENS, PASSED_TO];
    let is_via = key
        .get(..CALLED_VIA.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(CALLED_VIA));
    let is_known = known.iter().any(|known| key.eq_ignore_ascii_case(known));
    is_via || is_known || is_boundary(key) || request_tag(key).is_some()
}

/// Returns whether a key is about the permissions boundary of a role.
pub(super) fn is_boundary(key: &str) -> bool {
    key.eq_ignore_ascii_case(BOUNDARY)
}

/// Returns the tag that a key is about, if it is about one that a call gives.
pub(super) fn request_tag(key: &str) -> Option<&str> {
    let (begin, tag) = key.split_at_checked(REQUEST_TAG.len())?;
    begin.eq_ignore_ascii_case(REQUEST_TAG).then_some(tag)
}

fn always(context: &Context, principal: &str) -> Vec<ContextKey> {
    let region = &context.aws.region;
    let account = &context.identity.account;
    let mut keys = vec![
        text("aws:RequestedRegion", region),
        text("ec2:Region", region),
        text("aws:PrincipalArn", principal),
        text("aws:PrincipalAccount", account),
        text("aws:ResourceAccount", account),
        flag("aws:SecureTransport", true),
        flag("aws:PrincipalIsAWSService", false),
    ];
    match Caller::of(principal) {
        Caller::User(name) => {
            keys.push(text("aws:PrincipalType", "User"));
            keys.push(text("aws:username", &name));
        }
        _ => keys.push(text("aws:PrincipalType", "AssumedRole")),
    }
    keys
}

/// Returns what a call that gives these tags says of them.
fn of_tags(tags: &[(String, String)]) -> Vec<ContextKey> {
    let each = tags
        .iter()
        .map(|(key, value)| text(&format!("{REQUEST_TAG}{key}"), value));
    let keys = tags.iter().map(|(key, _)| key.clone()).collect();
    let all = ContextKey {
        name: TAG_KEYS.to_owned(),
        value: ContextValue::List(keys),
    };
    each.chain([all]).collect()
}

/// Returns the permissions boundary that the cluster's roles get.
fn boundary(context: &Context) -> Option<String> {
    let written = context.config.permissions_boundary();
    let written = written.map(ToOwned::to_owned);
    written.or_else(|| context.permissions_boundary())
}

/// Returns whether instances take metadata requests with tokens alone, in EC2's words; they do
/// unless the configuration says otherwise.
fn metadata_tokens(config: &Value) -> &'static str {
    let support = config.get("Imds").and_then(|imds| imds.get("ImdsSupport"));
    match support.and_then(Value::as_str) {
        Some("v1.0") => "optional",
        _ => "required",
    }
}

fn text(name: &str, value: &str) -> ContextKey {
    ContextKey {
        name: name.to_owned(),
        value: ContextValue::Text(value.to_owned()),
    }
}

fn flag(name: &str, value: bool) -> ContextKey {
    ContextKey {
        name: name.to_owned(),
        value: ContextValue::Flag(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam_policy::{Key, Question};

    /// Of what is so always nobody misses an answer.
    #[test]
    fn every_key_that_is_answered_for_a_question_is_known_as_such() {
        let tag = || vec![("a".to_owned(), "b".to_owned())];
        let circumstances = Circumstances {
            always: Vec::new(),
            own_tags: tag(),
            cluster_tags: tag(),
            boundary: Some("arn:aws:iam::1:policy/b".to_owned()),
            boundary_of_functions: Some("arn:aws:iam::1:policy/b".to_owned()),
            metadata_tokens: "required",
        };
        let mut seen = 0;
        for wanted in [
            Use::Up,
            Use::Pcluster,
            Use::OperationsStack,
            Use::ServiceRole,
        ] {
            for circumstance in [None, Some(CALLED_VIA), Some(PASSED_TO)] {
                let question = Question {
                    wanted,
                    actions: Default::default(),
                    resources: Vec::new(),
                    circumstance: circumstance.map(|name| Key {
                        name: name.to_owned(),
                        value: "x".to_owned(),
                        is_list: false,
                    }),
                };
                for key in circumstances.when_asked(&question) {
                    assert!(answers(&key.name.to_lowercase()), "{}", key.name);
                    seen += 1;
                }
            }
        }
        assert!(seen > 20, "{seen}");
        assert!(!answers("aws:SourceIp"));
        assert_eq!(request_tag("AWS:requesttag/Owner"), Some("Owner"));
    }
}
