//! `TcpListener`, `TcpStream`, and what names their addresses.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::net::{
    Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream, ToSocketAddrs,
};
use super::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use super::{check, thread};

const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const SOON: Duration = Duration::from_millis(5);
const HOUR: Duration = Duration::from_secs(3600);

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(LOCAL).unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind(LOCAL).unwrap().local_addr().unwrap()
}

#[test]
fn writes_and_reads() {
    check(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 128];
            let count = stream.read(&mut buffer).unwrap();
            stream.write_all(&buffer[..count]).unwrap();
        });
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(&[1]).unwrap();
        let mut buffer = [0; 128];
        assert_eq!(stream.read(&mut buffer).unwrap(), 1);
        assert_eq!(buffer[0], 1);
        server.join().unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), 0);
    });
}

#[test]
fn serves_whoever_comes() {
    fn handle_client(mut stream: TcpStream) -> io::Result<()> {
        let mut name = String::new();
        stream.read_to_string(&mut name)?;
        write!(stream, "hello, {name}")
    }
    check(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut handlers = Vec::new();
            for stream in listener.incoming().take(3) {
                let stream = stream.unwrap();
                handlers.push(thread::spawn(move || handle_client(stream).unwrap()));
            }
            for handler in handlers {
                handler.join().unwrap();
            }
        });
        let clients = ["a", "b", "c"].map(|name| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(addr).unwrap();
                stream.write_all(name.as_bytes()).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            })
        });
        let answers = clients.map(|client| client.join().unwrap());
        assert_eq!(answers, ["hello, a", "hello, b", "hello, c"]);
        server.join().unwrap();
    });
}

#[test]
fn binds_to_the_first_address_that_can_be_had() {
    check(|| {
        let taken = TcpListener::bind(LOCAL).unwrap();
        let taken = (taken.local_addr().unwrap(), taken);
        let addrs = [taken.0, SocketAddr::from(([127, 0, 0, 1], 0))];
        let listener = TcpListener::bind(&addrs[..]).unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(addr.ip(), Ipv4Addr::LOCALHOST);
        assert_ne!(addr.port(), 0);
        assert_ne!(addr.port(), taken.0.port());
        assert_eq!(kind(TcpListener::bind(taken.0)), ErrorKind::AddrInUse);
    });
}

