//! Servers, after `gevent.server`: accept, give each connection a greenlet, bound how many there are, and end gracefully.
//!
//! ```
//! use std::io::{Read, Write};
//! use greenlet::net::TcpStream;
//! use greenlet::server::StreamServer;
//!
//! let server = StreamServer::bind("127.0.0.1:0", |mut stream: TcpStream, _peer| {
//!     std::io::copy(&mut stream.try_clone()?, &mut stream)
//! })?
//! .max_connections(1_000);
//! server.start();
//!
//! let mut client = TcpStream::connect(server.local_addr()?)?;
//! client.write_all(b"hello")?;
//! client.shutdown(greenlet::net::Shutdown::Write)?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert_eq!(answer, "hello");
//! server.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! In reading order: `listener` what is accepted from, `stream_server`, and `datagram_server`, which is one for datagrams.
//!
//! A handler gets the stream itself, so it can wrap it in what speaks TLS, as `rustls::StreamOwned`, or in anything that wants `Read + Write`.

pub(crate) mod listener;

pub(crate) mod stream_server;

pub(crate) mod datagram_server;

pub use crate::server::datagram_server::DatagramServer;
pub use crate::server::listener::Listener;
pub use crate::server::stream_server::StreamServer;
