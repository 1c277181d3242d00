//! Semaphores.

use std::fmt;
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::lock::acquire::acquire_slow;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::wait::permits::Permits;

/// A number of units, of which any may be taken and given back by anybody.
///
/// Units are handed over in the order of asking: one that is [released](Self::release) while others wait is the first waiter's at once, and no
/// newcomer gets it. A waiter that is killed or timed out takes none along.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::lock::Semaphore;
///
/// let two_at_a_time = Rc::new(Semaphore::new(2));
/// let handles: Vec<_> = (0..4)
///     .map(|n| {
///         let semaphore = two_at_a_time.clone();
///         greenlet::spawn(move || {
///             let _unit = semaphore.hold();
///             greenlet::yield_now();
///             n
///         })
///     })
///     .collect();
/// greenlet::join_all(handles);
/// assert_eq!(two_at_a_time.available(), 2);
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// With so many units.
    ///
    /// # Panics
    ///
    /// If they are more than a quarter of [`usize::MAX`].
    pub const fn new(units: usize) -> Self {
        Semaphore {
            permits: Permits::new(units),
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

    /// Gives a unit back, or a new one in: there is no upper bound. Never switches.
    #[inline]
    pub fn release(&self) {
        self.permits.release();
    }

    /// Takes a unit until the guard is dropped.
    #[inline]
    #[track_caller]
    pub fn hold(&self) -> Permit<'_> {
        self.acquire();
        Permit(self)
    }

    /// Whether there is no unit to be taken.
    pub fn locked(&self) -> bool {
        self.available() == 0
    }

    /// How many units could be taken now.
    pub fn available(&self) -> usize {
        self.permits.available()
    }
}

impl Awaited for Semaphore {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a unit of a `Semaphore`")
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiting", &self.permits.waiting())
            .finish()
    }
}

/// A unit of a [`Semaphore`], given back when dropped.
#[must_use = "the unit is given back when this is dropped"]
#[derive(Debug)]
pub struct Permit<'a>(&'a Semaphore);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
