//! Regions: whether there is one of a name, and whether the account has enabled it.

use aws_config::{Region, SdkConfig};
use aws_sdk_ec2::Client;

use crate::error::Error;
use crate::hint::{AwsCall, Hint};

use super::error::is_code;

/// A region that every account has, and that knows of the others.
const ALWAYS_THERE: &str = "us-east-1";

/// Returns what is wrong with a region; `None` when nothing is, or it cannot be told.
pub(super) async fn problem(config: &SdkConfig, region: &str) -> Option<Error> {
    if region == ALWAYS_THERE {
        return None;
    }
    let there = aws_sdk_ec2::config::Builder::from(config)
        .region(Region::from_static(ALWAYS_THERE))
        .build();
    let asked = Client::from_conf(there).describe_regions();
    let answer = asked.all_regions(true).region_names(region).send().await;
    let other = format!("choose another region: --region {ALWAYS_THERE}");
    match answer {
        Ok(answer) => {
            let status = answer.regions().first()?.opt_in_status()?;
            (status == "not-opted-in").then(|| {
                let text = format!("the region {region} is not enabled in this account");
                Error::usage(text)
                    .hint(Hint::run(
                        AwsCall::anywhere("account enable-region")
                            .with(format!("--region-name {region}")),
                    ))
                    .hint(other)
            })
        }
        Err(error) => is_code(&error, &["InvalidParameterValue"])
            .then(|| Error::usage(format!("there is no AWS region `{region}`")).hint(other)),
    }
}
