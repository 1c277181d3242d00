//! `os::unix::net`.

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use greenlet::{sleep, spawn, timeout, yield_now};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::{TempDir, world_checked};

#[path = "streams.rs"]
mod streams;

type Listener = UnixListener;
type Stream = UnixStream;
type Theirs = std::os::unix::net::UnixStream;

const SOON: Duration = Duration::from_millis(1);
const A_WHILE: Duration = Duration::from_millis(10);
/// Of a closed descriptor.
const EBADF: i32 = 9;

/// Where a listener is.
struct Place {
    path: PathBuf,
    _dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new();
        Place {
            path: dir.join("socket"),
            _dir: dir,
        }
    }
}

fn listen() -> (UnixListener, Place) {
    let place = Place::new();
    (UnixListener::bind(&place.path).unwrap(), place)
}

fn connect(place: &Place) -> io::Result<UnixStream> {
    UnixStream::connect(&place.path)
}

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

/// Nothing is ever on its way.
fn keep_full(_stream: &UnixStream) {}

/// A listener with as many connections waiting as it may have, and they.
fn full() -> (UnixListener, Place, Vec<UnixStream>) {
    let place = Place::new();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener
        .bind(&SockAddr::unix(&place.path).unwrap())
        .unwrap();
    listener.listen(1).unwrap();
    let listener: std::os::fd::OwnedFd = listener.into();
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(SOON, || connect(&place).unwrap()) {
        waiting.push(stream);
        assert!(waiting.len() < 10, "it takes any number");
    }
    (listener.into(), place, waiting)
}

#[test]
fn connecting_waits_for_room() {
    world_checked(|| {
        let (listener, place, waiting) = full();
        let place = Rc::new(place);
        let connecting = spawn({
            let place = place.clone();
            move || connect(&place).unwrap()
        });
        sleep(A_WHILE);
        assert!(!connecting.is_finished());
        // Somebody else takes their turn meanwhile, and can be ended.
        let killed = spawn({
            let place = place.clone();
            move || drop(connect(&place))
        });
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        for _ in &waiting {
            listener.accept().unwrap();
        }
        let mut stream = connecting.join().unwrap();
        let (accepted, _) = listener.accept().unwrap();
        stream.write_all(b"x").unwrap();
        assert_eq!(
            io::copy(
                &mut {
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    accepted
                },
                &mut io::sink()
            )
            .unwrap(),
            1
        );
    });
}

#[test]
fn connecting_again_and_again_lets_others_run() {
    world_checked(|| {
        let (_listener, place) = listen();
        let turns = Rc::new(Cell::new(0));
        let other = spawn({
            let turns = turns.clone();
            move || {
                loop {
                    turns.set(turns.get() + 1);
                    yield_now();
                }
            }
        });
        let waiting: Vec<_> = (0..70).map(|_| connect(&place).unwrap()).collect();
        assert!((2..=waiting.len()).contains(&turns.get()));
        other.kill();
        assert!(other.join().is_err());
    });
}

#[test]
fn connecting_ends_when_nobody_listens_any_more() {
    world_checked(|| {
        let (listener, place, waiting) = full();
        let connecting = spawn(move || connect(&place).unwrap_err().kind());
        yield_now();
        drop((listener, waiting));
        assert_eq!(connecting.join().unwrap(), ErrorKind::ConnectionRefused);
    });
}

/// Sends what the other side may have.
fn fill(socket: &UnixDatagram) -> usize {
    socket.set_write_timeout(Some(SOON)).unwrap();
    let mut count = 0;
    while socket.send(b"x").is_ok() {
        count += 1;
    }
    socket.set_write_timeout(None).unwrap();
    count
}

#[test]
fn sending_waits_for_room_at_the_other_side() {
    world_checked(|| {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place.path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&place.path).unwrap();
        // More than once: each time it is another event.
        for _ in 0..3 {
            let count = fill(&sender);
            assert!(count > 0);
            let sending = spawn({
                let sender = sender.try_clone().unwrap();
                move || sender.send(b"y").unwrap()
            });
            yield_now();
            assert!(!sending.is_finished());
            let mut byte = [0];
            for _ in 0..=count {
                receiver.recv(&mut byte).unwrap();
            }
            assert_eq!(byte, *b"y");
            assert_eq!(sending.join().unwrap(), 1);
        }
    });
}

