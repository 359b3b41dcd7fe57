//! What a time limit needs: whoever makes it, beside the rest of `up`.

use super::Statement;
use super::Use::LimitsStack;
use super::functions::{FUNCTION, LOG_GROUP, ROLE, STACK_CHANGES};
use super::resources::{Place, Type, of, of_types};

const STACKS: &[&str] =
    &["arn:{partition}:cloudformation:{region}:{account}:stack/{name}-limits/*"];

/// Every type of resource in the template of time limits.
const TYPES: &[Type] = &[
    LOG_GROUP,
    ROLE,
    FUNCTION,
    of(
        "AWS::Scheduler::Schedule",
        &["scheduler:CreateSchedule", "scheduler:UpdateSchedule"],
        &["scheduler:GetSchedule"],
        &["scheduler:DeleteSchedule"],
    ),
];

const PLACES: &[Place] = &[
    (
        "scheduler:",
        ["MakeSchedule", "LookAtSchedule", "DeleteSchedule"],
        &["arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}-limits"],
    ),
    (
        "iam:",
        [
            "MakeRolesOfLimits",
            "LookAtRolesOfLimits",
            "DeleteRolesOfLimits",
        ],
        &["arn:{partition}:iam::{account}:role/{functions}limits-*"],
    ),
    (
        "lambda:",
        [
            "MakeFunctionOfLimits",
            "LookAtFunctionOfLimits",
            "DeleteFunctionOfLimits",
        ],
        &["arn:{partition}:lambda:{region}:{account}:function:{name}-limits"],
    ),
    (
        "logs:",
        ["MakeLogOfLimits", "LookAtLogOfLimits", "DeleteLogOfLimits"],
        &["*"],
    ),
];

pub(super) fn statements() -> Vec<Statement> {
    let mut statements = of_types(&[LimitsStack], TYPES, [&[], &[]], PLACES);
    statements.push(Statement {
        sid: "MakeAndDeleteLimits",
        uses: &[LimitsStack],
        actions: STACK_CHANGES.to_vec(),
        resources: STACKS,
        condition: None,
    });
    statements
}

#[cfg(test)]
mod tests {
    use super::super::resources::tests::{are_all_in, are_those_of};
    use super::*;

    #[test]
    fn the_types_are_those_of_the_template() {
        are_those_of(TYPES, &[include_str!("../../templates/limits.yaml")]);
    }

    #[test]
    fn every_action_of_a_type_is_in_a_statement() {
        are_all_in(TYPES, &statements());
    }
}
