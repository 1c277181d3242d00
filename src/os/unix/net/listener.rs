//! A socket of the Unix domain that waits for connections.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::path::Path;

use socket2::SockRef;

use crate::net::own::{give_back, take_over, try_clone};
use crate::os::unix::net::stream::UnixStream;
use crate::readiness::evented::Evented;
#[cfg(greenlet_faults)]
use crate::sys::faults::{self, Site};
use crate::sys::fd::Direction;
use crate::sys::unix_net::{self, SocketAddr};

/// A socket of the Unix domain that waits for connections: `std::os::unix::net::UnixListener`, where only the greenlet waits.
///
/// Several greenlets, of any threads, may accept from one listener: connections are given to them in the order of coming.
///
/// ```
/// use std::io::{Read, Write};
/// use greenlet::os::unix::net::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("greenlet-doc-listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = greenlet::spawn(move || {
///     for stream in listener.incoming().take(2) {
///         let mut stream = stream.unwrap();
///         greenlet::spawn(move || stream.write_all(b"welcome"));
///     }
/// });
/// for _ in 0..2 {
///     let mut said = String::new();
///     UnixStream::connect(&path)?.read_to_string(&mut said)?;
///     assert_eq!(said, "welcome");
/// }
/// server.join().unwrap();
/// std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener(pub(crate) Evented<unix_net::UnixListener>);

impl UnixListener {
    /// Makes a socket of that name, and listens.
    ///
    /// # Errors
    ///
    /// What the system says: that the name is in use; `InvalidInput` if it is no name for a socket.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        #[cfg(greenlet_faults)]
        faults::strike(Site::Open)?;
        Self::from_std(unix_net::UnixListener::bind(path)?)
    }

    /// As [`bind`](Self::bind), with an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        Self::from_std(unix_net::UnixListener::bind_addr(socket_addr)?)
    }

    /// Takes over one of std's. It waits cooperatively from now on, whether it was non-blocking or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn from_std(listener: unix_net::UnixListener) -> io::Result<UnixListener> {
        let (listener, taken) = take_over(listener);
        taken.map(|()| UnixListener(listener))
    }

    /// Gives std's, with the mode that was set on this one. If it has clones, they share the mode: their calls may block the thread from
    /// now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<unix_net::UnixListener> {
        let (listener, given) = give_back(self.0);
        given.map(|()| listener)
    }

    /// Waits for a connection. Switches if none has come.
    ///
    /// # Cancel safety
    ///
    /// A kill, or the end of an enclosing limit, leaves the connection to the next who accepts.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) = self.0.perform(Direction::Read, |inner| {
            #[cfg(greenlet_faults)]
            faults::strike(Site::Accept)?;
            inner.accept()
        })?;
        stream.set_nonblocking(true)?;
        Ok((UnixStream::wrap(stream), peer))
    }

    /// Another owner of the same socket, with a descriptor of its own. The mode is shared.
    ///
    /// # Errors
    ///
    /// What the system says: that there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        try_clone(&self.0, unix_net::UnixListener::try_clone).map(UnixListener)
    }

    /// The address it listens at.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
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

    /// The error that is pending on the socket, `SO_ERROR`, which is cleared.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get().take_error()
    }

    /// Connections as they come, without end: [`accept`](Self::accept) in a loop.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Stops listening, and ends with an error every call that waits and all that come, on this value (clones cannot accept either). The
    /// descriptor itself is closed when the value is dropped; its name stays.
    ///
    /// After gevent's `close`. The error is the system's for a closed descriptor, `EBADF`.
    pub fn close(&self) {
        self.0
            .close(|inner| drop(SockRef::from(inner).shutdown(Shutdown::Both)));
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

/// Connections as they come; see [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