#[test]
fn sending_ends_when_the_other_side_goes() {
    world_checked(|| {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place.path).unwrap();
        let [sender, stranger] = [(); 2].map(|()| UnixDatagram::unbound().unwrap());
        sender.connect(&place.path).unwrap();
        fill(&sender);
        let sending = spawn(move || sender.send(b"x").unwrap_err().kind());
        let elsewhere = spawn(move || stranger.send_to(b"x", &place.path).unwrap_err().kind());
        yield_now();
        assert!(!sending.is_finished() && !elsewhere.is_finished());
        drop(receiver);
        for end in [sending, elsewhere] {
            assert_eq!(end.join().unwrap(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn several_send_at_once_from_threads() {
    world_checked(|| {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place.path).unwrap();
        let sender = Arc::new(UnixDatagram::unbound().unwrap());
        sender.connect(&place.path).unwrap();
        let threads = [(); 3].map(|()| {
            let sender = sender.clone();
            thread::spawn(move || {
                let senders = [(); 2].map(|()| {
                    let sender = sender.clone();
                    spawn(move || (0..100).for_each(|n| assert_eq!(sender.send(&[n]).unwrap(), 1)))
                });
                for sender in senders {
                    sender.join().unwrap();
                }
            })
        });
        let mut sum = 0;
        for _ in 0..600 {
            let mut byte = [0];
            receiver.recv(&mut byte).unwrap();
            sum += u32::from(byte[0]);
        }
        assert_eq!(sum, 6 * (0..100).sum::<u32>());
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn sending_elsewhere_ends_by_a_kill_a_limit_or_a_close() {
    world_checked(|| {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place.path).unwrap();
        let other = UnixDatagram::unbound().unwrap();
        other.connect(&place.path).unwrap();
        let count = fill(&other);
        let sender = Rc::new(UnixDatagram::unbound().unwrap());
        let place = Rc::new(place);
        let send = || {
            let (sender, place) = (sender.clone(), place.clone());
            spawn(move || sender.send_to(b"y", &place.path))
        };
        let killed = send();
        yield_now();
        assert!(!killed.is_finished());
        killed.kill();
        assert!(killed.join().is_err());
        assert!(timeout(SOON, || sender.send_to(b"y", &place.path)).is_err());
        let closed = send();
        yield_now();
        sender.close();
        let error = closed.join().unwrap().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EBADF));
        // None of them has sent.
        for _ in 0..count {
            receiver.recv(&mut [0]).unwrap();
        }
        receiver.set_nonblocking(true).unwrap();
        let error = receiver.recv(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn datagrams_in_the_order_of_coming() {
    world_checked(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let one = Rc::new(one);
        let receivers = [(); 5].map(|()| {
            spawn({
                let one = one.clone();
                move || {
                    let mut byte = [0];
                    one.recv(&mut byte).unwrap();
                    byte[0]
                }
            })
        });
        yield_now();
        for byte in b"01234" {
            other.send(&[*byte]).unwrap();
        }
        let heard = receivers.map(|receiver| receiver.join().unwrap());
        assert_eq!(heard, *b"01234");
    });
}

#[test]
fn a_socket_for_datagrams_is_closed_while_others_wait() {
    world_checked(|| {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let one = Arc::new(one);
        let receivers = [(); 2].map(|()| {
            spawn({
                let one = one.clone();
                move || one.recv_from(&mut [0]).unwrap_err().raw_os_error()
            })
        });
        let thread = thread::spawn({
            let one = one.clone();
            move || one.recv(&mut [0]).unwrap_err().raw_os_error()
        });
        sleep(A_WHILE);
        one.close();
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Some(EBADF));
        }
        assert_eq!(thread.join().unwrap(), Some(EBADF));
    });
}

#[test]
fn one_who_sends_datagrams_is_told_when_its_side_ends_that() {
    world_checked(|| {
        let (one, _other) = UnixDatagram::pair().unwrap();
        fill(&one);
        let clone = one.try_clone().unwrap();
        let sender = spawn(move || clone.send(b"x").unwrap_err().kind());
        yield_now();
        one.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(sender.join().unwrap(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn one_that_waits_for_room_goes_on_when_the_other_side_is_gone() {
    world_checked(|| {
        let (one, other) = UnixStream::pair().unwrap();
        let mut writer = one.try_clone().unwrap();
        let writes = spawn(move || writer.write_all(&[0; 1 << 22]).unwrap_err().kind());
        yield_now();
        other.shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!(
            (&one).write(b"x").map_err(|error| error.kind()),
            Err(ErrorKind::BrokenPipe)
        );
        other.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(writes.join().unwrap(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_kill_leaves_the_datagram_to_the_next() {
    world_checked(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let one = Rc::new(one);
        let receive = || {
            let one = one.clone();
            spawn(move || one.recv(&mut [0; 9]).unwrap())
        };
        let (first, second) = (receive(), receive());
        yield_now();
        other.send(b"four").unwrap();
        first.kill();
        assert!(first.join().is_err());
        assert_eq!(second.join().unwrap(), 4);
        assert!(timeout(SOON, || one.recv(&mut [0])).is_err());
    });
}
