//! Configurations to start from, for what people do with clusters.

/// A configuration to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// What a free plan of AWS takes.
    FreeTier,
    /// Programs that run on one node each, on demand and as spot instances.
    Cpu,
    /// MPI programs on several nodes, with Elastic Fabric Adapter and a placement group.
    MpiEfa,
    /// Programs that need a GPU.
    Gpu,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 4] = [Preset::FreeTier, Preset::Cpu, Preset::MpiEfa, Preset::Gpu];

    /// Returns its text, with a `CHANGE_ME` wherever `up` fills something in.
    pub fn text(self) -> &'static str {
        match self {
            Preset::FreeTier => include_str!("../../presets/free-tier.yaml"),
            Preset::Cpu => include_str!("../../presets/cpu.yaml"),
            Preset::MpiEfa => include_str!("../../presets/mpi-efa.yaml"),
            Preset::Gpu => include_str!("../../presets/gpu.yaml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::*;

    /// Returns all of a configuration but what presets are for.
    fn common(text: &str) -> Value {
        let mut document: Value = serde_yaml::from_str(text).unwrap();
        document["HeadNode"]["InstanceType"] = Value::Null;
        document["Scheduling"]["SlurmQueues"] = Value::Null;
        document
    }

    #[test]
    fn presets_differ_from_the_default_in_their_machines_alone() {
        let default = common(include_str!("../../cluster-config.yaml"));
        for preset in Preset::ALL {
            assert_eq!(common(preset.text()), default, "{preset:?}");
        }
    }
}
