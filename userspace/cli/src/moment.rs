//! Times and durations as a person types them.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A positive duration: `30s`, `5m`, `1h30m`, `2 days`. A number alone counts seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a duration such as 30s, 5m, 1h30m or 2d".to_owned();
    let text = text.trim();
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let (days, rest) = days_first(text);
            let rest = match rest {
                "" if days > 0 => SignedDuration::ZERO,
                rest => rest.parse().map_err(|_| wrong())?,
            };
            let rest = Duration::try_from(rest).map_err(|_| wrong())?;
            Duration::from_secs(days.saturating_mul(86_400)).saturating_add(rest)
        }
    };
    if parsed.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(parsed) }
}

/// Splits `2d 3h` into 2 and `3h`: `SignedDuration` knows no days because a civil day may have 23 or 25 hours; here
/// a day is 24 hours.
fn days_first(text: &str) -> (u64, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let after = ["days", "day", "d"].into_iter().find_map(|unit| rest.trim_start().strip_prefix(unit));
    match (number.parse(), after) {
        (Ok(days), Some(after)) if !after.starts_with(char::is_alphabetic) => (days, after.trim_start()),
        _ => (0, text),
    }
}

/// A time, or the beginning of a day; without an offset it is UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from)).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// A moment in the past: a duration back from now, or a time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Since {
    /// So long ago.
    Ago(Duration),
    /// From then on.
    At(Timestamp),
}

impl Since {
    /// As typed: `2h`, `2026-11-23`, `2026-11-23T13:05:33Z`, `2026-11-23 13:05:33`; without an offset it is UTC.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(at) = moment(text) {
            return Ok(Self::At(at));
        }
        duration(text)
            .map(Self::Ago)
            .map_err(|_| "expected a duration back from now (2h) or a time (2026-11-23T13:05:33Z)".to_owned())
    }

    /// The moment, given the present one.
    pub(crate) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_type_them() {
        for (text, seconds) in [
            ("30", 30),
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("1d 2h", 93_600),
            ("2 days", 172_800),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "0s", "-5s", "soon", "5 parsecs", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn since_takes_a_time_or_a_duration() {
        let now: Timestamp = "2026-11-23T13:00:00Z".parse().unwrap();
        for (text, at) in [
            ("2h", "2026-11-23T11:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20 10:30", "2026-11-20T10:30:00Z"),
            ("2026-11-20T10:30:00+02:00", "2026-11-20T08:30:00Z"),
        ] {
            assert_eq!(Since::parse(text).unwrap().from(now).to_string(), at, "{text}");
        }
        assert!(Since::parse("yesterday").is_err());
    }
}
