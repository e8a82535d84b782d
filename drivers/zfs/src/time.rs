//! Moments as upstream's Python writes them, for the names of snapshots. Called by `replicas`.

use core::time::Duration;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days from the first of March of the year 0 to 1970-01-01.
const EPOCH: u64 = 719_468;

/// Days of 400 years.
const ERA: u64 = 146_097;

/// So long after the epoch, as `2016-03-25T12:00:00`, in UTC; parts of a second follow where there
/// are any, as microseconds.
pub fn written(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match since_epoch.subsec_micros() {
        0 => whole,
        micros => format!("{whole}.{micros:06}"),
    }
}

/// Year, month and day. Years begin in March here, so that the odd day is the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(EPOCH);
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + next, month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_python_does() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00"),
            (1_458_907_200, "2016-03-25T12:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (4_102_444_800, "2100-01-01T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(written(Duration::from_secs(seconds)), expected);
        }
        let more = Duration::new(1_458_907_200, 7_000);
        assert_eq!(written(more), "2016-03-25T12:00:00.000007");
    }
}
