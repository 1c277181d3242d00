//! The state of locks and semaphores: how many may still enter, and who waits.
//!
//! | `state` | |
//! |---|---|
//! | `2 n` | `n` permits, nobody waits |
//! | `1` | no permit, somebody may be waiting |
//!
//! A permit that is given back while somebody waits goes to the first of them, and never shows in `state`: the token is the
//! permit. So nobody overtakes, and without waiters each way is one exchange.
//!
//! * **P1** While `state` is `1` it changes only under the queue's lock.

use crate::util::primitive::{AtomicUsize, Latch, Ordering};
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

const QUEUED: usize = 1;
const ONE: usize = 2;

/// Permits, and who waits for one.
pub(crate) struct Permits {
    state: AtomicUsize,
    queue: Latch<WaitQueue>,
}

impl Permits {
    /// The most there can be.
    pub(crate) const MAX: usize = usize::MAX >> 2;

    pub(crate) const fn new(permits: usize) -> Self {
        assert!(permits <= Self::MAX, "too many permits");
        Permits {
            state: AtomicUsize::new(permits * ONE),
            queue: Latch::new(WaitQueue::new()),
        }
    }

    /// Takes the only permit there ever is; for locks.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        let taken = self
            .state
            .compare_exchange(ONE, 0, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Gives back the only permit; for locks.
    #[inline]
    pub(crate) fn unlock(&self) {
        let given = self
            .state
            .compare_exchange(0, ONE, Ordering::Release, Ordering::Relaxed);
        if given.is_err() {
            self.release_slow(1);
        }
    }

    /// Takes a permit if there is one.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state >= ONE {
            match self.state.compare_exchange_weak(
                state,
                state - ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Gives one permit back, or to the first who waits.
    #[inline]
    pub(crate) fn release(&self) {
        assert!(self.release_up_to(Self::MAX), "too many permits");
    }

    /// As [`release`](Self::release), unless there are `most` already, which is not zero; whether it did.
    #[inline]
    pub(crate) fn release_up_to(&self, most: usize) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & QUEUED == 0 {
            if state / ONE >= most {
                return false;
            }
            match self.state.compare_exchange_weak(
                state,
                state + ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        self.release_slow(most)
    }

    #[cold]
    fn release_slow(&self, most: usize) -> bool {
        let mut queue = self.queue.lock();
        if self.state.load(Ordering::Relaxed) & QUEUED == 0 {
            // The last who waited has given up meanwhile.
            drop(queue);
            return self.release_up_to(most);
        }
        let left = match queue.wake_one(Token::READY) {
            Some(()) if queue.is_empty() => 0,
            Some(()) => QUEUED,
            None => ONE,
        };
        // Nobody else changes it (P1).
        self.state.store(left, Ordering::Release);
        true
    }

    /// Takes a permit, or registers the ticket that `arm` makes.
    #[inline(always)]
    pub(crate) fn acquire_or_wait(&self, arm: impl FnOnce() -> Waiter) -> Option<(Key, Waiter)> {
        let mut queue = self.queue.lock();
        loop {
            if self.try_acquire() {
                return None;
            }
            let queued =
                self.state
                    .compare_exchange(0, QUEUED, Ordering::Relaxed, Ordering::Relaxed);
            // It was zero, or is a release that came between: look again.
            if queued.is_ok() || queued == Err(QUEUED) {
                break;
            }
        }
        let waiter = arm();
        Some((queue.push(waiter, ()), waiter))
    }

    /// Takes a registration back for which no permit has come.
    pub(crate) fn leave(&self, key: Key) {
        let mut queue = self.queue.lock();
        queue.leave(key);
        if queue.is_empty() && self.state.load(Ordering::Relaxed) == QUEUED {
            // Nobody else changes it (P1).
            self.state.store(0, Ordering::Release);
        }
    }

    /// How many could be taken now.
    pub(crate) fn available(&self) -> usize {
        self.state.load(Ordering::Relaxed) / ONE
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }
}
