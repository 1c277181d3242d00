//! A socket that waits for TCP connections.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{self, SocketAddr};

use socket2::SockRef;

use crate::net::addrs::ToSocketAddrs;
use crate::net::each::each;
use crate::net::own::{give_back, take_over, try_clone};
use crate::net::tcp_stream::TcpStream;
use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::Direction;

/// A socket that waits for TCP connections: `std::net::TcpListener`, where only the greenlet waits.
///
/// Several greenlets, of any threads, may accept from one listener: connections are given to them in the order of coming.
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// let server = greenlet::spawn(move || {
///     for stream in listener.incoming().take(2) {
///         let mut stream = stream.unwrap();
///         greenlet::spawn(move || stream.write_all(b"welcome"));
///     }
/// });
/// for _ in 0..2 {
///     let mut said = String::new();
///     TcpStream::connect(addr)?.read_to_string(&mut said)?;
///     assert_eq!(said, "welcome");
/// }
/// server.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener(pub(crate) Evented<net::TcpListener>);

impl TcpListener {
    /// Binds to an address and listens. A name is resolved first, and its addresses are tried in order. Port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// That of the last address that was tried; `InvalidInput` if there is none.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        each(addr, |addr| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Open)?;
            Self::from_std(net::TcpListener::bind(addr)?)
        })
    }

    /// Takes over one of std's. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        let (listener, taken) = take_over(listener);
        taken.map(|()| TcpListener(listener))
    }

    /// Gives std's, with the mode that was set on this one, which clones share.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        let (listener, given) = give_back(self.0);
        given.map(|()| listener)
    }

    /// The address it listens at.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Another owner of the same socket, with a descriptor of its own. The mode is shared.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        try_clone(&self.0, net::TcpListener::try_clone).map(TcpListener)
    }

    /// Waits for a connection. Switches if none has come.
    ///
    /// # Cancel safety
    ///
    /// A kill, or the end of an enclosing limit, leaves the connection to the next who accepts.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors; of the connection, that it was aborted before it was accepted. `WouldBlock` if it
    /// [may not wait](Self::set_nonblocking).
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Accept)?;
            inner.accept()
        })?;
        stream.set_nonblocking(true)?;
        Ok((TcpStream::wrap(stream), peer))
    }

    /// Connections as they come, without end: [`accept`](Self::accept) in a loop.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Stops listening, and ends with an error every call that waits and all that come, on this value (clones cannot accept either). The
    /// descriptor itself is closed when the value is dropped.
    ///
    /// After gevent's `close`. The error is the system's for a closed descriptor, `EBADF`.
    pub fn close(&self) {
        self.0
            .close(|inner| drop(SockRef::from(inner).shutdown(net::Shutdown::Both)));
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

    /// Whether [`accept`](Self::accept) fails with `WouldBlock` where it would wait. Clones share that.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.modes().set_nonblocking(nonblocking);
        Ok(())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

/// Connections as they come; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
