//! `std::os::linux`, as far as it is about what waits, or never does.

pub mod fs;
pub mod net;
