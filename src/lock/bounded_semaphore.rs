//! Semaphores that never have more units than they began with.

use std::fmt;
use std::thread;
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::lock::acquire::acquire_slow;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::wait::permits::Permits;

/// A [`Semaphore`](crate::lock::Semaphore) that never has more units than it began with: giving back what was not taken is an error.
///
/// Units are handed over in the order of asking. A waiter that is killed or timed out takes none along.
///
/// ```
/// use greenlet::lock::BoundedSemaphore;
///
/// let seats = BoundedSemaphore::new(2);
/// let taken = seats.hold();
/// assert!(seats.try_acquire() && !seats.try_acquire());
/// drop(taken);
/// seats.release();
/// assert_eq!(seats.available(), 2);
/// ```
pub struct BoundedSemaphore {
    permits: Permits,
    most: usize,
}

impl BoundedSemaphore {
    /// With so many units.
    ///
    /// # Panics
    ///
    /// If there are none, or more than a quarter of [`usize::MAX`].
    pub const fn new(units: usize) -> Self {
        assert!(units > 0, "a bounded semaphore without units has no use");
        BoundedSemaphore {
            permits: Permits::new(units),
            most: units,
        }
    }

    /// Takes a unit; waits as long as there is none.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and no unit is taken.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) {
        if !self.permits.try_acquire() {
            acquire_slow(&self.permits, Deadline::Never, self);
        }
    }

    /// Takes a unit if there is one. Never switches.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.permits.try_acquire()
    }

    /// As [`acquire`](Self::acquire), for so long at most; whether a unit was taken.
    #[inline]
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> bool {
        self.permits.try_acquire()
            || acquire_slow(&self.permits, Deadline::after(clock::now(), limit), self)
    }

    /// Gives a unit back. Never switches.
    ///
    /// # Panics
    ///
    /// If all units are there.
    #[inline]
    #[track_caller]
    pub fn release(&self) {
        if !self.permits.release_up_to(self.most) {
            self.misuse();
        }
    }

    /// Takes a unit until the guard is dropped.
    #[inline]
    #[track_caller]
    pub fn hold(&self) -> BoundedPermit<'_> {
        self.acquire();
        BoundedPermit(self)
    }

    /// Whether there is no unit to be taken.
    pub fn locked(&self) -> bool {
        self.available() == 0
    }

    /// How many units could be taken now.
    pub fn available(&self) -> usize {
        self.permits.available()
    }

    #[cold]
    #[track_caller]
    fn misuse(&self) -> ! {
        panic!(
            "a `BoundedSemaphore` was given more than the units it began with, {}",
            self.most
        )
    }
}

impl Awaited for BoundedSemaphore {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a unit of a `BoundedSemaphore`")
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available", &self.available())
            .field("most", &self.most)
            .field("waiting", &self.permits.waiting())
            .finish()
    }
}

/// A unit of a [`BoundedSemaphore`], given back when dropped.
///
/// Dropping it is a release: it panics if all units are there; but not while the thread panics.
#[must_use = "the unit is given back when this is dropped"]
#[derive(Debug)]
pub struct BoundedPermit<'a>(&'a BoundedSemaphore);

impl Drop for BoundedPermit<'_> {
    fn drop(&mut self) {
        let semaphore = self.0;
        if !semaphore.permits.release_up_to(semaphore.most) && !thread::panicking() {
            semaphore.misuse();
        }
    }
}
