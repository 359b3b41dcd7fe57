//! What notifications need: whoever makes them, beside the rest of `up`.

use super::Statement;
use super::Use::NotificationsStack;
use super::functions::{FUNCTION, LOG_GROUP, PERMISSION, ROLE, RULE, STACK_CHANGES};
use super::resources::{Place, Type, of, of_types};

const STACKS: &[&str] =
    &["arn:{partition}:cloudformation:{region}:{account}:stack/{name}-notifications/*"];

/// Every type of resource in the template of notifications.
const TYPES: &[Type] = &[
    of(
        "AWS::SNS::Topic",
        &[
            "sns:CreateTopic",
            "sns:SetTopicAttributes",
            "sns:TagResource",
            "sns:UntagResource",
        ],
        &[
            "sns:GetDataProtectionPolicy",
            "sns:GetTopicAttributes",
            "sns:ListSubscriptionsByTopic",
            "sns:ListTagsForResource",
        ],
        &["sns:DeleteTopic"],
    ),
    of(
        "AWS::SNS::TopicPolicy",
        &["sns:SetTopicAttributes"],
        &["sns:GetTopicAttributes"],
        &["sns:SetTopicAttributes"],
    ),
    of(
        "AWS::SNS::Subscription",
        &["sns:SetSubscriptionAttributes", "sns:Subscribe"],
        &["sns:GetSubscriptionAttributes"],
        &["sns:Unsubscribe"],
    ),
    RULE,
    PERMISSION,
    LOG_GROUP,
    ROLE,
    FUNCTION,
    of(
        "AWS::Lambda::EventInvokeConfig",
        &[
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:UpdateFunctionEventInvokeConfig",
        ],
        &["lambda:GetFunctionEventInvokeConfig"],
        &["lambda:DeleteFunctionEventInvokeConfig"],
    ),
];

const PLACES: &[Place] = &[
    (
        "sns:",
        ["MakeTopic", "LookAtTopic", "DeleteTopic"],
        &["arn:{partition}:sns:{region}:{account}:{name}-notifications-*"],
    ),
    (
        "events:",
        ["MakeJobRule", "LookAtJobRule", "DeleteJobRule"],
        &["arn:{partition}:events:{region}:{account}:rule/{name}-notifications-*"],
    ),
    (
        "iam:",
        ["MakeTellersRole", "LookAtTellersRole", "DeleteTellersRole"],
        &["arn:{partition}:iam::{account}:role/{functions}notifications-*"],
    ),
    (
        "lambda:",
        ["MakeTeller", "LookAtTeller", "DeleteTeller"],
        &["arn:{partition}:lambda:{region}:{account}:function:{name}-notifications"],
    ),
    (
        "logs:",
        ["MakeTellersLog", "LookAtTellersLog", "DeleteTellersLog"],
        &["*"],
    ),
];

pub(super) fn statements() -> Vec<Statement> {
    let on = |sid, actions: &[&'static str], resources| Statement {
        sid,
        uses: &[NotificationsStack],
        actions: actions.to_vec(),
        resources,
        condition: None,
    };
    let mut statements = of_types(&[NotificationsStack], TYPES, [&[], &[]], PLACES);
    statements.extend([
        on("MakeAndDeleteNotifications", STACK_CHANGES, STACKS),
        on(
            "SendEventsOfJobs",
            &["s3:GetBucketNotification", "s3:PutBucketNotification"],
            &["arn:{partition}:s3:::{bucket}*"],
        ),
    ]);
    statements
}

#[cfg(test)]
mod tests {
    use super::super::resources::tests::{are_all_in, are_those_of};
    use super::*;

    #[test]
    fn the_types_are_those_of_the_template() {
        are_those_of(TYPES, &[include_str!("../../templates/notifications.yaml")]);
    }

    #[test]
    fn every_action_of_a_type_is_in_a_statement() {
        are_all_in(TYPES, &statements());
    }
}
