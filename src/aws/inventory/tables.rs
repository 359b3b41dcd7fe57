//! DynamoDB tables that are named as ParallelCluster names a cluster's.

use aws_sdk_dynamodb::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, Names, text};

pub(super) async fn tables(client: &Client, names: &Names) -> Result<Vec<Item>> {
    let of_cluster =
        |cluster: &String| ["", "slurm-"].map(|infix| format!("parallelcluster-{infix}{cluster}"));
    let wanted: Vec<String> = names.clusters.iter().flat_map(of_cluster).collect();
    let mut pages = client.list_tables().into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the tables", error))?;
        let tables = page.table_names().iter();
        found.extend(tables.filter(|name| wanted.contains(name)).cloned());
    }
    let mut items = Vec::new();
    for name in found {
        items.extend(table(client, &name).await?);
    }
    Ok(items)
}

async fn table(client: &Client, name: &str) -> Result<Option<Item>> {
    let failed = || format!("cannot look at the table `{name}`");
    let is_gone = ["ResourceNotFoundException"];
    let described = match client.describe_table().table_name(name).send().await {
        Ok(answer) => answer.table,
        Err(error) if is_code(&error, &is_gone) => return Ok(None),
        Err(error) => return Err(service(failed(), error)),
    };
    let Some(table) = described else {
        return Ok(None);
    };
    let state = text(table.table_status().map(|status| status.as_str()));
    if state == "DELETING" {
        return Ok(None);
    }
    let mut item = Item {
        id: name.to_owned(),
        name: name.to_owned(),
        state,
        bytes: table
            .table_size_bytes()
            .and_then(|bytes| u64::try_from(bytes).ok()),
        ..Item::default()
    };
    let mut token = None;
    loop {
        let asked = client
            .list_tags_of_resource()
            .resource_arn(text(table.table_arn()))
            .set_next_token(token);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &is_gone) => return Ok(None),
            Err(error) => return Err(service(failed(), error)),
        };
        let tags = answer.tags().iter();
        item.tags
            .extend(tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
        token = answer.next_token;
        if token.is_none() {
            return Ok(Some(item));
        }
    }
}
