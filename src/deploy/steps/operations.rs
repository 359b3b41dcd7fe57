//! The stack `<name>-operations`, for those who want it: routes of the HTTP API that callers with IAM
//! rights may use without a token, the function behind them, and the one SSM document that it sends.

use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::settings::Toggle;
use crate::step::Step;

use super::function_code::FunctionCode;
use super::role_parameters;
use super::stack::{self, Template};

const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/operations.yaml"),
};

/// The functions behind operations and triggers.
pub(super) const CODE: FunctionCode = FunctionCode {
    name: "operations",
    text: include_str!("../../../templates/operations/function.py"),
};

/// The type of the resource in the API stack that takes the routes.
const HTTP_API: &str = "AWS::ApiGatewayV2::Api";

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.operations_stack();
    let there = match stack::optional(context, &name, context.settings.operations).await? {
        Ok(there) => there,
        Err(state) => return Ok(state),
    };
    if context.facts().head_node.is_none() {
        return Ok(State::waiting("the head node"));
    }
    Ok(match parameters(context).await {
        Ok(parameters) => stack::state(context, &there, TEMPLATE, &parameters),
        Err(_) => State::waiting("the API"),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    if context.settings.operations == Toggle::Off {
        undo(context).await?;
        return Ok(());
    }
    let parameters = parameters(context).await?;
    if let Some(requirements) = context.requirements() {
        CODE.put(context, &requirements.bucket).await?;
    }
    let name = context.settings.name.operations_stack();
    let spec = stack::spec(context, Step::Operations, name, TEMPLATE, parameters);
    let progress = stack::progress(&context.events, Step::Operations);
    context.aws.stacks.apply(&spec, &progress).await?;
    Ok(())
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.operations_stack();
    stack::undo(context, Step::Operations, &name).await
}

async fn parameters(context: &Context) -> Result<Vec<(&'static str, String)>> {
    let api = context.settings.name.api_stack();
    let resources = context.aws.stacks.resources(&api).await?;
    let http_api = resources.into_iter().find(|one| one.kind == HTTP_API);
    let bucket = context.requirements().map(|it| it.bucket);
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    match (http_api, bucket, head_node) {
        (Some(http_api), Some(bucket), Some(head_node)) => {
            let mut all = given(http_api.physical_id, head_node, bucket);
            all.extend(role_parameters::of_function(context, "operations"));
            Ok(all)
        }
        _ => Err(Error::failed(
            "the operations path needs an API, a bucket and a head node",
        )),
    }
}

fn given(http_api: String, head_node: String, bucket: String) -> Vec<(&'static str, String)> {
    vec![
        ("HttpApi", http_api),
        ("HeadNodeInstanceID", head_node),
        ("Bucket", bucket),
        ("CodeKey", CODE.key()),
    ]
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;

    #[test]
    fn template_and_code_agree_on_parameters() {
        let declared = Declared::of(TEMPLATE);
        let mut given = given(String::new(), String::new(), String::new());
        given.extend(role_parameters::OF_FUNCTION.map(|key| (key, String::new())));
        declared.takes(&given);
    }
}
