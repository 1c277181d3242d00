//! A lock around a value, as std has it.
//!
//! * **M1** The value is touched only by whoever has taken the one permit, which a guard stands for. A wait without a deadline ends with the
//!   permit, or unwinds.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

use crate::hub::awaited::{Awaited, Holder};
use crate::hub::owner::{Owner, running};
use crate::lock::acquire::acquire_slow;
use crate::sync::poison::{Entry, Poison};
use crate::util::deadline::Deadline;
use crate::util::id::GreenletId;
use crate::wait::permits::Permits;

/// [`std::sync::Mutex`], for which only the greenlet waits.
///
/// Differences: whoever waits is served in the order of coming, and a greenlet that locks what it has locked already is
/// a deadlock, reported as one. A killed holder's guard unlocks, and does not poison.
///
/// ```
/// use greenlet::sync::{Arc, Mutex};
///
/// let sum = Arc::new(Mutex::new(0));
/// let handles = (0..10).map(|_| {
///     let sum = sum.clone();
///     greenlet::spawn(move || {
///         let mut sum = sum.lock().unwrap();
///         greenlet::yield_now(); // the others wait for the lock meanwhile
///         *sum += 1;
///     })
/// });
/// greenlet::join_all(handles);
/// assert_eq!(*sum.lock().unwrap(), 10);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: Raw,
    value: UnsafeCell<T>,
}

/// All but the value.
struct Raw {
    permits: Permits,
    owner: Owner,
    poison: Poison,
}

// SAFETY: only the holder touches the value (M1), which may then be of another thread.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// Unlocked.
    #[inline]
    pub const fn new(value: T) -> Self {
        Mutex {
            raw: Raw {
                permits: Permits::new(1),
                owner: Owner::nobody(),
                poison: Poison::new(),
            },
            value: UnsafeCell::new(value),
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The value as well, if the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        self.raw.poison.result(self.value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks; waits for whoever holds it.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and nothing is locked.
    ///
    /// # Errors
    ///
    /// The guard as well, if another holder has panicked.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let holder = Holds::soon();
        if !self.raw.permits.try_lock() {
            acquire_slow(&self.raw.permits, Deadline::Never, &self.raw);
        }
        self.guard(holder)
    }

    /// Locks if nobody holds it. Never switches.
    ///
    /// # Errors
    ///
    /// If it is held, or poisoned.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let holder = Holds::soon();
        if !self.raw.permits.try_lock() {
            return Err(TryLockError::WouldBlock);
        }
        self.guard(holder).map_err(TryLockError::Poisoned)
    }

    #[inline]
    fn guard(&self, holder: Holds) -> LockResult<MutexGuard<'_, T>> {
        self.raw.owner.set_to(holder.greenlet);
        let guard = MutexGuard {
            mutex: self,
            entry: holder.entry,
            not_send: PhantomData,
        };
        self.raw.poison.result(guard)
    }

    /// Whether a holder has panicked.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.raw.poison.is_set()
    }

    /// From here on it is as if no holder had panicked.
    pub fn clear_poison(&self) {
        self.raw.poison.clear();
    }

    /// The value; nobody else can hold the lock.
    ///
    /// # Errors
    ///
    /// The value as well, if the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.raw.poison.result(self.value.get_mut())
    }
}

/// Who is about to lock. Found out before, as nothing is read ahead of an atomic exchange that comes first.
struct Holds {
    greenlet: GreenletId,
    entry: Entry,
}

impl Holds {
    #[inline]
    fn soon() -> Self {
        Holds {
            greenlet: running(),
            entry: Entry::now(),
        }
    }
}

impl Awaited for Raw {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `Mutex`")
    }

    fn holder(&self) -> Holder {
        self.owner.get().map_or(Holder::Nobody, Holder::Owner)
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => out.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => out.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => out.field("data", &"<locked>"),
        };
        out.field("poisoned", &self.is_poisoned());
        out.finish_non_exhaustive()
    }
}

/// Holds a [`Mutex`] until it is dropped.
#[must_use = "it is unlocked when this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    entry: Entry,
    /// It is a greenlet that holds it, and that is of one thread.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives only shared references to the value.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex it holds.
    pub(crate) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the permit (M1).
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the permit (M1), and is borrowed for as long.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.poison.leave(self.entry);
        self.mutex.raw.owner.clear();
        self.mutex.raw.permits.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
