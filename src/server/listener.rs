//! What a server accepts from.

use std::io;
use std::net::SocketAddr;

use crate::net::tcp_listener::TcpListener;
use crate::net::tcp_stream::TcpStream;
use crate::os::unix::net::listener::UnixListener;
use crate::os::unix::net::stream::UnixStream;
use crate::sys::unix_net::SocketAddr as UnixAddr;

/// A socket that connections come from.
pub trait Listener {
    /// A connection.
    type Stream;
    /// Where a connection comes from, and where the socket listens.
    type Addr;

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// What the system says. A [`StreamServer`](crate::server::StreamServer) tries again after some, and ends with others.
    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)>;

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn local_addr(&self) -> io::Result<Self::Addr>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Addr = SocketAddr;

    #[track_caller]
    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Addr = UnixAddr;

    #[track_caller]
    fn accept(&self) -> io::Result<(UnixStream, UnixAddr)> {
        self.accept()
    }

    fn local_addr(&self) -> io::Result<UnixAddr> {
        self.local_addr()
    }
}
