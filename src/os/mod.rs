//! `std::os`, as far as it is about what waits, or never does.

pub mod fd;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod linux;

pub mod raw;

#[cfg(unix)]
pub mod unix;

pub(crate) mod convert;
pub(crate) mod streams;
