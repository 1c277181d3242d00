//! Whether something is a terminal.

use std::io;

use crate::fs::file::File;
use crate::io::stdin::{Stdin, StdinLock};
use crate::io::stdout::{Stderr, StderrLock, Stdout, StdoutLock};
use crate::sys::fd::AsFd;

/// [`std::io::IsTerminal`], also for what this crate has in the place of std's. It never switches.
///
/// ```
/// use greenlet::io::{self, IsTerminal};
///
/// let colours = io::stdout().is_terminal();
/// # assert_eq!(colours, std::io::stdout().is_terminal());
/// ```
pub trait IsTerminal {
    /// Whether it is a terminal; `false` if the system cannot tell.
    fn is_terminal(&self) -> bool;
}

impl<T: io::IsTerminal> IsTerminal for T {
    fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(self)
    }
}

macro_rules! terminals {
    ($($type:ty),*) => {
        $(impl IsTerminal for $type {
            fn is_terminal(&self) -> bool {
                io::IsTerminal::is_terminal(&self.as_fd())
            }
        })*
    };
}

terminals!(
    File,
    Stdin,
    StdinLock<'_>,
    Stdout,
    StdoutLock<'_>,
    Stderr,
    StderrLock<'_>
);
