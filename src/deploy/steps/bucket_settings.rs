//! What the deployment's bucket is to be set to, as the template of the requirements stack says.

use serde_json::json;
use serde_yaml::Value;

use crate::aws::{BucketSettings, LifecycleRule};
use crate::context::Context;
use crate::error::Result;

use super::node_roles;
use super::requirements::TEMPLATE;

/// Something that a bucket is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deploy) enum Setting {
    /// Its policy.
    Policy,
    /// That nothing in it can be made public.
    PublicAccess,
    /// That it keeps old versions.
    Versions,
    /// That all objects are its owner's.
    Ownership,
    /// What goes by itself, and when.
    Lifecycle,
}

impl Setting {
    /// Returns what it is called, for people.
    pub(in crate::deploy) fn words(self) -> &'static str {
        match self {
            Setting::Policy => "its policy",
            Setting::PublicAccess => "its public access block",
            Setting::Versions => "its versioning",
            Setting::Ownership => "its ownership controls",
            Setting::Lifecycle => "its lifecycle rules",
        }
    }
}

/// Returns what of a bucket is not set as it is to be. What others have added to it is theirs.
pub(in crate::deploy) fn changed(
    context: &Context,
    bucket: &str,
    found: &BucketSettings,
) -> Vec<Setting> {
    let wanted = Wanted::of(context, bucket);
    let has_statement = |statement: &serde_json::Value| {
        let there = statements(found.policy.as_deref().unwrap_or_default());
        there.iter().any(|one| plain(one) == plain(statement))
    };
    let is_as_wanted = |setting: &Setting| match setting {
        Setting::Policy => wanted.statements.iter().all(has_statement),
        Setting::PublicAccess => found.blocks_public,
        Setting::Versions => found.is_versioned,
        Setting::Ownership => found.owner_enforced,
        Setting::Lifecycle => wanted.rules.iter().all(|rule| found.rules.contains(rule)),
    };
    let all = [
        Setting::Policy,
        Setting::PublicAccess,
        Setting::Versions,
        Setting::Ownership,
        Setting::Lifecycle,
    ];
    all.into_iter().filter(|one| !is_as_wanted(one)).collect()
}

/// Sets these of the bucket as they are to be.
pub(in crate::deploy) async fn restore(
    context: &Context,
    bucket: &str,
    settings: &[Setting],
) -> Result<()> {
    let buckets = &context.aws.buckets;
    let wanted = Wanted::of(context, bucket);
    for setting in settings {
        match setting {
            Setting::Policy => {
                let there = buckets.settings(bucket).await?.policy.unwrap_or_default();
                buckets.set_policy(bucket, &wanted.policy(&there)).await?;
            }
            Setting::PublicAccess => buckets.block_public(bucket).await?,
            Setting::Versions => buckets.keep_versions(bucket).await?,
            Setting::Ownership => buckets.enforce_owner(bucket).await?,
            Setting::Lifecycle => buckets.set_rules(bucket, &wanted.rules).await?,
        }
    }
    Ok(())
}

/// What of the template has a value of its own in each deployment.
struct Wanted {
    statements: Vec<serde_json::Value>,
    rules: Vec<LifecycleRule>,
}

impl Wanted {
    fn of(context: &Context, bucket: &str) -> Wanted {
        let identity = &context.identity;
        let [all, head] = node_roles::parameters(&context.facts().node_roles);
        Wanted::with(&[
            ("AWS::Partition", identity.partition()),
            ("AWS::AccountId", &identity.account),
            ("Name", bucket),
            (all.0, &all.1),
            (head.0, &head.1),
        ])
    }

    fn with(values: &[(&str, &str)]) -> Wanted {
        let template: Value = serde_yaml::from_str(TEMPLATE.body).expect("the template is YAML");
        let resources = &template["Resources"];
        let document = &resources["BucketPolicy"]["Properties"]["PolicyDocument"];
        let rules = &resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"];
        let sequence = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
        Wanted {
            statements: sequence(&document["Statement"])
                .iter()
                .map(|statement| resolved(statement, values))
                .collect(),
            rules: sequence(rules).iter().map(rule).collect(),
        }
    }

    /// Returns the policy with the wanted statements, beside those of other ids that there are.
    fn policy(&self, there: &str) -> String {
        let is_ours = |one: &serde_json::Value| {
            let mut ids = self.statements.iter().map(|statement| &statement["Sid"]);
            ids.any(|id| *id == one["Sid"])
        };
        let mut all = statements(there);
        all.retain(|one| !is_ours(one));
        all.extend(self.statements.iter().cloned());
        json!({"Version": "2012-10-17", "Statement": all}).to_string()
    }
}

/// Returns the statements of a policy; none of what is no policy.
fn statements(policy: &str) -> Vec<serde_json::Value> {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
    match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.clone(),
        serde_json::Value::Object(one) => vec![one.clone().into()],
        _ => Vec::new(),
    }
}

/// Returns a statement with what IAM takes for the same written alike: one value and a list of one, the
/// values of a list in any order, and everybody as `*` or as an AWS principal.
fn plain(value: &serde_json::Value) -> serde_json::Value {
    let is_everybody = |value: &serde_json::Value| {
        *value == json!({"AWS": "*"}) || *value == json!({"AWS": ["*"]})
    };
    match value {
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let everybody = json!("*");
                let value = match is_everybody(value) {
                    true => &everybody,
                    false => value,
                };
                let value = match value {
                    serde_json::Value::Object(_) => plain(value),
                    serde_json::Value::Array(values) => {
                        let mut values: Vec<_> = values.iter().map(ToString::to_string).collect();
                        values.sort_unstable();
                        values.into()
                    }
                    one => vec![one.to_string()].into(),
                };
                (key.clone(), value)
            });
            serde_json::Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Returns a value of a template as JSON, with what `Fn::Sub` puts in, and parted where `Fn::Split` parts it.
