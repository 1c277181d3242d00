//! Plain data and locks.
//!
//! * `primitive` locks and atomics, from one place.
//! * `id` numbers greenlets, each number given once in a process.
//! * `histogram` how often what took how long.
//! * `deadline` moments until which something waits.
//! * `slot_list` linked lists in a slab.
//! * `bias` what one thread may do until another one wants to.
//! * `biased` a lock that is cheap for the thread which used it first.

pub(crate) mod primitive;

pub(crate) mod id;

pub(crate) mod histogram;

pub(crate) mod deadline;

pub(crate) mod slot_list;

pub(crate) mod bias;

pub(crate) mod biased;

#[cfg(test)]
mod biased_tests;
