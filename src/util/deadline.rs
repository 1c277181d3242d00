//! Moments until which something waits.

use std::time::{Duration, Instant};

/// When a wait ends at the latest. Durations exist only in public signatures (W8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// Waits for as long as it takes.
    Never,
    At(Instant),
}

impl Deadline {
    /// `limit` after `now`; what no clock can express is as good as never, but still a timer's business: see
    /// [`far`](Self::far).
    pub(crate) fn after(now: Instant, limit: Duration) -> Self {
        Deadline::At(now.checked_add(limit).unwrap_or_else(|| Self::far(now)))
    }

    pub(crate) fn has_passed(self, now: Instant) -> bool {
        match self {
            Deadline::Never => false,
            Deadline::At(at) => at <= now,
        }
    }

    /// The farthest moment that is of use: a hundred years on.
    fn far(now: Instant) -> Instant {
        now + Duration::from_secs(100 * 366 * 24 * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_clock_can_express_is_very_late() {
        let now = Instant::now();
        let late = Deadline::after(now, Duration::MAX);
        assert_eq!(late, Deadline::At(Deadline::far(now)));
        let then = now + Duration::from_secs(1);
        let soon = Deadline::after(now, Duration::from_secs(1));
        assert_eq!(soon, Deadline::At(then));
        assert!(!soon.has_passed(now) && soon.has_passed(then));
        assert!(!Deadline::Never.has_passed(then));
    }
}
