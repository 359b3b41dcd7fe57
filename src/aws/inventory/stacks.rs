//! CloudFormation stacks, those that are deleted left out.

use aws_sdk_cloudformation::Client;

use crate::aws::error::service;
use crate::error::Result;

use super::{Item, text};

pub(super) async fn stacks(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client.describe_stacks().into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the stacks", error))?;
        items.extend(page.stacks().iter().map(|stack| {
            Item {
                id: text(stack.stack_id()),
                name: text(stack.stack_name()),
                tags: stack
                    .tags()
                    .iter()
                    .map(|tag| (text(tag.key()), text(tag.value())))
                    .collect(),
                state: text(stack.stack_status().map(|status| status.as_str())),
                is_protected: stack.enable_termination_protection().unwrap_or_default(),
                parent: stack.parent_id().map(ToOwned::to_owned),
                ..Item::default()
            }
        }));
    }
    Ok(items)
}
