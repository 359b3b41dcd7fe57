//! One client for every Slurm: each command against the real Slurm 22.05, 24.11 and 26.05, with
//! jobs that really run, and one JSON for what all three say of the same state.

mod cancelling;
mod cluster;
mod curl;
mod listing;
mod logs;
mod same_answers;
mod submitting;
mod tokens;
mod waiting;

use cluster::{Cluster, SLURMS};

#[test]
fn one_client_serves_every_slurm() {
    let mut answers = Vec::new();
    for slurm in SLURMS {
        let cluster = Cluster::start(slurm);
        // It takes a minute to run out of its time, so the rest goes on beside it.
        let slow = waiting::start_a_job_without_enough_time(&cluster);
        listing::the_cluster_is_shown(&cluster);
        submitting::job_files_old_and_new_are_taken(&cluster);
        submitting::what_the_server_would_leave_out_is_refused(&cluster);
        waiting::a_wait_ends_as_its_job(&cluster);
        waiting::arrays_and_dependencies_are_waited_for(&cluster);
        cancelling::own_jobs_are_cancelled_and_others_are_not(&cluster);
        logs::the_bytes_of_a_log_come_as_they_are(&cluster);
        logs::a_log_is_followed_to_its_end(&cluster);
        listing::filters_narrow_a_list(&cluster);
        curl::the_printed_command_asks_the_same(&cluster);
        answers.extend(same_answers::every_version(&cluster));
        waiting::it_runs_out_of_time(&cluster, slow);
        tokens::a_bad_token_is_told_and_a_minted_one_is_kept(&cluster);
        tokens::revoking_ends_every_token(&cluster);
    }
    same_answers::are_equal(&answers);
}
