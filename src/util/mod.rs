//! Plain data, without operating system or assembly.
//!
//! * `id` numbers greenlets, each number given once in a process.

pub(crate) mod id;
