//! How long greenlets hand over to each other before the hub looks at timers and fds.
//!
//! Reading the clock costs several switches, so it is read once a stretch, and a stretch counts switches. It adapts: short slices
//! make it longer, long ones shorter, so that a visit comes about every [`AIM`] whatever greenlets do between their waits.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a stretch should take.
const AIM: Duration = Duration::from_micros(200);

/// The most switches in a stretch.
const LONGEST: u32 = 1024;

/// How many calls of the system that need not wait may follow each other before others have a turn.
const CALLS: u32 = 32;

pub(crate) struct Stretch {
    left: Cell<u32>,
    length: Cell<u32>,
    began: Cell<Option<Instant>>,
    calls_left: Cell<u32>,
}

impl Stretch {
    pub(crate) const fn new() -> Self {
        Stretch {
            left: Cell::new(0),
            length: Cell::new(16),
            began: Cell::new(None),
            calls_left: Cell::new(CALLS),
        }
    }

    /// Counts a hand-over; false if the hub has to be visited first.
    #[inline]
    pub(crate) fn go_on(&self) -> bool {
        let left = self.left.get();
        if left == 0 {
            return false;
        }
        self.left.set(left - 1);
        true
    }

    /// Counts a call of the system, whoever makes it; false if others should have a turn before.
    #[inline]
    pub(crate) fn spend_call(&self) -> bool {
        let left = self.calls_left.get();
        self.calls_left
            .set(if left == 0 { CALLS } else { left - 1 });
        left > 0
    }

    /// Begins the next one; the hub is being visited.
    pub(crate) fn begin(&self, now: Instant) {
        if let Some(began) = self.began.get() {
            let took = now.saturating_duration_since(began);
            let used_up = self.left.get() == 0;
            let length = self.length.get();
            if took > AIM {
                self.length.set((length / 2).max(1));
            } else if used_up && took < AIM / 4 {
                self.length.set((length * 2).min(LONGEST));
            }
        }
        self.began.set(Some(now));
        self.left.set(self.length.get());
    }

    /// The thread has slept: that says nothing about slices.
    pub(crate) fn forget(&self) {
        self.began.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_through(stretch: &Stretch) -> u32 {
        let mut count = 0;
        while stretch.go_on() {
            count += 1;
        }
        count
    }

    #[test]
    fn short_slices_make_it_longer_and_long_ones_shorter() {
        let stretch = Stretch::new();
        let mut now = Instant::now();
        stretch.begin(now);
        for _ in 0..20 {
            run_through(&stretch);
            now += Duration::from_micros(1);
            stretch.begin(now);
        }
        assert_eq!(run_through(&stretch), LONGEST);
        for _ in 0..20 {
            now += Duration::from_millis(10);
            stretch.begin(now);
            run_through(&stretch);
        }
        stretch.begin(now + Duration::from_millis(10));
        assert_eq!(run_through(&stretch), 1);
    }

    #[test]
    fn a_new_one_wants_a_visit_first() {
        assert!(!Stretch::new().go_on());
    }
}
