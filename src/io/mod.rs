//! `std::io`, where only the greenlet waits: pipes, and the standard streams of the process. A program moves over by changing `use std::io` to
//! `use greenlet::io`.
//!
//! What never blocks by itself, as the traits, the buffers and [`copy`], is std's own, and is named here so that a changed `use` line finds it.
//! `std::println!` and its like may be used beside [`stdout()`]: both write into the same buffer, in order.

pub(crate) mod pipe;
pub(crate) mod raw;
pub(crate) mod stdin;
pub(crate) mod stdout;
pub(crate) mod terminal;

pub use std::io::{
    BufRead, BufReader, BufWriter, Bytes, Chain, Cursor, Empty, Error, ErrorKind, IntoInnerError,
    IoSlice, IoSliceMut, LineWriter, Lines, Read, Repeat, Result, Seek, SeekFrom, Sink, Split,
    Take, Write, WriterPanicked, copy, empty, prelude, read_to_string, repeat, sink,
};

pub use crate::io::pipe::{PipeReader, PipeWriter, pipe};
pub use crate::io::stdin::{Stdin, StdinLock, stdin};
pub use crate::io::stdout::{Stderr, StderrLock, Stdout, StdoutLock, stderr, stdout};
pub use crate::io::terminal::IsTerminal;
