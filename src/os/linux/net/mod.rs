//! `std::os::linux::net`: abstract names for sockets of the Unix domain, and options of TCP. It never blocks.

pub(crate) mod tcp_stream_ext;

pub use std::os::linux::net::SocketAddrExt;

pub use crate::os::linux::net::tcp_stream_ext::TcpStreamExt;
