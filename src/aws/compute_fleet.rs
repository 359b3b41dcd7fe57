//! DynamoDB: the row in which ParallelCluster keeps the status of a cluster's compute fleet, as
//! `compute_fleet_status_manager.py` of pcluster 3.16 reads and writes it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Result;

use super::error::{is_code, service};

/// The compute fleets of clusters.
#[derive(Debug, Clone)]
pub struct ComputeFleets(Client);

impl ComputeFleets {
    pub(super) fn new(client: Client) -> Self {
        ComputeFleets(client)
    }

    /// Returns the status of the compute fleet of a cluster, e.g. `RUNNING`, `STOPPED`, `PROTECTED`;
    /// `None` when there is none, as before the head node has reported.
    pub async fn status(&self, cluster: &str) -> Result<Option<String>> {
        let table = format!("parallelcluster-{cluster}");
        let row = AttributeValue::S("COMPUTE_FLEET".to_owned());
        let asked = self.0.get_item().table_name(&table).key("Id", row);
        let answer = match asked.consistent_read(true).send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => return Ok(None),
            Err(error) => return Err(service(format!("cannot read the table `{table}`"), error)),
        };
        let data = answer.item.as_ref().and_then(|item| item.get("Data"));
        let data = data.and_then(|data| data.as_m().ok());
        let status = data.and_then(|data| data.get("status"));
        Ok(status.and_then(|status| status.as_s().ok()).cloned())
    }
}
