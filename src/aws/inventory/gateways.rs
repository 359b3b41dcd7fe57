//! APIs and VPC links of API Gateway.

use std::collections::BTreeMap;

use aws_sdk_apigatewayv2::Client;

use crate::aws::error::service;
use crate::error::Result;

use super::{Item, text};

/// As many as API Gateway gives at once.
const PAGE: &str = "100";

pub(super) async fn apis(client: &Client) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let asked = client.get_apis().max_results(PAGE).set_next_token(token);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| service("cannot list the APIs", error))?;
        items.extend(answer.items().iter().map(|api| Item {
            id: text(api.api_id()),
            name: text(api.name()),
            tags: api.tags().map_or_else(BTreeMap::new, sorted),
            ..Item::default()
        }));
        token = answer.next_token;
        if token.is_none() {
            return Ok(items);
        }
    }
}

pub(super) async fn vpc_links(client: &Client) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let asked = client
            .get_vpc_links()
            .max_results(PAGE)
            .set_next_token(token);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| service("cannot list the VPC links", error))?;
        for link in answer.items() {
            let state = text(link.vpc_link_status().map(|status| status.as_str()));
            if state == "DELETING" {
                continue;
            }
            items.push(Item {
                id: text(link.vpc_link_id()),
                name: text(link.name()),
                tags: link.tags().map_or_else(BTreeMap::new, sorted),
                state,
                ..Item::default()
            });
        }
        token = answer.next_token;
        if token.is_none() {
            return Ok(items);
        }
    }
}

fn sorted(tags: &std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    tags.clone().into_iter().collect()
}
