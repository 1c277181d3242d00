//! A server of datagrams.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::net::addrs::ToSocketAddrs;
use crate::net::udp_socket::UdpSocket;
use crate::server::listener::Listener;
use crate::server::stream_server::StreamServer;

/// The longest there is.
const LONGEST: usize = 1 << 16;

/// Receives datagrams and gives each a greenlet of its own, that runs the handler: `gevent.server.DatagramServer`.
///
/// Everything else is as with a [`StreamServer`], where a datagram takes the place of a connection. The handler gets the socket, to
/// answer with [`send_to`](UdpSocket::send_to), the datagram, and where it came from.
///
/// ```
/// use greenlet::net::UdpSocket;
/// use greenlet::server::DatagramServer;
///
/// let server = DatagramServer::bind("127.0.0.1:0", |socket: &UdpSocket, data: &[u8], peer| {
///     socket.send_to(data, peer)
/// })?;
/// server.start();
///
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"hello", server.local_addr()?)?;
/// let mut answer = [0; 16];
/// let (count, _) = client.recv_from(&mut answer)?;
/// assert_eq!(&answer[..count], b"hello");
/// server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct DatagramServer(StreamServer<Datagrams>);

/// A socket, whose datagrams are taken for connections.
struct Datagrams {
    socket: Rc<UdpSocket>,
    /// Lent to whoever receives.
    buffer: RefCell<Vec<u8>>,
}

impl Listener for Datagrams {
    type Stream = Vec<u8>;
    type Addr = SocketAddr;

    #[track_caller]
    fn accept(&self) -> io::Result<(Vec<u8>, SocketAddr)> {
        let mut buffer = self.buffer.take();
        buffer.resize(LONGEST, 0);
        let (count, peer) = self.socket.recv_from(&mut buffer)?;
        let datagram = buffer[..count].to_vec();
        self.buffer.replace(buffer);
        Ok((datagram, peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl DatagramServer {
    /// A server that receives at `addr`, with a handler. Port 0 is any that is free; see [`local_addr`](Self::local_addr).
    ///
    /// Does not switch, unless a name is to be resolved.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::bind`].
    #[track_caller]
    pub fn bind<A, F, R>(addr: A, handler: F) -> io::Result<Self>
    where
        A: ToSocketAddrs,
        F: Fn(&UdpSocket, &[u8], SocketAddr) -> R + 'static,
    {
        Ok(Self::new(UdpSocket::bind(addr)?, handler))
    }

    /// A server for a socket that is bound already.
    pub fn new<F, R>(socket: UdpSocket, handler: F) -> Self
    where
        F: Fn(&UdpSocket, &[u8], SocketAddr) -> R + 'static,
    {
        let socket = Rc::new(socket);
        let datagrams = Datagrams {
            socket: socket.clone(),
            buffer: RefCell::default(),
        };
        let handler = move |data: Vec<u8>, peer| handler(&socket, &data, peer);
        DatagramServer(StreamServer::new(datagrams, handler))
    }

    /// How many datagrams may be handled at once; as [`StreamServer::max_connections`].
    ///
    /// # Panics
    ///
    /// If it was started already, or `most` is zero.
    #[must_use]
    pub fn max_connections(self, most: usize) -> Self {
        DatagramServer(self.0.max_connections(most))
    }

    /// Begins to receive; as [`StreamServer::start`].
    ///
    /// # Panics
    ///
    /// If it was stopped.
    #[track_caller]
    pub fn start(&self) {
        self.0.start();
    }

    /// Starts, and waits until it was stopped by somebody else; as [`StreamServer::serve_forever`].
    ///
    /// # Errors
    ///
    /// What ended receiving if nobody did: something is wrong with the socket.
    #[track_caller]
    pub fn serve_forever(&self) -> io::Result<()> {
        self.0.serve_forever()
    }

    /// As [`stop_timeout`](Self::stop_timeout) with a second, as gevent's.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.0.stop()
    }

    /// Ends gracefully; as [`StreamServer::stop_timeout`]. The socket is closed when the last handler has ended.
    #[track_caller]
    pub fn stop_timeout(&self, grace: Duration) -> bool {
        self.0.stop_timeout(grace)
    }

    /// Where it receives.
    ///
    /// # Errors
    ///
    /// What the system says; `NotConnected` if it was stopped.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramServer")
            .field("receives", &self.0.accepts())
            .field("handlers", &self.0.connections())
            .finish()
    }
}
