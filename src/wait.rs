//! The one place that sleeps: polling with a pace that is tight after an action and slower
//! with age, jittered so that several pollers do not ask at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A pace of questions, from a first short pause to a longest one, until a deadline.
#[derive(Debug, Clone)]
pub struct Pace {
    pause: Duration,
    longest: Duration,
    /// The least that the next pause may be, once.
    least: Duration,
    growth: f64,
    deadline: Instant,
}

impl Pace {
    /// Returns a pace for things that take minutes: 0.3 s at first, 5 s with age, which
    /// keeps DescribeStackEvents far below the few calls a second that CloudFormation
    /// allows an account.
    pub fn minutes(limit: Duration) -> Self {
        Pace::new(Duration::from_millis(300), Duration::from_secs(5), limit)
    }

    /// Returns a pace for things that take seconds: 60 ms at first, 1 s with age.
    pub fn seconds(limit: Duration) -> Self {
        Pace::new(Duration::from_millis(60), Duration::from_secs(1), limit)
    }

    /// Returns a pace for trying again what failed: 0.2 s at first, twice as long each time.
    pub fn retries(limit: Duration) -> Self {
        Pace {
            growth: 2.0,
            ..Pace::new(Duration::from_millis(200), Duration::from_secs(5), limit)
        }
    }

    /// Makes the next pause no shorter than this.
    pub fn wait_at_least(&mut self, pause: Duration) {
        self.least = pause;
    }

    fn new(first: Duration, longest: Duration, limit: Duration) -> Self {
        Pace {
            pause: first,
            longest,
            least: Duration::ZERO,
            growth: 1.2,
            deadline: Instant::now() + limit,
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
        let pause = self.pause.mul_f64(jitter()).max(least).min(left);
        self.pause = self.pause.mul_f64(self.growth).min(self.longest);
        Some(pause)
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

    #[test]
    fn a_pace_slows_down_and_ends_at_its_deadline() {
        let start = Instant::now();
        let mut pace = Pace::minutes(Duration::from_secs(60));
        let mut now = start;
        let mut pauses = Vec::new();
        while let Some(pause) = pace.pause_at(now) {
            now += pause;
            pauses.push(pause);
        }
        let overshoot = now - pace.deadline;
        assert!(overshoot < Duration::from_millis(1), "{overshoot:?}");
        assert!(pauses[0] < Duration::from_millis(400));
        assert!(pauses[pauses.len() - 2] > Duration::from_secs(3));
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
