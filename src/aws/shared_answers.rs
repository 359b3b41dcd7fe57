//! One answer for all who ask the same thing at the same time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex};

use tokio::sync::Mutex;

use crate::error::Result;

/// Answers by what was asked. Whoever asks gets an answer to a question that was put after it came,
/// so nobody is told what was true before; those who come while a question is under way share the
/// next one.
#[derive(Debug)]
pub(super) struct SharedAnswers<T>(SyncMutex<BTreeMap<String, Arc<Asked<T>>>>);

#[derive(Debug)]
struct Asked<T> {
    /// How many times this was asked.
    times: AtomicU64,
    last: Mutex<Last<T>>,
}

/// The newest question.
#[derive(Debug)]
struct Last<T> {
    number: u64,
    /// `None` when there is none: it was not answered, or whoever asked has gone.
    answer: Option<T>,
}

impl<T> Default for SharedAnswers<T> {
    fn default() -> Self {
        SharedAnswers(SyncMutex::default())
    }
}

impl<T: Clone> SharedAnswers<T> {
    /// Returns the answer to `what`, which `ask` asks when nobody else does.
    pub(super) async fn get(&self, what: &str, ask: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        let asked = self.of(what);
        let times = asked.times.load(Ordering::SeqCst);
        let mut last = asked.last.lock().await;
        if last.number > times {
            if let Some(answer) = &last.answer {
                return Ok(answer.clone());
            }
            // Who shares a failure would have to wait for each that asks again before it.
            drop(last);
            return ask().await;
        }
        last.number = asked.times.fetch_add(1, Ordering::SeqCst) + 1;
        last.answer = None;
        let answer = ask().await?;
        last.answer = Some(answer.clone());
        Ok(answer)
    }

    fn of(&self, what: &str) -> Arc<Asked<T>> {
        let mut all = self.0.lock().expect("nothing panics while it is held");
        let asked = all.entry(what.to_owned()).or_insert_with(|| {
            Arc::new(Asked {
                times: AtomicU64::new(0),
                last: Mutex::new(Last {
                    number: 0,
                    answer: None,
                }),
            })
        });
        Arc::clone(asked)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Semaphore;
    use tokio::{join, task::yield_now};

    use crate::error::Error;

    use super::*;

    /// Answers with how many questions there were so far, once it is let.
    struct Service {
        questions: Cell<u32>,
        let_through: Semaphore,
    }

    impl Service {
        fn closed() -> Service {
            Service {
                questions: Cell::new(0),
                let_through: Semaphore::new(0),
            }
        }

        async fn ask(&self) -> Result<u32> {
            let number = self.questions.get() + 1;
            self.questions.set(number);
            self.let_through.acquire().await.unwrap().forget();
            Ok(number)
        }
    }

    #[tokio::test]
    async fn those_who_come_while_it_is_asked_share_the_next_answer() {
        let (service, answers) = (Service::closed(), SharedAnswers::default());
        let ask = || answers.get("x", async || service.ask().await);
        let first = ask();
        let others = async {
            yield_now().await;
            assert_eq!(service.questions.get(), 1);
            let open = async { service.let_through.add_permits(2) };
            join!(ask(), ask(), ask(), open)
        };
        let (first, (second, third, fourth, ())) = join!(first, others);
        assert_eq!(first.unwrap(), 1);
        for answer in [second, third, fourth] {
            assert_eq!(answer.unwrap(), 2);
        }
        service.let_through.add_permits(1);
        assert_eq!(ask().await.unwrap(), 3, "an old answer is none");
    }

    #[tokio::test]
    async fn other_questions_do_not_wait() {
        let (service, answers) = (Service::closed(), SharedAnswers::default());
        let stuck = answers.get("x", async || service.ask().await);
        let other = async {
            yield_now().await;
            let answer = answers.get("y", async || Ok(7)).await;
            service.let_through.add_permits(1);
            answer
        };
        let (_, other) = join!(stuck, other);
        assert_eq!(other.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_failure_is_not_shared() {
        let answers = SharedAnswers::default();
        let let_through = Semaphore::new(0);
        let fail = async || {
            let_through.acquire().await.unwrap().forget();
            Err(Error::failed("no"))
        };
        let first = answers.get("x", fail);
        let second = answers.get("x", fail);
        let third = async {
            yield_now().await;
            let third = answers.get("x", async || Ok(1));
            let open = async { let_through.add_permits(2) };
            join!(third, open).0
        };
        let (first, second, third) = join!(first, second, third);
        assert!(first.is_err() && second.is_err());
        assert_eq!(third.unwrap(), 1);
    }

    #[tokio::test]
    async fn who_stops_asking_keeps_nobody_waiting() {
        let (service, answers) = (Service::closed(), SharedAnswers::default());
        {
            let mut stuck = Box::pin(answers.get("x", async || service.ask().await));
            tokio::select! {
                biased;
                _ = &mut stuck => unreachable!("nothing lets it through"),
                () = yield_now() => {}
            }
        }
        assert_eq!(answers.get("x", async || Ok(9)).await.unwrap(), 9);
    }
}
