//! US dollars as people read them: amounts in cents, prices of an hour to a hundredth of a cent, and
//! half of the last digit is rounded away from zero.

/// Returns an amount in whole cents, still in dollars.
pub fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

/// Returns an amount: `$36.50`.
pub fn amount(usd: f64) -> String {
    format!("${:.2}", cents(usd))
}

/// Returns the price of an hour: `$0.0104`.
pub fn fine(usd: f64) -> String {
    format!("${:.4}", (usd * 10_000.0).round() / 10_000.0)
}

/// Returns what an estimate of a month comes to: `about $32.85 a month`, `free`.
pub fn about_a_month(usd: f64) -> String {
    match usd {
        0.0 => "free".to_owned(),
        usd if usd < 0.01 => "less than $0.01 a month".to_owned(),
        usd => format!("about {} a month", amount(usd)),
    }
}

/// Returns the price of a gigabyte without zeros at its end: `$0.023`, `$0.30`.
pub fn by_the_gigabyte(usd: f64) -> String {
    let figure = format!("{usd:.4}");
    let cents = figure.find('.').map_or(figure.len(), |point| point + 3);
    let (kept, finer) = figure.split_at(cents);
    format!("${kept}{}", finer.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_one_way() {
        assert_eq!(amount(32.85), "$32.85");
        assert_eq!(amount(16.425), "$16.43");
        assert_eq!(amount(0.0), "$0.00");
        assert_eq!(fine(0.0104), "$0.0104");
        assert_eq!(fine(7.2), "$7.2000");
        assert_eq!(fine(0.08925), "$0.0893");
        assert_eq!(
            [0.0, 0.004, 16.425].map(about_a_month),
            ["free", "less than $0.01 a month", "about $16.43 a month"]
        );
        assert_eq!(
            [0.023, 0.3, 0.0125, 12.0].map(by_the_gigabyte),
            ["$0.023", "$0.30", "$0.0125", "$12.00"]
        );
    }
}
