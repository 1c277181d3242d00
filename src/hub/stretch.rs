//! How long greenlets hand over to each other before the hub looks at timers and fds.
//!
//! Reading the clock costs several switches, so it is read once a stretch, and a stretch counts switches. It adapts: short slices
//! make it longer, long ones shorter, so that a visit comes about every [`AIM`] whatever greenlets do between their waits.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a stretch should take.
const AIM: Duration = Duration::from_micros(200);

/// From here on a stretch is too long for a clock that stands still meanwhile.
const LONG: Duration = Duration::from_millis(2);

/// The most switches in a stretch.
const LONGEST: u32 = 1024;

/// How many calls of the system that need not wait may follow each other before others have a turn.
const CALLS: u32 = 32;

pub(crate) struct Stretch {
    left: Cell<u32>,
    length: Cell<u32>,
    began: Cell<Option<Instant>>,
    calls_left: Cell<u32>,
    /// When the hub was visited first.
    first: Cell<Option<Instant>>,
    /// Milliseconds from the first visit to the last one.
    moment: Cell<u32>,
    /// The last visits between which the clock stood still for long: from when to when.
    long: Cell<[(u32, u32); REMEMBERED]>,
}

/// How many of those are remembered.
const REMEMBERED: usize = 16;

impl Stretch {
    pub(crate) const fn new() -> Self {
        Stretch {
            left: Cell::new(0),
            length: Cell::new(16),
            began: Cell::new(None),
            calls_left: Cell::new(CALLS),
            first: Cell::new(None),
            moment: Cell::new(0),
            long: Cell::new([(0, 0); REMEMBERED]),
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
        let moment = self.millis_at(now);
        if let Some(began) = self.began.get() {
            let took = now.saturating_duration_since(began);
            let used_up = self.left.get() == 0;
            let length = self.length.get();
            if took > AIM {
                self.length.set((length / 2).max(1));
            } else if used_up && took < AIM / 4 {
                self.length.set((length * 2).min(LONGEST));
            }
            if took > LONG {
                self.remember(moment);
            }
        }
        self.began.set(Some(now));
        self.moment.set(moment);
        self.left.set(self.length.get());
    }

    /// A clock that is read for nothing, and stands still between two visits: milliseconds, which begin anew after 49 days.
    #[inline]
    pub(crate) fn moment(&self) -> u32 {
        self.moment.get()
    }

    /// How long ago that was. What came at the end of a long slice was not at its beginning, when the clock was read.
    pub(crate) fn since(&self, moment: u32, now: Instant) -> Duration {
        let long = self.long.get();
        let from = long.iter().find(|(from, to)| *from == moment && from != to);
        let moment = from.map_or(moment, |(_, to)| *to);
        Duration::from_millis(self.millis_at(now).wrapping_sub(moment).into())
    }

    /// The clock goes on after it has stood still for long.
    #[cold]
    fn remember(&self, moment: u32) {
        let mut long = self.long.get();
        long.rotate_right(1);
        long[0] = (self.moment.get(), moment);
        self.long.set(long);
    }

    #[expect(clippy::cast_possible_truncation, reason = "so it begins anew")]
    fn millis_at(&self, now: Instant) -> u32 {
        let first = self.first.get().unwrap_or(now);
        self.first.set(Some(first));
        now.saturating_duration_since(first).as_millis() as u32
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
    fn a_wait_begins_when_the_slice_before_it_ends() {
        let stretch = Stretch::new();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        stretch.begin(at(0));
        let early = stretch.moment();
        stretch.begin(at(1));
        let late = stretch.moment();
        stretch.begin(at(501));
        assert_eq!(stretch.since(late, at(511)), Duration::from_millis(10));
        assert_eq!(stretch.since(early, at(511)), Duration::from_millis(511));
        stretch.forget();
        let before_a_sleep = stretch.moment();
        stretch.begin(at(901));
        assert_eq!(
            stretch.since(before_a_sleep, at(901)),
            Duration::from_millis(400)
        );
    }

    #[test]
    fn a_new_one_wants_a_visit_first() {
        assert!(!Stretch::new().go_on());
    }
}
