//! Stacks that were updated with another template.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::Parameter;

/// Returns the template without these resources.
pub(super) fn without(template: &str, names: &[&str]) -> String {
    let cut = |text: String, name: &&str| without_one(&text, name);
    names.iter().fold(template.to_owned(), cut)
}

fn without_one(template: &str, name: &str) -> String {
    let head = format!("\n  {name}:\n");
    let start = template
        .find(&head)
        .unwrap_or_else(|| panic!("no resource {name}"))
        + 1;
    let body = start + head.len() - 1;
    let is_next = |line: &str| !line.is_empty() && !line.starts_with("   ");
    let length: usize = template[body..]
        .split_inclusive('\n')
        .take_while(|line| !is_next(line.trim_end()))
        .map(str::len)
        .sum();
    format!("{}{}", &template[..start], &template[body + length..])
}

/// Updates a stack to another template with the parameters it has, and waits for it.
pub(super) async fn replace(stacks: &Client, name: &str, template: &str) {
    let described = stacks.describe_stacks().stack_name(name).send().await;
    let before = described.unwrap();
    let parameters = before.stacks()[0].parameters().iter().map(|parameter| {
        Parameter::builder()
            .set_parameter_key(parameter.parameter_key.clone())
            .use_previous_value(true)
            .build()
    });
    stacks
        .update_stack()
        .stack_name(name)
        .template_body(template)
        .set_parameters(Some(parameters.collect()))
        .set_tags(before.stacks()[0].tags.clone())
        .send()
        .await
        .unwrap();
    settle(stacks, name).await;
}

/// Waits until nothing is done to a stack any more.
pub(in super::super) async fn settle(stacks: &Client, name: &str) {
    loop {
        let Ok(now) = stacks.describe_stacks().stack_name(name).send().await else {
            return;
        };
        if !now.stacks()[0]
            .stack_status()
            .unwrap()
            .as_str()
            .ends_with("_IN_PROGRESS")
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
