//! What a bucket is set to: who may what with it, whether it keeps old versions, and for how long.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus,
    ExpirationStatus, LifecycleExpiration, LifecycleRule as SdkRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, VersioningConfiguration,
};

use crate::error::Result;

use super::bucket::Buckets;
use super::error::{is_code, service};

/// What a bucket is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketSettings {
    /// Its policy, as JSON.
    pub policy: Option<String>,
    /// Whether nothing in it can be made public.
    pub blocks_public: bool,
    /// Whether it keeps the old versions of objects.
    pub is_versioned: bool,
    /// Whether all objects are its owner's, so that there are no ACLs.
    pub owner_enforced: bool,
    /// What goes by itself, and when.
    pub rules: Vec<LifecycleRule>,
}

/// What goes by itself from a bucket, in days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its id.
    pub id: String,
    /// Whether it is in force.
    pub is_enabled: bool,
    /// How the keys begin that it is about; empty for all.
    pub prefix: String,
    /// When objects go.
    pub expires: Option<i32>,
    /// When old versions go.
    pub old_versions_expire: Option<i32>,
    /// When unfinished uploads go.
    pub uploads_expire: Option<i32>,
}

impl LifecycleRule {
    fn from_sdk(rule: &SdkRule) -> LifecycleRule {
        let filter = rule.filter().and_then(|filter| filter.prefix());
        #[expect(
            deprecated,
            reason = "of a rule from before filters it is told like this"
        )]
        let prefix = filter.or(rule.prefix()).unwrap_or_default();
        LifecycleRule {
            id: rule.id().unwrap_or_default().to_owned(),
            is_enabled: rule.status() == &ExpirationStatus::Enabled,
            prefix: prefix.to_owned(),
            expires: rule.expiration().and_then(LifecycleExpiration::days),
            old_versions_expire: rule
                .noncurrent_version_expiration()
                .and_then(NoncurrentVersionExpiration::noncurrent_days),
            uploads_expire: rule
                .abort_incomplete_multipart_upload
                .as_ref()
                .and_then(AbortIncompleteMultipartUpload::days_after_initiation),
        }
    }

    fn to_sdk(&self) -> SdkRule {
        let status = match self.is_enabled {
            true => ExpirationStatus::Enabled,
            false => ExpirationStatus::Disabled,
        };
        let expiration = |days| LifecycleExpiration::builder().days(days).build();
        let old = |days| {
            let expiration = NoncurrentVersionExpiration::builder();
            expiration.noncurrent_days(days).build()
        };
        let uploads = |days| {
            let abort = AbortIncompleteMultipartUpload::builder();
            abort.days_after_initiation(days).build()
        };
        let filter = LifecycleRuleFilter::builder().prefix(&self.prefix).build();
        SdkRule::builder()
            .id(&self.id)
            .status(status)
            .filter(filter)
            .set_expiration(self.expires.map(expiration))
            .set_noncurrent_version_expiration(self.old_versions_expire.map(old))
            .set_abort_incomplete_multipart_upload(self.uploads_expire.map(uploads))
            .build()
            .expect("a status is given")
    }
}

impl Buckets {
    /// Returns what the bucket is set to.
    pub async fn settings(&self, bucket: &str) -> Result<BucketSettings> {
        let (policy, blocks_public, is_versioned, owner_enforced, rules) = tokio::try_join!(
            self.policy(bucket),
            self.blocks_public(bucket),
            self.is_versioned(bucket),
            self.owner_enforced(bucket),
            self.rules(bucket),
        )?;
        Ok(BucketSettings {
            policy,
            blocks_public,
            is_versioned,
            owner_enforced,
            rules: rules.iter().map(LifecycleRule::from_sdk).collect(),
        })
    }

    async fn policy(&self, bucket: &str) -> Result<Option<String>> {
        match self.0.get_bucket_policy().bucket(bucket).send().await {
            Ok(found) => Ok(found.policy),
            Err(error) if is_code(&error, &["NoSuchBucketPolicy"]) => Ok(None),
            Err(error) => Err(service(cannot("read the policy", bucket), error)),
        }
    }

    async fn blocks_public(&self, bucket: &str) -> Result<bool> {
        match self.0.get_public_access_block().bucket(bucket).send().await {
            Ok(found) => {
                let block = found.public_access_block_configuration;
                let is_whole =
                    |block: PublicAccessBlockConfiguration| block == public_access_block();
                Ok(block.is_some_and(is_whole))
            }
            Err(error) if is_code(&error, &["NoSuchPublicAccessBlockConfiguration"]) => Ok(false),
            Err(error) => Err(service(
                cannot("read the public access block", bucket),
                error,
            )),
        }
    }

