//! The workload of those who all sleep until one instant.

use std::time::{Duration, Instant};

use crate::memory::grown;
use crate::workload::{print_bytes, print_ns};

/// Enough for the first few, whatever else the machine does.
const AT_LEAST: Duration = Duration::from_millis(200);

/// So many sleepers, from their spawning on.
pub struct Sleepers {
    count: usize,
    start: Instant,
    due: Instant,
}

/// They have all fallen asleep.
pub struct Asleep {
    sleepers: Sleepers,
    took: Duration,
}

impl Sleepers {
    /// Starts the clock. `each` is more than it takes to spawn one and to have it fall asleep.
    pub fn start(count: usize, each: Duration) -> Self {
        let start = Instant::now();
        let due = start + AT_LEAST + each * u32::try_from(count).expect("fewer than that");
        Sleepers { count, start, due }
    }

    /// Until when all of them sleep.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The last one has fallen asleep; prints what each takes up in memory.
    ///
    /// # Panics
    ///
    /// If the first may have woken already.
    pub fn asleep(self) -> Asleep {
        let took = self.start.elapsed();
        assert!(
            Instant::now() < self.due,
            "the first wake before the last sleeps"
        );
        print_bytes(grown() as f64 / self.count as f64);
        let sleepers = self;
        Asleep { sleepers, took }
    }
}

impl Asleep {
    /// The last one has been joined; prints what each took, but for the time that all of them slept.
    ///
    /// # Panics
    ///
    /// If it is not time for them to wake.
    pub fn joined(self) {
        let now = Instant::now();
        let woken = now.checked_duration_since(self.sleepers.due);
        let took = self.took + woken.expect("none wakes early");
        print_ns(took.as_nanos() as f64 / self.sleepers.count as f64);
    }
}
