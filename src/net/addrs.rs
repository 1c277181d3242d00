//! What names a socket's address, or several.

use std::io;
use std::iter::Cloned;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{option, slice, vec};

use crate::net::resolve::resolve;

/// [`std::net::ToSocketAddrs`], of which only the caller's greenlet waits: what can be turned into addresses, if need be by looking a name up.
///
/// It is there for whatever std's is there for, with the same results and errors. What is an address already, or none for another
/// reason than its name, is told at once. A name is looked up by a thread, as [`net`](crate::net#names) says.
///
/// # Errors
///
/// As std's.
///
/// # Examples
///
/// ```
/// use greenlet::net::ToSocketAddrs;
///
/// let mut addresses = "127.0.0.1:80".to_socket_addrs()?; // no name, so no look-up
/// assert_eq!(addresses.next(), Some(([127, 0, 0, 1], 80).into()));
/// assert!(("localhost", 80).to_socket_addrs()?.all(|address| address.ip().is_loopback()));
/// assert!("no port".to_socket_addrs().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// Gives the addresses.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses, of which there may be none.
    ///
    /// # Errors
    ///
    /// As std's.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// The addresses of a host and port, as [`ToSocketAddrs`] gives them.
///
/// # Errors
///
/// As [`ToSocketAddrs::to_socket_addrs`].
///
/// # Examples
///
/// ```
/// use greenlet::net::lookup_host;
/// use std::time::Duration;
///
/// let look_up = || lookup_host("localhost:443").map(Iterator::count);
/// let count = greenlet::timeout(Duration::from_secs(60), look_up)??;
/// assert!(count > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<T::Iter> {
    host.to_socket_addrs()
}

impl ToSocketAddrs for SocketAddr {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for SocketAddrV4 {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for SocketAddrV6 {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    #[track_caller]
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        if host.parse::<IpAddr>().is_ok() {
            return net::ToSocketAddrs::to_socket_addrs(self);
        }
        Ok(resolve(host, port)?.into_iter())
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    #[track_caller]
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    #[track_caller]
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        match name_and_port(self) {
            Some((host, port)) => Ok(resolve(host, port)?.into_iter()),
            None => net::ToSocketAddrs::to_socket_addrs(self),
        }
    }
}

/// If a name has to be looked up: std has no need to do so for what is an address already, or does not end in a port.
fn name_and_port(text: &str) -> Option<(&str, u16)> {
    if text.parse::<SocketAddr>().is_ok() {
        return None;
    }
    let (host, port) = text.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    #[track_caller]
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    #[track_caller]
    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}
