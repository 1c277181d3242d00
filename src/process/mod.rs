//! `std::process`, where only the greenlet waits: for the end of a child, and for its streams. A program moves over by changing
//! `use std::process` to `use greenlet::process`.
//!
//! What never blocks is std's own, and is named here so that a changed `use` line finds it.

pub(crate) mod child;
pub(crate) mod command;
pub(crate) mod ending;
pub(crate) mod streams;

pub use std::process::{
    CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id,
};

pub use crate::process::child::Child;
pub use crate::process::command::Command;
pub use crate::process::streams::{ChildStderr, ChildStdin, ChildStdout};

#[doc(hidden)]
pub use crate::process::ending::without_pidfd as __without_pidfd;
