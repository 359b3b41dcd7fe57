//! One client for every Slurm: each command against the real Slurm 22.05, 24.11 and 26.05, with
//! jobs that really run, and one JSON for what all three say of the same state.

mod cancelling;
mod cluster;
mod corpus;
mod curl;
mod explaining;
mod listing;
mod logins;
mod logs;
mod same_answers;
mod staged;
mod submitting;
mod tokens;
mod waiting;

use std::thread::{self, Builder};

pub(crate) use cluster::TRIXIE;

use cluster::{BOOKWORM, FORKY};
use same_answers::Answer;

/// Makes each scenario one test for each Slurm. They share its cluster, in any order: `together`
/// with others, or `alone` where those would be disturbed.
macro_rules! on_every_slurm {
    ($($how:ident $file:ident::$scenario:ident;)+) => {
        $(mod $scenario {
            use super::cluster::{BOOKWORM, FORKY, TRIXIE};
            use super::$file::$scenario;

            #[test]
            fn in_slurm_22_05() {
                BOOKWORM.$how($scenario);
            }

            #[test]
            fn in_slurm_24_11() {
                TRIXIE.$how($scenario);
            }

            #[test]
            fn in_slurm_26_05() {
                FORKY.$how($scenario);
            }
        })+
    };
}

on_every_slurm! {
    together listing::the_cluster_is_shown;
    together listing::anything_can_be_asked;
    together listing::filters_narrow_a_list;
    together submitting::job_files_old_and_new_are_taken;
    together submitting::what_the_server_would_leave_out_is_refused;
    together submitting::what_slurm_refuses_is_told;
    together waiting::a_wait_ends_as_its_job;
    together waiting::arrays_and_dependencies_are_waited_for;
    in_turns waiting::a_job_runs_out_of_time;
    together corpus::scripts_become_the_jobs_of_sbatch;
    together explaining::why_a_job_waits_is_said;
    together staged::a_run_brings_its_outputs;
    alone cancelling::own_jobs_are_cancelled;
    alone cancelling::a_foreign_job_is_left_alone;
    together logins::a_job_runs_as_after_a_login;
    together logs::the_bytes_of_a_log_come_as_they_are;
    together logs::a_log_is_followed_to_its_end;
    together curl::the_printed_command_asks_the_same;
    alone curl::printing_sends_nothing;
    together tokens::a_bad_token_is_told;
    together tokens::a_minted_token_is_kept;
    together tokens::a_token_of_the_longest_name_comes_whole;
    together tokens::a_socket_is_asked_too;
    alone tokens::revoking_ends_every_token;
}

/// Whatever speaks, one state is told in one way.
#[test]
fn one_state_has_one_json() {
    let answers: Vec<Answer> = thread::scope(|scope| {
        let each = [&BOOKWORM, &TRIXIE, &FORKY].map(|slurm| {
            // A failure names its thread, and by that its Slurm.
            let thread = Builder::new().name(format!("Slurm {}", slurm.release));
            let ask = move || slurm.together(same_answers::every_version);
            thread.spawn_scoped(scope, ask).unwrap()
        });
        each.into_iter()
            .flat_map(|one| one.join().expect("a Slurm failed"))
            .collect()
    });
    same_answers::are_equal(&answers);
}
