//! Life and death of spawned greenlets.
//!
//! In reading order:
//!
//! * `joiners` who waits for an end.
//! * `packet` where a result waits for whoever joins.
//! * `join_handle` waiting for, and killing, a spawned greenlet.
//! * `told` what `tracing` hears of them.
//! * `spawn` how one begins.
//! * `timeout` a limit over any blocking calls.
//! * `join_all` several at once.
//! * `wait_any` any of several.
//! * `members` a set of greenlets that is waited for as a whole.
//! * `scope` greenlets that borrow.

pub(crate) mod joiners;

pub(crate) mod packet;

pub(crate) mod join_handle;

#[cfg(feature = "tracing")]
pub(crate) mod told;

pub(crate) mod spawn;

pub(crate) mod timeout;

pub(crate) mod join_all;

pub(crate) mod wait_any;

pub(crate) mod members;

pub(crate) mod scope;
