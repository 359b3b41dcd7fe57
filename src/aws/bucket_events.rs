//! Events of a bucket: whether S3 tells EventBridge of what comes into it.

use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};

use crate::error::Result;

use super::bucket::Buckets;
use super::error::service;

impl Buckets {
    /// Returns whether a bucket tells EventBridge of its objects.
    pub async fn sends_events(&self, bucket: &str) -> Result<bool> {
        let there = self.notifications(bucket).await?;
        Ok(there.event_bridge_configuration.is_some())
    }

    /// Has a bucket tell EventBridge of its objects, beside whom it tells already.
    pub async fn send_events(&self, bucket: &str) -> Result<()> {
        let mut wanted = self.notifications(bucket).await?;
        if wanted.event_bridge_configuration.is_some() {
            return Ok(());
        }
        wanted.event_bridge_configuration = Some(EventBridgeConfiguration::builder().build());
        let request = self.0.put_bucket_notification_configuration();
        let request = request.bucket(bucket).notification_configuration(wanted);
        let doing = || format!("cannot have the bucket `{bucket}` send events");
        let sent = request.send().await;
        sent.map(|_| ()).map_err(|error| service(doing(), error))
    }

    async fn notifications(&self, bucket: &str) -> Result<NotificationConfiguration> {
        let request = self.0.get_bucket_notification_configuration();
        let doing = || format!("cannot look whether the bucket `{bucket}` sends events");
        let found = request.bucket(bucket).send().await;
        let found = found.map_err(|error| service(doing(), error))?;
        Ok(NotificationConfiguration::builder()
            .set_topic_configurations(found.topic_configurations)
            .set_queue_configurations(found.queue_configurations)
            .set_lambda_function_configurations(found.lambda_function_configurations)
            .set_event_bridge_configuration(found.event_bridge_configuration)
            .build())
    }
}
