//! Waiting until file descriptors are ready.
//!
//! One of two backends with identical names; this page selects:
//!
//! * `epoll` Linux: edge-triggered, time-outs in nanoseconds, poked through an eventfd.
//! * `portable` the `polling` crate, for macOS and the BSDs. `cfg(greenlet_portable_poller)` forces it on Linux, so that
//!   the same tests see both.
//!
//! What holds for both:
//!
//! * A descriptor is added once, for both directions, and removed before it is closed. Adding it reports what it is
//!   ready for already.
//! * Reports are edges: a descriptor that stays ready is not reported again, one that becomes ready again is, read
//!   or not. So whoever is told must read or write until the call would block, or remember that it did not.
//! * A report is a hint. It may come without cause, one direction may come along with the other, and one
//!   wait may report a descriptor twice.
//! * A wait may end early with nothing to report, and a signal may or may not end it: the caller looks at the clock.

#[cfg(all(
    greenlet_faults,
    any(not(target_os = "linux"), greenlet_portable_poller)
))]
compile_error!("faults are made with `epoll` only");

#[cfg(all(target_os = "linux", not(greenlet_portable_poller)))]
pub(crate) mod epoll;

#[cfg(all(target_os = "linux", not(greenlet_portable_poller)))]
pub(crate) use epoll::{Poller, Ready};

#[cfg(any(not(target_os = "linux"), greenlet_portable_poller))]
pub(crate) mod portable;

#[cfg(any(not(target_os = "linux"), greenlet_portable_poller))]
pub(crate) use portable::{Poller, Ready};

#[cfg(test)]
mod tests;
