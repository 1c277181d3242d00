//! What locks have in common that are held by a greenlet, and can be given up and taken again by a condition.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A lock that a [`Condition`](crate::lock::Condition) may be over: a [`Lock`](crate::lock::Lock), an
/// [`RLock`](crate::lock::RLock), or one behind `&`, [`Rc`] or [`Arc`].
///
/// Not behind any pointer: a condition follows it while it is about to wait, when nothing of the user's may run.
///
/// ```compile_fail,E0599
/// use greenlet::lock::{Condition, Lock};
///
/// struct Pointer(Lock);
/// impl std::ops::Deref for Pointer {
///     type Target = Lock;
///     fn deref(&self) -> &Lock {
///         panic!("in the middle of a wait")
///     }
/// }
/// Condition::over(Pointer(Lock::new())).acquire();
/// ```
pub trait AnyLock: Relock {}

impl<L: Relock + ?Sized> AnyLock for L {}

/// What such a lock can do.
pub trait Relock {
    #[track_caller]
    fn acquire(&self);

    fn try_acquire(&self) -> bool;

    #[track_caller]
    fn acquire_timeout(&self, limit: Duration) -> bool;

    /// Gives the lock back; or says what is wrong with that.
    fn give_back(&self) -> Result<(), Misuse>;

    /// Whether the running greenlet may give it back.
    fn is_held(&self) -> bool;

    /// Gives the lock back, however often it was taken; says how often that was.
    fn give_up(&self) -> usize;

    /// Takes the lock so often.
    #[track_caller]
    fn take_again(&self, depth: usize);
}

/// Pointers that lead to the lock without running anything of the user's: a condition follows them while it is about to wait.
pub trait Plain: Deref {}

impl<T: ?Sized> Plain for &T {}
impl<T: ?Sized> Plain for Rc<T> {}
impl<T: ?Sized> Plain for Arc<T> {}

impl<P: Plain<Target: Relock>> Relock for P {
    fn acquire(&self) {
        (**self).acquire();
    }

    fn try_acquire(&self) -> bool {
        (**self).try_acquire()
    }

    fn acquire_timeout(&self, limit: Duration) -> bool {
        (**self).acquire_timeout(limit)
    }

    fn give_back(&self) -> Result<(), Misuse> {
        (**self).give_back()
    }

    fn is_held(&self) -> bool {
        (**self).is_held()
    }

    fn give_up(&self) -> usize {
        (**self).give_up()
    }

    fn take_again(&self, depth: usize) {
        (**self).take_again(depth);
    }
}

/// Why a lock cannot be given back.
#[derive(Debug)]
pub struct Misuse(pub(crate) String);

impl Misuse {
    /// Panics in the caller.
    #[cold]
    #[track_caller]
    pub(crate) fn raise(self) -> ! {
        panic!("{}", self.0)
    }
}

/// Holds a lock until it is dropped.
///
/// Dropping it is a release: it panics if that is a misuse, for instance because the lock was released meanwhile; but not while the
/// thread panics.
#[must_use = "the lock is released when this is dropped"]
pub struct Hold<'a, L: AnyLock> {
    lock: &'a L,
    /// It is a greenlet that holds it, and that is of one thread.
    not_send: PhantomData<*const ()>,
}

impl<'a, L: AnyLock> Hold<'a, L> {
    /// Takes the lock.
    #[inline]
    #[track_caller]
    pub(crate) fn of(lock: &'a L) -> Self {
        lock.acquire();
        Hold {
            lock,
            not_send: PhantomData,
        }
    }
}

impl<L: AnyLock> Drop for Hold<'_, L> {
    #[inline]
    fn drop(&mut self) {
        if let Err(misuse) = self.lock.give_back()
            && !thread::panicking()
        {
            misuse.raise();
        }
    }
}

impl<L: AnyLock + fmt::Debug> fmt::Debug for Hold<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(self.lock).finish()
    }
}