#[test]
fn connects_to_the_first_address_that_answers() {
    check(|| {
        let listener = TcpListener::bind(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[nobody(), addr][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        let (accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!(accepted.peer_addr().unwrap(), peer);
        assert_eq!(accepted.local_addr().unwrap(), addr);
    });
}

#[test]
fn what_is_no_address_is_invalid() {
    check(|| {
        for text in ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"] {
            assert_eq!(kind(TcpStream::connect(text)), ErrorKind::InvalidInput);
            assert_eq!(kind(TcpListener::bind(text)), ErrorKind::InvalidInput);
            assert!(text.to_socket_addrs().is_err());
        }
        let none: &[SocketAddr] = &[];
        assert_eq!(kind(TcpStream::connect(none)), ErrorKind::InvalidInput);
        let error = TcpListener::bind(none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "could not resolve to any addresses");
        // Of a documentation network, so no interface of ours.
        let error = kind(TcpListener::bind("192.0.2.1:0"));
        assert_eq!(error, ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn many_things_name_an_address() {
    check(|| {
        let expected = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
        let first = |addrs: io::Result<std::vec::IntoIter<_>>| addrs.unwrap().next();
        assert_eq!(first("127.0.0.1:80".to_socket_addrs()), Some(expected));
        assert_eq!(first(("127.0.0.1", 80).to_socket_addrs()), Some(expected));
        let addrs = (Ipv4Addr::LOCALHOST, 80).to_socket_addrs().unwrap();
        assert_eq!(addrs.collect::<Vec<_>>(), [expected]);
        let six = (Ipv6Addr::LOCALHOST, 443).to_socket_addrs().unwrap();
        assert!(six.into_iter().all(|addr| addr.is_ipv6()));
    });
}

#[test]
fn nobody_listens() {
    check(|| {
        assert_eq!(
            kind(TcpStream::connect(nobody())),
            ErrorKind::ConnectionRefused
        );
        let refused = TcpStream::connect_timeout(&nobody(), HOUR);
        assert_eq!(kind(refused), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn connects_within_a_limit() {
    check(|| {
        let listener = TcpListener::bind(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect_timeout(&addr, HOUR).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        let zero = TcpStream::connect_timeout(&addr, Duration::ZERO);
        assert_eq!(kind(zero), ErrorKind::InvalidInput);
    });
}

#[test]
fn an_address_that_does_not_answer_is_given_up() {
    check(|| {
        // As many connections wait there as may.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let local: SocketAddr = LOCAL.into();
        listener.bind(&local.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let limit = Duration::from_millis(50);
        let mut waiting = Vec::new();
        let error = loop {
            let began = Instant::now();
            match TcpStream::connect_timeout(&addr, limit) {
                Ok(stream) => waiting.push(stream),
                Err(error) => {
                    assert!(began.elapsed() >= limit);
                    break error;
                }
            }
            assert!(waiting.len() < 10, "it takes any number");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "connection timed out");
    });
}

#[test]
fn each_direction_can_be_shut_down() {
    check(|| {
        let (mut one, mut other) = pair();
        one.write_all(b"last").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(kind(one.write(b"more")), ErrorKind::BrokenPipe);
        let mut heard = Vec::new();
        other.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"last");
        // The other direction is still there.
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 0);
        other.shutdown(Shutdown::Both).unwrap();
        // On Linux; what is over is over.
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
        assert_eq!(kind(other.write(b"x")), ErrorKind::BrokenPipe);
    });
}

#[test]
fn who_waits_is_told_of_a_shutdown() {
    check(|| {
        let (one, _other) = pair();
        let mut reading = one.try_clone().unwrap();
        let reader = thread::spawn(move || reading.read(&mut [0]).unwrap());
        thread::sleep(SOON);
        one.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn reading_has_a_time_out() {
    check(|| {
        let (mut one, mut other) = pair();
        assert_eq!(one.read_timeout().unwrap(), None);
        one.set_read_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().unwrap() >= SOON);
        let began = Instant::now();
        assert_eq!(kind(one.read(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(one.peek(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        other.write_all(b"x").unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 1);
        one.set_read_timeout(None).unwrap();
        assert_eq!(one.read_timeout().unwrap(), None);
    });
}

#[test]
fn writing_has_a_time_out() {
    check(|| {
        let (mut one, _other) = pair();
        assert_eq!(one.write_timeout().unwrap(), None);
        one.set_write_timeout(Some(SOON)).unwrap();
        assert!(one.write_timeout().unwrap().unwrap() >= SOON);
        let error = loop {
            if let Err(error) = one.write(&[0; 1 << 16]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        one.set_write_timeout(None).unwrap();
        assert_eq!(one.write_timeout().unwrap(), None);
    });
}

#[test]
fn a_time_out_of_zero_is_invalid() {
    check(|| {
        let (one, _other) = pair();
        let zero = Some(Duration::ZERO);
        assert_eq!(kind(one.set_read_timeout(zero)), ErrorKind::InvalidInput);
        let error = one.set_write_timeout(zero).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
    });
}

#[test]
fn clones_share_the_connection_and_its_modes() {
    check(|| {
        let (mut one, mut other) = pair();
        let mut clone = one.try_clone().unwrap();
        clone.set_read_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().is_some());
        one.write_all(b"a").unwrap();
        clone.write_all(b"b").unwrap();
        drop(one);
        let mut heard = [0; 2];
        other.read_exact(&mut heard).unwrap();
        assert_eq!(heard, *b"ab");
        drop(clone);
        assert_eq!(other.read(&mut heard).unwrap(), 0);
    });
}

#[test]
fn peeking_leaves_it_there() {
    check(|| {
        let (mut one, mut other) = pair();
        other.write_all(b"peek").unwrap();
        let mut buffer = [0; 8];
        for _ in 0..2 {
            let count = one.peek(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"peek");
        }
        one.read_exact(&mut buffer[..4]).unwrap();
        one.set_nonblocking(true).unwrap();
        assert_eq!(kind(one.peek(&mut buffer)), ErrorKind::WouldBlock);
    });
}

#[test]
fn options_are_as_they_were_set() {
    check(|| {
        let (one, _other) = pair();
        for nodelay in [true, false] {
            one.set_nodelay(nodelay).unwrap();
            assert_eq!(one.nodelay().unwrap(), nodelay);
        }
        one.set_ttl(100).unwrap();
        assert_eq!(one.ttl().unwrap(), 100);
        assert!(one.take_error().unwrap().is_none());
        let listener = TcpListener::bind(LOCAL).unwrap();
        listener.set_ttl(99).unwrap();
        assert_eq!(listener.ttl().unwrap(), 99);
        assert!(listener.take_error().unwrap().is_none());
    });
}

#[test]
fn does_not_wait_if_it_may_not() {
    check(|| {
        let (mut one, mut other) = pair();
        one.set_nonblocking(true).unwrap();
        let mut heard = Vec::new();
        assert_eq!(kind(one.read_to_end(&mut heard)), ErrorKind::WouldBlock);
        other.write_all(b"x").unwrap();
        drop(other);
        loop {
            match one.read_to_end(&mut heard) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            thread::sleep(SOON);
        }
        assert_eq!(heard, b"x");
    });
}

#[test]
fn accepting_does_not_wait_if_it_may_not() {
    check(|| {
        let listener = TcpListener::bind(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
        let _client = TcpStream::connect(addr).unwrap();
        for stream in listener.incoming() {
            match stream {
                // It is not inherited.
                Ok(mut stream) => {
                    stream.set_read_timeout(Some(SOON)).unwrap();
                    let began = Instant::now();
                    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::WouldBlock);
                    assert!(began.elapsed() >= SOON);
                    break;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    });
}

#[test]
fn a_clone_of_a_listener_accepts_too() {
    check(|| {
        let listener = TcpListener::bind(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        let clone = listener.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), addr);
        let acceptors = [listener, clone].map(|listener| {
            thread::spawn(move || listener.accept().unwrap().0.write_all(b"hi").unwrap())
        });
        for _ in 0..2 {
            let mut said = String::new();
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.read_to_string(&mut said).unwrap();
            assert_eq!(said, "hi");
        }
        for acceptor in acceptors {
            acceptor.join().unwrap();
        }
    });
}

#[test]
fn several_buffers_at_once() {
    check(|| {
        let (mut one, mut other) = pair();
        let slices = [b"ab".as_slice(), b"", b"cde"].map(IoSlice::new);
        assert_eq!(one.write_vectored(&slices).unwrap(), 5);
        let (mut first, mut second) = ([0; 3], [0; 9]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut buffers).unwrap(), 5);
        assert_eq!((&first, &second[..2]), (b"abc", &b"de"[..]));
        other.flush().unwrap();
    });
}

#[test]
fn references_read_and_write() {
    check(|| {
        let (one, other) = pair();
        (&one).write_all(b"ref").unwrap();
        let mut heard = [0; 3];
        (&other).read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ref");
    });
}

#[test]
fn descriptors_go_out_and_come_in() {
    check(|| {
        let (one, mut other) = pair();
        let number = one.as_raw_fd();
        assert_eq!(one.as_fd().as_raw_fd(), number);
        one.set_read_timeout(Some(SOON)).unwrap();
        let owned = OwnedFd::from(one);
        assert_eq!(owned.as_raw_fd(), number);
        let one = TcpStream::from(owned);
        assert!(one.read_timeout().unwrap().unwrap() >= SOON);
        let number = one.into_raw_fd();
        // SAFETY: it was given away just now.
        #[allow(unsafe_code, reason = "what it is about")]
        let mut one = unsafe { TcpStream::from_raw_fd(number) };
        assert_eq!(kind(one.read(&mut [0])), ErrorKind::WouldBlock);
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();

        let listener = TcpListener::bind(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        let listener = TcpListener::from(OwnedFd::from(listener));
        assert_eq!(listener.local_addr().unwrap(), addr);
    });
}

#[test]
fn debug_names_both_addresses() {
    check(|| {
        let (one, _other) = pair();
        let (addr, peer) = (one.local_addr().unwrap(), one.peer_addr().unwrap());
        let fd = one.as_raw_fd();
        let expected = format!("TcpStream {{ addr: {addr}, peer: {peer}, fd: {fd} }}");
        assert_eq!(format!("{one:?}"), expected);
        let listener = TcpListener::bind(LOCAL).unwrap();
        let (addr, fd) = (listener.local_addr().unwrap(), listener.as_raw_fd());
        let expected = format!("TcpListener {{ addr: {addr}, fd: {fd} }}");
        assert_eq!(format!("{listener:?}"), expected);
    });
}
