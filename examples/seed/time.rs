//! How long things take here.

use std::env;
use std::num::ParseIntError;
use std::time::Duration;

/// A second of the seed's.
pub(crate) const SECOND: Duration = Duration::from_millis(20);

/// The first argument of the program, a number, or else `default`.
pub(crate) fn argument(default: u32) -> Result<u32, ParseIntError> {
    env::args()
        .nth(1)
        .map_or(Ok(default), |argument| argument.parse())
}
