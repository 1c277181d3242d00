//! A clock that is started and stopped by those who are measured.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs from when the first has begun until the last is done.
///
/// Whoever is counted runs on one thread, in turns: so counting takes no atomic exchange, which would cost as much as some of what
/// is measured.
pub struct Lap {
    begun: OnceLock<Instant>,
    left: AtomicUsize,
    ended: OnceLock<Instant>,
}

impl Lap {
    /// A clock that stops when so many are done.
    pub fn of(count: usize) -> Self {
        Lap {
            begun: OnceLock::new(),
            left: AtomicUsize::new(count),
            ended: OnceLock::new(),
        }
    }

    /// The first call starts the clock.
    #[inline]
    pub fn begin(&self) {
        self.begun.get_or_init(Instant::now);
    }

    /// One more is done; the last one stops the clock.
    #[inline]
    pub fn done(&self) {
        let left = self.left.load(Ordering::Relaxed) - 1;
        self.left.store(left, Ordering::Relaxed);
        if left == 0 {
            self.ended.get_or_init(Instant::now);
        }
    }

    /// How many are not done.
    #[inline]
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// From the beginning to the end.
    ///
    /// # Panics
    ///
    /// If it has not been started, or is still running.
    pub fn took(&self) -> Duration {
        let begun = self.begun.get().expect("somebody begins");
        let ended = self.ended.get().expect("all are done");
        ended.duration_since(*begun)
    }
}
