//! What a program should do: greenlets as machines, one hub, time that passes when nobody can run.
//!
//! In reading order:
//!
//! * `machine` what there is.
//! * `hub` who runs when, timers, waking.
//! * `raise` kills and limits, and what comes after them.
//! * `things` locks, semaphores, events, queues and channels: who gets what.
//! * `step` what a greenlet does next.

mod hub;
mod machine;
mod raise;
mod step;
mod things;

pub use crate::model::hub::run;
