//! Something that is done once, as std has it.
//!
//! ```text
//!                 attempt begins              it returns
//!   Incomplete  ------------------> Running --------------> Complete
//!      ^   ^                          |  |
//!      |   +--------------------------+  | it panics
//!      |      killed, or out of time     v
//!      +------------------------------ Poisoned
//!           ("force" begins here too)
//! ```
//!
//! * **O1** `state` changes only under the queue's lock, and from `COMPLETE` never.

use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::hub::awaited::{Awaited, Holder};
use crate::hub::owner::{Owner, panicking};
use crate::hub::wait_on::{Waited, wait_on};
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicUsize, Latch, Ordering};
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

const INCOMPLETE: usize = 0;
const POISONED: usize = 1;
const RUNNING: usize = 2;
const COMPLETE: usize = 3;

/// [`std::sync::Once`], for which only the greenlet waits.
///
/// Differences: what is done may switch. If it is killed, or runs out of time, it has not been done, and the next one tries. A greenlet
/// that comes again while it does it gets a panic.
///
/// ```
/// use greenlet::sync::Once;
///
/// static START: Once = Once::new();
/// let mut times = 0;
/// for _ in 0..3 {
///     START.call_once(|| times += 1);
/// }
/// assert!(times == 1 && START.is_completed());
/// ```
pub struct Once {
    state: AtomicUsize,
    runner: Owner,
    waiting: Latch<WaitQueue>,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// What one finds who comes.
enum Found<'a> {
    Complete,
    /// Nobody is at it: the caller is, from here on.
    Free(Attempt<'a>),
    Poisoned,
    /// The caller is at it already.
    Recursive,
}

impl Once {
    /// Nothing has been done.
    #[allow(clippy::new_without_default, reason = "std's has none")]
    #[inline]
    pub const fn new() -> Self {
        Once {
            state: AtomicUsize::new(INCOMPLETE),
            runner: Owner::nobody(),
            waiting: Latch::new(WaitQueue::new()),
        }
    }

    /// Calls `f` if none was called to its end before. When this returns one was, and everything it did is visible.
    ///
    /// Switches only if another greenlet is at it, whose end it waits for. A kill, or the end of an enclosing limit, ends the wait, and
    /// `f` is not called; one that ends `f` leaves the call to the next one.
    ///
    /// # Panics
    ///
    /// With whatever `f` panics with; then every later call panics as well. And if `f` comes to this call again.
    #[inline]
    #[track_caller]
    pub fn call_once<F>(&self, f: F)
    where
        F: FnOnce(),
    {
        if !self.is_completed()
            && let Some(attempt) = self.begin(false)
        {
            f();
            attempt.complete();
        }
    }

    /// As [`call_once`](Self::call_once), but an earlier panic does not matter; `f` is told of it.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// use greenlet::sync::Once;
    ///
    /// static START: Once = Once::new();
    /// assert!(catch_unwind(|| START.call_once(|| panic!("no luck"))).is_err());
    /// assert!(catch_unwind(|| START.call_once(|| ())).is_err());
    /// START.call_once_force(|state| assert!(state.is_poisoned()));
    /// START.call_once(|| unreachable!());
    /// ```
    ///
    /// # Panics
    ///
    /// With whatever `f` panics with, and if `f` comes to this call again.
    #[inline]
    #[track_caller]
    pub fn call_once_force<F>(&self, f: F)
    where
        F: FnOnce(&OnceState),
    {
        if !self.is_completed()
            && let Some(attempt) = self.begin(true)
        {
            f(&OnceState {
                poisoned: attempt.before == POISONED,
            });
            attempt.complete();
        }
    }

    /// Whether a call has come to its end. Never switches.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Waits until a call has come to its end.
    ///
    /// Switches unless one has. A kill, or the end of an enclosing limit, ends the wait.
    ///
    /// # Panics
    ///
    /// If a call has panicked, or the caller is the one that it would wait for.
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow(false);
        }
    }

    /// As [`wait`](Self::wait), but goes on waiting if a call has panicked.
    ///
    /// # Panics
    ///
    /// If the caller is the one that it would wait for.
    #[track_caller]
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.wait_slow(true);
        }
    }

    /// Begins an attempt, once nobody else is at it; `None` if it has been done.
    #[cold]
    #[track_caller]
    fn begin(&self, force: bool) -> Option<Attempt<'_>> {
        let found = self.find(|state| match state {
            INCOMPLETE => Some(Found::Free(self.start(state))),
            POISONED if force => Some(Found::Free(self.start(state))),
            POISONED => Some(Found::Poisoned),
            _ => None,
        });
        match found {
            Found::Free(attempt) => Some(attempt),
            Found::Complete => None,
            Found::Poisoned | Found::Recursive => found.refuse(),
        }
    }

    #[cold]
    #[track_caller]
    fn wait_slow(&self, force: bool) {
        let found = self.find(|state| (state == POISONED && !force).then_some(Found::Poisoned));
        if !matches!(found, Found::Complete) {
            found.refuse();
        }
    }

    /// Looks until there is something to be found; `look` says what, if it is not done and not in vain.
    #[track_caller]
    fn find<'a>(&'a self, look: impl Fn(usize) -> Option<Found<'a>>) -> Found<'a> {
        loop {
            let waited = wait_on(
                &self.waiting,
                Deadline::Never,
                self,
                |_| match self.state.load(Ordering::Acquire) {
                    COMPLETE => Ok(Found::Complete),
                    RUNNING if self.runner.is_running() => Ok(Found::Recursive),
                    state => look(state).ok_or(()),
                },
                |waiting| waiting,
            );
            if let Waited::Done(found) = waited {
                return found;
            }
        }
    }

    /// Under the queue's lock (O1).
    fn start(&self, before: usize) -> Attempt<'_> {
        self.runner.set();
        self.state.store(RUNNING, Ordering::Relaxed);
        Attempt { once: self, before }
    }

    fn end(&self, state: usize) {
        let mut waiting = self.waiting.lock();
        self.runner.clear();
        self.state.store(state, Ordering::Release);
        waiting.wake_all(Token::READY);
    }
}

impl Found<'_> {
    #[cold]
    #[track_caller]
    fn refuse(self) -> ! {
        match self {
            Found::Poisoned => panic!("Once instance has previously been poisoned"),
            _ => panic!("what is done once needs itself to be done"),
        }
    }
}

/// The running greenlet is at it. Dropped, it has failed.
struct Attempt<'a> {
    once: &'a Once,
    before: usize,
}

impl Attempt<'_> {
    fn complete(self) {
        ManuallyDrop::new(self).once.end(COMPLETE);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.once.end(match panicking() {
            true => POISONED,
            false => self.before,
        });
    }
}

impl Awaited for Once {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `Once`")
    }

    fn holder(&self) -> Holder {
        self.runner.get().map_or(Holder::Nobody, Holder::Owner)
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// What [`Once::call_once_force`] tells its function.
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Whether an earlier call has panicked.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}
