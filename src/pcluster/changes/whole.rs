//! All the changes from a cluster's configuration to another, as one thing to agree to and to do.

use super::super::refusal::Obstacle;
use super::{Change, Takes, told};

/// All that makes a configuration another one than the cluster's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Each change, and what it takes.
    pub all: Vec<Change>,
    /// The configuration that the cluster is to have, as `pcluster` is given it.
    pub config: String,
}

impl Changes {
    /// Returns whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns them as lines, below what they take.
    pub fn lines(&self) -> Vec<String> {
        told::lines(&self.all)
    }

    /// Returns how many there are, in words.
    pub fn count(&self) -> String {
        match self.all.len() {
            1 => "1 change of its configuration".to_owned(),
            count => format!("{count} changes of its configuration"),
        }
    }

    /// Returns whether a cluster cannot be changed so.
    pub fn need_new_cluster(&self) -> bool {
        self.any(|takes| takes == Takes::NewCluster)
    }

    /// Returns whether the compute fleet has to be stopped before.
    pub fn stop_fleet(&self) -> bool {
        self.any(Takes::stops_fleet)
    }

    /// Returns whether the login nodes have to be stopped before.
    pub fn stop_login_nodes(&self) -> bool {
        self.any(Takes::stops_login_nodes)
    }

    /// Returns whether jobs may end that run.
    pub fn end_jobs(&self) -> bool {
        self.any(|takes| takes.stops_fleet() || takes == Takes::NodesTerminated)
    }

    /// Returns whether the cluster's slurmctld is restarted: it is for whatever its configuration holds
    /// (`update_head_node.rb` of the cookbook).
    pub fn restart_slurm(&self) -> bool {
        let is_slurms = |change: &Change| change.path.starts_with("Scheduling.");
        self.all.iter().any(is_slurms)
    }

    /// Takes over what `pcluster` itself says keeps the cluster from being changed; what it does not
    /// name is not in the way.
    pub fn judge(&mut self, obstacles: &[Obstacle]) {
        for change in &mut self.all {
            let names_it = |it: &&Obstacle| names(&it.path, &change.path);
            match obstacles.iter().find(names_it) {
                Some(obstacle) => change.takes = change.takes.at_least(needed(obstacle)),
                None if change.takes == Takes::Unknown => change.takes = Takes::Live,
                None => {}
            }
        }
        let is_new = |it: &&Obstacle| !self.any_below(&it.path);
        let unforeseen: Vec<_> = obstacles.iter().filter(is_new).map(unforeseen).collect();
        self.all.extend(unforeseen);
    }

    fn any(&self, is_so: impl Fn(Takes) -> bool) -> bool {
        self.all.iter().any(|change| is_so(change.takes))
    }

    fn any_below(&self, path: &str) -> bool {
        self.all.iter().any(|change| names(path, &change.path))
    }
}

/// Returns whether `pcluster` means a change by the place of an obstacle: it names the place itself, a
/// section around it, or the list of which an item was added or removed.
fn names(obstacle: &str, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(obstacle) else {
        return false;
    };
    let is_item = rest.starts_with('[') && rest.ends_with(']') && !rest.contains("].");
    rest.is_empty() || rest.starts_with('.') || is_item
}

/// Returns what would remove an obstacle.
fn needed(obstacle: &Obstacle) -> Takes {
    let says = |words: &str| obstacle.message.to_lowercase().contains(words);
    match (says("stop the compute fleet"), says("stop the login nodes")) {
        (true, true) => Takes::AllNodesStopped,
        (true, false) => Takes::FleetStopped,
        (false, true) => Takes::LoginNodesStopped,
        (false, false) => Takes::NewCluster,
    }
}

/// Returns a change that `pcluster` sees, and we do not.
fn unforeseen(obstacle: &Obstacle) -> Change {
    Change {
        path: obstacle.path.clone(),
        from: None,
        to: None,
        takes: needed(obstacle),
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes;
    use super::*;

    const STOP: &str = "All compute nodes must be stopped. Stop the compute fleet with the pcluster \
                        update-compute-fleet command";

    fn between(from: &str, to: &str) -> Changes {
        let document = |text: &str| serde_yaml::from_str(text).unwrap();
        Changes {
            all: changes(&document(from), &document(to)),
            config: to.to_owned(),
        }
    }

    fn obstacle(path: &str, message: &str) -> Obstacle {
        Obstacle {
            path: path.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_key_that_pcluster_lets_pass_is_changed_live() {
        let mut found = between("{Own: 1}", "{Own: 2}");
        assert_eq!(found.all[0].takes, Takes::Unknown);
        found.judge(&[]);
        assert_eq!(found.all[0].takes, Takes::Live);
        assert!(!found.end_jobs() && !found.restart_slurm());
    }

    #[test]
    fn what_pcluster_says_is_in_the_way_counts() {
        let mut found = between("{Own: 1, Other: 1}", "{Own: 2, Other: 2}");
        found.judge(&[
            obstacle("Own", STOP),
            obstacle("Other", "Update currently not supported"),
        ]);
        let takes: Vec<_> = found.all.iter().map(|it| it.takes).collect();
        assert_eq!(takes, [Takes::FleetStopped, Takes::NewCluster]);
        assert!(found.need_new_cluster() && found.stop_fleet() && found.end_jobs());
    }

    #[test]
    fn an_obstacle_that_is_no_change_of_ours_is_one_more() {
        let mut found = between("{Own: 1}", "{Own: 2}");
        found.judge(&[obstacle("Scheduling.SlurmSettings.Dns", STOP)]);
        assert_eq!(found.count(), "2 changes of its configuration");
        assert!(found.restart_slurm() && found.stop_fleet());
    }

    #[test]
    fn a_whole_list_that_pcluster_names_is_each_of_its_items() {
        let queues = |names: &str| format!("{{Scheduling: {{SlurmQueues: [{names}]}}}}");
        let more = |count: u8| {
            let resource = format!("{{Name: r, InstanceType: t3.micro, MaxCount: {count}}}");
            format!("{{Name: a, ComputeResources: [{resource}]}}")
        };
        let both = format!("{}, {{Name: b}}", more(1));
        let mut found = between(&queues(&both), &queues(&more(2)));
        found.judge(&[obstacle("Scheduling.SlurmQueues", STOP)]);
        let takes: Vec<_> = found
            .all
            .iter()
            .map(|it| (it.path.as_str(), it.takes))
            .collect();
        let count = "Scheduling.SlurmQueues[a].ComputeResources[r].MaxCount";
        assert_eq!(
            takes,
            [
                (count, Takes::Live),
                ("Scheduling.SlurmQueues[b]", Takes::FleetStopped)
            ]
        );
    }

    #[test]
    fn a_place_is_not_another_that_begins_alike() {
        assert!(names("Iam.Roles", "Iam.Roles.Lambda") && names("Iam", "Iam"));
        assert!(names("Tags", "Tags[a.b]"));
        assert!(!names("Iam.Role", "Iam.Roles") && !names("Tags", "Tags[a].Value"));
    }
}
