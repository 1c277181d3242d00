//! Trying the addresses of a name, one after another.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crate::net::addrs::ToSocketAddrs;

/// What `attempt` gives for the first address with which it succeeds; the error of the last, if with none.
#[track_caller]
pub(crate) fn each<R>(
    addrs: impl ToSocketAddrs,
    mut attempt: impl FnMut(&SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    let mut failed = None;
    for addr in addrs.to_socket_addrs()? {
        match attempt(&addr) {
            Ok(done) => return Ok(done),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| {
        let what = "could not resolve to any addresses";
        io::Error::new(ErrorKind::InvalidInput, what)
    }))
}
