//! `net::ToSocketAddrs`, and the types around it.

use std::io::{self, ErrorKind};

use super::check;
use super::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs,
};

#[test]
fn an_address_is_its_own() {
    check(|| {
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        let mut all = address.to_socket_addrs().unwrap();
        assert_eq!(all.next(), Some(address));
        assert!(all.next().is_none());
    });
}

#[test]
fn a_host_name_is_looked_up() {
    check(|| {
        let mut all = "localhost:443".to_socket_addrs().unwrap();
        let first = all.next().unwrap();
        assert!(first.ip().is_loopback());
        assert_eq!(first.port(), 443);
        let pair = ("localhost", 443).to_socket_addrs().unwrap();
        assert!(pair.into_iter().any(|address| address == first));
    });
}

#[test]
fn a_name_that_is_none_is_an_error() {
    check(|| {
        assert!("no such name:443".to_socket_addrs().is_err());
    });
}

#[test]
fn several_addresses_are_several() {
    check(|| {
        let addresses = [
            SocketAddr::from(([0, 0, 0, 0], 80)),
            SocketAddr::from(([127, 0, 0, 1], 443)),
        ];
        let all = (&addresses[..]).to_socket_addrs().unwrap();
        assert!(all.eq(addresses));
    });
}

#[test]
fn an_address_without_a_port_is_an_error() {
    check(|| {
        for text in ["127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"] {
            let error = text.to_socket_addrs().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        }
    });
}

#[test]
fn whatever_names_an_address() {
    fn first(addresses: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        addresses
            .to_socket_addrs()?
            .next()
            .ok_or(ErrorKind::NotFound.into())
    }
    check(|| {
        let (v4, v6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        let expected = SocketAddr::from((v4, 80));
        assert_eq!(first("127.0.0.1:80").unwrap(), expected);
        let text = "127.0.0.1:80".to_owned();
        assert_eq!(first(&text).unwrap(), expected);
        assert_eq!(first(text).unwrap(), expected);
        assert_eq!(first(("127.0.0.1", 80)).unwrap(), expected);
        assert_eq!(first(("127.0.0.1".to_owned(), 80)).unwrap(), expected);
        assert_eq!(first((v4, 80)).unwrap(), expected);
        assert_eq!(first((IpAddr::V4(v4), 80)).unwrap(), expected);
        assert_eq!(first(SocketAddrV4::new(v4, 80)).unwrap(), expected);
        assert_eq!(first([expected].as_slice()).unwrap(), expected);
        let expected = SocketAddr::from((v6, 80));
        assert_eq!(first("[::1]:80").unwrap(), expected);
        assert_eq!(first(("::1", 80)).unwrap(), expected);
        assert_eq!(first((v6, 80)).unwrap(), expected);
        assert_eq!(first(SocketAddrV6::new(v6, 80, 0, 0)).unwrap(), expected);
        let none: &[SocketAddr] = &[];
        assert_eq!(first(none).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_type_of_ones_own_may_name_addresses() {
    struct Servers;

    impl ToSocketAddrs for Servers {
        type Iter = std::array::IntoIter<SocketAddr, 2>;

        fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
            Ok([1, 2]
                .map(|port| SocketAddr::from(([10, 0, 0, 1], port)))
                .into_iter())
        }
    }

    check(|| {
        let ports = Servers
            .to_socket_addrs()
            .unwrap()
            .map(|address| address.port());
        assert!(ports.eq([1, 2]));
        assert_eq!((&&Servers).to_socket_addrs().unwrap().count(), 2);
    });
}
