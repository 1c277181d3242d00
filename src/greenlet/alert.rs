//! What has to be seen to on an arrival: a few bits of a thread, none of them set for nearly every switch, so that one
//! test on the fast path stands for all of them.

use std::cell::Cell;

/// An observer is set.
pub(crate) const TRACED: u8 = 1;

/// The running greenlet, or if it has just left the one before it, lost its last owner while it ran.
pub(crate) const FORSAKEN: u8 = 2;

/// The greenlet that arrives finds something else than a value.
pub(crate) const ARRIVAL: u8 = 4;

/// Something is to be dropped.
pub(crate) const GRAVES: u8 = 8;

/// The greenlet that arrives is only asked something, and leaves again.
pub(crate) const STOPOVER: u8 = 16;

/// Slices and delays are measured.
pub(crate) const MEASURED: u8 = 32;

/// A subscriber may have spans that are to go with their greenlets.
#[cfg(feature = "tracing")]
pub(crate) const SPANS: u8 = 64;

/// The alerts of a thread.
pub(crate) struct Alert(Cell<u8>);

impl Alert {
    pub(crate) const fn new() -> Self {
        Alert(Cell::new(0))
    }

    /// The bits that are set.
    #[inline]
    pub(crate) fn get(&self) -> u8 {
        self.0.get()
    }

    pub(crate) fn raise(&self, bits: u8) {
        self.0.set(self.0.get() | bits);
    }

    pub(crate) fn lower(&self, bits: u8) {
        self.0.set(self.0.get() & !bits);
    }
}
