//! The three descriptors that a process begins with.
#![allow(unsafe_code)]

use std::io;

use crate::sys::fd::{AsRawFd, BorrowedFd};

pub(crate) fn stdin() -> BorrowedFd<'static> {
    standard(libc::STDIN_FILENO)
}

pub(crate) fn stdout() -> BorrowedFd<'static> {
    standard(libc::STDOUT_FILENO)
}

pub(crate) fn stderr() -> BorrowedFd<'static> {
    standard(libc::STDERR_FILENO)
}

fn standard(number: libc::c_int) -> BorrowedFd<'static> {
    // SAFETY: it is no -1. These three are never owned, so nobody closes them who would not say `unsafe`, and std's own names for them rely on the same.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// One read(2) of the standard input. A process that was begun without one is at its end.
pub(crate) fn read_stdin(buffer: &mut [u8]) -> io::Result<usize> {
    let fd = stdin().as_raw_fd();
    // SAFETY: the buffer lives during the call, and is so long.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    match usize::try_from(count) {
        Ok(count) => Ok(count),
        Err(_) => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EBADF) => Ok(0),
            error => Err(error),
        },
    }
}
