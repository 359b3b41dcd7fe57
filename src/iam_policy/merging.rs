//! Statements of a policy as fewer ones: IAM limits a policy's length.

use serde_json::Value;

/// Adds a statement, as one with another on the same resources: IAM limits a policy's length.
pub(super) fn add(statements: &mut Vec<Value>, statement: Value) {
    let alike = statements.iter_mut().find(|other| {
        other["Resource"] == statement["Resource"] && other["Condition"] == statement["Condition"]
    });
    let Some(other) = alike else {
        statements.push(statement);
        return;
    };
    let more = statement["Action"].as_array().cloned().unwrap_or_default();
    if let Some(actions) = other["Action"].as_array_mut() {
        actions.extend(more);
        actions.sort_by(|one, two| one.as_str().cmp(&two.as_str()));
        actions.dedup();
    }
}

/// Leaves out the statements whose actions another one allows on more, also one of a policy that is
/// needed beside this one.
pub(super) fn leave_out_what_others_allow(statements: &mut Vec<Value>, beside: &[Value]) {
    let all = statements.clone();
    statements.retain(|statement| {
        let is_more = |other: &&Value| *other != statement && allows(other, statement);
        !all.iter().chain(beside).any(|other| is_more(&other))
    });
}

/// Returns whether one statement allows all that another does, and on more resources.
fn allows(one: &Value, other: &Value) -> bool {
    let is_in = |resource: &String| {
        list(&one["Resource"]).iter().any(|wide| {
            let start = wide.strip_suffix('*');
            start.is_some_and(|start| wide != resource && resource.starts_with(start))
        })
    };
    let actions = list(&one["Action"]);
    one["Condition"] == other["Condition"]
        && list(&other["Action"])
            .iter()
            .all(|action| actions.contains(action))
        && list(&other["Resource"]).iter().all(is_in)
}

/// Makes one of the statements that allow the same actions, each on resources of its own.
pub(super) fn join_what_allows_the_same(statements: Vec<Value>) -> Vec<Value> {
    let mut joined: Vec<Value> = Vec::new();
    for statement in statements {
        let alike = joined.iter_mut().find(|other| {
            other["Action"] == statement["Action"] && other["Condition"] == statement["Condition"]
        });
        let Some(other) = alike else {
            joined.push(statement);
            continue;
        };
        let mut resources = list(&other["Resource"]);
        resources.extend(list(&statement["Resource"]));
        resources.sort_unstable();
        resources.dedup();
        other["Resource"] = resources.into();
    }
    joined
}

/// Returns what a policy has as one text or as several.
fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        values => values
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it.as_str().map(ToOwned::to_owned))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_another_statement_allows_on_more_is_left_out() {
        let statement = |action: &[&str], resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let wide = statement(&["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b-*/*");
        let narrow = statement(&["s3:GetObject"], "arn:aws:s3:::b-*/jobs/*");
        let other = statement(&["s3:DeleteObject"], "arn:aws:s3:::b-*/jobs/*");
        let mut statements = vec![wide.clone(), narrow.clone(), other.clone()];
        leave_out_what_others_allow(&mut statements, &[]);
        assert_eq!(statements, [wide.clone(), other]);
        let mut statements = vec![narrow];
        leave_out_what_others_allow(&mut statements, &[wide]);
        assert!(statements.is_empty());
    }

    #[test]
    fn statements_of_the_same_actions_are_one_unless_their_conditions_differ() {
        let statement = |action: &str, resource: &[&str]| json!({"Effect": "Allow", "Action": [action], "Resource": resource});
        let mut tagged = statement("apigateway:GET", &["d"]);
        tagged["Condition"] = json!({"StringEquals": {"aws:ResourceTag/a": "b"}});
        let other = statement("apigateway:PATCH", &["c"]);
        let joined = join_what_allows_the_same(vec![
            statement("apigateway:GET", &["b", "c"]),
            tagged.clone(),
            other.clone(),
            json!({"Effect": "Allow", "Action": ["apigateway:GET"], "Resource": "a"}),
        ]);
        let one = statement("apigateway:GET", &["a", "b", "c"]);
        assert_eq!(joined, [one, tagged, other]);
    }
}
