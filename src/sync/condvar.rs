//! A place to wait for a change of what a mutex guards, as std has it.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::sync::mutex::MutexGuard;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::util::slot_list::Key;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// What a call of `notify_one` says.
const ONE: Token = Token(0);
/// What a call of `notify_all` says.
const ALL: Token = Token(1);

/// [`std::sync::Condvar`], for which only the greenlet waits.
///
/// Differences: whoever waits is woken in the order of coming, and different waits may use different mutexes. As with std's, a wait may
/// end for no reason.
///
/// ```
/// use greenlet::sync::{Arc, Condvar, Mutex};
///
/// let pair = Arc::new((Mutex::new(false), Condvar::new()));
/// let handle = {
///     let pair = pair.clone();
///     greenlet::spawn(move || {
///         *pair.0.lock().unwrap() = true;
///         pair.1.notify_one();
///     })
/// };
/// let mut started = pair.0.lock().unwrap();
/// while !*started {
///     started = pair.1.wait(started).unwrap();
/// }
/// handle.join().unwrap();
/// ```
pub struct Condvar {
    waiting: Latch<WaitQueue>,
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Condvar {
    /// Nobody waits.
    #[inline]
    pub const fn new() -> Self {
        Condvar {
            waiting: Latch::new(WaitQueue::new()),
        }
    }

    /// Unlocks, waits for a notification, and locks again. No notification that comes after the unlocking is missed.
    ///
    /// Always switches. A kill, or the end of an enclosing limit, ends the wait, and nothing is locked; a notification of
    /// [`notify_one`](Self::notify_one) that has reached it already goes to the next who waits.
    ///
    /// # Errors
    ///
    /// The guard as well, if the mutex is poisoned when it is locked again.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        swap(self.wait_until(guard, Deadline::Never), |(guard, _)| guard)
    }

    /// [Waits](Self::wait) as long as `condition` holds, which is asked with the mutex locked.
    ///
    /// Switches only if the condition holds.
    ///
    /// ```
    /// use greenlet::sync::{Arc, Condvar, Mutex};
    ///
    /// let pair = Arc::new((Mutex::new(3), Condvar::new()));
    /// let handles: Vec<_> = (0..3)
    ///     .map(|_| {
    ///         let pair = pair.clone();
    ///         greenlet::spawn(move || {
    ///             *pair.0.lock().unwrap() -= 1;
    ///             pair.1.notify_all();
    ///         })
    ///     })
    ///     .collect();
    /// let left = pair.1.wait_while(pair.0.lock().unwrap(), |left| *left > 0);
    /// assert_eq!(*left.unwrap(), 0);
    /// greenlet::join_all(handles);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Self::wait), for so long at most; then it waits for nothing but the mutex. A notification that comes before the
    /// limit counts, even if the mutex can be locked only later.
    ///
    /// ```
    /// use std::time::Duration;
    /// use greenlet::sync::{Condvar, Mutex};
    ///
    /// let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    /// let limit = Duration::from_millis(1);
    /// let (guard, result) = condvar.wait_timeout(mutex.lock().unwrap(), limit).unwrap();
    /// assert!(result.timed_out() && *guard == 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, Deadline::after(clock::now(), limit))
    }

    /// As [`wait_while`](Self::wait_while), for so long at most. It has timed out if the condition still holds in the end.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = Deadline::after(clock::now(), limit);
        let mut result = WaitTimeoutResult(false);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_until(guard, deadline)?;
        }
    }

    #[track_caller]
    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let mutex = guard.mutex();
        let notified = self.sleep(guard, deadline);
        let timed_out = WaitTimeoutResult(notified.is_none());
        let guard = mutex.lock();
        // It has arrived.
        mem::forget(notified);
        swap(guard, |guard| (guard, timed_out))
    }

    /// Unlocks and waits; `None` if the deadline came first.
    #[track_caller]
    fn sleep<T>(&self, guard: MutexGuard<'_, T>, deadline: Deadline) -> Option<Notified<'_>> {
        let place = place();
        place.check();
        let waiter = place.seat.parker.arm();
        let registration = Registration {
            waiting: &self.waiting,
            key: self.waiting.lock().push(waiter, ()),
        };
        // Wakes at most the next holder, and does not switch.
        drop(guard);
        let token = park(&place, waiter, deadline, self);
        if token == Token::TIMED_OUT {
            return None;
        }
        // Gone from the queue: its notifier has taken it.
        let _ = ManuallyDrop::new(registration);
        Some(Notified {
            condvar: self,
            token,
        })
    }

    /// Wakes the first who waits, if anybody does. Never switches.
    pub fn notify_one(&self) {
        self.waiting.lock().wake_one(ONE);
    }

    /// Wakes all who wait now, in the order of coming. Never switches.
    pub fn notify_all(&self) {
        self.waiting.lock().wake_all(ALL);
    }
}

/// Applies `f` to what is in the result, poisoned or not.
fn swap<V, W>(result: LockResult<V>, f: impl FnOnce(V) -> W) -> LockResult<W> {
    match result {
        Ok(value) => Ok(f(value)),
        Err(poisoned) => Err(PoisonError::new(f(poisoned.into_inner()))),
    }
}

/// A place in the queue, that is left when dropped (W5).
struct Registration<'a> {
    waiting: &'a Latch<WaitQueue>,
    key: Key,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.waiting.lock().leave(self.key);
    }
}

/// A notification on its way to the caller. If the caller dies before it has the mutex, the next one gets it.
struct Notified<'a> {
    condvar: &'a Condvar,
    token: Token,
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        if self.token == ONE {
            self.condvar.notify_one();
        }
    }
}

impl Awaited for Condvar {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a notification of a `Condvar`")
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// Whether a wait with a limit was ended by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the limit has passed first.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}
