//! DynamoDB: the row in which ParallelCluster keeps the status of a cluster's compute fleet, as
//! `compute_fleet_status_manager.py` of pcluster 3.16 reads and writes it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

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
        let table = table(cluster);
        let asked = self.0.get_item().table_name(&table).key("Id", row());
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

    /// Asks for a transition of the compute fleet, `START_REQUESTED` or `STOP_REQUESTED`, if its status is
    /// still `seen`; returns whether it was. The head node does it within a minute.
    pub async fn request(&self, cluster: &str, seen: &str, asked: &str) -> Result<bool> {
        let table = table(cluster);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let request = self.0.update_item().table_name(&table).key("Id", row());
        let request = request
            .update_expression("SET #data.#status = :asked, #data.#time = :now")
            .condition_expression("#data.#status = :seen")
            .expression_attribute_names("#data", "Data")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#time", "lastStatusUpdatedTime")
            .expression_attribute_values(":asked", text(asked))
            .expression_attribute_values(":now", text(&written(Timestamp::now())))
            .expression_attribute_values(":seen", text(seen));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_code(&error, &["ConditionalCheckFailedException"]) => Ok(false),
            Err(error) => Err(service(
                format!("cannot write to the table `{table}`"),
                error,
            )),
        }
    }
}

fn table(cluster: &str) -> String {
    format!("parallelcluster-{cluster}")
}

fn row() -> AttributeValue {
    AttributeValue::S("COMPUTE_FLEET".to_owned())
}

/// Returns the moment as Python's `str(datetime)` has it, which clustermgtd reads.
fn written(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S.%6f+00:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_python_writes_it() {
        let moment: Timestamp = "2021-12-21T18:12:07.485674Z".parse().unwrap();
        assert_eq!(written(moment), "2021-12-21 18:12:07.485674+00:00");
    }
}
