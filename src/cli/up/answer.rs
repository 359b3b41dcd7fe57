//! What `hpcapi up` answers.

use serde::Serialize;

use crate::context::Context;
use crate::deploy::{Estimate, Proof, Up};
use crate::limits::{Limits, Span, Term};
use crate::output::{self, Answer};
use crate::prices::money;
use crate::slurm::time;

#[derive(Serialize)]
pub(in crate::cli) struct UpAnswer {
    endpoint: String,
    api_version: String,
    head_node: String,
    bucket: String,
    key_name: Option<String>,
    changed: bool,
    elapsed_seconds: f64,
    /// How to get at the API from a shell, line by line.
    commands: Vec<String>,
    /// What people do next.
    next: Vec<NextAnswer>,
    /// What it costs an hour while no job runs; null where it costs nothing or prices are not wanted.
    usd_per_hour: Option<f64>,
    /// When its time is over, in UTC; null where it has no limit.
    #[serde(serialize_with = "time::serialize")]
    until: Option<u64>,
    /// How long no job may have run or waited before AWS puts it to rest; null where that has no limit.
    idle_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<ProofAnswer>,
}

#[derive(Serialize)]
struct NextAnswer {
    purpose: &'static str,
    command: String,
}

#[derive(Serialize)]
struct ProofAnswer {
    job_id: u64,
    state: String,
    nodes: String,
    output: String,
}

impl UpAnswer {
    pub(in crate::cli) fn new(
        context: &Context,
        up: Up,
        proof: Option<Proof>,
        paid: Option<Estimate>,
    ) -> UpAnswer {
        let again = &context.settings.again;
        let token = again.command("token");
        let next = [
            ("run a job", again.command("jobs submit") + " job.sh"),
            ("from programs", format!("eval \"$({token} --output env)\"")),
            (
                if paid.is_some() {
                    "stop paying"
                } else {
                    "remove it"
                },
                again.command("teardown"),
            ),
        ];
        let commands = vec![
            format!("export HPCAPI_ENDPOINT={}", up.endpoint),
            format!("export SLURM_JWT=$({token} --lifespan 3600)"),
            // The header comes through a pipe: what is in an argument, every user can see.
            format!(
                "curl -sS -H @- \"$HPCAPI_ENDPOINT/slurm/{}/partitions\" <<< \"X-SLURM-USER-TOKEN: $SLURM_JWT\"",
                up.api_version
            ),
        ];
        let Limits { term, idle } = context.facts().limits;
        UpAnswer {
            endpoint: up.endpoint,
            api_version: up.api_version,
            head_node: up.head_node,
            bucket: up.bucket,
            key_name: up.key_name,
            changed: up.changed,
            elapsed_seconds: up.elapsed.as_secs_f64(),
            commands,
            next: next
                .map(|(purpose, command)| NextAnswer { purpose, command })
                .into(),
            usd_per_hour: paid.map(|estimate| estimate.in_all.hour),
            until: term.map(Term::until),
            idle_seconds: idle.map(Span::seconds),
            proof: proof.map(|proof| ProofAnswer {
                job_id: proof.job.id,
                state: proof.job.state.to_string(),
                nodes: proof.job.nodes.unwrap_or_default(),
                output: proof.output,
            }),
        }
    }
}

impl Answer for UpAnswer {
    fn text(&self) -> String {
        let elapsed = output::human(std::time::Duration::from_secs_f64(self.elapsed_seconds));
        let what = if self.changed {
            format!("ready after {elapsed}")
        } else {
            format!("everything is ready, nothing to change (looked for {elapsed})")
        };
        let mut text = format!("{what}\n\nendpoint: {}\n\n", self.endpoint);
        for NextAnswer { purpose, command } in &self.next {
            text.push_str(&format!("{purpose:<15}{command}\n"));
        }
        if let Some(usd) = self.usd_per_hour {
            let usd = money::fine(usd);
            text.push_str(&format!(
                "\nit costs about {usd} an hour while no job runs\n"
            ));
        }
        if let Some(proof) = &self.proof {
            text.push_str(&format!(
                "\njob {} {} on {}, and printed:\n{}",
                proof.job_id, proof.state, proof.nodes, proof.output
            ));
        }
        text
    }

    fn done(&self) -> Option<String> {
        Some(format!("everything is ready at {}", self.endpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::assert_describes;
    use super::*;

    #[test]
    fn the_published_schema_has_the_keys_of_the_answer() {
        let least = || UpAnswer {
            endpoint: "https://a.execute-api.us-east-1.amazonaws.com".to_owned(),
            api_version: "v0.0.44".to_owned(),
            head_node: "i-0123456789abcdef0".to_owned(),
            bucket: "bucket".to_owned(),
            key_name: None,
            changed: true,
            elapsed_seconds: 0.5,
            commands: vec!["export A=b".to_owned()],
            next: vec![NextAnswer {
                purpose: "run a job",
                command: "hpcapi jobs submit job.sh".to_owned(),
            }],
            usd_per_hour: None,
            until: None,
            idle_seconds: None,
            proof: None,
        };
        let most = UpAnswer {
            key_name: Some("key".to_owned()),
            usd_per_hour: Some(0.13),
            until: Some(1_796_145_854),
            idle_seconds: Some(7200),
            proof: Some(ProofAnswer {
                job_id: 1,
                state: "COMPLETED".to_owned(),
                nodes: "queue1-dy-small-1".to_owned(),
                output: "hello".to_owned(),
            }),
            ..least()
        };
        assert_describes("ready", &most, &least());
    }
}
