//! The policies as questions to IAM's simulation: may somebody do this, on that, and in which
//! circumstances?

use super::{Scope, Use, all_statements};

/// Actions that are needed together on any of these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The actions; patterns are left out, as IAM simulates none.
    pub actions: Vec<String>,
    /// The resources as ARNs or `*`.
    pub resources: Vec<String>,
    /// What is so when they are asked for.
    pub circumstances: Vec<Key>,
}

/// A key that conditions look at, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether it holds a list.
    pub is_list: bool,
}

/// Returns what has to be allowed for a use.
pub fn questions(wanted: Use, scope: &Scope) -> Vec<Question> {
    all_statements()
        .filter(|statement| statement.serves(wanted))
        .map(|statement| {
            let region = Key {
                name: "aws:RequestedRegion".to_owned(),
                values: vec![scope.region.clone()],
                is_list: false,
            };
            let own = statement
                .condition
                .filter(|(_, key, _)| *key != region.name)
                .map(|(operator, key, values)| Key {
                    name: scope.fill(key),
                    // The key holds one of the values that are allowed.
                    values: scope.fill_all(&values[..1]),
                    is_list: operator.starts_with("ForAnyValue:"),
                });
            Question {
                actions: statement
                    .actions
                    .iter()
                    .filter(|action| !action.contains('*'))
                    .map(ToString::to_string)
                    .collect(),
                resources: scope.fill_all(statement.resources),
                circumstances: [region].into_iter().chain(own).collect(),
            }
        })
        .filter(|question| !question.actions.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_no_patterns_of_actions_and_nothing_to_fill() {
        let scope = Scope {
            name: "mine".parse().unwrap(),
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        for wanted in [Use::Up, Use::Stacks, Use::Pcluster] {
            let questions = questions(wanted, &scope);
            let text = format!("{questions:?}");
            assert!(questions.len() > 5, "{text}");
            assert!(!text.contains("\"{") && !text.contains("s3:*"), "{text}");
            assert!(text.contains("eu-west-1"), "{text}");
        }
    }
}
