//! The hub: schedules a thread's greenlets on wake-ups, timers and fds.
//!
//! Every thread has one, from its first need on. A greenlet that must wait leaves for it; it switches to whoever may run. Nothing has to be
//! started: the hub runs while the main greenlet waits, in a join, a lock, a sleep. Who has nothing of that kind to wait for calls [`run`].
//!
//! If main waits for what nothing in the process can bring, its wait ends in a panic whose payload is a [`Deadlock`], which also goes to
//! standard error:
//!
//! ```standalone_crate
//! use std::panic::{AssertUnwindSafe, catch_unwind};
//! use greenlet::event::Event;
//! use greenlet::hub::Deadlock;
//! # if !cfg!(target_os = "linux") { return } // The threads of a process can be counted there.
//!
//! let nobody_sets_it = Event::new();
//! let result = catch_unwind(AssertUnwindSafe(|| nobody_sets_it.wait()));
//! let payload = result.unwrap_err();
//! let deadlock: &Deadlock = payload.downcast_ref().unwrap();
//! assert_eq!(deadlock.parked()[0].id(), greenlet::main().id());
//! ```
//!
//! In reading order:
//!
//! * `roll` the process's hubs.
//! * `awaited` what a parked greenlet waits for, as reports tell it.
//! * `timers` what is due when.
//! * `reactor` who waits for which file descriptor.
//! * `seat` what the hub keeps of a greenlet.
//! * `stretch` how long greenlets hand over to each other between visits to timers and fds.
//! * `limits` how many greenlets there may be.
//! * `state` a hub, and its end.
//! * `interrupt` kills and limits.
//! * `report` deadlocks.
//! * `panic_hook` what is added to the panic hook.
//! * `run_loop` who runs next.
//! * `park` the door: the only way to wait.
//! * `drain`, `shut_down` waiting until nothing is left; the end of the thread.
//! * `begin` where the caller is; a hub's beginning.
//! * `admission` who may be spawned.
//! * `wait_on` the common case of waiting.
//! * `owner` who holds a lock.
//! * `sleep` waiting for a moment.
//! * `measured` how long greenlets run, and wait for their turn.
//! * `control` the hub as its users see it.

pub(crate) mod roll;

pub(crate) mod awaited;

pub(crate) mod timers;

pub(crate) mod reactor;

pub(crate) mod seat;

pub(crate) mod stretch;

pub(crate) mod limits;

pub(crate) mod state;

pub(crate) mod interrupt;

pub(crate) mod report;

pub(crate) mod panic_hook;

pub(crate) mod run_loop;

pub(crate) mod park;

pub(crate) mod drain;

pub(crate) mod shut_down;

pub(crate) mod begin;

pub(crate) mod admission;

pub(crate) mod wait_on;

pub(crate) mod owner;

pub(crate) mod sleep;

pub(crate) mod measured;

pub(crate) mod control;

pub use crate::greenlet::measuring::Slice;
pub use crate::hub::admission::{limits, set_limits};
pub use crate::hub::control::{Stats, deadlocks, greenlet, run, run_timeout, stats};
pub use crate::hub::limits::Limits;
#[cfg(feature = "tracing")]
pub use crate::hub::measured::warn_of_slices;
pub use crate::hub::measured::{Measured, measure, measured};
pub use crate::hub::report::{Deadlock, Parked};
pub use crate::util::histogram::Histogram;
