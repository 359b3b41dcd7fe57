//! The fields of a job description, in one table: what each holds, and what the versions of the
//! API call it. From the OpenAPI documents of Slurm 22.05, 24.11 and 26.05.

use crate::slurm::ApiVersion;
use crate::spelling;

/// What a field holds, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A whole number, plain in every version.
    Number,
    /// A whole number or no limit: plain up to v0.0.38, `{set, infinite, number}` after it.
    Limit,
    /// Words: a text with commas up to v0.0.38, a list after it.
    Words,
    /// Arguments: a list in every version.
    List,
    /// Whatever the API says, handed on as it is.
    Other,
}

/// A field of a job description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// What the newest version calls it, and so do we.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What v0.0.36 calls it, if it has it.
    v36: Option<&'static str>,
    /// What v0.0.37 and v0.0.38 call it, if they have it.
    v38: Option<&'static str>,
    /// From and to which of the later versions it is there.
    later: Option<(u32, u32)>,
    /// Between which of them it is not.
    gap: Option<(u32, u32)>,
}

impl Field {
    /// Returns what a version calls the field; nothing if it has no such field.
    pub(super) fn name_in(&self, version: ApiVersion) -> Option<&'static str> {
        match version.number() {
            ..37 => self.v36,
            37..39 => self.v38,
            number => {
                let (from, to) = self.later?;
                let number = number.min(NEWEST);
                let is_missing = self
                    .gap
                    .is_some_and(|(from, to)| (from..=to).contains(&number));
                ((from..=to).contains(&number) && !is_missing).then_some(self.name)
            }
        }
    }

    /// Returns whether a version calls it so, or any other version does.
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.v36 == Some(name) || self.v38 == Some(name)
    }
}

/// A server that is newer than we know is spoken with as the newest that we know.
const NEWEST: u32 = ApiVersion::NEWEST.number();

/// Returns the field of that name, in whatever version.
pub(super) fn field(name: &str) -> Option<&'static Field> {
    let exact = FIELDS.iter().find(|field| field.name == name);
    exact.or_else(|| FIELDS.iter().find(|field| field.is_called(name)))
}

/// Returns the known name that is most like this one.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    spelling::nearest(name, FIELDS.iter().map(|field| field.name))
}

/// A field that every version has by the same name.
const fn all(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        v36: Some(name),
        v38: Some(name),
        later: Some((39, NEWEST)),
        gap: None,
    }
}

/// A field of the later versions.
const fn later(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        v36: None,
        v38: None,
        later: Some((39, NEWEST)),
        gap: None,
    }
}

/// A field of some of the later versions.
const fn from(first: u32, last: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        later: Some((first, last)),
        ..later(name, kind)
    }
}

/// Returns in which versions a list may hold a word; nothing where all that have the list do, or
/// where it is a list of names.
pub(super) fn versions_of(field: &str, word: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let versions = match (field, word) {
        ("flags", "STEPMGR_ENABLED") | ("shared", "topo") => 41..=u32::MAX,
        ("flags", "EXTERNAL_JOB") => 43..=u32::MAX,
        ("flags", "SPREAD_SEGMENTS" | "CONSOLIDATE_SEGMENTS" | "EXPEDITED_REQUEUE") => {
            44..=u32::MAX
        }
        ("flags", "GRES_ONE_TASK_PER_SHARING") => 39..=40,
        ("memory_binding_type", "SORT") => 36..=43,
        _ => return None,
    };
    Some(versions)
}

/// A field of v0.0.36 to v0.0.38 alone.
const fn early(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        v36: Some(name),
        v38: Some(name),
        later: None,
        gap: None,
    }
}

use Kind::{Flag, Limit, List, Number, Other, Text, Words};

