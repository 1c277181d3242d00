//! A pipe.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::process::Stdio;

use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd, set_nonblocking};

/// Makes a pipe: `std::io::pipe`, where only the greenlet waits.
///
/// # Errors
///
/// What the system says: that there are too many descriptors.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::io::pipe;
///
/// let (mut reader, mut writer) = pipe()?;
/// let got = greenlet::spawn(move || {
///     let mut text = String::new();
///     reader.read_to_string(&mut text).map(|_| text)
/// });
/// writer.write_all(b"hello")?;
/// drop(writer);
/// assert_eq!(got.join().unwrap()?, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    #[cfg(greenlet_faults)]
    faults::strike(Site::Open)?;
    let (reader, writer) = io::pipe()?;
    Ok((PipeReader::from_std(reader)?, PipeWriter::from_std(writer)?))
}

/// The end of a pipe that is read: `std::io::PipeReader`, where only the greenlet waits.
///
/// A read switches only if there is nothing to read, and the other end is open. Several greenlets, of any threads, may read through `&PipeReader`: they are served in the order of coming.
///
/// The pipe is non-blocking in here. A conversion into a descriptor, or into a [`Stdio`] for a child process, makes it blocking again, for all clones of this end: their
/// calls may block the thread from then on.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before anything was read by it. Calls made of several, as `read_exact`, may have
/// done a part.
pub struct PipeReader(Evented<io::PipeReader>);

impl PipeReader {
    /// Takes over one of std's.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(pipe: io::PipeReader) -> io::Result<PipeReader> {
        set_nonblocking(pipe.as_fd(), true)?;
        Ok(PipeReader(Evented::new(pipe)))
    }

    /// Gives std's, whose calls block the thread.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<io::PipeReader> {
        let pipe = self.0.into_inner();
        set_nonblocking(pipe.as_fd(), false)?;
        Ok(pipe)
    }

    /// Another owner of the same end, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        Ok(PipeReader(Evented::new(self.0.get().try_clone()?)))
    }

    pub(crate) fn inner(&self) -> &io::PipeReader {
        self.0.get()
    }
}

impl Read for PipeReader {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.read_vectored(buffers)
    }
}

impl Read for &PipeReader {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.read_vectored(buffers)
    }
}

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}

impl AsRawFd for PipeReader {
    fn as_raw_fd(&self) -> RawFd {
        self.0.get().as_raw_fd()
    }
}

impl IntoRawFd for PipeReader {
    fn into_raw_fd(self) -> RawFd {
        OwnedFd::from(self).into_raw_fd()
    }
}

impl From<OwnedFd> for PipeReader {
    fn from(fd: OwnedFd) -> Self {
        // What is no open descriptor is no `OwnedFd`, and nothing else fails.
        let _ = set_nonblocking(fd.as_fd(), true);
        PipeReader(Evented::new(fd.into()))
    }
}

impl From<PipeReader> for OwnedFd {
    fn from(pipe: PipeReader) -> Self {
        let pipe = pipe.0.into_inner();
        let _ = set_nonblocking(pipe.as_fd(), false);
        pipe.into()
    }
}

impl From<PipeReader> for Stdio {
    fn from(pipe: PipeReader) -> Self {
        OwnedFd::from(pipe).into()
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

/// The end of a pipe that is written: `std::io::PipeWriter`, where only the greenlet waits.
///
/// A write switches only if the pipe is full. Several greenlets, of any threads, may write through `&PipeWriter`: they are served in the order of coming.
///
/// The pipe is non-blocking in here. A conversion into a descriptor, or into a [`Stdio`] for a child process, makes it blocking again, for all clones of this end: their
/// calls may block the thread from then on.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before anything was written by it. Calls made of several, as `write_all`, may have
/// done a part.
pub struct PipeWriter(Evented<io::PipeWriter>);

impl PipeWriter {
    /// Takes over one of std's.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(pipe: io::PipeWriter) -> io::Result<PipeWriter> {
        set_nonblocking(pipe.as_fd(), true)?;
        Ok(PipeWriter(Evented::new(pipe)))
    }

    /// Gives std's, whose calls block the thread.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<io::PipeWriter> {
        let pipe = self.0.into_inner();
        set_nonblocking(pipe.as_fd(), false)?;
        Ok(pipe)
    }

    /// Another owner of the same end, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        Ok(PipeWriter(Evented::new(self.0.get().try_clone()?)))
    }
}

impl Write for PipeWriter {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &PipeWriter {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for PipeWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}

impl AsRawFd for PipeWriter {
    fn as_raw_fd(&self) -> RawFd {
        self.0.get().as_raw_fd()
    }
}

impl IntoRawFd for PipeWriter {
    fn into_raw_fd(self) -> RawFd {
        OwnedFd::from(self).into_raw_fd()
    }
}

impl From<OwnedFd> for PipeWriter {
    fn from(fd: OwnedFd) -> Self {
        // What is no open descriptor is no `OwnedFd`, and nothing else fails.
        let _ = set_nonblocking(fd.as_fd(), true);
        PipeWriter(Evented::new(fd.into()))
    }
}

impl From<PipeWriter> for OwnedFd {
    fn from(pipe: PipeWriter) -> Self {
        let pipe = pipe.0.into_inner();
        let _ = set_nonblocking(pipe.as_fd(), false);
        pipe.into()
    }
}

impl From<PipeWriter> for Stdio {
    fn from(pipe: PipeWriter) -> Self {
        OwnedFd::from(pipe).into()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}
