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

use std::thread::{self, Builder};

use cluster::{Cluster, SLURMS, Slurm};
use same_answers::Answer;

#[test]
fn one_client_serves_every_slurm() {
    // A failure names its thread, and by that its Slurm.
    let answers: Vec<Answer> = thread::scope(|scope| {
        let each = SLURMS.map(|slurm| {
            let thread = Builder::new().name(format!("Slurm {}", slurm.release));
            thread.spawn_scoped(scope, move || serve(slurm)).unwrap()
        });
        each.into_iter()
            .flat_map(|one| one.join().expect("a Slurm failed"))
            .collect()
    });
    same_answers::are_equal(&answers);
}

fn serve(slurm: Slurm) -> Vec<Answer> {
    let cluster = Cluster::start(slurm);
    // It takes a minute to run out of its time, so the rest goes on beside it.
    let slow = waiting::start_a_job_without_enough_time(&cluster);
    listing::the_cluster_is_shown(&cluster);
    listing::anything_can_be_asked(&cluster);
    submitting::job_files_old_and_new_are_taken(&cluster);
    submitting::what_the_server_would_leave_out_is_refused(&cluster);
    submitting::what_slurm_refuses_is_told(&cluster);
    waiting::a_wait_ends_as_its_job(&cluster);
    waiting::arrays_and_dependencies_are_waited_for(&cluster);
    cancelling::own_jobs_are_cancelled(&cluster);
    logs::the_bytes_of_a_log_come_as_they_are(&cluster);
    logs::a_log_is_followed_to_its_end(&cluster);
    listing::filters_narrow_a_list(&cluster);
    curl::the_printed_command_asks_the_same(&cluster);
    curl::printing_sends_nothing(&cluster);
    let answers = same_answers::every_version(&cluster);
    waiting::it_runs_out_of_time(&cluster, &slow);
    cancelling::a_foreign_job_is_left_alone(&cluster);
    tokens::a_bad_token_is_told(&cluster);
    tokens::a_minted_token_is_kept(&cluster);
    tokens::a_socket_is_asked_too(&cluster);
    tokens::revoking_ends_every_token(&cluster);
    answers
}
