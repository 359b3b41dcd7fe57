//! Rules, functions, queues, topics and documents, by the tag of the deployment: one service lists
//! what carries it, of all others. A thing that was deleted some minutes ago may still be told of.

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;

use crate::aws::error::service;
use crate::error::Result;

use super::{Item, Names, text};

/// As many as the service gives at once.
const PAGE: i32 = 100;

pub(super) async fn rules(client: &Client, names: &Names) -> Result<Vec<Item>> {
    // `rule/NAME`, and `rule/BUS/NAME` of another bus than the account's own.
    listed(client, names, "rules", "events:rule", |arn| {
        resource(arn)?.strip_prefix("rule/")
    })
    .await
}

pub(super) async fn functions(client: &Client, names: &Names) -> Result<Vec<Item>> {
    listed(client, names, "functions", "lambda:function", |arn| {
        resource(arn)?.strip_prefix("function:")
    })
    .await
}

pub(super) async fn queues(client: &Client, names: &Names) -> Result<Vec<Item>> {
    listed(client, names, "queues", "sqs", resource).await
}

pub(super) async fn topics(client: &Client, names: &Names) -> Result<Vec<Item>> {
    // What has a type in its ARN is no topic, but an application of mobile phones.
    let is_topic = |arn: &str| resource(arn).is_some_and(|name| !name.contains('/'));
    listed(client, names, "topics", "sns", |arn| {
        is_topic(arn).then_some(arn)
    })
    .await
}

pub(super) async fn documents(client: &Client, names: &Names) -> Result<Vec<Item>> {
    listed(client, names, "SSM documents", "ssm:document", |arn| {
        resource(arn)?.strip_prefix("document/")
    })
    .await
}

/// Returns what of a type carries the deployment's tag; `id` finds in an ARN what commands take, and
/// nothing in that of another type.
async fn listed(
    client: &Client,
    names: &Names,
    what: &str,
    resource_type: &str,
    id: impl Fn(&str) -> Option<&str>,
) -> Result<Vec<Item>> {
    let filter = TagFilter::builder()
        .key(names.tag)
        .values(&names.deployment)
        .build();
    let mut pages = client
        .get_resources()
        .tag_filters(filter)
        .resource_type_filters(resource_type)
        .resources_per_page(PAGE)
        .into_paginator()
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service(format!("cannot list the {what}"), error))?;
        for mapping in page.resource_tag_mapping_list() {
            let arn = text(mapping.resource_arn());
            let Some(id) = id(&arn) else {
                continue;
            };
            items.push(Item {
                id: id.to_owned(),
                name: resource_name(&arn),
                tags: mapping
                    .tags()
                    .iter()
                    .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
                    .collect(),
                ..Item::default()
            });
        }
    }
    Ok(items)
}

/// Returns what follows the account in an ARN.
fn resource(arn: &str) -> Option<&str> {
    arn.splitn(6, ':').nth(5).filter(|name| !name.is_empty())
}

/// Returns the last part of an ARN.
fn resource_name(arn: &str) -> String {
    let name = arn.rsplit([':', '/']).next();
    text(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::recorded::answered;
    use super::super::Kind;

    use super::*;

    fn names() -> Names {
        Names {
            deployment: "mine".to_owned(),
            bucket: String::new(),
            cluster_guids: vec![],
            tag: "hpcapi:deployment",
        }
    }

    fn page(arns: &[&str], token: &str) -> String {
        let mappings: Vec<_> = arns
            .iter()
            .map(|arn| {
                format!(
                    r#"{{"ResourceARN":"{arn}","Tags":[{{"Key":"hpcapi:deployment","Value":"mine"}}]}}"#
                )
            })
            .collect();
        let mappings = mappings.join(",");
        format!(r#"{{"PaginationToken":"{token}","ResourceTagMappingList":[{mappings}]}}"#)
    }

    async fn ids(kind: Kind, arns: &[&str]) -> Vec<(String, String)> {
        let aws = answered(&[(200, &page(arns, ""))]).await;
        let items = aws.inventory.list(kind, &names()).await.unwrap();
        items.into_iter().map(|item| (item.id, item.name)).collect()
    }

    fn both(id: &str, name: &str) -> Vec<(String, String)> {
        vec![(id.to_owned(), name.to_owned())]
    }

    #[tokio::test]
    async fn an_item_is_called_what_its_commands_take() {
        let at =
            |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:1:{resource}");
        for (kind, arn, id, name) in [
            (Kind::Rule, at("events", "rule/r"), "r", "r"),
            (Kind::Rule, at("events", "rule/bus/r"), "bus/r", "r"),
            (Kind::Function, at("lambda", "function:f"), "f", "f"),
            (Kind::Queue, at("sqs", "mine-q"), "mine-q", "mine-q"),
            (Kind::Document, at("ssm", "document/d"), "d", "d"),
            (
                Kind::Topic,
                at("sns", "t"),
                "arn:aws:sns:us-east-1:1:t",
                "t",
            ),
        ] {
            assert_eq!(ids(kind, &[&arn]).await, both(id, name), "{arn}");
        }
    }

    #[tokio::test]
    async fn what_is_of_another_type_is_left_out() {
        for (kind, arn) in [
            (Kind::Rule, "arn:aws:events:us-east-1:1:event-bus/b"),
            (Kind::Function, "arn:aws:lambda:us-east-1:1:layer:l"),
            (Kind::Topic, "arn:aws:sns:us-east-1:1:app/GCM/a"),
            (Kind::Document, "arn:aws:ssm:us-east-1:1:parameter/p"),
            (Kind::Queue, "arn:aws:sqs:us-east-1:1:"),
            (Kind::Queue, "nonsense"),
        ] {
            assert_eq!(ids(kind, &[arn]).await, [], "{arn}");
        }
    }

    #[tokio::test]
    async fn every_page_is_read_with_its_tags() {
        let first = page(&["arn:aws:sqs:us-east-1:1:a"], "more");
        let aws = answered(&[
            (200, &first),
            (200, &page(&["arn:aws:sqs:us-east-1:1:b"], "")),
        ])
        .await;
        let items = aws.inventory.list(Kind::Queue, &names()).await.unwrap();
        let found: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(found, ["a", "b"]);
        assert_eq!(items[1].tags["hpcapi:deployment"], "mine");
    }

    #[tokio::test]
    async fn a_refusal_says_what_could_not_be_listed() {
        let body = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
        let aws = answered(&[(400, body)]).await;
        let error = aws
            .inventory
            .list(Kind::Document, &names())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot list the SSM documents");
    }
}
