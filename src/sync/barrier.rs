//! A meeting point of a number of greenlets, as std has it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::hub::awaited::Awaited;
use crate::hub::wait_on::{Waited, wait_on};
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;
use crate::wait::parker::Token;
use crate::wait::wait_queue::WaitQueue;

/// [`std::sync::Barrier`], at which only the greenlet waits.
///
/// Difference: who is killed, or times out, while it waits has not come, so that the others wait for another one in its place.
///
/// ```
/// use greenlet::sync::{Arc, Barrier};
///
/// let barrier = Arc::new(Barrier::new(3));
/// let handles: Vec<_> = (0..2)
///     .map(|_| {
///         let barrier = barrier.clone();
///         greenlet::spawn(move || barrier.wait().is_leader())
///     })
///     .collect();
/// let mut leaders = usize::from(barrier.wait().is_leader());
/// for led in greenlet::join_all(handles) {
///     leaders += usize::from(led.unwrap());
/// }
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    needed: usize,
    state: Latch<State>,
}

struct State {
    /// How often somebody found that all had come.
    calls: usize,
    /// Where that was wrong: the number of the call, and how many were woken for it who have not heard yet that they are to wait on.
    in_vain: Vec<(usize, usize)>,
    waiting: WaitQueue,
}

impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

impl Barrier {
    /// Opens whenever so many wait. Zero is as good as one: nobody ever waits.
    #[inline]
    pub const fn new(n: usize) -> Self {
        Barrier {
            needed: n,
            state: Latch::new(State {
                calls: 0,
                in_vain: Vec::new(),
                waiting: WaitQueue::new(),
            }),
        }
    }

    /// Waits until all have come. The last to come leads, and the barrier is closed again at once.
    ///
    /// Switches unless it is the last. A kill, or the end of an enclosing limit, ends the wait, and it is as if the caller had not come.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let mut called = None;
        loop {
            let waited = wait_on(
                &self.state,
                Deadline::Never,
                self,
                |state| state.come(self.needed, called),
                |state| &mut state.waiting,
            );
            match waited {
                Waited::Done(leads) => return BarrierWaitResult(leads),
                Waited::Woken(Token(call)) => called = Some(call),
                Waited::TimedOut(()) => unreachable!("it has no deadline"),
            }
        }
    }
}

impl State {
    /// Comes, or was `called`. Gives whether it leads, unless it has to wait.
    fn come(&mut self, needed: usize, called: Option<usize>) -> Result<bool, ()> {
        if called.is_some_and(|call| !self.was_in_vain(call)) {
            return Ok(false);
        }
        if self.waiting.hopeful() + 1 < needed {
            return Err(());
        }
        // Nowhere near the tokens that mean something else.
        self.calls = (self.calls + 1) % (usize::MAX / 2);
        let woken = self.waiting.wake_all(Token(self.calls));
        if woken + 1 < needed {
            // Some were killed meanwhile.
            if woken > 0 {
                self.in_vain.push((self.calls, woken));
            }
            return Err(());
        }
        Ok(true)
    }

    /// Whether somebody was woken for nothing, who hears of it now.
    fn was_in_vain(&mut self, call: usize) -> bool {
        let found = self.in_vain.iter().position(|(number, _)| *number == call);
        if let Some(at) = found {
            self.in_vain[at].1 -= 1;
            if self.in_vain[at].1 == 0 {
                self.in_vain.swap_remove(at);
            }
        }
        found.is_some()
    }
}

impl Awaited for Barrier {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the others at a `Barrier`")
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

/// What [`Barrier::wait`] gives.
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether the caller was the last to come; exactly one of those who meet is.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.is_leader())
            .finish()
    }
}
