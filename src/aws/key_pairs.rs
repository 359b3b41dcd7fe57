//! EC2 key pairs.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};

use crate::error::Result;

use super::error::{is_code, service};

/// An EC2 key pair, without its private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Its name.
    pub name: String,
    /// Its id, e.g. `key-0123`.
    pub id: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The EC2 key pair calls.
#[derive(Debug, Clone)]
pub struct KeyPairs(Client);

impl KeyPairs {
    pub(super) fn new(client: Client) -> Self {
        KeyPairs(client)
    }

    /// Returns the key pair `name`, or `None`.
    pub async fn describe(&self, name: &str) -> Result<Option<KeyPair>> {
        let answer = self.0.describe_key_pairs().key_names(name).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &["InvalidKeyPair.NotFound"]) => return Ok(None),
            Err(error) => {
                return Err(service(
                    format!("cannot look for the key pair `{name}`"),
                    error,
                ));
            }
        };
        Ok(answer.key_pairs().first().map(|pair| KeyPair {
            name: name.to_owned(),
            id: pair.key_pair_id().unwrap_or_default().to_owned(),
            tags: super::instances::tags(pair.tags()),
        }))
    }

    /// Imports the public half of a key pair, in OpenSSH's one-line form. Fine when there is one
    /// of the name: a call whose answer was lost is made twice, so look whose it is.
    pub async fn import(
        &self,
        name: &str,
        public_key: &str,
        tags: &[(String, String)],
    ) -> Result<()> {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let imported = self
            .0
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(public_key))
            .tag_specifications(
                TagSpecification::builder()
                    .resource_type(ResourceType::KeyPair)
                    .set_tags(Some(tags))
                    .build(),
            )
            .send()
            .await;
        match imported {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["InvalidKeyPair.Duplicate"]) => Ok(()),
            Err(error) => Err(service(
                format!("cannot import the key pair `{name}`"),
                error,
            )),
        }
    }

    /// Gives a key pair tags. One that it has already gets the new value.
    pub async fn tag(&self, pair: &KeyPair, tags: &[(String, String)]) -> Result<()> {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let asked = self.0.create_tags().resources(&pair.id);
        asked
            .set_tags(Some(tags))
            .send()
            .await
            .map_err(|error| service(format!("cannot tag the key pair `{}`", pair.name), error))?;
        Ok(())
    }

    /// Takes tags off a key pair; fine where it has none of these keys.
    pub async fn untag(&self, pair: &KeyPair, keys: &[String]) -> Result<()> {
        let tags = keys.iter().map(|key| Tag::builder().key(key).build());
        let asked = self.0.delete_tags().resources(&pair.id);
        let asked = asked.set_tags(Some(tags.collect()));
        asked.send().await.map_err(|error| {
            let failure = format!("cannot take tags off the key pair `{}`", pair.name);
            service(failure, error)
        })?;
        Ok(())
    }

    /// Deletes the key pair `name`; fine when there is none.
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.0
            .delete_key_pair()
            .key_name(name)
            .send()
            .await
            .map_err(|error| service(format!("cannot delete the key pair `{name}`"), error))?;
        Ok(())
    }
}
