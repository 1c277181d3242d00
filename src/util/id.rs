//! Numbers for greenlets: unique in the process, never given twice.
//!
//! A thread takes numbers from the process-wide counter a batch at a time, so that
//! creating a greenlet touches no shared cache line.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one greenlet for the whole life of the process.
///
/// Unlike a handle it may travel to other threads: it only names. Numbers are given in the order
/// of creation within a thread, start at 1, and are never used again.
///
/// ```
/// let a = greenlet::Greenlet::new(|()| ());
/// let b = greenlet::Greenlet::new(|()| ());
/// assert_ne!(a.id(), b.id());
/// let id = std::thread::spawn(|| greenlet::current().id()).join().unwrap();
/// assert_ne!(id, a.id());
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GreenletId(NonZeroU64);

impl GreenletId {
    #[inline]
    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    /// The id of that number; none has zero.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(GreenletId)
    }
}

impl fmt::Display for GreenletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for GreenletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GreenletId({})", self.0)
    }
}

/// How many numbers a thread takes at a time.
const BATCH: u64 = 1024;

/// Batches handed out so far.
static BATCHES: AtomicU64 = AtomicU64::new(0);

/// One thread's supply of numbers.
pub(crate) struct Ids {
    last: Cell<u64>,
    end: Cell<u64>,
}

impl Ids {
    pub(crate) const fn new() -> Self {
        Ids {
            last: Cell::new(0),
            end: Cell::new(0),
        }
    }

    pub(crate) fn next(&self) -> GreenletId {
        if self.last.get() == self.end.get() {
            let start = BATCHES.fetch_add(1, Ordering::Relaxed) * BATCH;
            self.last.set(start);
            self.end.set(start + BATCH);
        }
        let id = self.last.get() + 1;
        self.last.set(id);
        GreenletId(NonZeroU64::new(id).expect("an id is at least 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_over_batches_and_threads() {
        let mut seen = std::collections::HashSet::new();
        let take = || {
            let ids = Ids::new();
            (0..3 * BATCH).map(|_| ids.next()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(take)).collect();
        for thread in threads {
            for id in thread.join().unwrap() {
                assert!(seen.insert(id), "{id} was given twice");
            }
        }
        assert_eq!(seen.len() as u64, 4 * 3 * BATCH);
    }
}