fn resolved(value: &Value, values: &[(&str, &str)]) -> serde_json::Value {
    match value {
        Value::Tagged(tagged) if tagged.tag == "!Split" => {
            let at = tagged.value[0].as_str().unwrap_or_default();
            let text = resolved(&tagged.value[1], values);
            text.as_str().unwrap_or_default().split(at).collect()
        }
        Value::Tagged(tagged) => {
            let text = match &tagged.value {
                Value::Sequence(parts) => parts.first().and_then(Value::as_str),
                one => one.as_str(),
            };
            let text = text.unwrap_or_default().to_owned();
            let put_in = |text: String, (name, value): &(&str, &str)| {
                text.replace(&format!("${{{name}}}"), value)
            };
            values.iter().fold(text, put_in).into()
        }
        Value::Mapping(members) => members
            .iter()
            .map(|(key, value)| {
                let key = key.as_str().unwrap_or_default().to_owned();
                (key, resolved(value, values))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Sequence(all) => all
            .iter()
            .map(|one| resolved(one, values))
            .collect::<Vec<_>>()
            .into(),
        plain => serde_json::to_value(plain).unwrap_or_default(),
    }
}

fn rule(rule: &Value) -> LifecycleRule {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let days = |value: &Value| value.as_i64().and_then(|days| i32::try_from(days).ok());
    LifecycleRule {
        id: text(&rule["Id"]),
        is_enabled: rule["Status"] == "Enabled",
        prefix: text(&rule["Prefix"]),
        expires: days(&rule["ExpirationInDays"]),
        old_versions_expire: days(&rule["NoncurrentVersionExpiration"]["NoncurrentDays"]),
        uploads_expire: days(&rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted::with(&[
            ("AWS::Partition", "aws"),
            ("AWS::AccountId", "123456789012"),
            ("Name", "mine"),
            (node_roles::ALL, ",arn:of:a,arn:of:b"),
            (node_roles::HEAD, ",arn:of:a"),
        ])
    }

    /// Every statement about nodes is about those with roles of the user's own, too.
    #[test]
    fn the_policy_knows_all_roles_of_nodes() {
        let usual = "arn:aws:iam::123456789012:role/parallelcluster/*";
        let all = json!([usual, "arn:of:a", "arn:of:b"]);
        let Wanted { statements, .. } = wanted();
        for statement in &statements[1..] {
            let nodes = &statement["Condition"]["ArnLike"]["aws:PrincipalArn"];
            assert_eq!(*nodes, all, "{statement}");
        }
        let remembering = statements
            .iter()
            .find(|it| it["Sid"] == "OnlyHeadNodesRememberJobs");
        let but = &remembering.unwrap()["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
        assert_eq!(*but, json!([format!("{usual}-RoleHeadNode-*"), "arn:of:a"]));
    }

    #[test]
    fn the_template_says_what_is_wanted() {
        let Wanted { statements, rules } = wanted();
        let tls = &statements[0];
        assert_eq!(tls["Sid"], "OnlyOverTLS");
        assert_eq!(
            tls["Resource"],
            json!(["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"])
        );
        assert_eq!(tls["Condition"]["Bool"]["aws:SecureTransport"], "false");
        let text = serde_json::to_string(&statements).unwrap();
        assert!(!text.contains("${"), "{text}");
        let uploads = rules.iter().find(|rule| rule.id == "unfinished-uploads");
        assert_eq!(uploads.unwrap().uploads_expire, Some(7));
        assert!(rules.iter().all(|rule| rule.is_enabled), "{rules:?}");
    }

    #[test]
    fn statements_of_others_stay_and_ours_come_back() {
        let there = r#"{"Statement": [
            {"Sid": "Theirs", "Effect": "Allow", "Action": "s3:GetObject"},
            {"Sid": "OnlyOverTLS", "Effect": "Allow", "Action": "s3:*"}]}"#;
        let all = statements(&wanted().policy(there));
        assert_eq!(all.len(), 1 + wanted().statements.len());
        assert_eq!(all[0]["Sid"], "Theirs");
        let tls: Vec<_> = all
            .iter()
            .filter(|one| one["Sid"] == "OnlyOverTLS")
            .collect();
        assert_eq!((tls.len(), &tls[0]["Effect"]), (1, &json!("Deny")));
    }

    #[test]
    fn the_same_written_otherwise_is_the_same() {
        let one = json!({"Action": "s3:*", "Resource": ["a", "b"], "Condition": {"Bool": {"x": "false"}}});
        let other = json!({"Action": ["s3:*"], "Resource": ["b", "a"], "Condition": {"Bool": {"x": ["false"]}}});
        assert_eq!(plain(&one), plain(&other));
        let everybody = [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["*"]})];
        let everybody = everybody.map(|who| plain(&json!({"Principal": who})));
        assert!(everybody.iter().all(|who| *who == everybody[0]));
        assert_ne!(plain(&one), plain(&json!({"Action": "s3:Get*"})));
    }
}
