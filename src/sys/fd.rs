//! File descriptors: std's names for them, and a look at one.
#![allow(unsafe_code)]

pub(crate) use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

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
    // SAFETY: the one entry lives during the call.
    let count = unsafe { libc::poll(&raw mut look, 1, 0) };
    count != 0
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write, pipe};
    use std::os::unix::net::UnixStream;

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
        assert_eq!(directions(&socket), (true, true));
    }

    #[test]
    fn the_ends_of_a_pipe_are_ready_in_their_own_direction_or_broken() {
        let (reader, writer) = pipe().unwrap();
        assert!(!is_ready(reader.as_fd(), Direction::Read));
        assert!(is_ready(writer.as_fd(), Direction::Write));
        drop(reader);
        assert!(is_ready(writer.as_fd(), Direction::Read));
    }

    #[test]
    fn a_regular_file_is_always_ready() {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        assert_eq!(directions(&file), (true, true));
    }
}
