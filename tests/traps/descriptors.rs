//! Descriptors that a poller refuses (`EPERM`), as they cannot be waited for: not regular files only.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use greenlet::readiness::{
    Async, Interest, wait_any_ready, wait_readable, wait_readable_timeout, wait_writable,
};
use greenlet::spawn;

use crate::support::leak_checked;

const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];

fn device(path: &str) -> File {
    let mut options = OpenOptions::new();
    refused(options.read(true).write(true).open(path).unwrap())
}

fn directory() -> File {
    refused(File::open(env!("CARGO_MANIFEST_DIR")).unwrap())
}

/// Makes sure that the system refuses to watch it.
fn refused(file: File) -> File {
    // SAFETY: takes no pointers; the descriptor is a new one.
    let epoll = unsafe {
        let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        assert!(fd >= 0);
        OwnedFd::from_raw_fd(fd)
    };
    let mut event = libc::epoll_event { events: 1, u64: 0 };
    let (epoll, fd) = (epoll.as_raw_fd(), file.as_raw_fd());
    // SAFETY: `event` lives during the call.
    let added = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
    let error = io::Error::last_os_error().raw_os_error();
    assert_eq!((added, error), (-1, Some(libc::EPERM)), "{file:?}");
    file
}

#[test]
fn what_a_poller_refuses_is_ready_at_once() {
    leak_checked(|| {
        for file in DEVICES.map(device).into_iter().chain([directory()]) {
            let other = spawn(|| ());
            wait_readable(&file).unwrap();
            wait_writable(&file).unwrap();
            wait_readable_timeout(&file, Duration::ZERO).unwrap();
            let (silent, _kept) = pipe().unwrap();
            let mut both = [Interest::either(&file), Interest::readable(&silent)];
            assert_eq!(wait_any_ready(&mut both).unwrap(), 1);
            assert!(both[0].is_readable() && both[0].is_writable());
            assert!(!both[1].is_readable());
            let file = Async::new(file).unwrap();
            file.readable().unwrap();
            file.writable().unwrap();
            other.join().unwrap();
        }
    });
}

#[test]
fn calls_on_what_a_poller_refuses_are_the_systems_own() {
    leak_checked(|| {
        let [mut null, mut zero, mut full] = DEVICES.map(|path| Async::new(device(path)).unwrap());
        let mut buffer = [1; 1000];
        assert_eq!(null.read(&mut buffer).unwrap(), 0);
        assert_eq!(null.write(&buffer).unwrap(), buffer.len());
        zero.read_exact(&mut buffer).unwrap();
        assert_eq!(buffer, [0; 1000]);
        let no_room = full.write(&buffer).unwrap_err();
        assert_eq!(no_room.raw_os_error(), Some(libc::ENOSPC));
        let mut directory = Async::new(directory()).unwrap();
        let error = directory.read(&mut buffer).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EISDIR));
    });
}

#[test]
fn a_call_that_would_block_on_what_cannot_be_waited_for_is_an_error() {
    leak_checked(|| {
        let null = Async::new(device("/dev/null")).unwrap();
        let would_block = |_: &File| Err::<(), _>(ErrorKind::WouldBlock.into());
        for _ in 0..3 {
            let read = null.read_with(would_block).unwrap_err();
            let write = null.write_with(would_block).unwrap_err();
            assert_eq!(read.kind(), ErrorKind::PermissionDenied);
            assert_eq!(write.kind(), ErrorKind::PermissionDenied);
        }
        // Nobody's turn was kept.
        assert_eq!(null.read_with(|mut file| file.read(&mut [0])).unwrap(), 0);
    });
}
