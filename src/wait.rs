//! The one place that sleeps: polling with a pace that is tight after an action and slower
//! with age, jittered so that several pollers do not ask at once, and together below a rate.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A pace of questions, until a deadline: each pause is a share of the time that has passed, so that
/// an end is noticed late by no more than that share of what it took.
#[derive(Debug, Clone)]
pub struct Pace {
    begun: Instant,
    share: f64,
    shortest: Duration,
    longest: Duration,
    /// The least that the next pause may be, once.
    least: Duration,
    deadline: Instant,
}

impl Pace {
    /// Returns a pace for things that take minutes: 0.3 s at first, then 2 % of the time that has
    /// passed, at most 5 s.
    pub fn minutes(limit: Duration) -> Self {
        Pace::new(0.02, Duration::from_millis(300), limit)
    }

    /// Returns a pace for things that take seconds: 80 ms at first, then 5 % of the time that has
    /// passed, at most 5 s.
    pub fn seconds(limit: Duration) -> Self {
        Pace::new(0.05, Duration::from_millis(80), limit)
    }

    /// Returns a pace for trying again what failed: 0.2 s at first, about twice as long each time,
    /// at most 5 s.
    pub fn retries(limit: Duration) -> Self {
        Pace::new(1.0, Duration::from_millis(200), limit)
    }

    /// Makes the next pause no shorter than this.
    pub fn wait_at_least(&mut self, pause: Duration) {
        self.least = pause;
    }

    fn new(share: f64, shortest: Duration, limit: Duration) -> Self {
        let begun = Instant::now();
        Pace {
            begun,
            share,
            shortest,
            longest: Duration::from_secs(5),
            least: Duration::ZERO,
            deadline: begun + limit,
        }
    }

    /// Sleeps once.
    pub async fn pause(pause: Duration) {
        sleep(pause).await;
    }

    /// Sleeps until the next question is due; returns false once the deadline has passed.
    pub async fn next(&mut self) -> bool {
        match self.pause_at(Instant::now()) {
            Some(pause) => {
                sleep(pause).await;
                true
            }
            None => false,
        }
    }

    /// Returns the pause that begins `now`; `None` once the deadline has passed.
    fn pause_at(&mut self, now: Instant) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(now);
        if left.is_zero() {
            return None;
        }
        let least = std::mem::take(&mut self.least);
        let passed = now.saturating_duration_since(self.begun);
        let pause = passed
            .mul_f64(self.share)
            .clamp(self.shortest, self.longest);
        Some(pause.mul_f64(jitter()).max(least).min(left))
    }
}

/// Waits for something, and for so long at most; returns `None` when it did not come.
pub async fn within<T>(limit: Duration, something: impl Future<Output = T>) -> Option<T> {
    timeout(limit, something).await.ok()
}

/// Keeps several waits together below what a service allows: a burst of questions, and then so many
/// a second.
#[derive(Debug)]
pub struct RateLimit {
    burst: u32,
    interval: Duration,
    /// When all that was let through would have been asked at one question an interval.
    spent: Mutex<Instant>,
}

impl RateLimit {
    /// Returns a limit of `burst` questions at once and one more in each `interval`.
    pub fn new(burst: u32, interval: Duration) -> Self {
        RateLimit {
            burst,
            interval,
            spent: Mutex::new(Instant::now()),
        }
    }

    /// Sleeps until one more question may be asked.
    pub async fn pass(&self) {
        let due = self.due_at(Instant::now());
        sleep_until(due).await;
    }

    /// Returns when the next question after `now` may be asked, and counts it.
    fn due_at(&self, now: Instant) -> Instant {
        let mut spent = self.spent.lock().expect("nothing panics while it is held");
        *spent = (*spent).max(now) + self.interval;
        let due = spent.checked_sub(self.interval * self.burst);
        due.map_or(now, |due| due.max(now))
    }
}

/// Returns a factor between 0.8 and 1.2, from the clock's lowest digits.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    0.8 + f64::from(nanos % 1000) / 2500.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pauses of a pace until its deadline, and when each began.
    fn pauses(pace: &mut Pace) -> Vec<(Duration, Duration)> {
        let mut now = pace.begun;
        let mut pauses = Vec::new();
        while let Some(pause) = pace.pause_at(now) {
            pauses.push((now - pace.begun, pause));
            now += pause;
        }
        let overshoot = now.saturating_duration_since(pace.deadline);
        assert!(overshoot < Duration::from_millis(1), "{overshoot:?}");
        pauses
    }

    #[test]
    fn an_end_is_noticed_within_a_share_of_the_time_it_took() {
        let mut pace = Pace::minutes(Duration::from_secs(600));
        let pauses = pauses(&mut pace);
        assert!(pauses[0].1 < Duration::from_millis(400));
        for (begun, pause) in &pauses {
            let most = begun.mul_f64(0.025).max(Duration::from_millis(400));
            assert!(*pause <= most, "{pause:?} after {begun:?}");
        }
        let last = pauses[pauses.len() - 2].1;
        assert!(last > Duration::from_secs(3), "{last:?}");
        // On average one in two seconds, of the five a second that CloudFormation allows.
        assert!(pauses.len() < 300, "{}", pauses.len());
    }

    #[test]
    fn retries_come_less_and_less_often() {
        let mut pace = Pace::retries(Duration::from_secs(60));
        let pauses = pauses(&mut pace);
        assert!((14..25).contains(&pauses.len()), "{pauses:?}");
    }

    #[test]
    fn a_rate_limit_lets_a_burst_through_and_then_one_an_interval() {
        let interval = Duration::from_millis(250);
        let limit = RateLimit::new(4, interval);
        let now = Instant::now();
        let waits: Vec<_> = (0..7).map(|_| limit.due_at(now) - now).collect();
        let zero = Duration::ZERO;
        let later = [interval, interval * 2, interval * 3];
        assert_eq!(waits[..4], [zero; 4]);
        assert_eq!(waits[4..], later);
        // What was not asked for does not add up beyond the burst.
        let now = now + Duration::from_secs(60);
        let waits: Vec<_> = (0..5).map(|_| limit.due_at(now) - now).collect();
        assert_eq!(waits, [zero, zero, zero, zero, interval]);
    }

    #[test]
    fn a_pause_is_as_long_as_was_asked_for_once() {
        let mut pace = Pace::seconds(Duration::from_secs(60));
        pace.wait_at_least(Duration::from_secs(7));
        let now = Instant::now();
        assert_eq!(pace.pause_at(now), Some(Duration::from_secs(7)));
        assert!(pace.pause_at(now) < Some(Duration::from_secs(1)));
    }
}
