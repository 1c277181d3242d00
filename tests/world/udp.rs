//! `net::UdpSocket`.

use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::net::UdpSocket;
use greenlet::readiness::wait_readable;
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::world_checked;

const SOON: Duration = Duration::from_millis(1);
const A_WHILE: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);
/// Of a closed descriptor.
const EBADF: i32 = 9;

fn pair() -> (UdpSocket, UdpSocket) {
    let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

fn recv_byte(socket: &UdpSocket) -> u8 {
    let mut byte = [0];
    assert_eq!(socket.recv(&mut byte).unwrap(), 1);
    byte[0]
}

/// Waits in both directions are as they should be.
fn is_as_new(one: &UdpSocket, other: &UdpSocket) {
    for (from, to) in [(one, other), (other, one)] {
        to.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(kind(to.recv(&mut [0])), ErrorKind::WouldBlock);
        to.set_read_timeout(None).unwrap();
        from.send(b"!").unwrap();
        assert_eq!(recv_byte(to), b'!');
    }
}

#[test]
fn smoke() {
    world_checked(|| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = server.local_addr().unwrap();
        let echo = spawn(move || {
            let mut buffer = [0; 100];
            for _ in 0..5 {
                let (count, from) = server.recv_from(&mut buffer).unwrap();
                server.send_to(&buffer[..count], from).unwrap();
            }
        });
        let clients = [1, 2, 3, 4, 5_u8].map(|n| {
            spawn(move || {
                let client = UdpSocket::bind("127.0.0.1:0").unwrap();
                client.connect(addr).unwrap();
                let said = vec![n; usize::from(n)];
                assert_eq!(client.send(&said).unwrap(), said.len());
                let mut buffer = [0; 100];
                let count = client.recv(&mut buffer).unwrap();
                assert_eq!(buffer[..count], said);
            })
        });
        for client in clients {
            client.join().unwrap();
        }
        echo.join().unwrap();
    });
}

#[test]
fn try_x() {
    world_checked(|| {
        let (one, other) = pair();
        one.set_nonblocking(true).unwrap();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(one.recv_from(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(one.peek(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(one.peek_from(&mut [0])), ErrorKind::WouldBlock);
        one.set_nonblocking(false).unwrap();
        is_as_new(&one, &other);
    });
}

#[test]
fn fifo() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                spawn({
                    let one = one.clone();
                    move || recv_byte(&one)
                })
            })
            .collect();
        yield_now();
        for byte in b"012345" {
            other.send(&[*byte]).unwrap();
        }
        // Comes when something is there already, and does not overtake.
        assert_eq!(recv_byte(&one), b'5');
        let heard: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap()).collect();
        assert_eq!(heard, b"01234");
    });
}

#[test]
fn x_timeout() {
    world_checked(|| {
        let (one, other) = pair();
        one.set_read_timeout(Some(SOON)).unwrap();
        let began = Instant::now();
        assert_eq!(kind(one.peek(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        is_as_new(&one, &other);
        one.set_read_timeout(Some(HOUR)).unwrap();
        let receiver = spawn(move || recv_byte(&one));
        yield_now();
        other.send(b"x").unwrap();
        assert_eq!(receiver.join().unwrap(), b'x');
    });
}

#[test]
fn kill_while_waiting() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        let receive = || {
            let one = one.clone();
            spawn(move || recv_byte(&one))
        };
        let (first, second, third) = (receive(), receive(), receive());
        yield_now();
        other.send(b"a").unwrap();
        // It is there, and the first was not yet told.
        first.kill();
        second.kill();
        assert!(first.join().is_err());
        assert!(second.join().is_err());
        assert_eq!(third.join().unwrap(), b'a');
        is_as_new(&one, &other);
    });
}

#[test]
fn limit() {
    world_checked(|| {
        let (one, other) = pair();
        assert!(timeout(SOON, || one.recv(&mut [0])).is_err());
        assert!(timeout(SOON, || one.recv_from(&mut [0])).is_err());
        is_as_new(&one, &other);
    });
}

#[test]
fn cross_thread() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Arc::new(one);
        let receive = |one: Arc<UdpSocket>| (0..20).map(|_| u32::from(recv_byte(&one))).sum();
        let threads = [(); 2].map(|()| {
            let one = one.clone();
            thread::spawn(move || -> u32 {
                let receivers = [(); 2].map(|()| {
                    spawn({
                        let one = one.clone();
                        move || receive(one)
                    })
                });
                receivers
                    .into_iter()
                    .map(|r| -> u32 { r.join().unwrap() })
                    .sum()
            })
        });
        let plain = thread::spawn({
            let one = one.clone();
            move || -> u32 { receive(one) }
        });
        for n in 0..100 {
            other.send(&[n]).unwrap();
            if n % 10 == 0 {
                sleep(SOON);
            }
        }
        let mut sum = plain.join().unwrap();
        for thread in threads {
            sum += thread.join().unwrap();
        }
        assert_eq!(sum, (0..100).sum());
        is_as_new(&one, &other);
    });
}

#[test]
fn drop_while_waited_on() {
    world_checked(|| {
        for is_connected in [true, false] {
            let one = match is_connected {
                true => pair().0,
                false => UdpSocket::bind("127.0.0.1:0").unwrap(),
            };
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
            assert_eq!(one.send(b"x").unwrap_err().raw_os_error(), Some(EBADF));
        }

        let (one, other) = pair();
        let clone = one.try_clone().unwrap();
        let receiver = spawn(move || recv_byte(&one));
        yield_now();
        drop(clone);
        other.send(b"y").unwrap();
        assert_eq!(receiver.join().unwrap(), b'y');
    });
}

#[test]
fn no_bytes() {
    world_checked(|| {
        let (one, other) = pair();
        let receiver = spawn(move || one.recv(&mut [0; 4]).unwrap());
        yield_now();
        assert_eq!(other.send(&[]).unwrap(), 0);
        assert_eq!(receiver.join().unwrap(), 0);
    });
}

#[test]
fn who_waits_is_told_that_nobody_is_there() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        drop(other);
        let receiver = spawn({
            let one = one.clone();
            move || kind(one.recv(&mut [0]))
        });
        yield_now();
        one.send(b"x").unwrap();
        assert_eq!(receiver.join().unwrap(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn readiness_of_what_is_waited_for_besides() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        let receiver = spawn({
            let one = one.clone();
            move || recv_byte(&one)
        });
        let waiting = spawn({
            let one = one.clone();
            move || wait_readable(&*one).unwrap()
        });
        yield_now();
        other.send(b"x").unwrap();
        assert_eq!(receiver.join().unwrap(), b'x');
        waiting.join().unwrap();
        is_as_new(&one, &other);
    });
}

#[test]
fn whoever_is_always_ready_starves_nobody() {
    world_checked(|| {
        let (one, other) = pair();
        let count = Rc::new(std::cell::Cell::new(0));
        let busy = spawn({
            let count = count.clone();
            move || {
                for _ in 0..1000 {
                    one.send(b"x").unwrap();
                    recv_byte(&other);
                    count.set(count.get() + 2);
                }
            }
        });
        let mut most = 0;
        while !busy.is_finished() {
            let before = count.get();
            yield_now();
            most = most.max(count.get() - before);
        }
        assert!((2..=34).contains(&most), "{most} calls in between");
        join_all([busy]);
    });
}
