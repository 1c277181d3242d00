//! Readiness of file descriptors by the `polling` crate: kqueue, or epoll where that is forced for a test.
//!
//! Only where the system has edges. Elsewhere (event ports, `poll`) [`Poller::new`] is refused: a one-shot
//! registration armed anew by each wait would report an idle socket as writable for ever, and no wait would sleep;
//! armed anew only for what a look finds not ready, it would miss data that came between a read and that look.
//!
//! What differs from `sys/poller/epoll`, within what the front page promises:
//!
//! * A signal does not end a wait: `polling` goes back to it for the rest of the time.
//! * kqueue reports the directions of a descriptor one by one, a half close by the other side in both, and the end of
//!   all readers only to the writing direction of a writing end.
//! * kqueue accepts regular files.
#![allow(unsafe_code)]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use polling::{Event, Events, PollMode};

/// The events that one wait can take; what is more comes with the next.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// The longest time-out handed on, 11 days: macOS calls too long a one invalid.
const LONGEST: Duration = Duration::from_secs(1_000_000);

/// What became ready. An error or a hang-up sets both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) key: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// There is nothing to it but data or room for data. Never known here.
    pub(crate) plain: bool,
}

/// Waits for file descriptors; one per thread that does I/O.
pub(crate) struct Poller {
    inner: polling::Poller,
    /// Kept, so that a wait allocates nothing.
    events: Mutex<Events>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        let inner = polling::Poller::new()?;
        if !inner.supports_edge() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Poller {
            inner,
            events: Mutex::new(Events::with_capacity(AT_ONCE)),
        })
    }

    /// Registers `fd` for both directions under `key`. The caller removes it before it is closed.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if the key is `usize::MAX`.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        // SAFETY: the descriptor is open, and removed before it is closed: whoever keeps it removes it before he closes it, and whoever waits for a borrowed
        // one does while he borrows it.
        let added = unsafe {
            self.inner
                .add_with_mode(fd.as_raw_fd(), Event::all(key), PollMode::Edge)
        };
        if let Err(error) = &added
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            // On kqueue, `polling` remembers a descriptor that the system refused.
            let _ = self.inner.delete(fd);
        }
        added
    }

    /// Ends the reports of `fd`, those not yet picked up included. From any thread.
    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: it is open, as for `add`; the call only says to the system which one it means.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        self.inner.delete(fd)
    }

    /// Appends what is ready to `ready`; waits for it if there is nothing, not longer than `timeout`.
    ///
    /// Returns with nothing at the end of the time-out, never before it because of rounding, and after a poke.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.clear();
        let timeout = timeout.map(|timeout| timeout.min(LONGEST));
        self.inner.wait(&mut events, timeout)?;
        ready.extend(events.iter().map(|event| Ready {
            key: event.key,
            readable: event.readable,
            writable: event.writable,
            plain: false,
        }));
        Ok(())
    }

    /// Makes the present wait return, or the next if there is none. From any thread; many pokes before a wait are one.
    pub(crate) fn poke(&self) {
        self.inner.notify().expect("a poller can be notified");
    }
}
