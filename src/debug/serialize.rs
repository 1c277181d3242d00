//! How parts of a dump are serialized that serde knows nothing of, or writes otherwise.

use std::fmt::Display;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Seconds.
pub(crate) fn seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|it| it.as_secs_f64()).serialize(serializer)
}

/// As it is written out: a place as `file:line:column`.
pub(crate) fn displayed<S: Serializer>(
    it: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    it.as_ref().map(ToString::to_string).serialize(serializer)
}

/// As `file:line`.
pub(crate) fn file_and_line<S: Serializer>(
    at: &Option<(String, u32)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let written = at.as_ref().map(|(file, line)| format!("{file}:{line}"));
    written.serialize(serializer)
}
