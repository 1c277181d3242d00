//! `net::TcpStream` and `net::TcpListener`.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::net::{TcpListener, TcpStream};
use greenlet::readiness::wait_readable;
use greenlet::{spawn, timeout, yield_now};
use socket2::{Domain, SockRef, Socket, Type};

use crate::support::world_checked;

#[path = "streams.rs"]
mod streams;

type Listener = TcpListener;
type Stream = TcpStream;
type Theirs = std::net::TcpStream;

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn connect(addr: &SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(addr)
}

fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listen();
    let one = connect(&addr).unwrap();
    (one, listener.accept().unwrap().0)
}

/// What is on its way makes room when it arrives, and so does what is left of a window, which is used a fifth of a second later. Not if there is to be next
/// to none.
fn keep_full(stream: &TcpStream) {
    SockRef::from(stream).set_send_buffer_size(1).unwrap();
}

/// Ends a connection with a reset.
fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

#[test]
fn a_reset_is_told_to_whoever_waits() {
    world_checked(|| {
        let (mut one, other) = pair();
        let reader = spawn(move || one.read(&mut [0]).unwrap_err().kind());
        yield_now();
        reset(other);
        assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionReset);

        let (mut one, other) = pair();
        let writer = spawn(move || {
            loop {
                if let Err(error) = one.write(&[0; 1 << 14]) {
                    // It is told once, then it is over.
                    return (error.kind(), one.write(b"x").unwrap_err().kind());
                }
            }
        });
        yield_now();
        reset(other);
        let told = writer.join().unwrap();
        assert_eq!(told, (ErrorKind::ConnectionReset, ErrorKind::BrokenPipe));
    });
}

/// A socket at which as many connections wait as may, and they.
fn full() -> (Socket, SocketAddr, Vec<TcpStream>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&local.into()).unwrap();
    listener.listen(0).unwrap();
    let addr = listener.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    let limit = Duration::from_millis(50);
    while let Ok(stream) = TcpStream::connect_timeout(&addr, limit) {
        waiting.push(stream);
        assert!(waiting.len() < 10, "it takes any number");
    }
    (listener, addr, waiting)
}

#[test]
fn connecting_ends_by_a_kill_or_a_limit() {
    world_checked(|| {
        let (_listener, addr, _waiting) = full();
        let connecting = spawn(move || drop(TcpStream::connect(addr)));
        yield_now();
        assert!(!connecting.is_finished());
        connecting.kill();
        assert!(connecting.join().is_err());
        let limit = Duration::from_millis(1);
        assert!(timeout(limit, || drop(TcpStream::connect(addr))).is_err());
        let error = TcpStream::connect_timeout(&addr, limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn many_at_once() {
    world_checked(|| {
        let (listener, addr) = listen();
        let server = spawn(move || {
            for stream in listener.incoming().take(100) {
                let mut stream = stream.unwrap();
                spawn(move || {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    stream.write_all(&byte).unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..100_u8)
            .map(|n| {
                spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    stream.write_all(&[n]).unwrap();
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    assert_eq!(byte, [n]);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
}

/// Reads to the end, in pieces that are larger than what comes.
fn read_to_end(mut stream: TcpStream) -> usize {
    let mut buffer = [0; 4096];
    let mut all = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return all,
            count => all += count,
        }
    }
}

#[test]
fn an_end_that_comes_with_the_data_is_seen() {
    world_checked(|| {
        let (listener, addr) = listen();
        let client = std::thread::spawn(move || {
            for round in 0..2_000_u32 {
                let mut stream = Theirs::connect(addr).unwrap();
                // Sometimes the reader sleeps by then, sometimes not.
                for _ in 0..(round % 7) * 2_000 {
                    std::hint::spin_loop();
                }
                for _ in 0..=round % 3 {
                    stream.write_all(&[7; 5]).unwrap();
                }
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            }
        });
        for round in 0..2_000 {
            let (stream, _) = listener.accept().unwrap();
            assert_eq!(read_to_end(stream), 5 * (1 + round % 3));
        }
        client.join().unwrap();
    });
}

#[test]
fn urgent_data_does_not_hide_what_follows() {
    world_checked(|| {
        let (mut one, other) = pair();
        let reader = spawn(move || {
            let mut came = Vec::new();
            let mut buffer = [0; 64];
            while came.len() < 6 {
                let count = one.read(&mut buffer).unwrap();
                came.extend_from_slice(&buffer[..count]);
            }
            (came, one)
        });
        yield_now();
        let socket = SockRef::from(&other);
        // Two pieces and an urgent byte between, before the reader has a turn.
        (&other).write_all(b"abc").unwrap();
        socket.send_out_of_band(b"!").unwrap();
        (&other).write_all(b"def").unwrap();
        let (came, _one) = reader.join().unwrap();
        assert_eq!(came, b"abcdef");
    });
}

#[test]
fn urgent_data_that_somebody_takes_first_does_not_hide_what_follows() {
    fn compute(time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {}
    }

    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        let bells = [(); 2].map(|()| io::pipe().unwrap());
        let [(first, mut ring_first), (second, mut ring_second)] = bells;
        // Both have their turn between the report that wakes the reader and the reader's own turn, and the poller is asked again after that.
        let (stream, mut peer) = (one.clone(), other.try_clone().unwrap());
        let takes_it = spawn(move || {
            wait_readable(&first).unwrap();
            let socket = SockRef::from(&*stream);
            while socket
                .recv_out_of_band(&mut [MaybeUninit::uninit()])
                .is_err()
            {}
            peer.write_all(b"ghi").unwrap();
            compute(Duration::from_millis(20));
        });
        let computes = spawn(move || {
            wait_readable(&second).unwrap();
            compute(Duration::from_millis(5));
        });
        yield_now();
        let reader = spawn(move || {
            let mut came = Vec::new();
            let mut buffer = [0; 64];
            while came.len() < 9 {
                let count = (&*one).read(&mut buffer).unwrap();
                came.extend_from_slice(&buffer[..count]);
            }
            came
        });
        // After enough turns that long the poller is asked after every second one.
        for _ in 0..64 {
            compute(Duration::from_millis(1));
            yield_now();
        }
        ring_first.write_all(b"!").unwrap();
        ring_second.write_all(b"!").unwrap();
        (&other).write_all(b"abc").unwrap();
        SockRef::from(&other).send_out_of_band(b"!").unwrap();
        (&other).write_all(b"def").unwrap();
        assert_eq!(reader.join().unwrap(), b"abcdefghi");
        takes_it.join().unwrap();
        computes.join().unwrap();
    });
}

#[test]
fn what_comes_after_a_short_read_is_read() {
    world_checked(|| {
        let (mut one, mut other) = pair();
        let reader = spawn(move || {
            let mut buffer = [0; 64];
            for piece in 0..100_u8 {
                assert_eq!(one.read(&mut buffer).unwrap(), 1);
                assert_eq!(buffer[0], piece);
                // Sometimes the next is there by then, and the poller was asked or not.
                match piece % 3 {
                    0 => {}
                    1 => yield_now(),
                    _ => greenlet::sleep(Duration::from_micros(100)),
                }
                one.write_all(&[piece]).unwrap();
            }
        });
        for piece in 0..100 {
            other.write_all(&[piece]).unwrap();
            let mut echo = [0];
            other.read_exact(&mut echo).unwrap();
            assert_eq!(echo, [piece]);
        }
        reader.join().unwrap();
    });
}
