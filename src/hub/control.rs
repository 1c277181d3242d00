//! The hub as its users see it.

use std::time::Duration;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::thread::here;
use crate::hub::begin::{hub, place};
use crate::hub::drain::drain;
use crate::hub::report::Deadlock;
use crate::sys::clock;
use crate::util::deadline::Deadline;

/// Waits until nothing is left to do on this thread: no greenlet is runnable, nothing is timed, and those that are parked wait for what cannot
/// come. Greenlets that wait for ever do not hold it up, unless another thread of the process could wake them.
///
/// To be called on the main greenlet. Switches.
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let sum = Rc::new(Cell::new(0));
/// for n in 1..=3 {
///     let sum = sum.clone();
///     greenlet::spawn_later(Duration::from_millis(n), move || sum.set(sum.get() + n));
/// }
/// greenlet::hub::run();
/// assert_eq!(sum.get(), 6);
/// ```
///
/// # Panics
///
/// On any greenlet but main.
#[track_caller]
pub fn run() {
    drain(&place(), Deadline::Never);
}

/// As [`run`], for so long at most; whether nothing was left.
///
/// # Panics
///
/// On any greenlet but main.
#[track_caller]
pub fn run_timeout(limit: Duration) -> bool {
    drain(&place(), Deadline::after(clock::now(), limit))
}

/// Names this thread's hub: the greenlet to which every waiting one has switched. It is the parent of those that are
/// spawned; its own parent is main.
///
/// It has no stack of its own: its code runs on the thread's. A switch there with `()` is a wait for somebody to switch back. It cannot be killed.
///
/// ```
/// let hub = greenlet::hub::greenlet();
/// assert_eq!(hub.parent(), Some(greenlet::main()));
/// let handle = greenlet::spawn(|| greenlet::current().parent());
/// assert_eq!(handle.join().unwrap(), Some(hub));
/// ```
pub fn greenlet() -> AnyGreenlet {
    hub(here()).greenlet.clone()
}

/// What a hub has to do, as told by [`stats`].
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Greenlets that were spawned and have not ended.
    pub spawned: usize,
    /// Greenlets that would run now, if they had their turn.
    pub runnable: usize,
    /// Timers: sleeps, limits, delayed starts.
    pub timers: usize,
}

/// Counts what this thread's hub has to do. Takes time in proportion to the number of runnable ones.
///
/// ```
/// let handle = greenlet::spawn(|| ());
/// assert_eq!(greenlet::hub::stats().runnable, 1);
/// handle.join().unwrap();
/// assert_eq!(greenlet::hub::stats().spawned, 0);
/// ```
pub fn stats() -> Stats {
    let hub = hub(here());
    Stats {
        spawned: hub.spawned.get(),
        runnable: hub.run_queue.borrow().count(|greenlet| !greenlet.is_dead()),
        timers: hub.timers.borrow().len(),
    }
}

/// Cycles of owned locks among this thread's greenlets: each waits for a lock that the next one owns, and only that one could release it. They
/// may be looked for at any time, while others still run.
pub fn deadlocks() -> Vec<Deadlock> {
    Deadlock::find_owned(here())
}
