//! Who holds a lock, for reports and for misuse; and whether a panic is to poison it.

use crate::greenlet::panicking::Unwinding;
use crate::greenlet::thread::here;

use crate::util::id::GreenletId;
use crate::util::primitive::{AtomicU64, Ordering};

/// The greenlet that holds something, or nobody.
pub(crate) struct Owner(AtomicU64);

impl Owner {
    pub(crate) const fn nobody() -> Self {
        Owner(AtomicU64::new(0))
    }

    /// It is the running greenlet's from here on.
    #[inline]
    pub(crate) fn set(&self) {
        self.set_to(running());
    }

    /// It is that greenlet's, the running one's, from here on.
    #[inline]
    pub(crate) fn set_to(&self, running: GreenletId) {
        self.0.store(running.get(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Who holds it. Only a hint, unless it is the running greenlet: nobody else makes it so.
    pub(crate) fn get(&self) -> Option<GreenletId> {
        GreenletId::from_number(self.0.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) == running().get()
    }
}

/// The running greenlet.
#[inline]
pub(crate) fn running() -> GreenletId {
    here().running().id
}

/// Whether the running greenlet unwinds because of a panic: as [`std::thread::panicking`], but of this greenlet, and not because of
/// a kill or an elapsed limit.
#[inline]
pub(crate) fn panicking() -> bool {
    std::thread::panicking() && here().running().unwinding() == Unwinding::Panic
}

/// As [`panicking`], at the beginning of what a later `panicking` will be compared with: whatever was raised and caught before is forgotten.
#[inline]
pub(crate) fn panicking_before() -> bool {
    here().running().unwinding() == Unwinding::Panic
}
