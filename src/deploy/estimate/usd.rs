//! US dollars by the hour and by the month, rounded where they are written as JSON.

use serde::{Serialize, Serializer};

use crate::prices::{HOURS_A_MONTH, money};

/// US dollars by time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usd {
    /// An hour.
    #[serde(rename = "usd_per_hour", serialize_with = "six_digits")]
    pub hour: f64,
    /// A month of 730 hours.
    #[serde(rename = "usd_per_month", serialize_with = "whole_cents")]
    pub month: f64,
}

impl Usd {
    pub(super) fn by_hour(hour: f64) -> Usd {
        Usd {
            hour,
            month: hour * HOURS_A_MONTH,
        }
    }

    pub(super) fn by_month(month: f64) -> Usd {
        Usd {
            hour: month / HOURS_A_MONTH,
            month,
        }
    }

    pub(super) fn and(self, other: Usd) -> Usd {
        Usd {
            hour: self.hour + other.hour,
            month: self.month + other.month,
        }
    }

    /// Returns what is left without `other`.
    pub fn less(self, other: Usd) -> Usd {
        Usd {
            hour: self.hour - other.hour,
            month: self.month - other.month,
        }
    }

    pub(super) fn times(self, count: u64) -> Usd {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 of anything")]
        let count = count as f64;
        Usd {
            hour: self.hour * count,
            month: self.month * count,
        }
    }
}

/// Without what adding up fractions leaves.
fn six_digits<S: Serializer>(usd: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((usd * 1e6).round() / 1e6)
}

pub(super) fn six_digits_if_any<S: Serializer>(
    usd: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match usd {
        Some(usd) => six_digits(usd, serializer),
        None => serializer.serialize_none(),
    }
}

fn whole_cents<S: Serializer>(usd: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(money::cents(*usd))
}
