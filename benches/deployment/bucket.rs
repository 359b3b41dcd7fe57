//! Emptying a bucket against the time that the server itself takes for the same requests.

use std::time::Instant;

use hpcapi::aws::{Aws, Connection as AwsConnection};

use super::Effort;
use super::ground::{Account, Ground};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::run;
use super::requests::Connection;

/// How many connections fill a bucket at once.
const WRITERS: usize = 4;

/// How many objects come over one connection: the server closes it after a thousand requests.
const A_CONNECTION: usize = 500;

pub(crate) fn compare(ground: &Ground, effort: Effort) -> Result<Vec<Comparison>> {
    let Effort {
        rounds, versions, ..
    } = effort;
    let (mut ours, mut theirs, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..rounds {
        eprintln!("a bucket with {versions} versions, round {}", number + 1);
        let account = ground.account(100 + number)?;
        ours.push(rate(versions, by_hpcapi(&account, versions)?));
        theirs.push(rate(versions, bare(&account, versions)?));
        memory.push(memory_of_teardown(&account, versions)?);
    }
    Ok(vec![
        Comparison {
            name: format!("emptying {versions} versions vs the server"),
            unit: Unit("/s"),
            ours: Figures::new(ours),
            theirs: Some(Figures::new(theirs)),
            limit: Limit::AtLeastTheirs { times: 1.0 / 1.3 },
        },
        Comparison {
            name: format!("memory of teardown with {versions} versions"),
            unit: Unit("MB"),
            ours: Figures::new(memory),
            theirs: None,
            limit: Limit::AtMost(40.0),
        },
    ])
}

fn rate(versions: usize, seconds: f64) -> f64 {
    let versions = u32::try_from(versions).unwrap_or(u32::MAX);
    f64::from(versions) / seconds
}

/// Empties a bucket with so many versions as `teardown` does, and returns in how many seconds.
fn by_hpcapi(account: &Account<'_>, versions: usize) -> Result<f64> {
    let bucket = format!("ours-{}", account.id);
    make(account, &bucket, versions)?;
    let connection = AwsConnection {
        region: Some("us-east-1".to_owned()),
        endpoint_url: Some(account.variable("AWS_ENDPOINT_URL")?.to_owned()),
        access_key: Some((account.id.clone(), "none".to_owned())),
        ..AwsConnection::default()
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let aws = Aws::connect(&connection).await?;
        let begun = Instant::now();
        let emptied = aws.buckets.empty(&bucket, |_| {}).await?;
        let took = begun.elapsed().as_secs_f64();
        if emptied.versions != versions {
            return Err(format!("{} versions were removed", emptied.versions).into());
        }
        Ok(took)
    })
}

/// Makes a deployment, puts so many versions into its bucket, removes it, and returns the most
/// memory that this took, in megabytes.
fn memory_of_teardown(account: &Account<'_>, versions: usize) -> Result<f64> {
    run(&mut account.hpcapi(&["up", "--yes"]))?;
    fill(account, &account.bucket()?, versions)?;
    Ok(run(&mut account.hpcapi(&["teardown", "--yes"]))?.peak)
}

/// Makes a bucket that keeps versions, with so many of them.
fn make(account: &Account<'_>, bucket: &str, versions: usize) -> Result<()> {
    let mut connection = Connection::open(account)?;
    connection.exchange("PUT", &format!("/{bucket}"), "")?;
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    connection.exchange("PUT", &format!("/{bucket}?versioning"), versioned)?;
    fill(account, bucket, versions)
}

/// Puts so many objects into a bucket, each of one version.
fn fill(account: &Account<'_>, bucket: &str, versions: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || -> Result<()> {
                    let numbers: Vec<_> = (writer..versions).step_by(WRITERS).collect();
                    for some in numbers.chunks(A_CONNECTION) {
                        let mut connection = Connection::open(account)?;
                        for number in some {
                            let path = format!("/{bucket}/data/{number:06}");
                            connection.exchange("PUT", &path, "x")?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for writer in writers {
            writer.join().map_err(|_| "a writer broke off")??;
        }
        Ok(())
    })
}

/// Empties a bucket with so many versions by the fewest requests, one after the other, and returns
/// how many seconds the server had them for.
fn bare(account: &Account<'_>, versions: usize) -> Result<f64> {
    let bucket = format!("bare-{}", account.id);
    make(account, &bucket, versions)?;
    let mut connection = Connection::open(account)?;
    let mut seconds = 0.0;
    loop {
        let (page, took) = connection.exchange("GET", &format!("/{bucket}?versions"), "")?;
        seconds += took.as_secs_f64();
        let page = String::from_utf8(page)?;
        let (keys, ids) = (texts(&page, "Key"), texts(&page, "VersionId"));
        if keys.is_empty() {
            return Ok(seconds);
        }
        let objects: String = keys
            .iter()
            .zip(&ids)
            .map(|(key, id)| {
                format!("<Object><Key>{key}</Key><VersionId>{id}</VersionId></Object>")
            })
            .collect();
        let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
        let (_, took) = connection.exchange("POST", &format!("/{bucket}?delete"), &body)?;
        seconds += took.as_secs_f64();
    }
}

/// Returns the texts of all elements of this name.
fn texts<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(begin.as_str()).skip(1);
    pieces
        .filter_map(|piece| Some(piece.split_once(end.as_str())?.0))
        .collect()
}
