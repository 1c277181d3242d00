//! `UnixStream`, `UnixListener`, `UnixDatagram`.

use std::env;
use std::fs;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::net::Shutdown;
use super::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use super::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use super::sync::atomic::{AtomicU32, Ordering};
use super::{check, thread};

const SOON: Duration = Duration::from_millis(5);

/// A name for a socket, that is free again when this is dropped.
struct Name(PathBuf);

impl Name {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (side, process) = (module_path!().replace("::", "-"), std::process::id());
        Name(env::temp_dir().join(format!("{side}-{process}-{number}")))
    }
}

impl AsRef<Path> for Name {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

#[test]
fn echoes() {
    check(|| {
        let name = Name::new();
        let listener = UnixListener::bind(&name).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert!(peer.is_unnamed());
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            stream.write_all(heard.as_bytes()).unwrap();
        });
        let mut stream = UnixStream::connect(&name).unwrap();
        stream.write_all(b"hello world").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "hello world");
        server.join().unwrap();
    });
}

#[test]
fn serves_whoever_comes() {
    check(|| {
        let name = Name::new();
        let listener = UnixListener::bind(&name).unwrap();
        let server = thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                stream.unwrap().write_all(b"a").unwrap();
            }
            assert_eq!(listener.incoming().size_hint(), (usize::MAX, None));
            let mut incoming = (&listener).into_iter();
            let mut third = incoming.next().unwrap().unwrap();
            third.write_all(b"a").unwrap();
        });
        for _ in 0..3 {
            let mut said = String::new();
            let mut stream = UnixStream::connect(&name).unwrap();
            stream.read_to_string(&mut said).unwrap();
            assert_eq!(said, "a");
        }
        server.join().unwrap();
    });
}

#[test]
fn addresses_are_paths() {
    check(|| {
        let name = Name::new();
        let listener = UnixListener::bind(&name).unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(addr.as_pathname(), Some(&*name.0));
        let stream = UnixStream::connect_addr(&addr).unwrap();
        assert!(stream.local_addr().unwrap().is_unnamed());
        assert_eq!(
            stream.peer_addr().unwrap().as_pathname(),
            addr.as_pathname()
        );
        assert_eq!(kind(UnixListener::bind(&name)), ErrorKind::AddrInUse);
        assert_eq!(kind(UnixListener::bind_addr(&addr)), ErrorKind::AddrInUse);
        drop(name);
        assert_eq!(kind(UnixStream::connect_addr(&addr)), ErrorKind::NotFound);
        let again = UnixListener::bind_addr(&addr).unwrap();
        drop(again);
        let refused = kind(UnixStream::connect_addr(&addr));
        assert_eq!(refused, ErrorKind::ConnectionRefused);
        fs::remove_file(addr.as_pathname().unwrap()).unwrap();
    });
}

