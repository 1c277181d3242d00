//! `std::os::unix::ffi`, which never blocks.

pub use std::os::unix::ffi::{OsStrExt, OsStringExt};
