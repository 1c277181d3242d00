//! A flag to wait for.
//!
//! `set` is stored true, and read by whoever is about to wait, under the lock of the queue: so nobody begins to wait for a set that
//! is over. Whoever reads it without the lock acquires what was done before the set.

use std::fmt;
use std::time::Duration;

use crate::hub::awaited::{Awaited, Plain};
use crate::hub::wait_on::{Waited, wait_on};
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicBool, Latch, Ordering};
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// A flag that is set and cleared, and that any number of greenlets can wait for: Python's `threading.Event`.
///
/// A [`set`](Self::set) wakes everybody who waits then, in the order of coming, even if the flag is [cleared](Self::clear) before they run: their wait is
/// over.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::event::Event;
///
/// let ready = Rc::new(Event::new());
/// let theirs = ready.clone();
/// let waiter = greenlet::spawn(move || {
///     theirs.wait();
///     "went on"
/// });
/// greenlet::yield_now(); // it waits
/// ready.set();
/// ready.clear();
/// assert_eq!(waiter.join().unwrap(), "went on");
/// assert!(!ready.is_set());
/// ```
pub struct Event {
    set: AtomicBool,
    waiting: Latch<WaitQueue>,
}

impl Event {
    /// Not set.
    pub const fn new() -> Self {
        Event {
            set: AtomicBool::new(false),
            waiting: Latch::new(WaitQueue::new()),
        }
    }

    /// Sets the flag, and makes everybody runnable who waits for it, in the order of coming. Never switches.
    pub fn set(&self) {
        let mut waiting = self.waiting.lock();
        self.set.store(true, Ordering::Release);
        waiting.wake_all(Token::READY);
    }

    /// Clears the flag: whoever waits from here on waits for the next [`set`](Self::set). Never switches.
    #[inline]
    pub fn clear(&self) {
        self.set.store(false, Ordering::Release);
    }

    /// Whether the flag is set. Never switches.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until the flag is set, or was set meanwhile.
    ///
    /// Switches only if the flag is not set. A kill, or the end of an enclosing limit, ends the wait.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_set() {
            self.wait_until(Deadline::Never, &EVENT);
        }
    }

    /// As [`wait`](Self::wait), for so long at most; whether the flag was set.
    #[inline]
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.is_set() || self.wait_until(Deadline::after(clock::now(), limit), &EVENT)
    }

    /// Waits, as for what `awaited` says; whether the flag was set before the deadline.
    #[cold]
    #[track_caller]
    pub(crate) fn wait_until(&self, deadline: Deadline, awaited: &dyn Awaited) -> bool {
        let look = |_: &mut WaitQueue| self.is_set().then_some(()).ok_or(());
        let waited = wait_on(&self.waiting, deadline, awaited, look, |waiting| waiting);
        !matches!(waited, Waited::TimedOut(()))
    }
}

const EVENT: Plain = Plain("an `Event`");

impl Default for Event {
    fn default() -> Self {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .field("waiting", &self.waiting.lock().len())
            .finish()
    }
}
