//! `std::time`, for `use` lines that name it along with others: nothing in it waits.

pub use std::time::{
    Duration, Instant, SystemTime, SystemTimeError, TryFromFloatSecsError, UNIX_EPOCH,
};
