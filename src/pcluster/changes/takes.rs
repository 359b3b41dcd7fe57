//! What a change of a cluster takes, in words.

/// What a change of a cluster takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Takes {
    /// Nothing: jobs go on.
    Live,
    /// Each node is replaced when its job has ended: the configuration says so.
    NodesDrained,
    /// Nodes are replaced at once, with their jobs: the configuration says so.
    NodesTerminated,
    /// The login nodes have to be stopped before.
    LoginNodesStopped,
    /// The compute fleet has to be stopped before.
    FleetStopped,
    /// Both have to be stopped before.
    AllNodesStopped,
    /// A cluster cannot be changed so.
    NewCluster,
    /// ParallelCluster's table does not tell.
    Unknown,
}

impl Takes {
    /// Returns it as one word, for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Takes::Live => "live",
            Takes::NodesDrained => "nodes-drained",
            Takes::NodesTerminated => "nodes-terminated",
            Takes::LoginNodesStopped => "login-nodes-stopped",
            Takes::FleetStopped => "fleet-stopped",
            Takes::AllNodesStopped => "all-nodes-stopped",
            Takes::NewCluster => "new-cluster",
            Takes::Unknown => "unknown",
        }
    }

    /// Returns it in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Takes::Live => "live",
            Takes::NodesDrained => "live, nodes are replaced when their jobs end (DRAIN)",
            Takes::NodesTerminated => "nodes are terminated with their jobs (TERMINATE)",
            Takes::LoginNodesStopped => "the login nodes are stopped meanwhile",
            Takes::FleetStopped => "the fleet is stopped meanwhile",
            Takes::AllNodesStopped => "the fleet and the login nodes are stopped meanwhile",
            Takes::NewCluster => "a new cluster (--replace-cluster)",
            Takes::Unknown => {
                "not known: no key of ParallelCluster 3.16.1, or one that it judges itself"
            }
        }
    }

    /// Returns what it takes where `needed` is needed, too.
    pub(super) fn at_least(self, needed: Takes) -> Takes {
        match needed {
            Takes::NewCluster => Takes::NewCluster,
            _ if self == Takes::NewCluster => self,
            _ => {
                let fleet = self.stops_fleet() || needed.stops_fleet();
                let login = self.stops_login_nodes() || needed.stops_login_nodes();
                match (fleet, login) {
                    (true, true) => Takes::AllNodesStopped,
                    (true, false) => Takes::FleetStopped,
                    (false, true) => Takes::LoginNodesStopped,
                    (false, false) => self,
                }
            }
        }
    }

    /// Returns whether the compute fleet has to be stopped.
    pub fn stops_fleet(self) -> bool {
        matches!(self, Takes::FleetStopped | Takes::AllNodesStopped)
    }

    /// Returns whether the login nodes have to be stopped.
    pub fn stops_login_nodes(self) -> bool {
        matches!(self, Takes::LoginNodesStopped | Takes::AllNodesStopped)
    }
}
