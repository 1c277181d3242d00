//! The standard output and the standard error of the process.
//!
//! What is written goes through std's own handles, so that the order with `println!` is kept. Their locks are taken only after the descriptor was
//! found writable, for a call that makes one write(2) at most, of no more than then has room.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::Stdio;

use crate::hub::sleep::yield_now;
use crate::lock::relock::Hold;
use crate::lock::rlock::RLock;
use crate::readiness::wait::wait_writable;
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, Direction, RawFd, is_ready};
use crate::sys::stdio;

/// What a pipe has room for at least, once it is writable.
const ROOM: usize = 4096;

/// How much std's standard output keeps until there is a line.
const BUFFERED: usize = 1024;

struct Stream {
    /// Held while something is written that is to stay whole.
    lock: RLock,
    fd: fn() -> BorrowedFd<'static>,
}

static OUT: Stream = Stream {
    lock: RLock::new(),
    fd: stdio::stdout,
};

static ERR: Stream = Stream {
    lock: RLock::new(),
    fd: stdio::stderr,
};

impl Stream {
    /// Makes a call of std's when there is room. What it could not write std still has, or has not taken.
    #[track_caller]
    fn perform<R>(&self, mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            self.wait()?;
            match call() {
                // Somebody has made it non-blocking, and somebody has written.
                Err(error) if error.kind() == ErrorKind::WouldBlock => yield_now(),
                done => return done,
            }
        }
    }

    #[track_caller]
    fn wait(&self) -> io::Result<()> {
        let fd = (self.fd)();
        while !is_ready(fd, Direction::Write) {
            wait_writable(&fd)?;
        }
        Ok(())
    }
}

#[track_caller]
fn write_out(bytes: &[u8]) -> io::Result<usize> {
    let bytes = &bytes[..bytes.len().min(ROOM)];
    if bytes.len() >= BUFFERED || bytes.contains(&b'\n') {
        // What std has kept would be a write of its own.
        flush_out()?;
    }
    OUT.perform(|| io::stdout().write(bytes))
}

#[track_caller]
fn flush_out() -> io::Result<()> {
    OUT.perform(|| io::stdout().flush())
}

#[track_caller]
fn write_err(bytes: &[u8]) -> io::Result<usize> {
    ERR.perform(|| io::stderr().write(&bytes[..bytes.len().min(ROOM)]))
}

fn flush_err() -> io::Result<()> {
    io::stderr().flush()
}

/// The standard output of the process: `std::io::stdout`, where only the greenlet waits.
///
/// It is buffered by lines, in std's own buffer.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// writeln!(greenlet::io::stdout(), "hello")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stdout() -> Stdout {
    Stdout(())
}

/// A handle to the standard output of the process.
///
/// A write switches only if the descriptor has no room. Its mode is left as it is: should another process fill it at the same moment, the
/// thread waits, unless somebody has made it non-blocking. `write_all` and `write!` are not interrupted by what other greenlets write here.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before it has written, or `write_all` and `write!` in between of its parts.
pub struct Stdout(());

/// The standard output, while other greenlets wait for it.
pub struct StdoutLock<'a> {
    _hold: Hold<'a, RLock>,
}

/// The standard error of the process: `std::io::stderr`, where only the greenlet waits.
///
/// It is not buffered.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// writeln!(greenlet::io::stderr(), "hello")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stderr() -> Stderr {
    Stderr(())
}

/// A handle to the standard error of the process.
///
/// A write switches only if the descriptor has no room. Its mode is left as it is: should another process fill it at the same moment, the
/// thread waits, unless somebody has made it non-blocking. `write_all` and `write!` are not interrupted by what other greenlets write here.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before it has written, or `write_all` and `write!` in between of its parts.
pub struct Stderr(());

/// The standard error, while other greenlets wait for it.
pub struct StderrLock<'a> {
    _hold: Hold<'a, RLock>,
}

macro_rules! writes {
    ($($type:ty),*) => {
        $(impl Write for $type {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.lock().write(bytes)
            }

            #[track_caller]
            fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.lock().write_all(bytes)
            }

            #[track_caller]
            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
                self.lock().write_fmt(text)
            }

            #[track_caller]
            fn flush(&mut self) -> io::Result<()> {
                self.lock().flush()
            }
        })*
    };
}

writes!(Stdout, &Stdout, Stderr, &Stderr);

/// For a child process, which shares the descriptor.
impl From<Stdout> for Stdio {
    fn from(_: Stdout) -> Self {
        io::stdout().into()
    }
}

/// For a child process, which shares the descriptor.
impl From<Stderr> for Stdio {
    fn from(_: Stderr) -> Self {
        io::stderr().into()
    }
}

macro_rules! names {
    ($($type:ty as $name:literal of $stream:ident),*) => {
        $(
            impl AsFd for $type {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    ($stream.fd)()
                }
            }

            impl AsRawFd for $type {
                fn as_raw_fd(&self) -> RawFd {
                    ($stream.fd)().as_raw_fd()
                }
            }

            impl fmt::Debug for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct($name).finish_non_exhaustive()
                }
            }
        )*
    };
}

names!(
    Stdout as "Stdout" of OUT,
    StdoutLock<'_> as "StdoutLock" of OUT,
    Stderr as "Stderr" of ERR,
    StderrLock<'_> as "StderrLock" of ERR
);

impl Stdout {
    /// Keeps other greenlets from writing as long as the guard lives; the one that has it may lock again. Switches if another has it. It does not
    /// keep out `println!` and its like.
    #[track_caller]
    pub fn lock(&self) -> StdoutLock<'static> {
        StdoutLock {
            _hold: OUT.lock.hold(),
        }
    }
}

impl Stderr {
    /// As [`Stdout::lock`].
    #[track_caller]
    pub fn lock(&self) -> StderrLock<'static> {
        StderrLock {
            _hold: ERR.lock.hold(),
        }
    }
}

impl Write for StdoutLock<'_> {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_out(bytes)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        flush_out()
    }
}

impl Write for StderrLock<'_> {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_err(bytes)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        flush_err()
    }
}
