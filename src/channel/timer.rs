//! Channels whose messages are moments, made when somebody looks.

use std::time::{Duration, Instant};

use crate::channel::error::{RecvTimeoutError, TryRecvError};
use crate::hub::awaited::Plain;
use crate::hub::begin::place;
use crate::hub::park::park;
use crate::sys::clock;
use crate::util::deadline::Deadline;
use crate::util::primitive::Latch;

/// Shared by its receivers.
pub(crate) struct Timer<T> {
    /// When there is a message next, if ever.
    due: Latch<Option<Instant>>,
    period: Option<Duration>,
    /// Makes it a message: a moment.
    make: fn(Instant) -> T,
}

impl<T> Timer<T> {
    pub(crate) const fn new(
        due: Option<Instant>,
        period: Option<Duration>,
        make: fn(Instant) -> T,
    ) -> Self {
        Timer {
            due: Latch::new(due),
            period,
            make,
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        *self.due.lock()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due().is_some_and(|due| due <= clock::now())
    }

    /// The moment for which there is a message, if there is one.
    pub(crate) fn take(&self) -> Option<Instant> {
        let mut due = self.due.lock();
        let at = (*due)?;
        let now = clock::now();
        if now < at {
            return None;
        }
        *due = self.period.and_then(|period| now.checked_add(period));
        Some(at)
    }

    /// It was not taken after all.
    pub(crate) fn put_back(&self, at: Instant) {
        *self.due.lock() = Some(at);
    }

    pub(crate) fn message(&self, at: Instant) -> T {
        (self.make)(at)
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let taken = self.take();
        taken.map(|at| self.message(at)).ok_or(TryRecvError::Empty)
    }

    #[track_caller]
    pub(crate) fn recv(&self, deadline: Deadline) -> Result<T, RecvTimeoutError> {
        loop {
            if let Some(at) = self.take() {
                return Ok(self.message(at));
            }
            let due = self.due().map_or(Deadline::Never, Deadline::At);
            let until = earlier(due, deadline);
            wait_until(until);
            if until == deadline && until != due {
                return Err(RecvTimeoutError::Timeout);
            }
        }
    }
}

pub(crate) fn earlier(a: Deadline, b: Deadline) -> Deadline {
    match (a, b) {
        (Deadline::At(a), Deadline::At(b)) => Deadline::At(a.min(b)),
        (Deadline::Never, other) | (other, Deadline::Never) => other,
    }
}

/// Waits for nothing but a moment.
#[track_caller]
pub(crate) fn wait_until(deadline: Deadline) {
    let place = place();
    place.check();
    let waiter = place.seat.parker.arm();
    let awaited = match deadline {
        Deadline::At(_) => &Plain("a moment to come"),
        Deadline::Never => &Plain("a message on a channel that never has one"),
    };
    park(&place, waiter, deadline, awaited);
}
