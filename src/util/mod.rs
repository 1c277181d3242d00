//! Plain data, without operating system or assembly.
//!
//! * `primitive` locks and atomics, from one place.
//! * `id` numbers greenlets, each number given once in a process.
//! * `deadline` moments until which something waits.
//! * `slot_list` linked lists in a slab.

pub(crate) mod primitive;

pub(crate) mod id;

pub(crate) mod deadline;

pub(crate) mod slot_list;
