//! File descriptors: std's names for them, a look at one, and the flag that makes calls not block.
#![allow(unsafe_code)]

use std::io;

pub(crate) use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};

/// What a file descriptor can become ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Whether `fd` is ready now: whether a read, or a write, would not block. An error or a hang-up counts as ready, and so does a look
/// that fails: whoever then tries is told.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, direction: Direction) -> bool {
    let mut look = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: match direction {
            Direction::Read => libc::POLLIN,
            Direction::Write => libc::POLLOUT,
        },
        revents: 0,
    };
    #[cfg(greenlet_faults)]
    if faults::strike(Site::Poll).is_err() {
        return true;
    }
    // SAFETY: the one entry lives during the call.
    let count = unsafe { libc::poll(&raw mut look, 1, 0) };
    count != 0
}

/// What a socket connects, as `127.0.0.1:80 <-> 127.0.0.1:4000`; `None` if it is no socket of the Internet.
pub(crate) fn endpoints(fd: BorrowedFd<'_>) -> Option<String> {
    let socket = socket2::SockRef::from(&fd);
    let local = socket.local_addr().ok()?.as_socket()?;
    match socket.peer_addr().ok().and_then(|peer| peer.as_socket()) {
        None => Some(local.to_string()),
        Some(peer) => Some(format!("{local} <-> {peer}")),
    }
}

/// Whether the socket was shut down for receiving. One for datagrams that does not block does not tell by itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn receives_no_more(fd: BorrowedFd<'_>) -> bool {
    let mut look = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: the one entry lives during the call.
    let count = unsafe { libc::poll(&raw mut look, 1, 0) };
    count > 0 && look.revents & libc::POLLRDHUP != 0
}

/// Elsewhere it tells.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn receives_no_more(_fd: BorrowedFd<'_>) -> bool {
    false
}

/// As [`is_ready`], of many at once, each asked whether it is ready for a read, for a write, or for either: the answers, in order. What was not
/// asked is not ready.
pub(crate) fn which_are_ready(asked: &[(BorrowedFd<'_>, [bool; 2])]) -> io::Result<Vec<[bool; 2]>> {
    let entry = |&(fd, [read, write]): &(BorrowedFd<'_>, [bool; 2])| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 },
        revents: 0,
    };
    let mut entries: Vec<_> = asked.iter().map(entry).collect();
    let count = libc::nfds_t::try_from(entries.len()).map_err(io::Error::other)?;
    loop {
        #[cfg(greenlet_faults)]
        match faults::strike(Site::Poll) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            struck => struck?,
        }
        // SAFETY: the entries live during the call, and are so many.
        if unsafe { libc::poll(entries.as_mut_ptr(), count, 0) } >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let broken = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    let answer = |(entry, (_, [read, write])): (&libc::pollfd, &(_, [bool; 2]))| {
        let said = |events| entry.revents & (events | broken) != 0;
        [*read && said(libc::POLLIN), *write && said(libc::POLLOUT)]
    };
    Ok(entries.iter().zip(asked).map(answer).collect())
}

/// Whether calls on what `fd` stands for fail instead of blocking.
pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(flags(fd)? & libc::O_NONBLOCK != 0)
}

/// Sets whether calls on what `fd` stands for fail instead of blocking. All duplicates of it share that.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let flags = flags(fd)?;
    let wanted = match nonblocking {
        true => flags | libc::O_NONBLOCK,
        false => flags & !libc::O_NONBLOCK,
    };
    if wanted != flags {
        // SAFETY: takes no pointers.
        let status = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, wanted) };
        if status < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn flags(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: takes no pointers.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) } {
        flags if flags < 0 => Err(io::Error::last_os_error()),
        flags => Ok(flags),
    }
}

/// What the system says of a call that would have blocked.
pub(crate) fn would_block() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}

/// What the system says of a descriptor that is closed.
pub(crate) fn closed() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// Whether a connection is about to be made, and is waited for.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Why a connection could not be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptFailure {
    /// That connection is gone, or the call was interrupted: the next may be fine.
    Connection,
    /// Too many descriptors, or not enough memory: later there may be room.
    Exhausted,
    /// The socket does not listen, or is closed.
    Socket,
}

/// What an error of an accept says. POSIX, and accept(2) on errors of the network that Linux passes on.
pub(crate) fn accept_failure(error: &io::Error) -> AcceptFailure {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            AcceptFailure::Exhausted
        }
        Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP) => {
            AcceptFailure::Socket
        }
        // Also what is not of the system: a handshake, say.
        _ => AcceptFailure::Connection,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write, pipe};
    use std::os::unix::net::UnixStream;
    use std::thread::yield_now;

    use super::*;

    fn directions(fd: &impl AsFd) -> (bool, bool) {
        let fd = fd.as_fd();
        (
            is_ready(fd, Direction::Read),
            is_ready(fd, Direction::Write),
        )
    }

    #[test]
    fn a_socket_is_ready_for_what_would_not_block() {
        let (mut socket, mut other) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        assert_eq!(directions(&socket), (false, true));
        other.write_all(b"x").unwrap();
        assert_eq!(directions(&socket), (true, true));
        socket.read_exact(&mut [0]).unwrap();
        while socket.write(&[0; 4096]).is_ok() {}
        assert_eq!(directions(&socket), (false, false));
        drop(other);
        // A process that another test has forked off may have it open for a while.
        while directions(&socket) != (true, true) {
            yield_now();
        }
    }

    #[test]
    fn the_ends_of_a_pipe_are_ready_in_their_own_direction_or_broken() {
        let (reader, writer) = pipe().unwrap();
        assert!(!is_ready(reader.as_fd(), Direction::Read));
        assert!(is_ready(writer.as_fd(), Direction::Write));
        drop(reader);
        // As above.
        while !is_ready(writer.as_fd(), Direction::Read) {
            yield_now();
        }
    }

    #[test]
    fn the_flag_is_shared_with_duplicates_and_taken_back() {
        let (reader, _writer) = pipe().unwrap();
        let mut duplicate = reader.try_clone().unwrap();
        set_nonblocking(reader.as_fd(), true).unwrap();
        assert!(is_nonblocking(duplicate.as_fd()).unwrap());
        let error = duplicate.read(&mut [0]).unwrap_err();
        assert_eq!(error.raw_os_error(), would_block().raw_os_error());
        set_nonblocking(duplicate.as_fd(), false).unwrap();
        assert!(!is_nonblocking(reader.as_fd()).unwrap());
    }

    #[test]
    fn many_are_looked_at_at_once() {
        let (reader, writer) = pipe().unwrap();
        let ends = || {
            [
                (reader.as_fd(), [true, false]),
                (writer.as_fd(), [true, true]),
            ]
        };
        let ready = which_are_ready(&ends()).unwrap();
        assert_eq!(ready, [[false, false], [false, true]]);
        (&writer).write_all(b"x").unwrap();
        assert!(which_are_ready(&ends()).unwrap()[0][0]);
        assert!(which_are_ready(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_regular_file_is_always_ready() {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        assert_eq!(directions(&file), (true, true));
    }
}
