//! A UDP socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{self, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::SockRef;

use crate::net::addrs::ToSocketAddrs;
use crate::net::each::each;
use crate::net::own::{give_back, take_over, try_clone};
use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::Direction;

/// A UDP socket: `std::net::UdpSocket`, where only the greenlet waits.
///
/// Every call is tried at once, and switches only if it would have blocked; of calls that need not wait, each 33rd on a thread gives the other
/// greenlets a turn first. Several greenlets, of any threads, may use a socket through `&UdpSocket` or `Arc<UdpSocket>`: in each direction
/// calls are served in the order of coming.
///
/// # Cancel safety
///
/// A kill, or the end of an enclosing limit, ends a call before a datagram was taken or sent by it, and the socket can be used afterwards.
///
/// # Examples
///
/// ```
/// use greenlet::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let addr = server.local_addr()?;
/// let echo = greenlet::spawn(move || {
///     let mut buffer = [0; 16];
///     let (count, peer) = server.recv_from(&mut buffer)?;
///     server.send_to(&buffer[..count], peer)
/// });
///
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(addr)?;
/// client.send(b"hello")?;
/// let mut buffer = [0; 16];
/// let count = client.recv(&mut buffer)?;
/// assert_eq!(&buffer[..count], b"hello");
/// assert_eq!(echo.join().unwrap()?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket(pub(crate) Evented<net::UdpSocket>);

impl UdpSocket {
    /// Binds to an address. A name is resolved first, and its addresses are tried in order. Port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// That of the last address that was tried; `InvalidInput` if there is none.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        each(addr, |addr| Self::from_std(net::UdpSocket::bind(addr)?))
    }

    /// Takes over one of std's, with its time-outs. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        let (socket, taken) = take_over(socket);
        taken.map(|()| UdpSocket(socket))
    }

    /// Gives std's, with the time-outs and the mode that were set on this one. If the socket has clones, they share the mode:
    /// their calls may block the thread from now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        let (socket, given) = give_back(self.0);
        given.map(|()| socket)
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
        self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Receive)?;
            inner.recv_from(buf)
        })
    }

    /// As [`recv_from`](Self::recv_from), but the datagram stays there for the next.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Receive)?;
            inner.peek_from(buf)
        })
    }

    /// Sends a datagram to an address. Of several only the first is tried.
    ///
    /// Switches if the socket's buffer is full.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if there is no address; `WouldBlock` as [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let Some(addr) = addr.to_socket_addrs()?.next() else {
            let what = "no addresses to send data to";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        };
        self.0.perform(Direction::Write, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Send)?;
            inner.send_to(buf, addr)
        })
    }

    /// Where [`connect`](Self::connect) has led.
    ///
    /// # Errors
    ///
    /// `NotConnected`, and what else the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Another owner of the same socket, with a descriptor of its own. Time-outs and the mode are shared.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        try_clone(&self.0, net::UdpSocket::try_clone).map(UdpSocket)
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

    /// Whether it may send to broadcast addresses, `SO_BROADCAST`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.0.get().set_broadcast(broadcast)
    }

    /// What [`set_broadcast`](Self::set_broadcast) has set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.get().broadcast()
    }

    /// Whether what it sends to a group comes back to this host, `IP_MULTICAST_LOOP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.0.get().set_multicast_loop_v4(multicast_loop_v4)
    }

    /// What [`set_multicast_loop_v4`](Self::set_multicast_loop_v4) has set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.get().multicast_loop_v4()
    }

    /// Over how many routers what it sends to a group may go, `IP_MULTICAST_TTL`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_ttl_v4(&self, multicast_ttl_v4: u32) -> io::Result<()> {
        self.0.get().set_multicast_ttl_v4(multicast_ttl_v4)
    }

    /// What [`set_multicast_ttl_v4`](Self::set_multicast_ttl_v4) has set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.get().multicast_ttl_v4()
    }

    /// Whether what it sends to a group comes back to this host, `IPV6_MULTICAST_LOOP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.0.get().set_multicast_loop_v6(multicast_loop_v6)
    }

    /// What [`set_multicast_loop_v6`](Self::set_multicast_loop_v6) has set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.get().multicast_loop_v6()
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

    /// Joins a group at an interface given by its address; an unspecified one is whichever the system chooses. `IP_ADD_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.get().join_multicast_v4(multiaddr, interface)
    }

    /// Joins a group at an interface given by its index; zero is whichever the system chooses. `IPV6_ADD_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group at an interface given by its address; an unspecified one is whichever the system chooses. `IP_DROP_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.get().leave_multicast_v4(multiaddr, interface)
    }

    /// Leaves a group at an interface given by its index; zero is whichever the system chooses. `IPV6_DROP_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get().leave_multicast_v6(multiaddr, interface)
    }

    /// Sets where [`send`](Self::send) sends to, and of whom alone datagrams are received. A name is resolved first, and its addresses are tried
    /// in order.
    ///
    /// # Errors
    ///
    /// That of the last address that was tried; `InvalidInput` if there is none.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        each(addr, |addr| self.0.get().connect(addr))
    }

    /// Sends a datagram to where it is connected.
    ///
    /// Switches if the socket's buffer is full.
    ///
    /// # Errors
    ///
    /// What the system says: that it is not connected, that an earlier datagram was refused; `WouldBlock` as [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.perform(Direction::Write, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Send)?;
            inner.send(buf)
        })
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
        self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Receive)?;
            inner.recv(buf)
        })
    }

    /// As [`recv`](Self::recv), but the datagram stays there for the next.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Receive)?;
            inner.peek(buf)
        })
    }

    /// Ends with an error every call that waits and all that come, on this value (clones receive nothing any more either, and cannot send). The
    /// descriptor itself is closed when the value is dropped.
    ///
    /// After gevent's `close`. The error is the system's for a closed descriptor, `EBADF`.
    pub fn close(&self) {
        // Whether or not it is connected: whoever waits is woken.
        self.0
            .close(|inner| drop(SockRef::from(inner).shutdown(Shutdown::Both)));
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

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}
