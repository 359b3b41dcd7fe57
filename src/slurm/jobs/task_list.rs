//! The tasks of an array that have not started, as Slurm writes them: `2-3,7-11:2%2`.

/// A list of tasks. Slurm shortens a long one with dots.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskList<'a>(pub(super) &'a str);

impl TaskList<'_> {
    /// Returns whether the list holds a task, or may hold it where it is shortened.
    pub(super) fn may_hold(self, task: u64) -> bool {
        self.parts().any(|part| match range(part) {
            Some((first, last, step)) => {
                (first..=last).contains(&task) && (task - first).is_multiple_of(step)
            }
            None => part.contains("..."),
        })
    }

    /// Returns every task; `None` when the list is shortened.
    pub(super) fn tasks(self) -> Option<Vec<u64>> {
        let mut tasks = Vec::new();
        for part in self.parts() {
            let (first, last, step) = range(part)?;
            tasks.extend((first..=last).step_by(usize::try_from(step).ok()?));
        }
        Some(tasks)
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        let tasks = self.0.split('%').next().unwrap_or_default();
        tasks.split(',')
    }
}

/// The most tasks that an array can have (MaxArraySize).
const MOST: u64 = 4_000_001;

fn range(part: &str) -> Option<(u64, u64, u64)> {
    let (range, step) = part.split_once(':').unwrap_or((part, "1"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last, step) = (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
    (step > 0 && last < MOST).then_some((first, last, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_slurm_writes_it() {
        let tasks = |text| TaskList(text).tasks();
        assert_eq!(tasks("2-3,7%2"), Some(vec![2, 3, 7]));
        assert_eq!(tasks("0-6:2,9"), Some(vec![0, 2, 4, 6, 9]));
        assert_eq!(tasks("1,3,5,..."), None);
        assert_eq!(tasks(""), None);
        assert_eq!(tasks("1-99999999999"), None);
        assert!(TaskList("0-6:2,9").may_hold(4));
        assert!(!TaskList("0-6:2,9").may_hold(5));
        assert!(TaskList("1,3,...").may_hold(77));
    }
}
