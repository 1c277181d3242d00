//! `std::os::unix::net`, cooperatively: a program moves over by changing `use std::` to `use greenlet::`.
//!
//! Names, signatures and errors are std's; only the greenlet waits instead of the thread. Addresses are std's own.
//!
//! ```
//! use std::io::{Read, Write};
//! use greenlet::os::unix::net::UnixStream; // was std::os::unix::net
//!
//! let (mut here, mut there) = UnixStream::pair()?;
//! let reader = greenlet::spawn(move || {
//!     let mut said = String::new();
//!     there.read_to_string(&mut said)?;
//!     std::io::Result::Ok(said)
//! });
//! here.write_all(b"hello")?;
//! drop(here);
//! assert_eq!(reader.join().unwrap()?, "hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where the system does not tell
//!
//! Two waits are for room at the other side, of which the system tells nobody: [`UnixStream::connect`] to a listener that has as many connections waiting
//! as it may, and [`UnixDatagram::send_to`] to a socket that has as many datagrams. These are tried again and again, after 1 ms, 2 ms, and so on up to
//! each 50 ms. Whoever tries first when there is room has it, not whoever came first.

pub(crate) mod datagram;
pub(crate) mod listener;
pub(crate) mod retry;
pub(crate) mod stream;

pub use std::os::unix::net::SocketAddr;

pub use crate::os::unix::net::datagram::UnixDatagram;
pub use crate::os::unix::net::listener::{Incoming, UnixListener};
pub use crate::os::unix::net::stream::UnixStream;
