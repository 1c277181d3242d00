//! `std::net`, cooperatively: a program moves over by changing `use std::net` to `use greenlet::net`.
//!
//! Names, signatures and errors are std's; only the greenlet waits instead of the thread. What never blocks is std's own, and is named
//! here so that a changed `use` line finds it.
//!
//! # Names
//!
//! A name is looked up by the system's own resolver, `getaddrinfo`, which blocks: so a thread calls it, and only the greenlets wait that asked.
//!
//! * The threads are the process's: 10 of them at most, started when they are needed, ended when they have had nothing to do for some
//!   seconds. They do nothing else, so a name server that does not answer holds up nothing but other names. Further look-ups begin in the order
//!   of coming.
//! * Who asks for a name while it is being looked up for another one waits for the same answer. Nothing is kept for later.
//! * A look-up cannot be interrupted. If all who asked are killed, or their limits elapse, before it has begun, it is left out; later
//!   it goes on by itself to its end.
//! * It panics if the system refuses it its only thread.
//! * In a fork the child has threads of its own.
//!
//! ```
//! use greenlet::net::lookup_host;
//!
//! let names = ["localhost:80", "127.0.0.1:80", "[::1]:80"];
//! let look_ups = names.map(|name| greenlet::spawn(move || lookup_host(name).map(Iterator::count)));
//! for look_up in look_ups {
//!     assert!(look_up.join().unwrap()? > 0);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! In reading order:
//!
//! * `resolve` looks names up.
//! * `addrs` what names an address.
//! * `each` tries one address after another.
//! * `own` what becomes of std's sockets, and back.
//! * `tcp_stream`, `tcp_listener`, `udp_socket` sockets.

pub(crate) mod resolve;

pub(crate) mod addrs;

pub(crate) mod each;

pub(crate) mod own;

pub(crate) mod tcp_stream;

pub(crate) mod tcp_listener;

pub(crate) mod udp_socket;

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};

pub use crate::net::addrs::{ToSocketAddrs, lookup_host};
pub use crate::net::tcp_listener::{Incoming, TcpListener};
pub use crate::net::tcp_stream::TcpStream;
pub use crate::net::udp_socket::UdpSocket;
