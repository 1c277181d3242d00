//! A TCP connection.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{self, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::hub::begin::place;
use crate::net::addrs::ToSocketAddrs;
use crate::net::each::each;
use crate::net::own::{give_back, take_over, try_clone};
use crate::readiness::evented::{Evented, spend};
use crate::sys::clock;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::{Direction, is_in_progress, would_block};
use crate::util::deadline::Deadline;

/// A TCP connection: `std::net::TcpStream`, where only the greenlet waits.
///
/// Every call is tried at once, and switches only if it would have blocked; of calls that need not wait, each 33rd on a thread gives the other
/// greenlets a turn first, so that one whose data is always there starves nobody. Several greenlets, of any threads, may use a stream
/// through `&TcpStream` or `Arc<TcpStream>`: in each direction calls are served in the order of coming.
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
/// use greenlet::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// let server = greenlet::spawn(move || {
///     let (mut stream, _peer) = listener.accept()?;
///     std::io::copy(&mut stream.try_clone()?, &mut stream)
/// });
///
/// let mut stream = TcpStream::connect(addr)?;
/// stream.write_all(b"hello")?;
/// stream.shutdown(greenlet::net::Shutdown::Write)?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello");
/// assert_eq!(server.join().unwrap()?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream(pub(crate) Evented<net::TcpStream>);

impl TcpStream {
    /// Connects. A name is resolved first, and its addresses are tried in order.
    ///
    /// Switches if a name has to be looked up, or the connection is not made at once. A kill, or the end of an enclosing limit, leaves no connection behind.
    ///
    /// # Errors
    ///
    /// That of the last address that was tried; `InvalidInput` if there is none.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        each(addr, |addr| Self::connect_until(addr, Deadline::Never))
    }

    /// Connects to one address, within a limit.
    ///
    /// # Errors
    ///
    /// `TimedOut` if the limit passes first; `InvalidInput` if it is zero.
    #[track_caller]
    pub fn connect_timeout(addr: &SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        if limit.is_zero() {
            let what = "cannot set a 0 duration timeout";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        let connected = Self::connect_until(addr, Deadline::after(clock::now(), limit));
        connected.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => io::Error::new(ErrorKind::TimedOut, "connection timed out"),
            _ => error,
        })
    }

    #[track_caller]
    fn connect_until(addr: &SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
        // It may be refused at once, and tried again and again.
        spend(&place());
        #[cfg(greenlet_faults)]
        faults::strike(Site::Open)?;
        let socket = Socket::new(
            Domain::for_address(*addr),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        let begun = socket.connect(&(*addr).into());
        #[cfg(greenlet_faults)]
        let begun = begun.and(faults::strike(Site::Connect));
        let stream = TcpStream::wrap(socket.into());
        match begun {
            Err(error) if is_in_progress(&error) => {
                stream
                    .0
                    .perform_until(Direction::Write, deadline, is_connected)?;
            }
            begun => begun?,
        }
        Ok(stream)
    }

    /// Of one that does not block.
    pub(crate) fn wrap(inner: net::TcpStream) -> TcpStream {
        TcpStream(Evented::new(inner))
    }

    /// Takes over one of std's, with its time-outs. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        let (stream, taken) = take_over(stream);
        taken.map(|()| TcpStream(stream))
    }

    /// Gives std's, with the time-outs and the mode that were set on this one. If the stream has clones, they share the mode:
    /// their calls may block the thread from now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        let (stream, given) = give_back(self.0);
        given.map(|()| stream)
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// `NotConnected`, and what else the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Ends one direction, or both. Whoever waits in it, also by a clone, goes on: reads give what has come, then nothing; writes fail.
    ///
    /// # Errors
    ///
    /// `NotConnected`, and what else the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shut_down(how, net::TcpStream::shutdown)
    }

    /// Ends the connection, and with an error every call that waits and all that come, on this value (clones see the end of the connection). The
    /// descriptor itself is closed when the value is dropped.
    ///
    /// After gevent's `close`. The error is the system's for a closed descriptor, `EBADF`.
    pub fn close(&self) {
        // Whether or not it was connected.
        self.0.close(|inner| drop(inner.shutdown(Shutdown::Both)));
    }

    /// Another owner of the same connection, with a descriptor of its own. Time-outs and the mode are shared; the order of calls is kept for
    /// each by itself.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        try_clone(&self.0, net::TcpStream::try_clone).map(TcpStream)
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

    /// As a read, but what is read stays there for the next.
    ///
    /// # Errors
    ///
    /// As a read.
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike_at(Site::Read, inner)?;
            inner.peek(buffer)
        })
    }

    /// Whether small writes are sent at once, `TCP_NODELAY`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.get().set_nodelay(nodelay)
    }

    /// What [`set_nodelay`](Self::set_nodelay) has set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.get().nodelay()
    }

    /// Sets `IP_TTL`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.get().set_ttl(ttl)
    }

    /// Gives `IP_TTL`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.get().ttl()
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

/// Asks a socket that is connecting; `WouldBlock` as long as it is.
fn is_connected(stream: &net::TcpStream) -> io::Result<()> {
    #[cfg(greenlet_faults)]
    faults::strike(Site::Connecting)?;
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Err(error) if error.kind() == ErrorKind::NotConnected => Err(would_block()),
        asked => asked.map(drop),
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}
