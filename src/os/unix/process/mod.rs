//! `std::os::unix::process`. Nothing of it blocks.

pub(crate) mod command_ext;

pub use std::os::unix::process::{ExitStatusExt, parent_id};

pub use crate::os::unix::process::command_ext::CommandExt;
