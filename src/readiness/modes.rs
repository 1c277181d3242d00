//! What all descriptors of the same thing share: how calls wait, and who waits to write.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::sys::clock;
use crate::sys::fd::Direction;
use crate::util::deadline::Deadline;
use crate::util::primitive::{AtomicBool, AtomicU64, Latch, Ordering};
use crate::wait::parker::{Token, Waiter};

/// How calls wait. Duplicates of a descriptor share that.
#[derive(Default)]
pub(crate) struct Modes {
    nonblocking: AtomicBool,
    read_limit: AtomicU64,
    write_limit: AtomicU64,
    /// Others have had a descriptor of it in hand, and may have changed what a short read means.
    pub(crate) exposed: AtomicBool,
    writers: Latch<Writers>,
}

/// Who waits until there is room. If there is none, the system does not report of every socket that writing was ended.
#[derive(Default)]
struct Writers {
    /// Nobody may write any more, so whoever tries is told.
    ended: bool,
    waiting: Vec<Waiter>,
}

impl Modes {
    pub(crate) fn nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self, direction: Direction) -> Option<Duration> {
        match self.cell(direction).load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// When a call that begins now has waited for as long as it may.
    pub(crate) fn deadline(&self, direction: Direction) -> Deadline {
        match self.limit(direction) {
            None => Deadline::Never,
            Some(limit) => Deadline::after(clock::now(), limit),
        }
    }

    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero, as std has it.
    pub(crate) fn set_limit(
        &self,
        direction: Direction,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        if limit == Some(Duration::ZERO) {
            let what = "cannot set a 0 duration timeout";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        // What is longer than 584 years is as good as that.
        let nanoseconds = limit.map_or(0, |limit| {
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
        });
        self.cell(direction).store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }

    fn cell(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Read => &self.read_limit,
            Direction::Write => &self.write_limit,
        }
    }

    /// Nothing can be written any more, by whatever descriptor: those who wait are to try again.
    pub(crate) fn end_writing(&self) {
        let writers = &mut *self.writers.lock();
        writers.ended = true;
        for waiter in writers.waiting.drain(..) {
            let _ = waiter.unpark(Token::READY);
        }
    }

    /// One more who waits to write, by the ticket that `arm` gives; unless that is over.
    pub(crate) fn join_writers(&self, arm: impl FnOnce() -> Waiter) -> Option<Writing<'_>> {
        let writers = &mut *self.writers.lock();
        if writers.ended {
            return None;
        }
        let waiter = arm();
        writers.waiting.reserve_exact(1);
        writers.waiting.push(waiter);
        Some(Writing {
            writers: &self.writers,
            waiter,
        })
    }
}

/// One of the [`Writers`] (W5).
pub(crate) struct Writing<'a> {
    writers: &'a Latch<Writers>,
    pub(crate) waiter: Waiter,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let waiting = &mut self.writers.lock().waiting;
        if let Some(at) = waiting.iter().position(|waiter| *waiter == self.waiter) {
            waiting.swap_remove(at);
        }
    }
}
