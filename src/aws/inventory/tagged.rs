//! What is found by the tag of the deployment, or by that of its cluster: one service lists what
//! carries it, of all others. A thing that was deleted some minutes ago may still be told of.

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;

use crate::aws::TAG_CLUSTER;
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
    let id = |arn: &str| {
        resource(arn)?
            .strip_prefix("function:")
            .map(ToOwned::to_owned)
    };
    let mut items = Vec::new();
    for tag in [names.tag, TAG_CLUSTER] {
        let wanted = Wanted {
            tag,
            what: "functions",
            resource_type: "lambda:function",
        };
        items.extend(carrying(client, names, &wanted, id).await?);
    }
    Ok(items)
}

/// A type of which a cluster may consist beside what the services themselves list.
pub(super) struct OfCluster {
    /// What it is, in the plural.
    what: &'static str,
    /// Its type in the words of the service.
    resource_type: &'static str,
    /// How its ARNs go on behind the account.
    prefix: &'static str,
}

const fn of_type(
    what: &'static str,
    resource_type: &'static str,
    prefix: &'static str,
) -> OfCluster {
    OfCluster {
        what,
        resource_type,
        prefix,
    }
}

// CloudWatch's filter has no word for dashboards: it lists alarms and them, told by their ARN.
pub(super) const ALARMS: OfCluster = of_type("alarms", "cloudwatch", "alarm:");
pub(super) const DASHBOARDS: OfCluster = of_type("dashboards", "cloudwatch", "dashboard/");
pub(super) const AUTO_SCALING_GROUPS: OfCluster = of_type(
    "Auto Scaling groups",
    "autoscaling:autoScalingGroup",
    "autoScalingGroup:",
);
pub(super) const LAUNCH_TEMPLATES: OfCluster = of_type(
    "launch templates",
    "ec2:launch-template",
    "launch-template/",
);
pub(super) const FILE_SYSTEMS: OfCluster = of_type(
    "file systems",
    "elasticfilesystem:file-system",
    "file-system/",
);
pub(super) const FSX_FILE_SYSTEMS: OfCluster =
    of_type("FSx file systems", "fsx:file-system", "file-system/");
pub(super) const PLACEMENT_GROUPS: OfCluster = of_type(
    "placement groups",
    "ec2:placement-group",
    "placement-group/",
);

pub(super) async fn of_cluster(
    client: &Client,
    names: &Names,
    kind: OfCluster,
) -> Result<Vec<Item>> {
    let id = |arn: &str| {
        let id = resource(arn)?.strip_prefix(kind.prefix)?;
        // `UUID:autoScalingGroupName/NAME`
        let name = id.rsplit_once("autoScalingGroupName/");
        Some(name.map_or(id, |(_, name)| name).to_owned())
    };
    let wanted = Wanted {
        tag: TAG_CLUSTER,
        what: kind.what,
        resource_type: kind.resource_type,
    };
    carrying(client, names, &wanted, id).await
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

pub(super) async fn parameters(client: &Client, names: &Names) -> Result<Vec<Item>> {
    // A path begins with a slash, which is left out where it has no other one.
    let id = |arn: &str| {
        let path = resource(arn)?.strip_prefix("parameter")?;
        let name = path.strip_prefix('/')?;
        Some(if name.contains('/') { path } else { name }.to_owned())
    };
    let wanted = Wanted {
        tag: names.tag,
        what: "SSM parameters",
        resource_type: "ssm:parameter",
    };
    carrying(client, names, &wanted, id).await
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
    let id = |arn: &str| id(arn).map(ToOwned::to_owned);
    let wanted = Wanted {
        tag: names.tag,
        what,
        resource_type,
    };
    carrying(client, names, &wanted, id).await
}

/// What the list of tags is asked for.
struct Wanted<'w> {
    /// The key of the tag that holds the deployment's name.
    tag: &'w str,
    /// What it is, in the plural.
    what: &'w str,
    /// Its type in the words of the service.
    resource_type: &'w str,
}

async fn carrying(
    client: &Client,
    names: &Names,
    wanted: &Wanted<'_>,
    id: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Item>> {
    let what = wanted.what;
    let values = match wanted.tag {
        TAG_CLUSTER => names.clusters.clone(),
        _ => vec![names.deployment.clone()],
    };
    let filter = TagFilter::builder()
        .key(wanted.tag)
        .set_values(Some(values))
        .build();
    let mut pages = client
        .get_resources()
        .tag_filters(filter)
        .resource_type_filters(wanted.resource_type)
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
                id,
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
            clusters: vec!["mine".to_owned()],
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
        let aws = answered(&[(200, &page(arns, "")), (200, &page(&[], ""))]).await;
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
            (Kind::Parameter, at("ssm", "parameter/p"), "p", "p"),
            (
                Kind::Parameter,
                at("ssm", "parameter/hpcapi/mine/bucket"),
                "/hpcapi/mine/bucket",
                "bucket",
            ),
            (Kind::Alarm, at("cloudwatch", "alarm:a b"), "a b", "a b"),
            (
                Kind::Dashboard,
                "arn:aws:cloudwatch::1:dashboard/mine-us-east-1".to_owned(),
                "mine-us-east-1",
                "mine-us-east-1",
            ),
            (
                Kind::AutoScalingGroup,
                at(
                    "autoscaling",
                    "autoScalingGroup:0-1:autoScalingGroupName/mine-pool",
                ),
                "mine-pool",
                "mine-pool",
            ),
            (
                Kind::FileSystem,
                at("elasticfilesystem", "file-system/fs-1"),
                "fs-1",
                "fs-1",
            ),
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
            (Kind::Parameter, "arn:aws:ssm:us-east-1:1:document/d"),
            (Kind::Queue, "arn:aws:sqs:us-east-1:1:"),
            (Kind::Queue, "nonsense"),
            (Kind::Alarm, "arn:aws:cloudwatch::1:dashboard/d"),
            (Kind::Dashboard, "arn:aws:cloudwatch:us-east-1:1:alarm:a"),
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
