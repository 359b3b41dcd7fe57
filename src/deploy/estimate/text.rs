//! An estimate as a table of plain lines, at most 80 columns wide where names are not long.

use crate::prices::{self, money};

use super::{Completeness, During, Estimate, Nodes, Others, Usd};

/// As wide is a line.
const WIDTH: usize = 80;

/// What stands behind a price that is of another region.
const MARK: &str = " *";

impl Estimate {
    /// Returns the lines. Names in them are the user's own.
    pub fn lines(&self) -> Vec<String> {
        let in_all = match (self.during, self.completeness) {
            (During::Idleness, Completeness::Complete) => "in all, while no job runs",
            (During::Idleness, Completeness::AtLeast) => "in all, while no job runs, at least",
            (During::Rest, Completeness::Complete) => "in all, while it rests",
            (During::Rest, Completeness::AtLeast) => "in all, while it rests, at least",
        };
        let labels = self.standing.iter().map(|line| line.what.as_str());
        let width = labels
            .chain([in_all])
            .map(|label| label.chars().count())
            .max()
            .unwrap_or_default();
        let hours = self.figures(|usd| money::fine(usd.hour));
        let months = self.figures(|usd| money::amount(usd.month));
        let figures = |usd: Usd| {
            format!(
                "{:>hours$}/h  {:>months$} a month",
                money::fine(usd.hour),
                money::amount(usd.month)
            )
        };
        let mut lines = Vec::new();
        for line in &self.standing {
            let told = match (line.cost, line.note.as_str()) {
                (None, note) => note.to_owned(),
                (Some(usd), "") => figures(usd),
                (Some(usd), note) => format!("{} {note}", figures(usd)),
            };
            let mark = if self.is_of_another(&line.price_of) {
                MARK
            } else {
                ""
            };
            lines.push(format!("{:width$}  {told}{mark}", line.what));
        }
        lines.push(format!("{in_all:width$}  {}", figures(self.in_all)));
        for nodes in &self.nodes {
            lines.extend(wrapped(&nodes.clauses()));
        }
        lines.extend(self.origin());
        lines
    }

    /// Returns how wide the widest of the figures is.
    fn figures(&self, written: impl Fn(Usd) -> String) -> usize {
        let all = self.standing.iter().filter_map(|line| line.cost);
        all.chain([self.in_all])
            .map(|usd| written(usd).len())
            .max()
            .unwrap_or_default()
    }

    fn is_of_another(&self, region: &str) -> bool {
        region != self.region
    }

    /// Returns when and where the prices are of, and what is not in them.
    fn origin(&self) -> Vec<String> {
        let mut lines = wrapped(&[
            format!("list prices of {} ({})", prices::month(), self.region),
            "without data, requests, logs and taxes".to_owned(),
        ]);
        let marked = self
            .standing
            .iter()
            .any(|line| self.is_of_another(&line.price_of));
        if marked {
            lines.push("* price of us-east-1".to_owned());
        }
        lines
    }
}

impl Nodes {
    /// Returns what is said of them, to be joined by commas.
    fn clauses(&self) -> Vec<String> {
        let more = match self.others {
            Others::None => "",
            Others::Always => " more",
        };
        let nodes = if self.up_to == 1 { "node" } else { "nodes" };
        let kinds = self.instance_types.join(" or ");
        let mut clauses = vec![
            format!("{}: up to {}{more} {nodes} {kinds}", self.queue, self.up_to)
                .trim_end()
                .to_owned(),
        ];
        if let Some(usd) = self.usd_per_hour {
            clauses.push(format!("{}/h each while they run", money::fine(usd)));
        }
        if !self.note.is_empty() {
            clauses.push(self.note.to_owned());
        }
        if let Some(usd) = self.volume_usd_per_hour {
            clauses.push(format!("disk {}/h", money::fine(usd)));
        }
        clauses
    }
}

/// Returns clauses as a sentence, on a further line what has no room on the first.
fn wrapped(clauses: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for clause in clauses {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + clause.chars().count() <= WIDTH => {
                line.push_str(", ");
                line.push_str(clause);
            }
            Some(line) => {
                line.push(',');
                lines.push(format!("  {clause}"));
            }
            None => lines.push(clause.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::context::NetworkOwner;
    use crate::pcluster::config::ClusterConfig;

    use super::super::PaidNetwork;
    use super::*;

    const DEFAULT: &str = include_str!("../../../cluster-config.yaml");

    fn lines(text: &str, region: &str) -> Vec<String> {
        let config = ClusterConfig::parse(text, Path::new("my.yaml")).unwrap();
        let network = PaidNetwork {
            owner: NetworkOwner::Deployment,
            endpoint_interfaces: 0,
        };
        Estimate::of(&config, region, network).lines()
    }

    #[test]
    fn the_default_configuration_is_a_table() {
        let month = prices::month();
        let origin =
            format!("list prices of {month} (us-east-1), without data, requests, logs and taxes");
        assert_eq!(
            lines(DEFAULT, "us-east-1"),
            [
                "head node t3.small                   $0.0208/h  $15.18 a month",
                "its root volume, 45 GiB gp3          $0.0049/h   $3.60 a month",
                "its public address                   $0.0050/h   $3.65 a month",
                "NAT gateway with its public address  $0.0500/h  $36.50 a month",
                "load balancer                        $0.0225/h  $16.43 a month",
                "hosted zone of the cluster           $0.0007/h   $0.50 a month",
                "in all, while no job runs            $0.1039/h  $75.86 a month",
                "queue1: up to 10 nodes t3.micro, $0.0104/h each while they run, disk $0.0049/h",
                &origin,
            ]
        );
    }

    #[test]
    fn prices_of_another_region_are_marked_and_lines_stay_narrow() {
        let text = DEFAULT.replace("- Name: queue1", "- Name: queue1\n      CapacityType: SPOT");
        let lines = lines(&text, "ap-southeast-1");
        let wide: Vec<_> = lines.iter().filter(|line| line.len() > WIDTH).collect();
        assert_eq!(wide, Vec::<&String>::new());
        assert!(lines[0].ends_with(" a month"), "{}", lines[0]);
        let nat = lines.iter().find(|line| line.starts_with("NAT")).unwrap();
        assert!(nat.ends_with("$36.50 a month *"), "{nat}");
        assert_eq!(lines.last().unwrap(), "* price of us-east-1");
        let queue = lines
            .iter()
            .position(|line| line.starts_with("queue1"))
            .unwrap();
        assert_eq!(
            lines[queue..queue + 2],
            [
                "queue1: up to 10 nodes t3.micro, $0.0132/h each while they run,",
                "  at most, as spot costs less, disk $0.0049/h",
            ]
        );
    }

    #[test]
    fn an_unknown_price_says_why_and_the_sum_is_at_least() {
        let lines = lines(&DEFAULT.replace("t3.small", "t99.small"), "us-east-1");
        assert_eq!(
            lines[0],
            "head node t99.small                  its price in this region is not known"
        );
        let sum = lines
            .iter()
            .find(|line| line.starts_with("in all"))
            .unwrap();
        assert_eq!(
            sum,
            "in all, while no job runs, at least  $0.0831/h  $60.68 a month"
        );
    }
}
