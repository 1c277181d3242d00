//! The state of a reader-writer lock: who is in, and who waits.
//!
//! | `state` | |
//! |---|---|
//! | `4 n` | `n` readers, nobody waits |
//! | `2` | a writer, nobody waits |
//! | one more | the same, and somebody may be waiting |
//!
//! Whoever comes while somebody waits has to wait as well, so nobody overtakes. Whoever leaves lets in the first in the queue, and if that is a
//! reader, all readers up to the next writer: the token is the permit. Without waiters each way is one exchange.
//!
//! * **R1** While somebody may be waiting, `state` changes only under the queue's lock.

use crate::util::primitive::{AtomicUsize, Latch, Ordering};
use crate::util::slot_list::Key;
use crate::wait::parker::{Token, Waiter};
use crate::wait::wait_queue::WaitQueue;

const QUEUED: usize = 1;
const WRITER: usize = 2;
const READER: usize = 4;
/// As many readers as may be in at once.
const FULL: usize = usize::MAX & !(READER | WRITER | QUEUED);

/// As what one comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    /// What is added to the state.
    fn weight(self) -> usize {
        match self {
            Access::Read => READER,
            Access::Write => WRITER,
        }
    }

    /// Whether one may come in beside those who are, if nobody waits.
    fn fits(self, state: usize) -> bool {
        match self {
            Access::Read => state & WRITER == 0 && state < FULL,
            Access::Write => state == 0,
        }
    }
}

/// Who is in, and who waits to come in.
pub(crate) struct RwPermits {
    state: AtomicUsize,
    queue: Latch<WaitQueue<Access>>,
}

impl RwPermits {
    pub(crate) const fn new() -> Self {
        RwPermits {
            state: AtomicUsize::new(0),
            queue: Latch::new(WaitQueue::new()),
        }
    }

    /// Comes in as a reader, if there is no writer and nobody waits.
    #[inline]
    pub(crate) fn try_read(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & (QUEUED | WRITER) == 0 && state < FULL {
            match self.state.compare_exchange_weak(
                state,
                state + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Comes in as the writer, if nobody is in.
    #[inline]
    pub(crate) fn try_write(&self) -> bool {
        let taken = self
            .state
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// A reader leaves.
    #[inline]
    pub(crate) fn unlock_read(&self) {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & QUEUED == 0 {
            match self.state.compare_exchange_weak(
                state,
                state - READER,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.leave_slow(READER, 0);
    }

    /// The writer leaves.
    #[inline]
    pub(crate) fn unlock_write(&self) {
        self.replace_writer(0);
    }

    /// The writer becomes a reader; those who wait to read come in as well.
    #[inline]
    pub(crate) fn downgrade(&self) {
        self.replace_writer(READER);
    }

    #[inline]
    fn replace_writer(&self, by: usize) {
        let left = self
            .state
            .compare_exchange(WRITER, by, Ordering::Release, Ordering::Relaxed);
        if left.is_err() {
            self.leave_slow(WRITER, by);
        }
    }

    /// Takes one share away and adds another, while somebody may be waiting.
    #[cold]
    fn leave_slow(&self, share: usize, instead: usize) {
        let mut queue = self.queue.lock();
        let mut state = self.state.load(Ordering::Acquire);
        while state & QUEUED == 0 {
            // The last who waited has given up meanwhile; other readers may come and go.
            match self.state.compare_exchange_weak(
                state,
                state - share + instead,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.admit(&mut queue, state - QUEUED - share + instead);
    }

    /// Lets in whoever may come in beside those in `state`. To be called while somebody may be waiting (R1).
    fn admit(&self, queue: &mut WaitQueue<Access>, mut state: usize) {
        while let Some(access) = queue.wake_one_if(Token::READY, |access| access.fits(state)) {
            state += access.weight();
        }
        if !queue.is_empty() {
            state |= QUEUED;
        }
        // Whoever was let in may be at work already; it cannot leave before the queue's lock is free.
        self.state.store(state, Ordering::Release);
    }

    /// Comes in, or registers the ticket that `arm` makes.
    pub(crate) fn enter_or_wait(
        &self,
        access: Access,
        arm: impl FnOnce() -> Waiter,
    ) -> Option<(Key, Waiter)> {
        let mut queue = self.queue.lock();
        let mut state = self.state.load(Ordering::Relaxed);
        // Once it is marked nobody changes it (R1).
        while state & QUEUED == 0 {
            let enters = access.fits(state);
            let next = match enters {
                true => state + access.weight(),
                false => state | QUEUED,
            };
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) if enters => return None,
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        let waiter = arm();
        Some((queue.push(waiter, access), waiter))
    }

    /// Takes a registration back whose greenlet was not let in. Those behind it may come in if it stood in their way.
    pub(crate) fn leave(&self, key: Key) {
        let mut queue = self.queue.lock();
        queue.leave(key);
        let state = self.state.load(Ordering::Acquire);
        if state & QUEUED != 0 {
            self.admit(&mut queue, state - QUEUED);
        }
    }
}
