//! Any fd, made cooperative.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::Duration;

use crate::readiness::evented::Evented;
use crate::sys::clock;
use crate::sys::fd::{
    AsFd, AsRawFd, BorrowedFd, Direction, RawFd, is_nonblocking, is_ready, set_nonblocking,
    would_block,
};
use crate::task::timeout::Elapsed;
use crate::util::deadline::Deadline;

/// Anything that has a file descriptor, where only the greenlet waits: a pipe, a terminal, a timer, a socket of another library.
///
/// The descriptor is put into non-blocking mode. A call is tried at once, and switches only if it would have blocked. Several greenlets, of any
/// threads, may use one through `&Async<T>`: in each direction they are served in the order of coming.
///
/// What `&T` reads and writes, as `std::fs::File` and `std::os::unix::net::UnixStream`, so does `Async<T>`, and `&Async<T>`. Other calls are made by
/// [`read_with`](Self::read_with) and [`write_with`](Self::write_with). There is no `get_mut`: the descriptor has to stay the same one as long as it is in here.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, is raised before a try, never after one that succeeded: nothing that was read or written is lost.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::readiness::Async;
///
/// let (reader, writer) = std::io::pipe()?;
/// let (mut reader, mut writer) = (Async::new(reader)?, Async::new(writer)?);
/// let echo = greenlet::spawn(move || {
///     let mut text = String::new();
///     reader.read_to_string(&mut text).map(|_| text)
/// });
/// greenlet::yield_now();
/// writer.write_all(b"hello")?;
/// drop(writer);
/// assert_eq!(echo.join().unwrap()?, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Async<T: AsFd> {
    evented: Evented<T>,
    was_nonblocking: bool,
}

impl<T: AsFd> Async<T> {
    /// Takes it over, and makes its calls not block, nor those on any duplicate of the descriptor. [`into_inner`](Self::into_inner) takes that back, a drop
    /// does not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(inner: T) -> io::Result<Self> {
        let was_nonblocking = is_nonblocking(inner.as_fd())?;
        set_nonblocking(inner.as_fd(), true)?;
        Ok(Async {
            evented: Evented::new(inner),
            was_nonblocking,
        })
    }

    /// What was taken over. Its calls do not block.
    pub fn get_ref(&self) -> &T {
        self.evented.get()
    }

    /// Gives it back, in the mode in which it came.
    ///
    /// # Errors
    ///
    /// What the system says; it is dropped then.
    pub fn into_inner(self) -> io::Result<T> {
        let inner = self.evented.into_inner();
        set_nonblocking(inner.as_fd(), self.was_nonblocking)?;
        Ok(inner)
    }

    /// Waits until a read would not block. Does not switch if it would not now. It is a hint, as others may read as well.
    ///
    /// # Errors
    ///
    /// As [`wait_readable`](fn@crate::readiness::wait_readable).
    #[track_caller]
    pub fn readable(&self) -> io::Result<()> {
        self.ready(Direction::Read, Deadline::Never)
    }

    /// As [`readable`](Self::readable), for so long at most.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`readable`](Self::readable) gives.
    #[track_caller]
    pub fn readable_timeout(&self, limit: Duration) -> io::Result<()> {
        self.ready(Direction::Read, Deadline::after(clock::now(), limit))
    }

    /// Waits until a write would not block. Does not switch if it would not now. It is a hint, as others may write as well.
    ///
    /// # Errors
    ///
    /// As [`wait_writable`](fn@crate::readiness::wait_writable).
    #[track_caller]
    pub fn writable(&self) -> io::Result<()> {
        self.ready(Direction::Write, Deadline::Never)
    }

    /// As [`writable`](Self::writable), for so long at most.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`writable`](Self::writable) gives.
    #[track_caller]
    pub fn writable_timeout(&self, limit: Duration) -> io::Result<()> {
        self.ready(Direction::Write, Deadline::after(clock::now(), limit))
    }

    #[track_caller]
    fn ready(&self, direction: Direction, deadline: Deadline) -> io::Result<()> {
        self.with(direction, deadline, |inner| {
            match is_ready(inner.as_fd(), direction) {
                true => Ok(()),
                false => Err(would_block()),
            }
        })
    }

    /// Calls `read` until it does not fail with `WouldBlock`, and waits in between until the descriptor is readable.
    ///
    /// `read` has to have tried in vain whenever it says `WouldBlock`: it is called again only after something has come since. It runs
    /// while others wait for their turn to read, so it must not wait itself.
    ///
    /// # Errors
    ///
    /// What `read` gives, and what [`readable`](Self::readable) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use greenlet::readiness::Async;
    ///
    /// let (here, there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// there.send(b"ping")?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(here.read_with(|socket| socket.recv(&mut buffer))?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn read_with<R>(&self, read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.evented.perform(Direction::Read, read)
    }

    /// As [`read_with`](Self::read_with), for so long at most.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`read_with`](Self::read_with) gives.
    #[track_caller]
    pub fn read_with_timeout<R>(
        &self,
        limit: Duration,
        read: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = Deadline::after(clock::now(), limit);
        self.with(Direction::Read, deadline, read)
    }

    /// Calls `write` until it does not fail with `WouldBlock`, and waits in between until the descriptor is writable. As [`read_with`](Self::read_with)
    /// otherwise.
    ///
    /// # Errors
    ///
    /// What `write` gives, and what [`writable`](Self::writable) does.
    #[track_caller]
    pub fn write_with<R>(&self, write: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.evented.perform(Direction::Write, write)
    }

    /// As [`write_with`](Self::write_with), for so long at most.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit has passed first, made of an [`Elapsed`]; what [`write_with`](Self::write_with) gives.
    #[track_caller]
    pub fn write_with_timeout<R>(
        &self,
        limit: Duration,
        write: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = Deadline::after(clock::now(), limit);
        self.with(Direction::Write, deadline, write)
    }

    #[track_caller]
    fn with<R>(
        &self,
        direction: Direction,
        deadline: Deadline,
        call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        if deadline == Deadline::Never {
            return self.evented.perform(direction, call);
        }
        let done = self.evented.perform_until(direction, deadline, call);
        done.map_err(|error| match error.kind() {
            // A call that says so is tried again, until the deadline.
            ErrorKind::WouldBlock => Elapsed(()).into(),
            _ => error,
        })
    }
}

impl<T: AsFd> Read for Async<T>
where
    for<'a> &'a T: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.evented.read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.evented.read_vectored(buffers)
    }
}

impl<T: AsFd> Read for &Async<T>
where
    for<'a> &'a T: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.evented.read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.evented.read_vectored(buffers)
    }
}

impl<T: AsFd> Write for Async<T>
where
    for<'a> &'a T: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.evented.write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.evented.write_vectored(slices)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        self.write_with(|mut inner| inner.flush())
    }
}

impl<T: AsFd> Write for &Async<T>
where
    for<'a> &'a T: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.evented.write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.evented.write_vectored(slices)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        self.write_with(|mut inner| inner.flush())
    }
}

impl<T: AsFd> AsFd for Async<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> AsRawFd for Async<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Async").field(self.get_ref()).finish()
    }
}
