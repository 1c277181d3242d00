//! Taking over sockets of std's, and giving them back. Other things that have a descriptor are taken over likewise: they have no time-outs.

use std::io;
use std::time::Duration;

use socket2::SockRef;

use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{AsFd, Direction, set_nonblocking};

/// Makes `inner` not block, and takes its time-outs over. What has failed is told beside it, the rest is done.
pub(crate) fn take_over<T: AsFd>(inner: T) -> (Evented<T>, io::Result<()>) {
    let owned = Evented::new(inner);
    let socket = SockRef::from(owned.expose());
    let unblocked = set_nonblocking(owned.get().as_fd(), true);
    let take = |direction, limit: io::Result<_>| owned.modes().set_limit(direction, limit?);
    let read = take(Direction::Read, socket.read_timeout());
    let write = take(Direction::Write, socket.write_timeout());
    (owned, unblocked.and(read).and(write))
}

/// Gives what was taken over, with the time-outs and the mode that were set meanwhile. What has failed is told beside it, the rest is done.
pub(crate) fn give_back<T: AsFd>(owned: Evented<T>) -> (T, io::Result<()>) {
    let modes = owned.modes().clone();
    let inner = owned.into_inner();
    let socket = SockRef::from(&inner);
    // The system counts microseconds, and zero of them are for ever.
    let limit = |direction| Some(modes.limit(direction)?.max(Duration::from_micros(1)));
    let read = socket.set_read_timeout(limit(Direction::Read));
    let write = socket.set_write_timeout(limit(Direction::Write));
    let blocked = set_nonblocking(inner.as_fd(), modes.nonblocking());
    (inner, read.and(write).and(blocked))
}

/// One more owner of the same socket, with a descriptor of its own.
pub(crate) fn try_clone<T: AsFd>(
    owned: &Evented<T>,
    clone: impl FnOnce(&T) -> io::Result<T>,
) -> io::Result<Evented<T>> {
    #[cfg(greenlet_faults)]
    faults::strike(Site::Duplicate)?;
    let inner = clone(owned.get())?;
    Ok(Evented::with_modes(inner, owned.modes().clone()))
}
