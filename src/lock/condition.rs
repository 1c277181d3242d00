//! Conditions: to wait, with a lock given up meanwhile, until told that something has changed.

use std::fmt;
use std::mem;
use std::time::Duration;

use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::lock::relock::{AnyLock, Hold};
use crate::lock::rlock::RLock;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::util::slot_list::Key;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// A lock, and greenlets that wait for a change of what it protects: Python's `threading.Condition`.
///
/// It is over an [`RLock`] of its own, or [over](Self::over) a lock that others use as well, such as another condition. Waiters are notified in the
/// order of coming. One that is notified goes on when it has the lock again; others may have had the lock before, so what it waited for
/// has to be looked at again, which [`wait_for`](Self::wait_for) does.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use greenlet::lock::Condition;
///
/// let shared = Rc::new((Condition::new(), RefCell::new(Vec::new())));
/// let theirs = shared.clone();
/// let consumer = greenlet::spawn(move || {
///     let (condition, items) = &*theirs;
///     let _held = condition.hold();
///     condition.wait_for(|| !items.borrow().is_empty());
///     items.borrow_mut().pop()
/// });
/// greenlet::yield_now(); // it waits
/// let (condition, items) = &*shared;
/// let held = condition.hold();
/// items.borrow_mut().push("item");
/// condition.notify_one();
/// drop(held);
/// assert_eq!(consumer.join().unwrap(), Some("item"));
/// ```
pub struct Condition<L = RLock> {
    lock: L,
    waiting: Latch<WaitQueue>,
}

const NOTIFICATION: Plain = Plain("a notification of a `Condition`");

impl Condition {
    /// Over an [`RLock`] of its own.
    pub const fn new() -> Self {
        Condition::over(RLock::new())
    }
}

impl<L> Condition<L> {
    /// Over that lock, or the one it points to.
    ///
    /// ```
    /// use greenlet::lock::{Condition, Lock};
    ///
    /// let lock = Lock::new();
    /// let (not_empty, not_full) = (Condition::over(&lock), Condition::over(&lock));
    /// let _held = not_empty.hold();
    /// assert!(!not_full.try_acquire());
    /// not_full.notify_all(); // it is the same lock, and nobody waits
    /// ```
    pub const fn over(lock: L) -> Self {
        Condition {
            lock,
            waiting: Latch::new(WaitQueue::new()),
        }
    }

    /// The lock.
    pub const fn lock(&self) -> &L {
        &self.lock
    }
}

impl<L: AnyLock> Condition<L> {
    /// Takes the lock; waits as long as another has it.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) {
        self.lock.acquire();
    }

    /// Takes the lock if that needs no waiting; whether it did. Never switches.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.lock.try_acquire()
    }

    /// As [`acquire`](Self::acquire), for so long at most; whether the lock was taken.
    #[inline]
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> bool {
        self.lock.acquire_timeout(limit)
    }

    /// Gives the lock back. Never switches.
    ///
    /// # Panics
    ///
    /// As the lock does.
    #[inline]
    #[track_caller]
    pub fn release(&self) {
        self.lock
            .give_back()
            .unwrap_or_else(|misuse| misuse.raise());
    }

    /// Takes the lock until the guard is dropped.
    #[inline]
    #[track_caller]
    pub fn hold(&self) -> Hold<'_, L> {
        Hold::of(&self.lock)
    }

    /// Gives the lock up, waits for a notification, and takes the lock again, as often as it was taken before.
    ///
    /// Switches always. A kill, or the end of an enclosing limit, ends the wait, but only once the lock is taken again; a
    /// notification that the greenlet has got by then goes to the next one.
    ///
    /// # Panics
    ///
    /// If the running greenlet has not taken the [`RLock`], or nobody the [`Lock`](crate::lock::Lock).
    #[track_caller]
    pub fn wait(&self) {
        self.wait_until(Deadline::Never);
    }

    /// As [`wait`](Self::wait), for so long at most, not counting the time it takes to get the lock again; whether there was a notification.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.wait_until(Deadline::after(clock::now(), limit))
    }

    /// Waits until `predicate` is true, which is called with the lock taken: at once, and after every notification.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does, and if `predicate` does.
    #[track_caller]
    pub fn wait_for(&self, mut predicate: impl FnMut() -> bool) {
        self.check_held("waited on");
        while !predicate() {
            self.wait_until(Deadline::Never);
        }
    }

    /// As [`wait_for`](Self::wait_for), for so long at most; what `predicate` said last.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does, and if `predicate` does.
    #[track_caller]
    pub fn wait_for_timeout(&self, limit: Duration, mut predicate: impl FnMut() -> bool) -> bool {
        self.check_held("waited on");
        let deadline = Deadline::after(clock::now(), limit);
        loop {
            if predicate() {
                return true;
            }
            if !self.wait_until(deadline) {
                return predicate();
            }
        }
    }

    /// Notifies the first `n` who wait, or all if they are fewer. Never switches.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does.
    #[track_caller]
    pub fn notify(&self, n: usize) {
        self.check_held("notified");
        let mut waiting = self.waiting.lock();
        for _ in 0..n {
            if waiting.wake_one(Token::READY).is_none() {
                break;
            }
        }
    }

    /// Notifies the first who waits, if anybody does. Never switches.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does.
    #[track_caller]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Notifies everybody who waits. Never switches.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait) does.
    #[track_caller]
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    #[track_caller]
    fn check_held(&self, done: &str) {
        assert!(
            self.lock.is_held(),
            "a `Condition` was {done} without its lock"
        );
    }

    /// Whether there was a notification before the deadline.
    #[track_caller]
    fn wait_until(&self, deadline: Deadline) -> bool {
        self.check_held("waited on");
        let place = place();
        place.check();
        let waiter = place.seat.parker.arm();
        // Registered before the lock is given up: whoever takes it next can notify.
        let mut wait = Wait {
            condition: self,
            entry: Some(self.waiting.lock().push(waiter, ())),
            depth: self.lock.give_up(),
            notified: false,
        };
        if park(&place, waiter, deadline, &NOTIFICATION) != Token::TIMED_OUT {
            // Gone from the queue: its notifier has taken it.
            wait.entry = None;
            wait.notified = true;
        }
        wait.end()
    }
}

/// A wait, which ends with the lock taken again, whatever ends it (W5).
struct Wait<'a, L: AnyLock> {
    condition: &'a Condition<L>,
    entry: Option<Key>,
    depth: usize,
    notified: bool,
}

impl<L: AnyLock> Wait<'_, L> {
    /// Whether there was a notification.
    #[track_caller]
    fn end(mut self) -> bool {
        // May be interrupted; then the lock is taken after all when this is dropped, where it may not.
        self.return_to_lock();
        let notified = self.notified;
        mem::forget(self);
        notified
    }

    #[track_caller]
    fn return_to_lock(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.condition.waiting.lock().leave(entry);
        }
        self.condition.lock.take_again(self.depth);
    }
}

impl<L: AnyLock> Drop for Wait<'_, L> {
    fn drop(&mut self) {
        self.return_to_lock();
        if self.notified {
            // Nobody has acted upon it.
            self.condition.waiting.lock().wake_one(Token::READY);
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Condition::new()
    }
}

impl<L: fmt::Debug> fmt::Debug for Condition<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("lock", &self.lock)
            .field("waiting", &self.waiting.lock().len())
            .finish()
    }
}
