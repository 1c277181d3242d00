//! A connection of the Unix domain.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::net::own::{give_back, take_over, try_clone};
use crate::os::unix::net::retry::retry;
use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{Direction, OwnedFd};
use crate::sys::unix_net::{self, SocketAddr, sock_addr};
use crate::util::deadline::Deadline;

/// A connection of the Unix domain: `std::os::unix::net::UnixStream`, where only the greenlet waits.
///
/// Every call is tried at once, and switches only if it would have blocked; of calls that need not wait, each 33rd on a thread gives the other
/// greenlets a turn first. Several greenlets, of any threads, may use a stream through `&UnixStream` or `Arc<UnixStream>`: in each direction
/// calls are served in the order of coming.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before anything was read or written by it, and the stream can be used afterwards. Calls made of
/// several, as `read_exact` and `write_all`, may have done a part.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::os::unix::net::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("greenlet-doc-stream-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = greenlet::spawn(move || {
///     let (mut stream, _peer) = listener.accept()?;
///     std::io::copy(&mut stream.try_clone()?, &mut stream)
/// });
///
/// let mut stream = UnixStream::connect(&path)?;
/// std::fs::remove_file(&path)?;
/// stream.write_all(b"hello")?;
/// stream.shutdown(greenlet::net::Shutdown::Write)?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello");
/// assert_eq!(server.join().unwrap()?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream(pub(crate) Evented<unix_net::UnixStream>);

impl UnixStream {
    /// Connects to the socket of that name.
    ///
    /// Switches if the listener has as many connections waiting as it may, and tries again and again, as
    /// [`net`](crate::os::unix::net#where-the-system-does-not-tell) says. A kill, or the end of an enclosing limit, leaves no connection behind.
    ///
    /// # Errors
    ///
    /// What the system says: that there is no such socket, that nobody listens; `InvalidInput` if it is no name for a socket.
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        Self::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// As [`connect`](Self::connect), to an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[track_caller]
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        let addr = sock_addr(socket_addr)?;
        #[cfg(greenlet_faults)]
        faults::strike(Site::Open)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let socket = Evented::new(socket);
        retry(Deadline::Never, || {
            socket.attempt(|socket| {
                #[cfg(greenlet_faults)]
                faults::strike(Site::Connecting)?;
                socket.connect(&addr)
            })
        })?;
        let connected = OwnedFd::from(socket.into_inner());
        Ok(UnixStream::wrap(connected.into()))
    }

    /// Two that are connected with each other.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = unix_net::UnixStream::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Of one that does not block.
    pub(crate) fn wrap(inner: unix_net::UnixStream) -> UnixStream {
        UnixStream(Evented::new(inner))
    }

    /// Takes over one of std's, with its time-outs. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(stream: unix_net::UnixStream) -> io::Result<UnixStream> {
        let (stream, taken) = take_over(stream);
        taken.map(|()| UnixStream(stream))
    }

    /// Gives std's, with the time-outs and the mode that were set on this one. If it has clones, they share the mode: their calls may block the thread from
    /// now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<unix_net::UnixStream> {
        let (stream, given) = give_back(self.0);
        given.map(|()| stream)
    }

    /// Another owner of the same connection, with a descriptor of its own. Time-outs and the mode are shared.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        try_clone(&self.0, unix_net::UnixStream::try_clone).map(UnixStream)
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// Sets for how long a read may wait; `None` is for ever. What waits already is not concerned.
    ///
    /// A read that waits longer fails with `WouldBlock`, as std's does on Unix.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.modes().set_limit(Direction::Read, limit)
    }

    /// As [`set_read_timeout`](Self::set_read_timeout), for writes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.modes().set_limit(Direction::Write, limit)
    }

    /// For how long a read may wait.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.modes().limit(Direction::Read))
    }

    /// For how long a write may wait.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.modes().limit(Direction::Write))
    }

    /// Ends one direction, or both. Whoever waits in it, also by a clone, goes on: reads give what has come, then nothing; writes fail.
    ///
    /// On the other side reads end when this one's writes do. Its writes fail from when this one's reads have ended; but one that *waits* there for room
    /// by then is not told, for the system tells no poller: it goes on, and fails, when both directions are ended, this side is closed, or there is
    /// room. The same holds for what others do with descriptors of the same socket that are not this one's clones.
    ///
    /// # Errors
    ///
    /// `NotConnected`, and what else the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shut_down(how, unix_net::UnixStream::shutdown)
    }

    /// Ends the connection, and with an error every call that waits and all that come, on this value (clones see the end of the connection). The
    /// descriptor itself is closed when the value is dropped.
    ///
    /// After gevent's `close`. The error is the system's for a closed descriptor, `EBADF`.
    pub fn close(&self) {
        self.0.close(|inner| drop(inner.shutdown(Shutdown::Both)));
    }

    /// The error that is pending on the socket, `SO_ERROR`, which is cleared.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get().take_error()
    }

    /// Whether calls that would wait fail with `WouldBlock` instead. Clones share that.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.modes().set_nonblocking(nonblocking);
        Ok(())
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}
