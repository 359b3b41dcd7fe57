//! `hpcapi jobs usage`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::{self, Answer, Cell, CsvList, Table};
use crate::slurm::jobs::{By, Filter, Period, Usage, UsageLine};
use crate::slurm::time;

use super::super::reach::ReachArgs;
use super::super::show::{AsUserArgs, with_client};
use super::history::{AllJobs, Form};
use super::list::moment;

/// Report the core hours that jobs used, and what they cost: needs a deployment of hpcapi, or an accounting database
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// What the lines are told by, with commas between
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [ByArg::User, ByArg::Partition])]
    by: Vec<ByArg>,

    /// What ran since: a time as in 2026-11-23T08:00:00Z, or an age as in 2h
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "30d")]
    since: u64,

    /// What ran until: a time or an age
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "0s")]
    until: u64,

    /// Only jobs of this user, or of several with commas between them
    #[arg(short, long, value_delimiter = ',')]
    user: Vec<String>,

    /// Only jobs in this partition
    #[arg(short, long, value_delimiter = ',')]
    partition: Vec<String>,

    /// What an hour of a core of a partition costs in US dollars, as in queue1=0.0208
    #[arg(long, value_name = "PARTITION=USD", value_delimiter = ',', value_parser = price)]
    price: Vec<(String, f64)>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    as_user: AsUserArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// What the lines are told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ByArg {
    User,
    Account,
    Partition,
    Qos,
    /// In UTC; a job that ran on several days is divided among them.
    Day,
}

impl From<ByArg> for By {
    fn from(by: ByArg) -> By {
        match by {
            ByArg::User => By::User,
            ByArg::Account => By::Account,
            ByArg::Partition => By::Partition,
            ByArg::Qos => By::Qos,
            ByArg::Day => By::Day,
        }
    }
}

/// The report.
#[derive(Debug, Serialize)]
struct UsageAnswer {
    #[serde(skip)]
    by: Vec<By>,
    usage: Vec<UsageLine>,
    total: UsageLine,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.as_user.as_user.as_ref();
    let period = Period {
        since: args.since,
        // What will run is not known.
        until: args.until.min(time::now()),
    };
    if period.since >= period.until {
        return Err(Error::usage("the report ends before it begins")
            .hint("for example: --since 2026-11-01 --until 2026-12-01"));
    }
    let filter = Filter {
        users: args.user.clone(),
        partitions: args.partition.clone(),
        ..Filter::default()
    };
    let by: Vec<By> = args.by.iter().map(|by| (*by).into()).collect();
    let prices: BTreeMap<_, _> = args.price.iter().cloned().collect();
    with_client(&args.reach, user, async |reach, events| {
        let mut lines = Usage::new(&by, period, prices.clone());
        let mut total = Usage::new(&[], period, prices);
        let all = AllJobs::look(reach, events, &filter).await?;
        let live = all.each_forgotten(Some(period.since), &filter, |job| {
            lines.add(&job);
            total.add(&job);
            Ok(ControlFlow::Continue(()))
        });
        for job in live.await? {
            lines.add(&job);
            total.add(&job);
        }
        let unpriced: Vec<_> = lines.unpriced().collect();
        if !unpriced.is_empty() && args.output == Form::Text {
            events.warn(format!(
                "what a core costs is not known of {}: give it with --price PARTITION=USD",
                unpriced.join(", ")
            ));
        }
        print(by, &lines, &total, args.output)
    })
    .await
}

fn print(by: Vec<By>, lines: &Usage, total: &Usage, form: Form) -> Result<()> {
    if form == Form::Csv {
        let mut list = CsvList::begin();
        for line in lines.lines() {
            list.element(&line)?;
        }
        return list.end();
    }
    let answer = UsageAnswer {
        by,
        usage: lines.lines().collect(),
        total: total.lines().next().unwrap_or_default(),
    };
    match form {
        Form::Text => output::answer(&answer, output::Format::Text),
        Form::Json | Form::Csv => output::answer(&answer, output::Format::Json),
    }
}

impl Answer for UsageAnswer {
    fn text(&self) -> String {
        let mut columns = vec![
            ("USER", By::User),
            ("ACCOUNT", By::Account),
            ("PARTITION", By::Partition),
            ("QOS", By::Qos),
            ("DAY", By::Day),
        ];
        columns.retain(|(_, by)| self.by.contains(by));
        let mut heading: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        heading.extend(["JOBS", "CORE HOURS", "COST"]);
        let mut table = Table::new(&heading).numbers(&["JOBS", "CORE HOURS", "COST"]);
        for line in &self.usage {
            let told = columns.iter().map(|(_, by)| line.told_by(*by));
            let told = told.map(|told| Cell::from(told.unwrap_or("-")));
            table.row(told.chain(figures(line)));
        }
        let whole = columns.iter().enumerate();
        let whole = whole.map(|(at, _)| Cell::from(if at == 0 { "all" } else { "" }));
        table.row(whole.chain(figures(&self.total)));
        table.text()
    }
}

fn figures(line: &UsageLine) -> [Cell; 3] {
    let cost = line.cost_usd.map(|cost| format!("${cost:.2}"));
    [
        Cell::from(line.jobs.to_string()),
        Cell::from(format!("{:.2}", line.core_hours)),
        Cell::from(cost.unwrap_or_else(|| "-".to_owned())),
    ]
}

fn price(text: &str) -> Result<(String, f64)> {
    let price = text.rsplit_once('=').and_then(|(partition, price)| {
        let price: f64 = price.parse().ok()?;
        (price.is_finite() && price >= 0.0).then(|| (partition.to_owned(), price))
    });
    price.ok_or_else(|| {
        Error::usage(format!("`{text}` is no price of a partition"))
            .hint("for example --price queue1=0.0208: an hour of the instance divided by its cores")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_a_partition_and_dollars() {
        assert_eq!(price("a=b=0.5").unwrap(), ("a=b".to_owned(), 0.5));
        for bad in ["queue1", "queue1=", "queue1=-1", "queue1=NaN", "queue1=$1"] {
            assert!(price(bad).is_err(), "{bad}");
        }
    }
}
