//! Medians and spreads, and numbers that change their type only here.

/// Lowest, median and highest of some figures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Spread {
    /// Lowest.
    pub(crate) low: f64,
    /// Median; of an even count the mean of the middle two.
    pub(crate) median: f64,
    /// Highest.
    pub(crate) high: f64,
}

impl Spread {
    /// Of some figures; `None` of none.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let lower = if sorted.len().is_multiple_of(2) { *sorted.get(middle.checked_sub(1)?)? } else { upper };
        Some(Self { low, median: f64::midpoint(lower, upper), high })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ({:.3} to {:.3})", self.median, self.low, self.high)
    }
}

/// A count as a figure. Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds here are far below 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// One count for each of another; 0 where there is no other.
pub(crate) fn each(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        let spread = Spread::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.low, spread.median, spread.high), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
    }
}
