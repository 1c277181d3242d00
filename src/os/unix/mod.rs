//! `std::os::unix`, as far as it is about what waits, or never does.

pub mod ffi;
pub mod fs;
pub mod net;
pub mod prelude;
pub mod process;

pub use crate::os::fd as io;
