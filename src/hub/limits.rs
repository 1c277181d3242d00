//! How many greenlets a thread may have, and how many bytes of stacks; what is told to whoever wants more.

use std::error::Error;
use std::fmt;
use std::io;

/// What a thread's greenlets may take, as set by [`set_limits`](crate::hub::set_limits). `None` is no limit.
///
/// ```
/// use greenlet::hub::{self, Limits};
///
/// hub::set_limits(Limits { greenlets: Some(1000), ..Limits::default() });
/// assert_eq!(hub::limits().greenlets, Some(1000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many greenlets may have been spawned and not have ended. Those made by hand ([`Greenlet::new`](crate::Greenlet::new)) do not count.
    pub greenlets: Option<usize>,
    /// How many bytes their stacks may have together, and those of greenlets made by hand from their first switch to their end. A stack counts with its whole
    /// size, a power of two: 64 KiB if no other was asked for, 256 KiB in a debug build. Mostly a page or two of it are memory.
    pub stack_bytes: Option<usize>,
}

/// Why nothing was spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnRefusal {
    /// There are as many greenlets as [`Limits::greenlets`] allows.
    Greenlets {
        /// That limit.
        limit: usize,
    },
    /// With a further stack there were more bytes than [`Limits::stack_bytes`] allows.
    StackBytes {
        /// That limit.
        limit: usize,
    },
    /// No stack can be as large as was asked for.
    StackSize {
        /// What was asked for.
        bytes: usize,
    },
}

impl fmt::Display for SpawnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnRefusal::Greenlets { limit } => write!(
                f,
                "there are as many greenlets as `Limits::greenlets` allows: {limit}"
            ),
            SpawnRefusal::StackBytes { limit } => write!(
                f,
                "its stack would be more than `Limits::stack_bytes` allows: {limit}"
            ),
            SpawnRefusal::StackSize { bytes } => write!(
                f,
                "a stack of {bytes} bytes is larger than the address space"
            ),
        }
    }
}

impl Error for SpawnRefusal {}

impl From<SpawnRefusal> for io::Error {
    /// Of the kind that std's `Builder::spawn` gives where there are too many threads.
    fn from(refusal: SpawnRefusal) -> Self {
        let kind = match refusal {
            SpawnRefusal::StackSize { .. } => io::ErrorKind::OutOfMemory,
            _ => io::ErrorKind::WouldBlock,
        };
        io::Error::new(kind, refusal)
    }
}

/// What was not spawned, and why: the error of [`try_spawn`](crate::try_spawn).
pub struct SpawnError<F> {
    pub(crate) f: F,
    pub(crate) refusal: SpawnRefusal,
}

impl<F> SpawnError<F> {
    /// What was to be spawned.
    pub fn into_inner(self) -> F {
        self.f
    }

    /// Why it was not.
    pub fn refusal(&self) -> SpawnRefusal {
        self.refusal
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpawnError").field(&self.refusal).finish()
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<F> Error for SpawnError<F> {}
