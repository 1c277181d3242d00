//! A socket of the Unix domain for datagrams.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use crate::net::own::{give_back, take_over, try_clone};
use crate::os::unix::net::retry::retry;
use crate::readiness::evented::Evented;
use crate::sys::fd::{AsFd, Direction, receives_no_more};
use crate::sys::unix_net::{self, SocketAddr};

/// A socket of the Unix domain for datagrams: `std::os::unix::net::UnixDatagram`, where only the greenlet waits.
///
/// Every call is tried at once, and switches only if it would have blocked; of calls that need not wait, each 33rd on a thread gives the other
/// greenlets a turn first. Several greenlets, of any threads, may use a socket through `&UnixDatagram` or `Arc<UnixDatagram>`: in each
/// direction calls are served in the order of coming, but for [`send_to`](Self::send_to).
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before a datagram was taken or sent by it, and the socket can be used afterwards.
///
/// # Examples
///
/// ```
/// use greenlet::os::unix::net::UnixDatagram;
///
/// let (here, there) = UnixDatagram::pair()?;
/// let receiver = greenlet::spawn(move || {
///     let mut buffer = [0; 16];
///     let count = there.recv(&mut buffer).unwrap();
///     buffer[..count].to_vec()
/// });
/// here.send(b"hello")?;
/// assert_eq!(receiver.join().unwrap(), b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram(pub(crate) Evented<unix_net::UnixDatagram>);

impl UnixDatagram {
    /// Makes a socket of that name.
    ///
    /// # Errors
    ///
    /// What the system says: that the name is in use; `InvalidInput` if it is no name for a socket.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        Self::from_std(unix_net::UnixDatagram::bind(path)?)
    }

    /// As [`bind`](Self::bind), with an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        Self::from_std(unix_net::UnixDatagram::bind_addr(socket_addr)?)
    }

    /// Makes a socket without a name.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Self::from_std(unix_net::UnixDatagram::unbound()?)
    }

    /// Two that are connected with each other.
    ///
    /// # Errors
    ///
    /// As [`unbound`](Self::unbound).
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = unix_net::UnixDatagram::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Takes over one of std's, with its time-outs. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(socket: unix_net::UnixDatagram) -> io::Result<UnixDatagram> {
        let (socket, taken) = take_over(socket);
        taken.map(|()| UnixDatagram(socket))
    }

    /// Gives std's, with the time-outs and the mode that were set on this one. If it has clones, they share the mode: their calls may block the thread from
    /// now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<unix_net::UnixDatagram> {
        let (socket, given) = give_back(self.0);
        given.map(|()| socket)
    }

    /// Sets where [`send`](Self::send) sends to, and of whom alone datagrams are received.
    ///
    /// # Errors
    ///
    /// What the system says: that there is no such socket, or that it is not there any more.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.0.get().connect(path)
    }

    /// As [`connect`](Self::connect), to an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, socket_addr: &SocketAddr) -> io::Result<()> {
        self.0.get().connect_addr(socket_addr)
    }

    /// Another owner of the same socket, with a descriptor of its own. Time-outs and the mode are shared.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        try_clone(&self.0, unix_net::UnixDatagram::try_clone).map(UnixDatagram)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Where [`connect`](Self::connect) has led.
    ///
    /// # Errors
    ///
    /// `NotConnected`, and what else the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// Takes a datagram, and tells who sent it. What is longer than the buffer loses its end.
    ///
    /// Switches if there is none.
    ///
    /// # Errors
    ///
    /// What the system says; `WouldBlock` if a time-out that was set has passed, or if it may not wait.
    #[track_caller]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let nothing = || Ok((0, SocketAddr::from_pathname("")?));
        self.receive(|inner| inner.recv_from(buf), nothing)
    }

    /// Takes a datagram. What is longer than the buffer loses its end.
    ///
    /// Switches if there is none.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(|inner| inner.recv(buf), || Ok(0))
    }

    /// `nothing` is what std's blocking calls give once the socket was shut down; the system says then, too, that one would block.
    #[track_caller]
    fn receive<R>(
        &self,
        mut receive: impl FnMut(&unix_net::UnixDatagram) -> io::Result<R>,
        nothing: impl Fn() -> io::Result<R>,
    ) -> io::Result<R> {
        let waits = !self.0.modes().nonblocking();
        self.0
            .perform(Direction::Read, |inner| match receive(inner) {
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && waits
                        && receives_no_more(inner.as_fd()) =>
                {
                    nothing()
                }
                done => done,
            })
    }

    /// Sends a datagram to the socket of that name.
    ///
    /// Switches if that has as many datagrams waiting as it may, and tries again and again, as
    /// [`net`](crate::os::unix::net#where-the-system-does-not-tell) says.
    ///
    /// # Errors
    ///
    /// What the system says: that there is no such socket; `InvalidInput` if it is no name for one; `WouldBlock` as
    /// [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        self.send_elsewhere(|inner| inner.send_to(buf, path))
    }

    /// As [`send_to`](Self::send_to), to an address.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    #[track_caller]
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        self.send_elsewhere(|inner| inner.send_to_addr(buf, socket_addr))
    }

    /// This socket has room, which is all that the system tells; it is the other one that has not.
    #[track_caller]
    fn send_elsewhere(
        &self,
        send: impl Fn(&unix_net::UnixDatagram) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (modes, attempt) = (self.0.modes(), || self.0.attempt(&send));
        match modes.nonblocking() {
            true => attempt(),
            false => retry(modes.deadline(Direction::Write), attempt),
        }
    }

    /// Sends a datagram to where it is connected.
    ///
    /// Switches if that has as many datagrams waiting as it may.
    ///
    /// # Errors
    ///
    /// What the system says: that it is not connected, that the other side is not there any more; `WouldBlock` as
    /// [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.perform(Direction::Write, |inner| inner.send(buf))
    }

    /// Sets for how long receiving may wait; `None` is for ever. What waits already is not concerned.
    ///
    /// A call that waits longer fails with `WouldBlock`, as std's does on Unix.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.modes().set_limit(Direction::Read, limit)
    }

    /// As [`set_read_timeout`](Self::set_read_timeout), for sending.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.modes().set_limit(Direction::Write, limit)
    }

    /// For how long receiving may wait.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.modes().limit(Direction::Read))
    }

    /// For how long sending may wait.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.modes().limit(Direction::Write))
    }

    /// Ends one direction, or both. Whoever waits in it, also by a clone, goes on: nothing is received any more; sending fails.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shut_down(how, unix_net::UnixDatagram::shutdown)
    }

    /// Ends with an error every call that waits and all that come, on this value (clones receive nothing any more either, and cannot send). The
    /// descriptor itself is closed when the value is dropped; its name stays.
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

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}
