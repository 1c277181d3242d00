//! Waiting for a borrowed file descriptor.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::{park, pass};
use crate::sys::clock;
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, Direction, endpoints};
use crate::task::timeout::Elapsed;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// Waits until a read would not block.
///
/// Switches always, also if the descriptor is ready. It is a hint: by the time this greenlet runs another may have read.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends the wait, and nothing of it is left.
///
/// # Errors
///
/// What the system says when it is asked to watch the descriptor: that there are too many descriptors open, or watched.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::readiness::wait_readable;
///
/// let (mut reader, mut writer) = std::io::pipe()?;
/// let waiting = greenlet::spawn(move || {
///     wait_readable(&reader)?;
///     let mut buffer = [0; 16];
///     reader.read(&mut buffer)
/// });
/// greenlet::yield_now();
/// writer.write_all(b"hello")?;
/// assert_eq!(waiting.join().unwrap()?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn wait_readable(fd: &impl AsFd) -> io::Result<()> {
    wait(fd.as_fd(), Direction::Read, Deadline::Never)
}

/// Waits until a write would not block.
///
/// Switches always, also if the descriptor is ready. It is a hint: by the time this greenlet runs another may have written.
///
/// # Cancel safety
///
/// As [`wait_readable`].
///
/// # Errors
///
/// As [`wait_readable`].
///
/// # Examples
///
/// ```
/// use greenlet::readiness::wait_writable;
///
/// let (_reader, writer) = std::io::pipe()?;
/// wait_writable(&writer)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn wait_writable(fd: &impl AsFd) -> io::Result<()> {
    wait(fd.as_fd(), Direction::Write, Deadline::Never)
}

/// As [`wait_readable`], for so long at most. A limit of zero only looks, and lets others have a turn.
///
/// # Errors
///
/// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`wait_readable`] gives.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
/// use greenlet::readiness::wait_readable_timeout;
///
/// let (reader, _writer) = std::io::pipe()?;
/// let error = wait_readable_timeout(&reader, Duration::from_millis(1)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn wait_readable_timeout(fd: &impl AsFd, limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(clock::now(), limit);
    wait(fd.as_fd(), Direction::Read, deadline)
}

/// As [`wait_writable`], for so long at most. A limit of zero only looks, and lets others have a turn.
///
/// # Errors
///
/// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`wait_writable`] gives.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use greenlet::readiness::wait_writable_timeout;
///
/// let (_reader, writer) = std::io::pipe()?;
/// wait_writable_timeout(&writer, Duration::from_secs(60))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn wait_writable_timeout(fd: &impl AsFd, limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(clock::now(), limit);
    wait(fd.as_fd(), Direction::Write, deadline)
}

#[track_caller]
fn wait(fd: BorrowedFd<'_>, direction: Direction, deadline: Deadline) -> io::Result<()> {
    let place = place();
    place.check();
    let reactor = place.hub.reactor()?;
    let joined = reactor.join(fd, direction, 0, || place.seat.parker.arm())?;
    let Some((registration, waiter)) = joined else {
        pass(&place);
        return Ok(());
    };
    let awaited = Readiness { fd, direction };
    match park(&place, waiter, deadline, &awaited) {
        Token::TIMED_OUT => Err(Elapsed(()).into()),
        token => registration.end(token),
    }
}

/// What a greenlet waits for, as reports tell it.
pub(crate) struct Readiness<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) direction: Direction,
}

impl Awaited for Readiness<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.direction {
            Direction::Read => "a read from",
            Direction::Write => "a write to",
        };
        write!(f, "{what} file descriptor {}", self.fd.as_raw_fd())?;
        match endpoints(self.fd) {
            None => Ok(()),
            Some(endpoints) => write!(f, " ({endpoints})"),
        }
    }
}
