//! Sockets of the Unix domain: std's names for them, and their addresses as `socket2` takes them. And what std has of TCP for Linux only.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::linux::net::SocketAddrExt;
use std::path::Path;

use socket2::SockAddr;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use std::os::linux::net::TcpStreamExt;
pub(crate) use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

/// # Errors
///
/// None; `socket2`'s signature.
pub(crate) fn sock_addr(addr: &SocketAddr) -> io::Result<SockAddr> {
    match abstract_path(addr) {
        Some(path) => SockAddr::unix(path),
        // One without a name is an empty path.
        None => SockAddr::unix(addr.as_pathname().unwrap_or(Path::new(""))),
    }
}

/// An abstract name is a path that begins with a zero.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_path(addr: &SocketAddr) -> Option<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;

    let name = addr.as_abstract_name()?;
    Some(std::ffi::OsString::from_vec([b"\0", name].concat()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_path(_addr: &SocketAddr) -> Option<&Path> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_path_and_without_are_the_same_afterwards() {
        let named = SocketAddr::from_pathname("/tmp/some/socket").unwrap();
        let sock = sock_addr(&named).unwrap();
        assert_eq!(sock.as_pathname(), named.as_pathname());
        let unnamed = SocketAddr::from_pathname("").unwrap();
        assert!(sock_addr(&unnamed).unwrap().is_unnamed());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn abstract_addresses_are_the_same_afterwards() {
        for name in [&b"a name"[..], b"", b"with \0 in it"] {
            let named = SocketAddr::from_abstract_name(name).unwrap();
            let sock = sock_addr(&named).unwrap();
            assert_eq!(sock.as_abstract_namespace(), Some(name));
        }
    }
}
