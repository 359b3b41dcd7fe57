//! How long things usually take on AWS: resources by the one table that the sandbox is timed by, with
//! the source of each number, and steps by what is in them.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use crate::step::{Aim, Need, Step};

/// Measured and estimated times, with their sources.
const TABLE: &str = include_str!("../sandbox/hpcapi_sandbox/clock.csv");

/// What a wait condition of a cluster waits for: the boot of its head node.
const WAIT_CONDITION: &str = "AWS::CloudFormation::WaitCondition";

/// The rows that are a head node's boot.
const BOOT: [(&str, &str); 2] = [
    ("parallelcluster:head-node", "agent"),
    ("parallelcluster:head-node", "bootstrap"),
];

/// Returns how long a resource of a type usually takes; `None` where nobody knows.
pub fn of_resource(kind: &str, aim: Aim) -> Option<Duration> {
    let seconds = match (kind, aim) {
        (WAIT_CONDITION, Aim::Make) => BOOT.iter().filter_map(|row| table().get(row)).sum(),
        (_, Aim::Make) => *table().get(&(kind, "create"))?,
        (_, Aim::Remove | Aim::Rest) => *table().get(&(kind, "delete"))?,
    };
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
}

fn table() -> &'static BTreeMap<(&'static str, &'static str), f64> {
    static ROWS: OnceLock<BTreeMap<(&str, &str), f64>> = OnceLock::new();
    ROWS.get_or_init(|| {
        // Of a row only the source, which stands last, may have commas.
        let row = |line: &'static str| {
            let mut cells = line.splitn(4, ',');
            let (what, operation) = (cells.next()?, cells.next()?);
            Some(((what, operation), cells.next()?.parse().ok()?))
        };
        TABLE.lines().filter_map(row).collect()
    })
}

/// Returns how long a step usually works from when all that it needs is there. Stacks by the longest
/// way through their resources, and a few seconds for the change set; a cluster by "around 10 minutes"
/// of <https://github.com/aws/aws-parallelcluster/issues/612>, its deletion by the time its instances and
/// roles take.
pub fn of_step(step: Step, aim: Aim) -> Duration {
    let seconds = match (step, aim) {
        (Step::Requirements, Aim::Make) => 60,
        (Step::Requirements, Aim::Remove) => 120,
        (Step::NatGateway, Aim::Make) => 130,
        (Step::NatGateway, Aim::Rest) => 80,
        // The compute fleet alone.
        (Step::Cluster, Aim::Rest) => 60,
        (Step::HeadNode, Aim::Rest) => 60,
        (Step::Pcluster, Aim::Make) => 60,
        (Step::Cluster, Aim::Make) => 600,
        (Step::Cluster, Aim::Remove) => 240,
        // From when the cluster is begun: the roles of its profile come first.
        (Step::HeadNode, Aim::Make) => 240,
        (Step::Api, _) => 200,
        (Step::NodeSetup, Aim::Make) => 30,
        (Step::Target, Aim::Make) => 20,
        (Step::Operations | Step::Triggers | Step::Notifications | Step::Limits, _) => 60,
        (Step::Endpoint, Aim::Make) => 30,
        _ => 2,
    };
    Duration::from_secs(seconds)
}

/// Returns how long an update of a cluster usually takes: its head node's part, and as much again for the
/// stack around it.
pub fn of_cluster_update() -> Duration {
    let row = ("parallelcluster:head-node", "update");
    let head_node = table().get(&row).copied().unwrap_or_default();
    Duration::from_secs_f64(2.0 * head_node)
}

/// Returns how long it is to the end of a run with these unfinished steps, each with the time that it has
/// worked: the longest way through what is left.
pub fn left(aim: Aim, unfinished: &BTreeMap<Step, Duration>) -> Duration {
    let ends = unfinished.keys().map(|step| until(*step, aim, unfinished));
    ends.max().unwrap_or_default()
}

/// Returns how long it is until a step is done.
fn until(step: Step, aim: Aim, unfinished: &BTreeMap<Step, Duration>) -> Duration {
    let Some(worked) = unfinished.get(&step) else {
        return Duration::ZERO;
    };
    let done = |step| until(step, aim, unfinished);
    let begins = match aim {
        Aim::Make => {
            let met = |need: &Need| match *need {
                Need::Done(other) => done(other),
                Need::Begun(other) => {
                    let own = of_step(other, aim);
                    done(other).saturating_sub(own)
                }
            };
            step.needs().iter().map(met).max()
        }
        Aim::Remove => step.users().map(done).max(),
        Aim::Rest => match step {
            Step::HeadNode | Step::NatGateway => Some(done(Step::Cluster)),
            _ => None,
        },
    };
    begins.unwrap_or_default() + of_step(step, aim).saturating_sub(*worked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(duration: Duration) -> f64 {
        duration.as_secs_f64() / 60.0
    }

    #[test]
    fn the_slow_resources_are_known() {
        let seconds = |kind, aim| of_resource(kind, aim).map(|it| it.as_secs());
        assert_eq!(seconds("AWS::EC2::NatGateway", Aim::Make), Some(100));
        assert_eq!(seconds("AWS::EC2::NatGateway", Aim::Remove), Some(50));
        assert_eq!(seconds(WAIT_CONDITION, Aim::Make), Some(280));
        assert_eq!(seconds(WAIT_CONDITION, Aim::Remove), None);
        assert_eq!(seconds("AWS::Some::Type", Aim::Make), None);
    }

    #[test]
    fn a_run_takes_as_long_as_its_longest_way() {
        let all = |steps: &[Step]| steps.iter().map(|step| (*step, Duration::ZERO)).collect();
        let everything: BTreeMap<_, _> = all(&Step::ALL);
        let whole = left(Aim::Make, &everything);
        assert!((11.0..16.0).contains(&minutes(whole)), "{whole:?}");
        let only = all(&[Step::Requirements, Step::NatGateway]);
        assert_eq!(left(Aim::Make, &only).as_secs(), 190);
        // What has worked longer than usual is about to end.
        let late = BTreeMap::from([(Step::Cluster, Duration::from_secs(5000))]);
        assert_eq!(left(Aim::Make, &late), Duration::ZERO);
        let rest = all(&[Step::Api, Step::Cluster, Step::HeadNode, Step::NatGateway]);
        assert_eq!(left(Aim::Rest, &rest).as_secs(), 200);
        let removal = left(Aim::Remove, &everything);
        assert!((5.0..8.0).contains(&minutes(removal)), "{removal:?}");
    }
}
