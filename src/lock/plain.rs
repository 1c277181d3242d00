//! Locks that anybody may release.

use std::fmt;
use std::time::Duration;

use crate::hub::awaited::{Awaited, Holder};
use crate::hub::owner::{Owner, running};
use crate::lock::acquire::acquire_slow;
use crate::lock::relock::{Hold, Misuse, Relock};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::wait::permits::Permits;

/// A lock that is taken by one at a time, and released by anybody: Python's `threading.Lock`.
///
/// It is handed over in the order of asking: if others wait when it is [released](Self::release), it is the first waiter's at once, and no
/// newcomer gets it. A greenlet that takes it twice waits for a release by somebody else. A waiter that is killed or timed out takes
/// nothing along.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use greenlet::lock::Lock;
///
/// let shared = Rc::new((Lock::new(), Cell::new(0)));
/// let handles = (0..10).map(|_| {
///     let shared = shared.clone();
///     greenlet::spawn(move || {
///         let (lock, sum) = &*shared;
///         let _held = lock.hold();
///         let before = sum.get();
///         greenlet::yield_now(); // the others wait for the lock meanwhile
///         sum.set(before + 1);
///     })
/// });
/// greenlet::join_all(handles);
/// assert_eq!(shared.1.get(), 10);
/// ```
pub struct Lock {
    permits: Permits,
    /// Who took it last; for reports.
    taker: Owner,
}

impl Lock {
    /// Unlocked.
    pub const fn new() -> Self {
        Lock {
            permits: Permits::new(1),
            taker: Owner::nobody(),
        }
    }

    /// Takes the lock; waits as long as it is taken.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and the lock is not taken.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) {
        // Found out first, as nothing is read ahead of an atomic exchange.
        let me = running();
        if !self.permits.try_lock() {
            acquire_slow(&self.permits, Deadline::Never, self);
        }
        self.taker.set_to(me);
    }

    /// Takes the lock if it is free; whether it was. Never switches, so a loop around it has to [yield](crate::yield_now).
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let me = running();
        let taken = self.permits.try_lock();
        if taken {
            self.taker.set_to(me);
        }
        taken
    }

    /// As [`acquire`](Self::acquire), for so long at most; whether the lock was taken.
    #[inline]
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> bool {
        if self.try_acquire() {
            return true;
        }
        let taken = acquire_slow(&self.permits, Deadline::after(clock::now(), limit), self);
        if taken {
            self.taker.set();
        }
        taken
    }

    /// Gives the lock back, whoever took it. Never switches.
    ///
    /// # Panics
    ///
    /// If it is not taken.
    #[inline]
    #[track_caller]
    pub fn release(&self) {
        self.give_back().unwrap_or_else(|misuse| misuse.raise());
    }

    /// Takes the lock until the guard is dropped.
    ///
    /// Waits as [`acquire`](Self::acquire) does.
    #[inline]
    #[track_caller]
    pub fn hold(&self) -> Hold<'_, Self> {
        Hold::of(self)
    }

    /// Whether it is taken.
    pub fn locked(&self) -> bool {
        self.permits.available() == 0
    }
}

impl Relock for Lock {
    #[inline]
    fn acquire(&self) {
        self.acquire();
    }

    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn acquire_timeout(&self, limit: Duration) -> bool {
        self.acquire_timeout(limit)
    }

    #[inline]
    fn give_back(&self) -> Result<(), Misuse> {
        self.taker.clear();
        match self.permits.release_up_to(1) {
            true => Ok(()),
            false => Err(Misuse("a `Lock` was released that is not taken".to_owned())),
        }
    }

    fn is_held(&self) -> bool {
        self.locked()
    }

    fn give_up(&self) -> usize {
        // Whoever has released it meanwhile has done no more than what is done here.
        let _ = self.give_back();
        1
    }

    fn take_again(&self, _: usize) {
        self.acquire();
    }
}

impl Awaited for Lock {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `Lock`")
    }

    fn holder(&self) -> Holder {
        self.taker.get().map_or(Holder::Nobody, Holder::LastTaker)
    }
}

impl Default for Lock {
    fn default() -> Self {
        Lock::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("locked", &self.locked())
            .field("waiting", &self.permits.waiting())
            .finish()
    }
}
