//! Waiting for the first of several borrowed file descriptors, after poll(2).

use std::fmt;
use std::io;
use std::time::Duration;

use crate::hub::awaited::Awaited;
use crate::hub::begin::place;
use crate::hub::park::{park, pass};
use crate::hub::reactor::{PLACES, place_of};
use crate::sys::clock;
use crate::sys::fd::{AsFd, BorrowedFd, Direction, which_are_ready};
use crate::task::timeout::Elapsed;
use crate::util::deadline::Deadline;
use crate::wait::parker::Token;

/// A file descriptor to [wait for](wait_any_ready), and what it was found ready for.
#[derive(Debug)]
pub struct Interest<'a> {
    fd: BorrowedFd<'a>,
    /// A read, a write.
    asked: [bool; 2],
    ready: [bool; 2],
}

impl<'a> Interest<'a> {
    /// In a read that would not block.
    pub fn readable(fd: &'a impl AsFd) -> Self {
        Self::new(fd, [true, false])
    }

    /// In a write that would not block.
    pub fn writable(fd: &'a impl AsFd) -> Self {
        Self::new(fd, [false, true])
    }

    /// In both, whichever comes first.
    pub fn either(fd: &'a impl AsFd) -> Self {
        Self::new(fd, [true, true])
    }

    fn new(fd: &'a impl AsFd, asked: [bool; 2]) -> Self {
        Interest {
            fd: fd.as_fd(),
            asked,
            ready: [false; 2],
        }
    }

    /// Whether the last wait has found that a read would not block.
    pub fn is_readable(&self) -> bool {
        self.ready[0]
    }

    /// Whether the last wait has found that a write would not block.
    pub fn is_writable(&self) -> bool {
        self.ready[1]
    }

    fn directions(&self) -> impl Iterator<Item = Direction> + use<> {
        let [read, write] = self.asked;
        let read = read.then_some(Direction::Read);
        read.into_iter().chain(write.then_some(Direction::Write))
    }
}

/// Waits until any of these is ready. How many are; each knows for what.
///
/// Switches always, also if one is ready. It is a hint: by the time a call is made somebody else may have read or written.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends the wait, and nothing of it is left.
///
/// # Errors
///
/// What the system says when it is asked to watch the descriptors.
///
/// # Panics
///
/// If there is none.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use greenlet::readiness::{Interest, wait_any_ready};
///
/// let (silent, _kept) = std::io::pipe()?;
/// let (reader, mut writer) = std::io::pipe()?;
/// writer.write_all(b"x")?;
/// let mut both = [Interest::readable(&silent), Interest::readable(&reader)];
/// assert_eq!(wait_any_ready(&mut both)?, 1);
/// assert!(!both[0].is_readable() && both[1].is_readable());
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn wait_any_ready(interests: &mut [Interest<'_>]) -> io::Result<usize> {
    assert!(!interests.is_empty(), "there is nothing to wait for");
    wait(interests, Deadline::Never)
}

/// As [`wait_any_ready`], for so long at most. A limit of zero only looks, and lets others have a turn. Of no descriptors none ever is ready.
///
/// # Errors
///
/// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`wait_any_ready`] gives.
#[track_caller]
pub fn wait_any_ready_timeout(
    interests: &mut [Interest<'_>],
    limit: Duration,
) -> io::Result<usize> {
    wait(interests, Deadline::after(clock::now(), limit))
}

#[track_caller]
fn wait(interests: &mut [Interest<'_>], deadline: Deadline) -> io::Result<usize> {
    if look(interests)? > 0 {
        pass(&place());
        // Others have had their turn, and may have read.
        let ready = look(interests)?;
        if ready > 0 {
            return Ok(ready);
        }
    }
    loop {
        let in_time = wait_once(interests, deadline)?;
        let ready = look(interests)?;
        if ready > 0 {
            return Ok(ready);
        }
        if !in_time {
            return Err(Elapsed(()).into());
        }
    }
}

/// How many are ready now.
fn look(interests: &mut [Interest<'_>]) -> io::Result<usize> {
    let asked: Vec<_> = interests.iter().map(|each| (each.fd, each.asked)).collect();
    let mut count = 0;
    for (interest, ready) in interests.iter_mut().zip(which_are_ready(&asked)?) {
        interest.ready = ready;
        count += usize::from(ready != [false; 2]);
    }
    Ok(count)
}

/// Parks until one may be ready; false if the deadline came first.
#[track_caller]
fn wait_once(interests: &[Interest<'_>], deadline: Deadline) -> io::Result<bool> {
    let place = place();
    place.check();
    let reactor = place.hub.reactor()?;
    let waiter = place.seat.parker.arm();
    let each = interests.iter();
    let each = each.flat_map(|interest| interest.directions().map(|way| (interest.fd, way)));
    let mut registrations = Vec::new();
    let mut refused = None;
    for (i, (fd, direction)) in each.enumerate() {
        let joined = match i < PLACES {
            true => reactor.join(fd, direction, i, || waiter),
            false => Err(io::ErrorKind::InvalidInput.into()),
        };
        match joined {
            Ok(Some((registration, _))) => registrations.push(registration),
            // It is ready, or cannot be waited for: there is no wait, but it has begun.
            other => {
                refused = Some(other.map(drop));
                let _ = waiter.unpark(Token::READY);
                break;
            }
        }
    }
    let token = park(&place, waiter, deadline, &AnyReady(interests.len()));
    if let Some(refused) = refused {
        if token != Token::READY && token != Token::TIMED_OUT {
            // One that had registered was ready before.
            drop(registrations.swap_remove(place_of(token)).end(token));
        }
        return refused.map(|()| true);
    }
    match token {
        Token::TIMED_OUT => Ok(false),
        token => registrations
            .swap_remove(place_of(token))
            .end(token)
            .map(|()| true),
    }
}

struct AnyReady(usize);

impl Awaited for AnyReady {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "any of {} file descriptors", self.0)
    }
}
