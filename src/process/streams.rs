//! The ends of the pipes to a child's standard streams: a pipe each, under three names.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::process::{self, Stdio};

use crate::io::pipe::{PipeReader, PipeWriter};
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// What is written here is a child's standard input: `std::process::ChildStdin`, where only the greenlet waits.
///
/// Calls, their cancel safety and the conversions are those of [`PipeWriter`].
pub struct ChildStdin(PipeWriter);

/// A child's standard output: `std::process::ChildStdout`, where only the greenlet waits.
///
/// Calls, their cancel safety and the conversions are those of [`PipeReader`].
pub struct ChildStdout(PipeReader);

/// A child's standard error: `std::process::ChildStderr`, where only the greenlet waits.
///
/// Calls, their cancel safety and the conversions are those of [`PipeReader`].
pub struct ChildStderr(PipeReader);

macro_rules! ends_of_pipes {
    ($($name:ident is $pipe:ident),*) => {
        $(
            impl $name {
                /// Takes over one of std's.
                ///
                /// # Errors
                ///
                /// What the system says.
                pub fn from_std(stream: process::$name) -> io::Result<$name> {
                    let pipe = OwnedFd::from(stream).into();
                    $pipe::from_std(pipe).map($name)
                }

                /// Gives std's, whose calls block the thread.
                ///
                /// # Errors
                ///
                /// What the system says.
                pub fn into_std(self) -> io::Result<process::$name> {
                    Ok(OwnedFd::from(self.0.into_std()?).into())
                }
            }

            impl AsFd for $name {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    self.0.as_fd()
                }
            }

            impl AsRawFd for $name {
                fn as_raw_fd(&self) -> RawFd {
                    self.0.as_raw_fd()
                }
            }

            impl IntoRawFd for $name {
                fn into_raw_fd(self) -> RawFd {
                    self.0.into_raw_fd()
                }
            }

            impl From<OwnedFd> for $name {
                fn from(fd: OwnedFd) -> Self {
                    $name(fd.into())
                }
            }

            impl From<$name> for OwnedFd {
                fn from(stream: $name) -> Self {
                    stream.0.into()
                }
            }

            impl From<$name> for Stdio {
                fn from(stream: $name) -> Self {
                    stream.0.into()
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}

ends_of_pipes!(ChildStdin is PipeWriter, ChildStdout is PipeReader, ChildStderr is PipeReader);

macro_rules! reads {
    ($($name:ident),*) => {
        $(
            impl $name {
                pub(crate) fn pipe(&self) -> &io::PipeReader {
                    self.0.inner()
                }
            }

            impl Read for $name {
                #[track_caller]
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    self.0.read(buffer)
                }

                #[track_caller]
                fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                    self.0.read_vectored(buffers)
                }
            }
        )*
    };
}

reads!(ChildStdout, ChildStderr);

impl Write for ChildStdin {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &ChildStdin {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