    async fn is_versioned(&self, bucket: &str) -> Result<bool> {
        let found = self.0.get_bucket_versioning().bucket(bucket).send().await;
        let found = found.map_err(|error| service(cannot("read the versioning", bucket), error))?;
        Ok(found.status() == Some(&BucketVersioningStatus::Enabled))
    }

    async fn owner_enforced(&self, bucket: &str) -> Result<bool> {
        let asked = self.0.get_bucket_ownership_controls().bucket(bucket);
        match asked.send().await {
            Ok(found) => Ok(found.ownership_controls().is_some_and(|controls| {
                let mut rules = controls.rules().iter();
                rules.any(|rule| rule.object_ownership() == &ObjectOwnership::BucketOwnerEnforced)
            })),
            Err(error) if is_code(&error, &["OwnershipControlsNotFoundError"]) => Ok(false),
            Err(error) => Err(service(
                cannot("read the ownership controls", bucket),
                error,
            )),
        }
    }

    async fn rules(&self, bucket: &str) -> Result<Vec<SdkRule>> {
        let asked = self.0.get_bucket_lifecycle_configuration().bucket(bucket);
        match asked.send().await {
            Ok(found) => Ok(found.rules.unwrap_or_default()),
            Err(error) if is_code(&error, &["NoSuchLifecycleConfiguration"]) => Ok(Vec::new()),
            Err(error) => Err(service(cannot("read the lifecycle rules", bucket), error)),
        }
    }

    /// Gives the bucket this policy.
    pub async fn set_policy(&self, bucket: &str, policy: &str) -> Result<()> {
        let asked = self.0.put_bucket_policy().bucket(bucket).policy(policy);
        let set = asked.send().await;
        set.map_err(|error| service(cannot("set the policy", bucket), error))?;
        Ok(())
    }

    /// Lets nothing in the bucket be made public.
    pub async fn block_public(&self, bucket: &str) -> Result<()> {
        let asked = self.0.put_public_access_block().bucket(bucket);
        let asked = asked.public_access_block_configuration(public_access_block());
        let set = asked.send().await;
        set.map_err(|error| service(cannot("set the public access block", bucket), error))?;
        Ok(())
    }

    /// Has the bucket keep old versions.
    pub async fn keep_versions(&self, bucket: &str) -> Result<()> {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let asked = self.0.put_bucket_versioning().bucket(bucket);
        let set = asked.versioning_configuration(on.build()).send().await;
        set.map_err(|error| service(cannot("turn on the versioning", bucket), error))?;
        Ok(())
    }

    /// Has all objects in the bucket be its owner's.
    pub async fn enforce_owner(&self, bucket: &str) -> Result<()> {
        let rule = OwnershipControlsRule::builder();
        let rule = rule.object_ownership(ObjectOwnership::BucketOwnerEnforced);
        let controls = OwnershipControls::builder().rules(rule.build().expect("all is given"));
        let asked = self.0.put_bucket_ownership_controls().bucket(bucket);
        let controls = controls.build().expect("there is a rule");
        let set = asked.ownership_controls(controls).send().await;
        set.map_err(|error| service(cannot("set the ownership controls", bucket), error))?;
        Ok(())
    }

    /// Gives the bucket these rules, beside those of other ids that it has.
    pub async fn set_rules(&self, bucket: &str, rules: &[LifecycleRule]) -> Result<()> {
        let mut all = self.rules(bucket).await?;
        all.retain(|there| !rules.iter().any(|rule| there.id() == Some(&rule.id)));
        all.extend(rules.iter().map(LifecycleRule::to_sdk));
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(all));
        let configuration = configuration.build().expect("there are rules");
        let asked = self.0.put_bucket_lifecycle_configuration().bucket(bucket);
        let set = asked.lifecycle_configuration(configuration).send().await;
        set.map_err(|error| service(cannot("set the lifecycle rules", bucket), error))?;
        Ok(())
    }
}

fn public_access_block() -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build()
}

fn cannot(what: &str, bucket: &str) -> String {
    format!("cannot {what} of the bucket `{bucket}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_comes_back_as_it_was_given() {
        let rule = LifecycleRule {
            id: "old".to_owned(),
            is_enabled: true,
            prefix: "jobs/".to_owned(),
            expires: Some(7),
            old_versions_expire: Some(1),
            uploads_expire: None,
        };
        assert_eq!(LifecycleRule::from_sdk(&rule.to_sdk()), rule);
    }
}
