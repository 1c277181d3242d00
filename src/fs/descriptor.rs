//! Files from descriptors, and back.
#![allow(unsafe_code)]

use std::process::Stdio;

use crate::fs::file::File;
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.as_std().as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.as_std().as_raw_fd()
    }
}

/// As [`File::into_std`].
impl IntoRawFd for File {
    #[track_caller]
    fn into_raw_fd(self) -> RawFd {
        self.into_std().into_raw_fd()
    }
}

impl FromRawFd for File {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller promises that it is open, and nobody else's.
        File::from_std(unsafe { FromRawFd::from_raw_fd(fd) })
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        File::from_std(fd.into())
    }
}

/// As [`File::into_std`].
impl From<File> for OwnedFd {
    #[track_caller]
    fn from(file: File) -> Self {
        file.into_std().into()
    }
}

/// As [`File::into_std`].
impl From<File> for Stdio {
    #[track_caller]
    fn from(file: File) -> Self {
        file.into_std().into()
    }
}

/// As [`File::into_std`].
impl From<File> for std::fs::File {
    #[track_caller]
    fn from(file: File) -> Self {
        file.into_std()
    }
}
