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
    /// How often the barrier has opened.
    openings: usize,
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
                openings: 0,
                waiting: WaitQueue::new(),
            }),
        }
    }

    /// Waits until all have come. The last to come leads, and the barrier is closed again at once.
    ///
    /// Switches unless it is the last. A kill, or the end of an enclosing limit, ends the wait, and it is as if the caller had not come.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let mut came = None;
        loop {
            let waited = wait_on(
                &self.state,
                Deadline::Never,
                self,
                |state| state.come(self.needed, &mut came),
                |state| &mut state.waiting,
            );
            if let Waited::Done(leads) = waited {
                return BarrierWaitResult(leads);
            }
        }
    }
}

impl State {
    /// Comes, or comes again after having been woken; `came` says at which opening it aims. Gives whether it leads, unless it has to wait.
    fn come(&mut self, needed: usize, came: &mut Option<usize>) -> Result<bool, ()> {
        if *came.get_or_insert(self.openings) != self.openings {
            return Ok(false);
        }
        if self.waiting.hopeful() + 1 < needed {
            return Err(());
        }
        let woken = self.waiting.wake_all(Token::READY);
        if woken + 1 < needed {
            // Some were killed meanwhile. Those woken come again, and find it closed.
            return Err(());
        }
        self.openings = self.openings.wrapping_add(1);
        Ok(true)
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
