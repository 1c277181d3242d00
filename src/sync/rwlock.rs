//! A lock for one writer or many readers, as std has it.
//!
//! * **R2** The value is changed only by whoever came in as the writer, which a write guard stands for, and read only by that one or by those
//!   who came in as readers, of which a read guard stands for one.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::sync::{LockResult, TryLockError, TryLockResult};

use crate::hub::awaited::{Awaited, Holder};
use crate::hub::begin::place;
use crate::hub::owner::Owner;
use crate::hub::park::park;
use crate::sync::poison::{Entry, Poison};
use crate::util::deadline::Deadline;
use crate::util::slot_list::Key;
use crate::wait::rw_permits::{Access, RwPermits};

/// [`std::sync::RwLock`], for which only the greenlet waits.
///
/// Differences: whoever waits is served in the order of coming. A writer that waits lets no newcomer pass, and readers that wait one behind the
/// other come in together. A greenlet that holds the lock and comes again may wait for itself. A killed writer's guard unlocks, and does not poison.
///
/// ```
/// use greenlet::sync::{Arc, RwLock};
///
/// let words = Arc::new(RwLock::new(vec!["one"]));
/// let writer = {
///     let words = words.clone();
///     greenlet::spawn(move || words.write().unwrap().push("two"))
/// };
/// let first = words.read().unwrap();
/// greenlet::yield_now(); // the writer waits for the reader
/// assert_eq!(first.len(), 1);
/// drop(first);
/// writer.join().unwrap();
/// assert_eq!(words.read().unwrap().len(), 2);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    value: UnsafeCell<T>,
}

/// All but the value.
struct Raw {
    permits: RwPermits,
    writer: Owner,
    poison: Poison,
}

// SAFETY: a writer of another thread has the value to itself, and readers of several threads share it (R2).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// Unlocked.
    #[inline]
    pub const fn new(value: T) -> Self {
        RwLock {
            raw: Raw {
                permits: RwPermits::new(),
                writer: Owner::nobody(),
                poison: Poison::new(),
            },
            value: UnsafeCell::new(value),
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The value as well, if the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        self.raw.poison.result(self.value.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading; waits for a writer, and for whoever waits already.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and nothing is locked.
    ///
    /// # Errors
    ///
    /// The guard as well, if a writer has panicked.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        if !self.raw.permits.try_read() {
            self.raw.enter_slow(Access::Read);
        }
        self.read_guard()
    }

    /// Locks for reading if there is no writer and nobody waits. Never switches.
    ///
    /// # Errors
    ///
    /// If it cannot be locked at once, or is poisoned.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if !self.raw.permits.try_read() {
            return Err(TryLockError::WouldBlock);
        }
        self.read_guard().map_err(TryLockError::Poisoned)
    }

    /// Locks for writing; waits for whoever is in, and for whoever waits already.
    ///
    /// Switches only if it has to wait. A kill, or the end of an enclosing limit, ends the wait, and nothing is locked.
    ///
    /// # Errors
    ///
    /// The guard as well, if another writer has panicked.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        if !self.raw.permits.try_write() {
            self.raw.enter_slow(Access::Write);
        }
        self.write_guard()
    }

    /// Locks for writing if nobody holds it. Never switches.
    ///
    /// # Errors
    ///
    /// If it is held, or poisoned.
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if !self.raw.permits.try_write() {
            return Err(TryLockError::WouldBlock);
        }
        self.write_guard().map_err(TryLockError::Poisoned)
    }

    #[inline]
    fn read_guard(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.raw.poison.result(RwLockReadGuard::new(self))
    }

    #[inline]
    fn write_guard(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.raw.writer.set();
        let guard = RwLockWriteGuard {
            lock: self,
            entry: Entry::now(),
            not_send: PhantomData,
        };
        self.raw.poison.result(guard)
    }

    /// Whether a writer has panicked.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.raw.poison.is_set()
    }

    /// From here on it is as if no writer had panicked.
    pub fn clear_poison(&self) {
        self.raw.poison.clear();
    }

    /// The value; nobody else can hold the lock.
    ///
    /// # Errors
    ///
    /// The value as well, if the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.raw.poison.result(self.value.get_mut())
    }
}

impl Raw {
    /// Comes in, waiting for it if need be.
    #[cold]
    #[track_caller]
    fn enter_slow(&self, access: Access) {
        let place = place();
        place.check();
        let arm = || place.seat.parker.arm();
        let Some((key, waiter)) = self.permits.enter_or_wait(access, arm) else {
            return;
        };
        let registration = Registration {
            permits: &self.permits,
            key,
        };
        park(&place, waiter, Deadline::Never, self);
        // Gone from the queue: the token is the permit.
        let _ = ManuallyDrop::new(registration);
    }
}

/// A place in the queue, that is left when dropped (W5).
struct Registration<'a> {
    permits: &'a RwPermits,
    key: Key,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.permits.leave(self.key);
    }
}

impl Awaited for Raw {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an `RwLock`")
    }

    fn holder(&self) -> Holder {
        self.writer.get().map_or(Holder::Nobody, Holder::Owner)
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => out.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => out.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => out.field("data", &format_args!("<locked>")),
        };
        out.field("poisoned", &self.is_poisoned());
        out.finish_non_exhaustive()
    }
}

/// Holds an [`RwLock`] for reading until it is dropped.
#[must_use = "it is unlocked when this is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    /// The value. A pointer, for the guard outlives its own share of the lock while it is dropped; and so it is of one thread, as the greenlet is.
    value: NonNull<T>,
    raw: &'a Raw,
}

// SAFETY: a shared guard gives only shared references to the value.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// For one who has come in as a reader.
    #[inline]
    fn new(lock: &'a RwLock<T>) -> Self {
        RwLockReadGuard {
            // SAFETY: points to a field of `lock`.
            value: unsafe { NonNull::new_unchecked(lock.value.get()) },
            raw: &lock.raw,
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard stands for a reader (R2), and the lock is borrowed for as long.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.permits.unlock_read();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Holds an [`RwLock`] for writing until it is dropped.
#[must_use = "it is unlocked when this is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    entry: Entry,
    /// It is a greenlet that holds it, and that is of one thread.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives only shared references to the value.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Holds on for reading, with no moment between in which another writer could come in. Readers that are next in the queue come in as
    /// well. Never switches.
    ///
    /// ```
    /// use greenlet::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.write().unwrap();
    /// *writer = 2;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!((*reader, *lock.read().unwrap()), (2, 2));
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let lock = guard.lock;
        mem::forget(guard);
        lock.raw.writer.clear();
        lock.raw.permits.downgrade();
        RwLockReadGuard::new(lock)
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard stands for the writer (R2).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard stands for the writer (R2), and is borrowed for as long.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let raw = &self.lock.raw;
        raw.poison.leave(self.entry);
        raw.writer.clear();
        raw.permits.unlock_write();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
