//! IAM roles that are named like a deployment's, or stand below a cluster's path.

use aws_sdk_iam::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, Names};

/// As many as IAM gives at once.
const PAGE: i32 = 1000;

pub(super) async fn roles(client: &Client, names: &Names) -> Result<Vec<Item>> {
    let name = &names.deployment;
    let path = format!("/parallelcluster/{name}/");
    let prefix = format!("{name}-");
    let mut pages = client.list_roles().into_paginator().page_size(PAGE).send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the roles", error))?;
        let roles = page.roles().iter();
        let roles =
            roles.filter(|role| role.path() == path || role.role_name().starts_with(&prefix));
        found.extend(roles.map(|role| (role.role_name().to_owned(), role.path().to_owned())));
    }
    let mut items = Vec::new();
    for (name, path) in found {
        let mut pages = client
            .list_role_tags()
            .role_name(&name)
            .into_paginator()
            .send();
        let mut item = Item {
            id: name.clone(),
            name: format!("{path}{name}"),
            ..Item::default()
        };
        let mut is_there = true;
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => item.tags.extend(
                    page.tags()
                        .iter()
                        .map(|tag| (tag.key().to_owned(), tag.value().to_owned())),
                ),
                Err(error) if is_code(&error, &["NoSuchEntity", "NoSuchEntityException"]) => {
                    is_there = false;
                    break;
                }
                Err(error) => {
                    return Err(service(
                        format!("cannot look at the tags of the role `{name}`"),
                        error,
                    ));
                }
            }
        }
        if is_there {
            items.push(item);
        }
    }
    Ok(items)
}
