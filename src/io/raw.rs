//! The ends of a pipe, made from a bare descriptor.
#![allow(unsafe_code)]

use crate::io::pipe::{PipeReader, PipeWriter};
use crate::sys::fd::{FromRawFd, OwnedFd, RawFd};

impl FromRawFd for PipeReader {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller has promised the same.
        unsafe { OwnedFd::from_raw_fd(fd) }.into()
    }
}

impl FromRawFd for PipeWriter {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller has promised the same.
        unsafe { OwnedFd::from_raw_fd(fd) }.into()
    }
}