const FIELDS: &[Field] = &[
    all("account", Text),
    Field {
        v36: Some("account_gather_freqency"),
        ..all("account_gather_frequency", Text)
    },
    later("admin_comment", Text),
    later("allocation_node_list", Text),
    later("allocation_node_port", Number),
    all("argv", List),
    all("array", Text),
    // It crashes slurmrestd 22.05 when the job has no constraint.
    later("batch_features", Text),
    later("begin_time", Limit),
    all("burst_buffer", Text),
    Field {
        v36: None,
        ..all("cluster_constraint", Text)
    },
    later("clusters", Text),
    all("comment", Text),
    all("constraints", Text),
    Field {
        v36: None,
        ..all("container", Text)
    },
    from(40, NEWEST, "container_id", Text),
    from(45, NEWEST, "container_type", Text),
    later("contiguous", Flag),
    all("core_specification", Number),
    Field {
        gap: Some((41, 44)),
        ..all("cores_per_socket", Number)
    },
    all("cpu_binding", Text),
    later("cpu_binding_flags", Words),
    all("cpu_frequency", Text),
    all("cpus_per_task", Number),
    later("cpus_per_tres", Text),
    later("crontab", Other),
    all("current_working_directory", Text),
    later("deadline", Number),
    later("delay_boot", Number),
    all("dependency", Text),
    all("distribution", Text),
    later("distribution_plane_size", Number),
    later("end_time", Number),
    later("excluded_nodes", Words),
    early("exclusive", Text),
    later("extra", Text),
    later("flags", Words),
    early("gpus", Text),
    early("gpus_per_node", Text),
    early("gpus_per_task", Text),
    early("gres", Text),
    later("group_id", Text),
    later("hetjob_group", Number),
    all("hold", Flag),
    later("immediate", Flag),
    later("job_id", Number),
    later("kill_on_node_fail", Flag),
    later("kill_warning_delay", Limit),
    later("kill_warning_flags", Words),
    later("kill_warning_signal", Text),
    all("licenses", Text),
    all("mail_type", Words),
    all("mail_user", Text),
    later("maximum_nodes", Number),
    later("maximum_cpus", Number),
    all("mcs_label", Text),
    all("memory_binding", Text),
    later("memory_binding_type", Words),
    all("memory_per_cpu", Limit),
    all("memory_per_node", Limit),
    later("memory_per_tres", Text),
    from(45, NEWEST, "memory_update_delay", Number),
    from(45, NEWEST, "memory_update_margin", Number),
    later("minimum_boards_per_node", Number),
    later("minimum_cpus", Number),
    all("minimum_cpus_per_node", Number),
    later("minimum_nodes", Number),
    later("minimum_sockets_per_board", Number),
    all("name", Text),
    later("network", Text),
    all("nice", Number),
    later("nodes", Text),
    later("ntasks_per_tres", Number),
    from(42, NEWEST, "oom_kill_step", Number),
    all("open_mode", Words),
    later("overcommit", Flag),
    all("partition", Text),
    from(39, 44, "power_flags", Words),
    Field {
        v36: None,
        ..all("prefer", Text)
    },
    Field {
        v36: None,
        ..all("priority", Limit)
    },
    later("profile", Words),
    all("qos", Text),
    later("reboot", Flag),
    all("requeue", Flag),
    later("required_nodes", Words),
    later("required_switches", Limit),
    all("reservation", Text),
    later("reserve_ports", Number),
    from(41, 41, "resv_mpi_ports", Number),
    later("rlimits", Other),
    from(41, NEWEST, "segment_size", Number),
    later("selinux_context", Text),
    later("shared", Words),
    early("signal", Text),
    later("site_factor", Number),
    all("sockets_per_node", Number),
    later("spank_environment", List),
    all("standard_error", Text),
    Field {
        v36: Some("standard_in"),
        ..all("standard_input", Text)
    },
    Field {
        v36: Some("standard_out"),
        ..all("standard_output", Text)
    },
    from(44, NEWEST, "step_id", Other),
    all("tasks", Number),
    later("tasks_per_board", Number),
    all("tasks_per_core", Number),
    all("tasks_per_node", Number),
    all("tasks_per_socket", Number),
    later("temporary_disk_per_node", Number),
    all("thread_specification", Number),
    all("threads_per_core", Number),
    all("time_limit", Limit),
    Field {
        v36: None,
        ..all("time_minimum", Limit)
    },
    later("tres_bind", Text),
    later("tres_freq", Text),
    later("tres_per_job", Text),
    later("tres_per_node", Text),
    later("tres_per_socket", Text),
    later("tres_per_task", Text),
    later("user_id", Text),
    all("wait_all_nodes", Flag),
    later("wait_for_switch", Number),
    all("wckey", Text),
    later("x11", Words),
    later("x11_magic_cookie", Text),
    later("x11_target_host", Text),
    later("x11_target_port", Number),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_name_of_the_version() {
        let name = |field_name: &str, version| {
            field(field_name).unwrap().name_in(ApiVersion::new(version))
        };
        assert_eq!(name("standard_out", 36), Some("standard_out"));
        assert_eq!(name("standard_out", 38), Some("standard_output"));
        assert_eq!(name("standard_output", 50), Some("standard_output"));
        assert_eq!(name("excluded_nodes", 38), None);
        assert_eq!(name("gres", 42), None);
        assert_eq!(name("cores_per_socket", 42), None);
        assert_eq!(name("cores_per_socket", 45), Some("cores_per_socket"));
        assert_eq!(name("kill_warning_signal", 40), Some("kill_warning_signal"));
        assert!(field("nonsense").is_none());
    }

    /// What v0.0.42 has besides what `sbatch` writes.
    #[test]
    fn every_field_of_a_version_is_known() {
        for name in "cpu_binding_flags distribution_plane_size memory_binding_type ntasks_per_tres \
            oom_kill_step segment_size site_factor reserve_ports hetjob_group user_id group_id x11 \
            x11_magic_cookie x11_target_host x11_target_port immediate end_time maximum_cpus \
            tasks_per_board minimum_boards_per_node minimum_sockets_per_board crontab clusters \
            power_flags container_id allocation_node_list allocation_node_port"
            .split_whitespace()
        {
            let name_in = field(name).and_then(|field| field.name_in(ApiVersion::new(42)));
            assert_eq!(name_in, Some(name));
        }
    }

    #[test]
    fn a_misspelled_name_is_recognised() {
        assert_eq!(nearest("time_limitt"), Some("time_limit"));
        assert_eq!(nearest("cpu_per_task"), Some("cpus_per_task"));
        assert_eq!(nearest("zzzzzzzz"), None);
    }
}
