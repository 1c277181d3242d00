//! `UdpSocket`.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use super::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use super::{check, thread};

const SOON: Duration = Duration::from_millis(5);

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn pair() -> (UdpSocket, UdpSocket) {
    let (one, other) = (socket(), socket());
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

#[test]
fn sends_back_what_has_come_reversed() {
    check(|| {
        let server = socket();
        let addr = server.local_addr().unwrap();
        let handle = thread::spawn(move || {
            let mut buffer = [0; 10];
            let (count, from) = server.recv_from(&mut buffer).unwrap();
            let heard = &mut buffer[..count];
            heard.reverse();
            assert_eq!(server.send_to(heard, from).unwrap(), count);
        });
        let client = socket();
        client.send_to(b"stressed", addr).unwrap();
        let mut buffer = [0; 10];
        let (count, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..count], from), (&b"desserts"[..], addr));
        handle.join().unwrap();
    });
}

#[test]
fn binds_to_the_first_address_that_can_be_had() {
    check(|| {
        let taken = socket();
        let addr = taken.local_addr().unwrap();
        assert_eq!(kind(UdpSocket::bind(addr)), ErrorKind::AddrInUse);
        let addrs = [addr, SocketAddr::from(([127, 0, 0, 1], 0))];
        let bound = UdpSocket::bind(&addrs[..]).unwrap();
        assert_ne!(bound.local_addr().unwrap().port(), addr.port());
        assert_eq!(bound.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    });
}

#[test]
fn what_is_no_address_is_invalid() {
    check(|| {
        let socket = socket();
        for text in ["", "127.0.0.1", "127.0.0.1:x"] {
            assert_eq!(kind(UdpSocket::bind(text)), ErrorKind::InvalidInput);
            assert_eq!(kind(socket.connect(text)), ErrorKind::InvalidInput);
            assert_eq!(kind(socket.send_to(b"x", text)), ErrorKind::InvalidInput);
        }
        let none: &[SocketAddr] = &[];
        let error = socket.send_to(b"x", none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "no addresses to send data to");
        let error = kind(UdpSocket::bind("192.0.2.1:0"));
        assert_eq!(error, ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_connected_one_hears_only_its_peer() {
    check(|| {
        let (one, other) = pair();
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        let stranger = socket();
        stranger
            .send_to(b"not heard", one.local_addr().unwrap())
            .unwrap();
        assert_eq!(other.send(b"heard").unwrap(), 5);
        let mut buffer = [0; 16];
        let count = one.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"heard");
    });
}

#[test]
fn one_that_is_not_connected_has_no_peer() {
    check(|| {
        let socket = socket();
        assert_eq!(kind(socket.peer_addr()), ErrorKind::NotConnected);
        let error = socket.send(b"x").unwrap_err();
        // EDESTADDRREQ, for which there is no kind.
        assert!(error.raw_os_error().is_some(), "{error:?}");
        assert_ne!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn nobody_is_there() {
    check(|| {
        let one = socket();
        one.connect(socket().local_addr().unwrap()).unwrap();
        one.send(b"x").unwrap();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::ConnectionRefused);
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn peeking_leaves_it_there() {
    check(|| {
        let (one, other) = pair();
        other.send(b"look").unwrap();
        let mut buffer = [0; 9];
        assert_eq!(one.peek(&mut buffer).unwrap(), 4);
        let (count, from) = one.peek_from(&mut buffer).unwrap();
        assert_eq!((count, from), (4, other.local_addr().unwrap()));
        assert_eq!(one.recv_from(&mut buffer).unwrap(), (4, from));
        assert_eq!(&buffer[..4], b"look");
        one.set_nonblocking(true).unwrap();
        assert_eq!(kind(one.peek_from(&mut buffer)), ErrorKind::WouldBlock);
    });
}

#[test]
fn the_end_of_what_is_too_long_is_lost() {
    check(|| {
        let (one, other) = pair();
        other.send(b"too long").unwrap();
        other.send(b"").unwrap();
        let mut buffer = [0; 3];
        assert_eq!(one.recv(&mut buffer).unwrap(), 3);
        assert_eq!(&buffer, b"too");
        assert_eq!(one.recv(&mut buffer).unwrap(), 0);
    });
}

#[test]
fn receiving_has_a_time_out() {
    check(|| {
        let (one, other) = pair();
        assert_eq!(one.read_timeout().unwrap(), None);
        one.set_read_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().unwrap() >= SOON);
        let began = Instant::now();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        assert_eq!(kind(one.recv_from(&mut [0])), ErrorKind::WouldBlock);
        other.send(b"x").unwrap();
        assert_eq!(one.recv(&mut [0]).unwrap(), 1);
        one.set_read_timeout(None).unwrap();
        assert_eq!(one.read_timeout().unwrap(), None);
    });
}

#[test]
fn sending_has_a_time_out_that_can_be_asked_for() {
    check(|| {
        let (one, _other) = pair();
        assert_eq!(one.write_timeout().unwrap(), None);
        one.set_write_timeout(Some(SOON)).unwrap();
        assert!(one.write_timeout().unwrap().unwrap() >= SOON);
        one.set_write_timeout(None).unwrap();
        assert_eq!(one.write_timeout().unwrap(), None);
    });
}

#[test]
fn a_time_out_of_zero_is_invalid() {
    check(|| {
        let (zero, socket) = (Some(Duration::ZERO), socket());
        assert_eq!(kind(socket.set_read_timeout(zero)), ErrorKind::InvalidInput);
        assert_eq!(
            kind(socket.set_write_timeout(zero)),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn does_not_wait_if_it_may_not() {
    check(|| {
        let (one, other) = pair();
        one.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(kind(one.recv(&mut buffer)), ErrorKind::WouldBlock);
        assert_eq!(kind(one.recv_from(&mut buffer)), ErrorKind::WouldBlock);
        other.send(b"now").unwrap();
        let count = loop {
            match one.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(SOON),
                done => break done.unwrap(),
            }
        };
        assert_eq!(&buffer[..count], b"now");
    });
}

#[test]
fn clones_share_the_socket() {
    check(|| {
        let (one, other) = pair();
        let clone = one.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), one.local_addr().unwrap());
        clone.set_read_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().is_some());
        drop(one);
        other.send(b"x").unwrap();
        assert_eq!(clone.recv(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn options_are_as_they_were_set() {
    check(|| {
        let socket = socket();
        for set in [true, false] {
            socket.set_broadcast(set).unwrap();
            assert_eq!(socket.broadcast().unwrap(), set);
            socket.set_multicast_loop_v4(set).unwrap();
            assert_eq!(socket.multicast_loop_v4().unwrap(), set);
        }
        socket.set_multicast_ttl_v4(42).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 42);
        socket.set_ttl(41).unwrap();
        assert_eq!(socket.ttl().unwrap(), 41);
        assert!(socket.take_error().unwrap().is_none());
        // Of another family.
        assert!(socket.set_multicast_loop_v6(true).is_err());
        assert!(socket.multicast_loop_v6().is_err());
    });
}

#[test]
fn only_groups_are_joined() {
    check(|| {
        let socket = socket();
        let (no_group, any) = (Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED);
        let error = kind(socket.join_multicast_v4(&no_group, &any));
        assert_eq!(error, ErrorKind::InvalidInput);
        let group = Ipv4Addr::new(224, 0, 0, 123);
        // Where there is no network, nothing is found for any address.
        let error = kind(socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST));
        assert_eq!(error, ErrorKind::AddrNotAvailable);
        let joined = socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST);
        if joined.is_ok() {
            let left = socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST);
            left.unwrap();
        }
        let six = Ipv6Addr::LOCALHOST;
        assert!(socket.join_multicast_v6(&six, 0).is_err());
        assert!(socket.leave_multicast_v6(&six, 0).is_err());
    });
}

#[test]
fn descriptors_go_out_and_come_in() {
    check(|| {
        let (one, other) = pair();
        let number = one.as_fd().as_raw_fd();
        let one = UdpSocket::from(OwnedFd::from(one));
        assert_eq!(one.into_raw_fd(), number);
        // SAFETY: it was given away just now.
        #[allow(unsafe_code, reason = "what it is about")]
        let one = unsafe { UdpSocket::from_raw_fd(number) };
        other.send(b"x").unwrap();
        assert_eq!(one.recv(&mut [0]).unwrap(), 1);
        let (addr, fd) = (one.local_addr().unwrap(), one.as_raw_fd());
        let expected = format!(
            "UdpSocket {{ addr: {addr}, peer: {}, fd: {fd} }}",
            other.local_addr().unwrap()
        );
        let text = format!("{one:?}");
        assert!(
            text == expected || text == format!("UdpSocket {{ addr: {addr}, fd: {fd} }}"),
            "{text}"
        );
    });
}
