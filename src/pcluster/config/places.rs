//! What goes where: the places of a cluster configuration that hpcapi has a value for.

/// The values that hpcapi has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// The region.
    pub region: String,
    /// The public subnet.
    pub head_node_subnet: String,
    /// The private subnets, one in each zone.
    pub compute_subnets: [String; 2],
    /// The additional security group of the head node.
    pub head_node_security_group: String,
    /// The EC2 key pair.
    pub key_name: String,
    /// The bucket.
    pub bucket: String,
    /// The S3 URI of the head node's script.
    pub node_script: String,
}

impl Values {
    pub(super) fn of(&self, place: Place) -> &str {
        match place {
            Place::Region => &self.region,
            Place::HeadNodeSubnet => &self.head_node_subnet,
            Place::ComputeSubnet(which) => &self.compute_subnets[which],
            Place::HeadNodeSecurityGroup => &self.head_node_security_group,
            Place::KeyName => &self.key_name,
            Place::Bucket => &self.bucket,
            Place::NodeScript => &self.node_script,
        }
    }
}

/// Which value goes to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Region,
    HeadNodeSubnet,
    /// The first or the second; the table says the first, and the list's order decides.
    ComputeSubnet(usize),
    HeadNodeSecurityGroup,
    KeyName,
    Bucket,
    NodeScript,
}

/// The places hpcapi has a value for, by their kind: `[]` is any item of a list.
const PLACES: &[(&str, Place)] = &[
    ("Region", Place::Region),
    ("CustomS3Bucket", Place::Bucket),
    ("HeadNode.Networking.SubnetId", Place::HeadNodeSubnet),
    (
        "HeadNode.Networking.AdditionalSecurityGroups[]",
        Place::HeadNodeSecurityGroup,
    ),
    (
        "HeadNode.Networking.SecurityGroups[]",
        Place::HeadNodeSecurityGroup,
    ),
    ("HeadNode.Ssh.KeyName", Place::KeyName),
    ("HeadNode.Iam.S3Access[].BucketName", Place::Bucket),
    (
        "HeadNode.CustomActions.OnNodeStart.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeConfigured.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeUpdated.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeStart.Sequence[].Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeConfigured.Sequence[].Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeUpdated.Sequence[].Script",
        Place::NodeScript,
    ),
    // Login nodes are reached from outside, as the head node is.
    (
        "LoginNodes.Pools[].Networking.SubnetIds[]",
        Place::HeadNodeSubnet,
    ),
    (
        "Scheduling.SlurmQueues[].Networking.SubnetIds[]",
        Place::ComputeSubnet(0),
    ),
    (
        "Scheduling.SlurmQueues[].Iam.S3Access[].BucketName",
        Place::Bucket,
    ),
    // A cluster of AWS Batch has no API: its configuration is read to say so.
    (
        "Scheduling.AwsBatchQueues[].Networking.SubnetIds[]",
        Place::ComputeSubnet(0),
    ),
];

/// What could stand at a place that hpcapi has no value for, by the end of its kind; the first
/// that fits counts.
const ADVICE: &[(&str, &str)] = &[
    (
        "LoginNodes.Pools[].Ssh.KeyName",
        "leave it out: login nodes have no key of their own since ParallelCluster 3.15",
    ),
    (
        "LoginNodes.Pools[].Networking.SubnetIds[]",
        "leave it out: a pool of login nodes has one subnet",
    ),
    (
        "Scheduling.SlurmQueues[].Networking.SubnetIds[]",
        "leave it out: hpcapi has two subnets for compute nodes, one in each zone",
    ),
    (
        "HeadNode.Networking.SecurityGroups[]",
        "move it to AdditionalSecurityGroups: SecurityGroups replaces ParallelCluster's own \
         group, so hpcapi's cannot stand there alone",
    ),
    ("SubnetId", "write a subnet id (subnet-…)"),
    ("SubnetIds[]", "write a subnet id (subnet-…)"),
    ("SecurityGroups[]", "write a security group id (sg-…)"),
    ("KeyName", "write the name of an EC2 key pair"),
    ("BucketName", "write the name of an S3 bucket"),
    (
        "Script",
        "write the s3:// or https:// address of a script for these nodes",
    ),
    (
        "InstanceType",
        "write an instance type, for example t3.micro",
    ),
    ("Ami", "write an AMI id (ami-…)"),
    ("Os", "write alinux2023"),
    ("ElasticIp", "write true, or an allocation id (eipalloc-…)"),
    ("FileSystemId", "write the id of a file system (fs-…)"),
    ("VolumeId", "write the id of a volume"),
    ("SnapshotId", "write the id of a snapshot (snap-…)"),
    ("SecretArn", "write the ARN of a secret"),
    ("Policy", "write the ARN of a policy"),
    ("Role", "write the ARN of a role"),
    ("InstanceProfile", "write the ARN of an instance profile"),
    ("KmsKeyId", "write the id of a KMS key"),
    (
        "CapacityReservationId",
        "write the id of a capacity reservation (cr-…)",
    ),
    (
        "AllowedIps",
        "write an address range, for example 10.0.0.0/16",
    ),
];

/// Returns what goes to a kind of place.
pub(super) fn place(kind: &str) -> Option<Place> {
    PLACES
        .iter()
        .find(|(place, _)| *place == kind)
        .map(|(_, place)| *place)
}

/// Returns what to do with a `CHANGE_ME` at a kind of place that hpcapi has no value for.
pub(super) fn advice(kind: &str) -> String {
    let known = |test: &dyn Fn(&str) -> bool| PLACES.iter().find(|(place, _)| test(place));
    if let Some((place, _)) = known(&|place| place.strip_suffix("[]") == Some(kind)) {
        let key = place.trim_end_matches("[]").rsplit('.').next();
        return format!("write a list: {}: [CHANGE_ME]", key.unwrap_or(place));
    }
    if let Some((place, _)) = known(&|place| kind.strip_suffix("[]") == Some(place)) {
        return format!("{place} takes one value, no list");
    }
    if let Some((place, _)) = known(&|place| place != kind && place.eq_ignore_ascii_case(kind)) {
        return format!("ParallelCluster spells it {place}");
    }
    let advice = ADVICE.iter().find(|(end, _)| kind.ends_with(end));
    advice
        .map_or("write a value of your own", |(_, text)| text)
        .to_owned()
}

/// Returns all kinds of places that hpcapi has a value for.
pub(super) fn known() -> String {
    let kinds: Vec<_> = PLACES.iter().map(|(kind, _)| *kind).collect();
    kinds.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_the_place() {
        for (kind, text) in [
            (
                "Scheduling.SlurmQueues[].Networking.SubnetIds",
                "write a list: SubnetIds: [CHANGE_ME]",
            ),
            (
                "HeadNode.Networking.SubnetId[]",
                "HeadNode.Networking.SubnetId takes one value, no list",
            ),
            (
                "Headnode.Networking.SubnetID",
                "ParallelCluster spells it HeadNode.Networking.SubnetId",
            ),
            ("Image.CustomAmi", "write an AMI id (ami-…)"),
            (
                "Scheduling.SlurmQueues[].CustomActions.OnNodeStart.Script",
                "write the s3:// or https:// address of a script for these nodes",
            ),
            ("Tags[].Value", "write a value of your own"),
        ] {
            assert_eq!(advice(kind), text);
        }
    }
}
