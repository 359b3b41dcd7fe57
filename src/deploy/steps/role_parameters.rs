//! How roles are made, as parameters: of the requirements stack, which keeps it for the whole deployment, and
//! with it the service role, and of the templates of functions, each of which has a role.

use crate::aws::Stack;
use crate::context::Context;

/// The parameter of the permissions boundary.
const BOUNDARY: &str = "PermissionsBoundary";

/// The parameter of the requirements stack that says below which path all of them are, and how their names
/// begin.
const PREFIX: &str = "IamPrefix";

/// The parameters of the requirements stack.
pub(super) const KEPT: [&str; 2] = [BOUNDARY, PREFIX];

/// The parameters of the template of a function.
pub(super) const OF_FUNCTION: [&str; 3] = [BOUNDARY, "RolePath", "RoleName"];

/// Returns the parameters of the requirements stack that this call says otherwise than that they stay as
/// they are.
pub(super) fn asked_for(context: &Context) -> Vec<(&'static str, String)> {
    let settings = &context.settings;
    let boundary = settings.permissions_boundary.as_ref();
    let boundary = boundary.map(|arn| (BOUNDARY, arn.to_string()));
    let prefix = settings.iam_prefix.as_ref();
    let prefix = prefix.map(|prefix| (PREFIX, prefix.to_string()));
    boundary.into_iter().chain(prefix).collect()
}

/// Notes what the requirements stack keeps.
pub(super) fn note(context: &Context, requirements: &Stack) {
    let kept = |key| {
        let kept = requirements.parameters.get(key);
        kept.filter(|value| !value.is_empty())
    };
    let mut facts = context.facts();
    facts.permissions_boundary = kept(BOUNDARY).cloned();
    facts.iam_prefix = kept(PREFIX).and_then(|prefix| prefix.parse().ok());
    let service_role = requirements.role.as_ref();
    facts.service_role = service_role.and_then(|role| role.parse().ok());
}

/// Returns the parameters for the role of a function, which is called as its stack is behind the
/// deployment's name.
pub(super) fn of_function(context: &Context, function: &str) -> [(&'static str, String); 3] {
    let path = context.iam_prefix().map(|prefix| prefix.path().to_owned());
    let [boundary, path] = [context.permissions_boundary(), path].map(Option::unwrap_or_default);
    let [for_boundary, for_path, for_name] = OF_FUNCTION;
    let name = name(context, function);
    [(for_boundary, boundary), (for_path, path), (for_name, name)]
}

/// Returns the name of the role of a function, or of what calls it; empty where CloudFormation may choose
/// one.
pub(super) fn name(context: &Context, function: &str) -> String {
    let deployment = context.settings.name.as_str();
    let region = &context.aws.region;
    let prefix = context.iam_prefix();
    prefix
        .and_then(|prefix| prefix.function_role(function, deployment, region))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::*;

    /// An earlier stack has no path and no name in its template, and its role is not made anew.
    #[test]
    fn every_function_has_a_role_that_is_made_as_it_is_told() {
        for template in [
            include_str!("../../../templates/operations.yaml"),
            include_str!("../../../templates/triggers.yaml"),
            include_str!("../../../templates/notifications.yaml"),
            include_str!("../../../templates/limits.yaml"),
        ] {
            let template: Value = serde_yaml::from_str(template).unwrap();
            let role = &template["Resources"]["Role"];
            assert_eq!(role["Type"], "AWS::IAM::Role");
            let properties = [BOUNDARY, "Path", "RoleName"];
            for (property, parameter) in properties.into_iter().zip(OF_FUNCTION) {
                let declared = &template["Parameters"][parameter];
                assert_eq!(declared["Default"], "", "{parameter}");
                let Value::Tagged(value) = &role["Properties"][property] else {
                    panic!("{property} is always the same");
                };
                assert!(value.tag == "!If", "{property}");
                let [given, without] = [1_usize, 2].map(|at| &value.value[at]);
                for (one, name) in [(given, parameter), (without, "AWS::NoValue")] {
                    let Value::Tagged(reference) = one else {
                        panic!("{property} refers to nothing");
                    };
                    assert_eq!(reference.value.as_str(), Some(name), "{property}");
                }
            }
        }
    }
}
