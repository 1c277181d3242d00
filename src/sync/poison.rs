//! Whether a holder of a lock has panicked.

use std::sync::{LockResult, PoisonError};

use crate::hub::owner::{panicking, panicking_before};
use crate::util::primitive::{AtomicBool, Ordering};

/// Set by a guard that is dropped by a panic which began while it was held.
pub(crate) struct Poison(AtomicBool);

/// Whether the holder unwound already when it locked.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    panicking: bool,
}

impl Entry {
    #[inline]
    pub(crate) fn now() -> Self {
        Entry {
            panicking: panicking_before(),
        }
    }
}

impl Poison {
    pub(crate) const fn new() -> Self {
        Poison(AtomicBool::new(false))
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// The lock is about to be given back by whoever entered so.
    #[inline]
    pub(crate) fn leave(&self, entry: Entry) {
        if !entry.panicking && panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// The value, as an error if a holder has panicked.
    #[inline]
    pub(crate) fn result<V>(&self, value: V) -> LockResult<V> {
        match self.is_set() {
            false => Ok(value),
            true => Err(PoisonError::new(value)),
        }
    }
}
