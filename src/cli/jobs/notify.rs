//! `--notify` of the commands that submit jobs.

use clap::Args;

use crate::error::Result;
use crate::notifications::marked;
use crate::slurm::submission::Description;

/// Whether somebody is told when a job ends.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(in crate::cli) struct NotifyArgs {
    /// Tell whom `hpcapi up --notify` has named when the job ends
    #[arg(long)]
    pub(in crate::cli) notify: bool,
}

impl NotifyArgs {
    /// Adds the wish to the options of a batch script: to the comment that it has already.
    pub(in crate::cli) fn add_to(
        self,
        options: &mut Vec<(String, String)>,
        file: &str,
        script: &str,
    ) -> Result<()> {
        if !self.notify {
            return Ok(());
        }
        let own = Description::options(file, script)?;
        let mut comments = own.iter().chain(options.iter());
        let comment = comments.rfind(|(option, _)| option == "comment");
        let comment = marked(comment.map_or("", |(_, comment)| comment));
        options.push(("comment".to_owned(), comment));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_stands_behind_the_last_comment() {
        let comment = |script: &str, given: &[&str]| {
            let given = given.iter();
            let mut options: Vec<_> = given
                .map(|it| ("comment".to_owned(), (*it).to_owned()))
                .collect();
            let args = NotifyArgs { notify: true };
            args.add_to(&mut options, "job.sh", script).unwrap();
            options.pop().unwrap().1
        };
        let script = "#!/bin/sh\n#SBATCH --comment='of the script'\n";
        assert_eq!(comment("#!/bin/sh\n", &[]), "hpcapi:notify");
        assert_eq!(comment(script, &[]), "of the script hpcapi:notify");
        assert_eq!(comment(script, &["a", "b"]), "b hpcapi:notify");
    }

    #[test]
    fn who_does_not_wish_it_adds_nothing() {
        let mut options = Vec::new();
        let args = NotifyArgs::default();
        args.add_to(&mut options, "job.sh", "#!/bin/sh\n").unwrap();
        assert_eq!(options, []);
    }
}
