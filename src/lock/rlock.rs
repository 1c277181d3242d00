//! Locks that their owner may take again.
//!
//! `depth` is touched by the owner only, so what it says is always its own.

use std::fmt;
use std::time::Duration;

use crate::greenlet::thread::here;
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::owner::{Owner, running};
use crate::lock::acquire::acquire_slow;
use crate::lock::relock::{Hold, Misuse, Relock};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::id::GreenletId;
use crate::util::primitive::{AtomicUsize, Ordering};
use crate::wait::permits::Permits;

/// A lock that the greenlet which has taken it may take again: Python's `threading.RLock`.
///
/// It is free again once it was released as often as it was taken, and only its owner may release it. It is then handed over in the order of
/// asking: no newcomer overtakes one who waits. A waiter that is killed or timed out takes nothing along.
///
/// ```
/// use greenlet::lock::RLock;
///
/// let lock = RLock::new();
/// let outer = lock.hold();
/// let inner = lock.hold();
/// drop(inner);
/// assert!(lock.locked());
/// drop(outer);
/// assert!(!lock.locked());
/// ```
pub struct RLock {
    permits: Permits,
    owner: Owner,
    depth: AtomicUsize,
}

impl RLock {
    /// Unlocked.
    pub const fn new() -> Self {
        RLock {
            permits: Permits::new(1),
            owner: Owner::nobody(),
            depth: AtomicUsize::new(0),
        }
    }

    /// Takes the lock, for the first time or once more; waits as long as another greenlet has it.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and the lock is not taken.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            acquire_slow(&self.permits, Deadline::Never, self);
            self.begin(running());
        }
    }

    /// Takes the lock if it is free, or the running greenlet's already; whether it was. Never switches.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let me = running();
        if self.owner.get() == Some(me) {
            self.depth.store(self.depth() + 1, Ordering::Relaxed);
            return true;
        }
        let taken = self.permits.try_lock();
        if taken {
            self.begin(me);
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
            self.begin(running());
        }
        taken
    }

    /// Gives the lock back once. Never switches.
    ///
    /// # Panics
    ///
    /// If the running greenlet is not the one that has taken it. The message names both.
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

    /// Whether it is taken, by whomever.
    pub fn locked(&self) -> bool {
        self.permits.available() == 0
    }

    #[inline]
    fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// It is the running greenlet's from here on.
    #[inline]
    fn begin(&self, me: GreenletId) {
        self.owner.set_to(me);
        self.depth.store(1, Ordering::Relaxed);
    }

    #[inline]
    fn end(&self) {
        self.owner.clear();
        self.permits.unlock();
    }

    #[cold]
    fn misuse(&self) -> Misuse {
        let me = here().running().label();
        Misuse(match self.owner.get() {
            Some(owner) => format!("{me} released an `RLock` that greenlet {owner} has taken"),
            None => format!("{me} released an `RLock` that nobody has taken"),
        })
    }
}

impl Relock for RLock {
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
        if !self.owner.is_running() {
            return Err(self.misuse());
        }
        match self.depth() {
            1 => self.end(),
            depth => self.depth.store(depth - 1, Ordering::Relaxed),
        }
        Ok(())
    }

    #[inline]
    fn is_held(&self) -> bool {
        self.owner.is_running()
    }

    fn give_up(&self) -> usize {
        let depth = self.depth();
        self.end();
        depth
    }

    fn take_again(&self, depth: usize) {
        self.acquire();
        self.depth.store(depth, Ordering::Relaxed);
    }
}

impl Awaited for RLock {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an `RLock`")
    }

    fn holder(&self) -> Holder {
        self.owner.get().map_or(Holder::Nobody, Holder::Owner)
    }
}

impl Default for RLock {
    fn default() -> Self {
        RLock::new()
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock")
            .field("owner", &self.owner.get())
            .field("waiting", &self.permits.waiting())
            .finish()
    }
}