#[test]
fn what_is_no_name_is_invalid() {
    check(|| {
        for path in ["with\0zero", &"long".repeat(100)] {
            assert_eq!(kind(UnixStream::connect(path)), ErrorKind::InvalidInput);
            assert_eq!(kind(UnixListener::bind(path)), ErrorKind::InvalidInput);
            assert_eq!(kind(UnixDatagram::bind(path)), ErrorKind::InvalidInput);
            let unbound = UnixDatagram::unbound().unwrap();
            assert_eq!(kind(unbound.connect(path)), ErrorKind::InvalidInput);
            assert_eq!(kind(unbound.send_to(b"", path)), ErrorKind::InvalidInput);
        }
        assert_eq!(kind(UnixStream::connect("")), ErrorKind::InvalidInput);
        let unnamed = SocketAddr::from_pathname("").unwrap();
        let error = kind(UnixStream::connect_addr(&unnamed));
        assert_eq!(error, ErrorKind::InvalidInput);
        assert_eq!(kind(UnixStream::connect("/no/such")), ErrorKind::NotFound);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names() {
    use super::os::linux::net::SocketAddrExt;

    check(|| {
        let name = Name::new();
        let name = name.0.to_str().unwrap().as_bytes();
        let addr = SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let mut stream = UnixStream::connect_addr(&addr).unwrap();
        let peer = stream.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), Some(name));
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        drop(listener);
        let datagram = UnixDatagram::bind_addr(&addr).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to_addr(b"y", &addr).unwrap();
        assert_eq!(datagram.recv(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_pair_is_connected() {
    check(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.write_all(b"to other").unwrap();
        other.write_all(b"to one").unwrap();
        drop(one.try_clone().unwrap());
        let (mut first, mut second) = ([0; 6], [0; 8]);
        one.read_exact(&mut first).unwrap();
        other.read_exact(&mut second).unwrap();
        assert_eq!((&first, &second), (b"to one", b"to other"));
        drop(one);
        assert_eq!(other.read(&mut first).unwrap(), 0);
        assert_eq!(kind(other.write(b"x")), ErrorKind::BrokenPipe);
    });
}

#[test]
fn each_direction_can_be_shut_down() {
    check(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(kind(one.write(b"x")), ErrorKind::BrokenPipe);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();
        one.shutdown(Shutdown::Both).unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_stream_has_time_outs() {
    check(|| {
        let (mut one, _other) = UnixStream::pair().unwrap();
        assert_eq!(one.read_timeout().unwrap(), None);
        assert_eq!(one.write_timeout().unwrap(), None);
        one.set_read_timeout(Some(SOON)).unwrap();
        one.set_write_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().unwrap() >= SOON);
        assert!(one.write_timeout().unwrap().unwrap() >= SOON);
        let began = Instant::now();
        assert_eq!(kind(one.read(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        let error = loop {
            if let Err(error) = one.write(&[0; 1 << 12]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let zero = Some(Duration::ZERO);
        assert_eq!(kind(one.set_read_timeout(zero)), ErrorKind::InvalidInput);
        assert_eq!(kind(one.set_write_timeout(zero)), ErrorKind::InvalidInput);
        one.set_read_timeout(None).unwrap();
        one.set_write_timeout(None).unwrap();
        assert_eq!(one.read_timeout().unwrap(), None);
        assert_eq!(one.write_timeout().unwrap(), None);
    });
}

#[test]
fn does_not_wait_if_it_may_not() {
    check(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        assert_eq!(kind(one.read(&mut [0])), ErrorKind::WouldBlock);
        other.write_all(b"x").unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 1);
        assert!(one.take_error().unwrap().is_none());

        let name = Name::new();
        let listener = UnixListener::bind(&name).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
        let _client = UnixStream::connect(&name).unwrap();
        listener.try_clone().unwrap().accept().unwrap();
        assert!(listener.take_error().unwrap().is_none());
    });
}

#[test]
fn several_buffers_and_references() {
    check(|| {
        let (one, other) = UnixStream::pair().unwrap();
        let slices = [b"ab".as_slice(), b"cde"].map(IoSlice::new);
        assert_eq!((&one).write_vectored(&slices).unwrap(), 5);
        let (mut first, mut second) = ([0; 3], [0; 9]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!((&other).read_vectored(&mut buffers).unwrap(), 5);
        assert_eq!((&first, &second[..2]), (b"abc", &b"de"[..]));
        (&one).flush().unwrap();
    });
}

#[test]
fn datagrams_go_from_name_to_name() {
    check(|| {
        let (here, there) = (Name::new(), Name::new());
        let one = UnixDatagram::bind(&here).unwrap();
        let other = UnixDatagram::bind(&there).unwrap();
        assert_eq!(kind(UnixDatagram::bind(&here)), ErrorKind::AddrInUse);
        assert_eq!(kind(one.peer_addr()), ErrorKind::NotConnected);
        assert_eq!(one.send_to(b"hello", &there).unwrap(), 5);
        let mut buffer = [0; 16];
        let (count, from) = other.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"hello");
        assert_eq!(from.as_pathname(), Some(&*here.0));
        other.send_to_addr(b"hi", &from).unwrap();
        assert_eq!(one.recv(&mut buffer).unwrap(), 2);

        let third = UnixDatagram::unbound().unwrap();
        assert!(third.local_addr().unwrap().is_unnamed());
        third.connect(&here).unwrap();
        assert_eq!(third.peer_addr().unwrap().as_pathname(), Some(&*here.0));
        third.send(b"from nobody").unwrap();
        let (count, from) = one.recv_from(&mut buffer).unwrap();
        assert_eq!(count, 11);
        assert!(from.is_unnamed());
        third.connect_addr(&other.local_addr().unwrap()).unwrap();
        third.send(b"elsewhere").unwrap();
        assert_eq!(other.recv(&mut buffer).unwrap(), 9);
        drop(other);
        assert_eq!(kind(third.send(b"x")), ErrorKind::ConnectionRefused);
        assert_eq!(
            kind(one.send_to(b"x", &there)),
            ErrorKind::ConnectionRefused
        );
        drop(there);
        let gone = Name::new();
        assert_eq!(kind(one.send_to(b"x", &gone)), ErrorKind::NotFound);
    });
}

#[test]
fn datagrams_between_a_pair() {
    check(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let receiver = thread::spawn(move || {
            let mut buffer = [0; 3];
            let first = other.recv(&mut buffer).unwrap();
            (first, other.recv(&mut buffer).unwrap())
        });
        one.send(b"too long").unwrap();
        one.send(b"2.").unwrap();
        assert_eq!(receiver.join().unwrap(), (3, 2));
        let error = UnixDatagram::unbound().unwrap().send(b"x");
        assert_eq!(kind(error), ErrorKind::NotConnected);
    });
}

#[test]
fn who_waits_for_a_datagram_is_told_of_a_shutdown() {
    check(|| {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let receiving = one.try_clone().unwrap();
        let receiver = thread::spawn(move || receiving.recv(&mut [0]).unwrap());
        thread::sleep(SOON);
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(receiver.join().unwrap(), 0);
    });
}

#[test]
fn datagrams_have_time_outs_and_an_end() {
    check(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        assert_eq!(one.read_timeout().unwrap(), None);
        one.set_read_timeout(Some(SOON)).unwrap();
        assert!(one.read_timeout().unwrap().unwrap() >= SOON);
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(one.recv_from(&mut [0])), ErrorKind::WouldBlock);
        one.set_write_timeout(Some(SOON)).unwrap();
        assert!(one.write_timeout().unwrap().unwrap() >= SOON);
        let error = loop {
            if let Err(error) = one.send(&[0; 512]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let zero = Some(Duration::ZERO);
        assert_eq!(kind(one.set_read_timeout(zero)), ErrorKind::InvalidInput);
        assert_eq!(kind(one.set_write_timeout(zero)), ErrorKind::InvalidInput);
        let clone = one.try_clone().unwrap();
        assert!(clone.read_timeout().unwrap().is_some());
        clone.set_nonblocking(true).unwrap();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::WouldBlock);
        assert!(one.take_error().unwrap().is_none());
        one.shutdown(Shutdown::Both).unwrap();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::WouldBlock);
        clone.set_nonblocking(false).unwrap();
        one.set_read_timeout(None).unwrap();
        assert_eq!(kind(one.send(b"x")), ErrorKind::BrokenPipe);
        assert_eq!(one.recv(&mut [0]).unwrap(), 0);
        let (count, from) = one.recv_from(&mut [0]).unwrap();
        assert!(count == 0 && from.is_unnamed());
        assert_eq!(kind(other.send(b"x")), ErrorKind::BrokenPipe);
    });
}

#[test]
fn sending_to_one_that_is_full_has_a_time_out() {
    check(|| {
        let name = Name::new();
        let full = UnixDatagram::bind(&name).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_write_timeout(Some(SOON)).unwrap();
        let mut sent = 0;
        let error = loop {
            match sender.send_to(b"x", &name) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        sender.set_nonblocking(true).unwrap();
        let error = kind(sender.send_to_addr(b"x", &full.local_addr().unwrap()));
        assert_eq!(error, ErrorKind::WouldBlock);
        sender.set_nonblocking(false).unwrap();
        sender.set_write_timeout(None).unwrap();
        let emptier = thread::spawn(move || {
            thread::sleep(SOON);
            for _ in 0..sent {
                assert_eq!(full.recv(&mut [0]).unwrap(), 1);
            }
            full
        });
        sender.send_to(b"y", &name).unwrap();
        let mut last = [0];
        emptier.join().unwrap().recv(&mut last).unwrap();
        assert_eq!(last, *b"y");
    });
}

#[test]
fn descriptors_go_out_and_come_in() {
    check(|| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let number = one.as_fd().as_raw_fd();
        let one = UnixStream::from(OwnedFd::from(one));
        assert_eq!(one.into_raw_fd(), number);
        // SAFETY: it was given away just now.
        #[allow(unsafe_code, reason = "what it is about")]
        let mut one = unsafe { UnixStream::from_raw_fd(number) };
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();

        let (one, other) = UnixDatagram::pair().unwrap();
        let one = UnixDatagram::from(OwnedFd::from(one));
        one.send(b"x").unwrap();
        assert_eq!(other.recv(&mut [0]).unwrap(), 1);

        let name = Name::new();
        let listener = UnixListener::bind(&name).unwrap();
        let listener = UnixListener::from(OwnedFd::from(listener));
        let stream = UnixStream::connect(&name).unwrap();
        listener.accept().unwrap();
        let text = format!("{stream:?}");
        assert!(text.starts_with("UnixStream { fd: "), "{text}");
        assert!(text.contains(name.0.to_str().unwrap()), "{text}");
    });
}

#[test]
fn what_never_blocks_is_where_std_has_it() {
    use super::os::unix::ffi::{OsStrExt, OsStringExt};
    use super::os::unix::io::RawFd;
    use super::os::unix::prelude::AsRawFd as Same;
    use super::os::unix::process::{ExitStatusExt, parent_id};

    fn number(fd: &impl Same) -> RawFd {
        fd.as_raw_fd()
    }
    check(|| {
        let bytes = std::ffi::OsString::from_vec(b"\xff".to_vec());
        assert_eq!(bytes.as_bytes(), b"\xff");
        assert_eq!(std::process::ExitStatus::from_raw(9).signal(), Some(9));
        assert!(parent_id() > 0);
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(number(&one), AsRawFd::as_raw_fd(&one));
    });
}
