//! What a function takes that a template of ours makes: the types that several of them have, and what
//! is done with their stacks.

use super::resources::{LOG_DELETE, LOG_LOOK, LOG_MAKE, Type, of};

/// What is asked of CloudFormation to make, change and delete such a stack.
pub(super) const STACK_CHANGES: &[&str] = &[
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ExecuteChangeSet",
];

/// The role of a function.
pub(super) const ROLE: Type = of(
    "AWS::IAM::Role",
    &[
        "iam:CreateRole",
        "iam:PassRole",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ],
    &[
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
    ],
    &["iam:DeleteRole", "iam:DeleteRolePolicy"],
);

/// A function.
pub(super) const FUNCTION: Type = of(
    "AWS::Lambda::Function",
    &[
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:TagResource",
        "lambda:UntagResource",
    ],
    &[
        "lambda:GetFunction",
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionRecursionConfig",
        "lambda:GetFunctionScalingConfig",
        "lambda:GetRuntimeManagementConfig",
        "lambda:ListTags",
    ],
    &["lambda:DeleteFunction"],
);

/// Who else may call a function.
pub(super) const PERMISSION: Type = of(
    "AWS::Lambda::Permission",
    &["lambda:AddPermission"],
    &["lambda:GetPolicy"],
    &["lambda:RemovePermission"],
);

/// Which events come to a function or its queue.
pub(super) const RULE: Type = of(
    "AWS::Events::Rule",
    &[
        "events:PutRule",
        "events:PutTargets",
        "events:TagResource",
        "events:UntagResource",
    ],
    &[
        "events:DescribeRule",
        "events:ListTargetsByRule",
        "events:ListTagsForResource",
    ],
    &["events:DeleteRule", "events:RemoveTargets"],
);

/// Its log.
pub(super) const LOG_GROUP: Type = of("AWS::Logs::LogGroup", LOG_MAKE, LOG_LOOK, LOG_DELETE);
