//! A value to wait for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::event::flag::Event;
use crate::hub::awaited::Plain;
use crate::sys::clock;
use crate::task::timeout::Elapsed;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;

/// A value that is set once it is known, and that any number of greenlets can wait for: `gevent.event.AsyncResult`.
///
/// A further [`set`](Self::set) replaces the value. Between threads it can be shared if the value can, since several may read it at once.
///
/// ```
/// use std::rc::Rc;
/// use greenlet::event::AsyncResult;
///
/// let answer = Rc::new(AsyncResult::new());
/// let theirs = answer.clone();
/// let asker = greenlet::spawn(move || theirs.get() + 1);
/// greenlet::yield_now(); // it waits
/// assert_eq!(answer.try_get(), None);
/// answer.set(41);
/// assert_eq!(asker.join().unwrap(), 42);
/// assert_eq!(answer.get(), 41);
/// ```
pub struct AsyncResult<T> {
    /// Set once there is a value.
    known: Event,
    /// Shared, so that nothing of the user's runs under the lock.
    value: Latch<Option<Arc<T>>>,
}

impl<T> AsyncResult<T> {
    /// Without a value.
    pub const fn new() -> Self {
        AsyncResult {
            known: Event::new(),
            value: Latch::new(None),
        }
    }

    /// Sets the value, and makes everybody runnable who waits for it, in the order of coming. An earlier value is replaced, and
    /// whoever has not run since then gets the new one.
    ///
    /// Never switches, unless the destructor of an earlier value does.
    pub fn set(&self, value: T) {
        let value = Arc::new(value);
        let earlier = self.value.lock().replace(value);
        self.known.set();
        drop(earlier);
    }

    /// Whether there is a value. Never switches.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.known.is_set()
    }

    /// Waits until there is a value.
    ///
    /// Switches only if there is none. A kill, or the end of an enclosing limit, ends the wait.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_set() {
            self.known.wait_until(Deadline::Never, &RESULT);
        }
    }

    /// As [`wait`](Self::wait), for so long at most; whether there is a value.
    #[inline]
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.is_set()
            || self
                .known
                .wait_until(Deadline::after(clock::now(), limit), &RESULT)
    }

    fn value(&self) -> Option<Arc<T>> {
        self.value.lock().clone()
    }
}

impl<T: Clone> AsyncResult<T> {
    /// A clone of the value; waits until there is one.
    ///
    /// Switches only if there is none. A kill, or the end of an enclosing limit, ends the wait.
    #[track_caller]
    pub fn get(&self) -> T {
        self.wait();
        let value = self.value().expect("it was set, and is never taken away");
        T::clone(&value)
    }

    /// A clone of the value, if there is one. Never switches, unless cloning does.
    pub fn try_get(&self) -> Option<T> {
        self.value().map(|value| T::clone(&value))
    }

    /// As [`get`](Self::get), for so long at most.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], if there is no value by then.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Result<T, Elapsed> {
        match self.wait_timeout(limit) {
            true => Ok(self.get()),
            false => Err(Elapsed(())),
        }
    }
}

const RESULT: Plain = Plain("an `AsyncResult`");

impl<T> Default for AsyncResult<T> {
    fn default() -> Self {
        AsyncResult::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncResult").field(&self.value()).finish()
    }
}
