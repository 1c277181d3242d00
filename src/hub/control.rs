//! The hub as its users see it.

use std::time::Duration;

use crate::greenlet::block::AnyGreenlet;
use crate::greenlet::state::Stage;
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

/// What a hub has to do, and what its thread's greenlets take, as told by [`stats`].
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
    /// Greenlets that are not dead, new ones and main included.
    pub live: usize,
    /// Greenlets that wait in the hub for anything but their turn.
    pub parked: usize,
    /// Stacks in use.
    pub stacks: usize,
    /// Stacks kept for reuse.
    pub pooled_stacks: usize,
    /// Bytes of address space that stacks, used or not, take up. How much of it is backed by memory is told by [`census`](crate::census()).
    pub stack_bytes: usize,
}

/// Counts what this thread's hub has to do. Takes time in proportion to the number of greenlets.
///
/// ```
/// let handle = greenlet::spawn(|| ());
/// assert_eq!(greenlet::hub::stats().runnable, 1);
/// handle.join().unwrap();
/// assert_eq!(greenlet::hub::stats().spawned, 0);
/// ```
pub fn stats() -> Stats {
    let thread = here();
    let hub = hub(thread);
    let queue = hub.run_queue.borrow();
    let registry = thread.registry.borrow();
    let parked = registry.iter().filter(|(_, it)| it.block().is_parked());
    // They have been woken, or let others go first.
    let queued = queue.count(|greenlet| greenlet.block().stage.get() == Stage::Started);
    let stacks = thread.arena.counts();
    Stats {
        spawned: hub.spawned.get(),
        runnable: queue.count(|greenlet| !greenlet.is_dead()),
        timers: hub.timers.borrow().len(),
        live: registry.len() - 1,
        parked: parked.count().saturating_sub(queued),
        stacks: stacks.live,
        pooled_stacks: stacks.pooled,
        stack_bytes: stacks.reserved,
    }
}

/// Cycles of owned locks among this thread's greenlets: each waits for a lock that the next one owns, and only that one could release it. They
/// may be looked for at any time, while others still run.
pub fn deadlocks() -> Vec<Deadlock> {
    Deadlock::find_owned(here())
}
