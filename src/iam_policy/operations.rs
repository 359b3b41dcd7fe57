//! What the operations path and triggers need: whoever makes them, beside the rest of `up`, and whoever
//! calls the path.

use super::Statement;
use super::Use::{Operations, OperationsList, OperationsStack};
use super::functions::{FUNCTION, LOG_GROUP, PERMISSION, ROLE, RULE, STACK_CHANGES};
use super::resources::{API_DELETE, API_LOOK, API_MAKE, APIS, Place, Type, of, of_types};

const STACKS: &[&str] = &[
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}-operations/*",
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}-triggers/*",
];

/// Every type of resource in the templates of the operations path and of triggers that the other templates lack,
/// and those that it needs of theirs.
const TYPES: &[Type] = &[
    of(
        "AWS::SSM::Document",
        &[
            "ssm:CreateDocument",
            "ssm:UpdateDocument",
            "ssm:UpdateDocumentDefaultVersion",
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ],
        &[
            "ssm:DescribeDocument",
            "ssm:GetDocument",
            "ssm:ListTagsForResource",
        ],
        &["ssm:DeleteDocument"],
    ),
    ROLE,
    FUNCTION,
    PERMISSION,
    of(
        "AWS::ApiGatewayV2::Integration",
        API_MAKE,
        API_LOOK,
        API_DELETE,
    ),
    of("AWS::ApiGatewayV2::Route", API_MAKE, API_LOOK, API_DELETE),
    LOG_GROUP,
    of(
        "AWS::SQS::Queue",
        &[
            "sqs:CreateQueue",
            "sqs:SetQueueAttributes",
            "sqs:TagQueue",
            "sqs:UntagQueue",
        ],
        &[
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListQueueTags",
        ],
        &["sqs:DeleteQueue"],
    ),
    of(
        "AWS::SQS::QueuePolicy",
        &["sqs:SetQueueAttributes"],
        &["sqs:GetQueueAttributes"],
        &["sqs:SetQueueAttributes"],
    ),
    RULE,
    of(
        "AWS::Lambda::EventSourceMapping",
        &[
            "lambda:CreateEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
        ],
        &["lambda:GetEventSourceMapping"],
        &["lambda:DeleteEventSourceMapping"],
    ),
];

const PLACES: &[Place] = &[
    (
        "ssm:",
        ["MakeDocument", "LookAtDocument", "DeleteDocument"],
        &["arn:{partition}:ssm:{region}:{account}:document/{name}-operations"],
    ),
    (
        "iam:",
        ["MakeRole", "LookAtRole", "DeleteRole"],
        &[
            "arn:{partition}:iam::{account}:role/{functions}operations-*",
            "arn:{partition}:iam::{account}:role/{functions}triggers-*",
        ],
    ),
    (
        "lambda:",
        ["MakeFunction", "LookAtFunction", "DeleteFunction"],
        &[
            "arn:{partition}:lambda:{region}:{account}:event-source-mapping:*",
            "arn:{partition}:lambda:{region}:{account}:function:{name}-operations",
            "arn:{partition}:lambda:{region}:{account}:function:{name}-triggers",
        ],
    ),
    (
        "sqs:",
        ["MakeQueue", "LookAtQueue", "DeleteQueue"],
        &["arn:{partition}:sqs:{region}:{account}:{name}-triggers-*"],
    ),
    (
        "events:",
        ["MakeRule", "LookAtRule", "DeleteRule"],
        &["arn:{partition}:events:{region}:{account}:rule/{name}-triggers-*"],
    ),
    (
        "apigateway:",
        ["MakeRoutes", "LookAtRoutes", "DeleteRoutes"],
        APIS,
    ),
    (
        "logs:",
        ["MakeFunctionLog", "LookAtFunctionLog", "DeleteFunctionLog"],
        &["*"],
    ),
];

pub(super) fn statements() -> Vec<Statement> {
    let on = |sid, uses, actions: &[&'static str], resources| Statement {
        sid,
        uses,
        actions: actions.to_vec(),
        resources,
        condition: None,
    };
    let mut statements = of_types(&[OperationsStack], TYPES, [&[], &[]], PLACES);
    statements.extend([
        on(
            "MakeAndDeleteOperations",
            &[OperationsStack],
            STACK_CHANGES,
            STACKS,
        ),
        on(
            "SendEvents",
            &[OperationsStack],
            &[
                "s3:GetBucketNotification",
                "s3:ListBucketVersions",
                "s3:PutBucketNotification",
            ],
            &["arn:{partition}:s3:::{bucket}*"],
        ),
        on(
            "RemoveTriggers",
            &[OperationsStack],
            &["s3:DeleteObjectVersion"],
            &["arn:{partition}:s3:::{bucket}*/triggers/*"],
        ),
        // Which API it is, only AWS knows: the routes are those of the operations path alone.
        on(
            "MayList",
            &[OperationsList, Operations],
            &["execute-api:Invoke"],
            &["arn:{partition}:execute-api:{region}:{account}:*/$default/GET/operations/*"],
        ),
        on(
            "MaySubmit",
            &[Operations],
            &["execute-api:Invoke"],
            &[
                "arn:{partition}:execute-api:{region}:{account}:*/$default/POST/operations/jobs",
                "arn:{partition}:execute-api:{region}:{account}:*/$default/DELETE/operations/jobs/*",
            ],
        ),
    ]);
    statements
}

#[cfg(test)]
mod tests {
    use super::super::resources::tests::{are_all_in, are_those_of};
    use super::*;

    #[test]
    fn the_types_are_those_of_the_templates() {
        let templates = [
            include_str!("../../templates/operations.yaml"),
            include_str!("../../templates/triggers.yaml"),
        ];
        are_those_of(TYPES, &templates);
    }

    #[test]
    fn every_action_of_a_type_is_in_a_statement() {
        are_all_in(TYPES, &statements());
    }
}
