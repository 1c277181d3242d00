//! Connections that fail, end, or do not keep up.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{self, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use greenlet::net::{Shutdown, TcpListener, TcpStream};
use greenlet::readiness::{wait_readable, wait_writable};
use greenlet::{sleep, spawn, timeout, yield_now};
use socket2::{Domain, SockRef, Socket, Type};

use crate::sockets::{ANY, HOUR, SOON, Silent, byte_at, listener, pair, reset, std_pair, write_on};
use crate::support::world_checked;

#[test]
fn a_reset_ends_the_read_that_waits_and_those_in_line_find_the_end() {
    world_checked(|| {
        let (here, there) = pair();
        let here = Rc::new(here);
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let here = here.clone();
                spawn(move || (&*here).read(&mut [0]).map_err(|error| error.kind()))
            })
            .collect();
        yield_now();
        reset(there);
        let ends: Vec<_> = readers.into_iter().map(|end| end.join().unwrap()).collect();
        let reset = Err(ErrorKind::ConnectionReset);
        assert_eq!(ends, [reset, Ok(0), Ok(0), Ok(0)]);
    });
}

#[test]
fn a_reset_ends_the_write_that_waits_and_those_in_line() {
    world_checked(|| {
        let (here, there) = pair();
        let here = Rc::new(here);
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let here = here.clone();
                spawn(move || write_on(&here).kind())
            })
            .collect();
        sleep(SOON);
        reset(there);
        let mut ends: Vec<_> = writers.into_iter().map(|end| end.join().unwrap()).collect();
        ends.sort();
        let (reset, broken) = (ErrorKind::ConnectionReset, ErrorKind::BrokenPipe);
        assert_eq!(ends, [reset, broken, broken, broken]);
    });
}

#[test]
fn a_reset_ends_both_directions_at_once() {
    world_checked(|| {
        let (here, there) = pair();
        let here = Rc::new(here);
        let (reading, writing) = (here.clone(), here);
        let reader = spawn(move || (&*reading).read(&mut [0]).is_ok_and(|count| count > 0));
        let writer = spawn(move || write_on(&writing));
        sleep(SOON);
        reset(there);
        assert!(!reader.join().unwrap());
        writer.join().unwrap();
    });
}

#[test]
fn what_was_said_before_the_half_close_is_heard_and_can_be_answered() {
    world_checked(|| {
        let (mut here, mut there) = pair();
        let answering = spawn(move || {
            let mut heard = String::new();
            there.read_to_string(&mut heard).unwrap();
            yield_now();
            there.write_all(heard.to_uppercase().as_bytes()).unwrap();
            there.shutdown(Shutdown::Write).unwrap();
            assert_eq!(there.read(&mut [0]).unwrap(), 0);
        });
        here.write_all(b"half").unwrap();
        yield_now();
        here.write_all(b" closed").unwrap();
        here.shutdown(Shutdown::Write).unwrap();
        let error = here.write(b"more").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let mut answer = String::new();
        here.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HALF CLOSED");
        answering.join().unwrap();
    });
}

#[test]
fn shutdown_of_ones_own_side_ends_ones_own_waits() {
    world_checked(|| {
        let (here, _there) = pair();
        let here = Rc::new(here);
        let (reading, writing) = (here.clone(), here.clone());
        let reader = spawn(move || (&*reading).read(&mut [0]));
        let writer = spawn(move || write_on(&writing));
        sleep(SOON);
        here.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        assert!(!writer.is_finished());
        here.shutdown(Shutdown::Write).unwrap();
        assert_eq!(writer.join().unwrap().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_slow_reader_gets_every_byte() {
    const ALL: usize = 6 << 20;
    world_checked(|| {
        let (here, there) = std_pair();
        SockRef::from(&there).set_recv_buffer_size(1 << 14).unwrap();
        let mut here = TcpStream::from_std(here).unwrap();
        let mut there = TcpStream::from_std(there).unwrap();
        let writer = spawn(move || {
            let bytes: Vec<u8> = (0..ALL).map(byte_at).collect();
            here.write_all(&bytes)
        });
        let mut buffer = [0; 5_000];
        let mut place = 0;
        loop {
            let count = there.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            assert!(
                (place..)
                    .zip(&buffer[..count])
                    .all(|(at, &b)| b == byte_at(at))
            );
            place += count;
            yield_now();
        }
        assert_eq!(place, ALL);
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn a_write_tells_how_much_of_it_was_written() {
    const ALL: usize = 16 << 20;
    world_checked(|| {
        let (here, mut there) = pair();
        let writer = spawn(move || {
            let bytes = vec![b'x'; ALL];
            // The first finds room, the others wait for it.
            [(); 5].map(|()| (&here).write(&bytes).unwrap())
        });
        sleep(SOON);
        let mut heard = Vec::new();
        there.read_to_end(&mut heard).unwrap();
        let written = writer.join().unwrap();
        assert!(written.iter().all(|count| (1..ALL).contains(count)));
        assert_eq!(heard.len(), written.iter().sum());
        assert!(heard.iter().all(|&byte| byte == b'x'));
    });
}

#[test]
fn a_vectored_write_is_written_in_order_however_short() {
    const PIECE: usize = 100_000;
    world_checked(|| {
        let (mut here, mut there) = pair();
        let writer = spawn(move || {
            let bytes: Vec<u8> = (0..40 * PIECE).map(byte_at).collect();
            let mut slices: Vec<_> = bytes.chunks(PIECE).map(IoSlice::new).collect();
            let mut left = &mut slices[..];
            while !left.is_empty() {
                let written = here.write_vectored(left).unwrap();
                IoSlice::advance_slices(&mut left, written);
            }
        });
        let mut heard = Vec::new();
        there.read_to_end(&mut heard).unwrap();
        assert_eq!(heard.len(), 40 * PIECE);
        assert!(
            heard
                .iter()
                .enumerate()
                .all(|(at, &byte)| byte == byte_at(at))
        );
        writer.join().unwrap();
    });
}

#[test]
fn nobody_listening_is_a_refusal() {
    world_checked(|| {
        let addr = listener().1;
        for _ in 0..100 {
            let error = TcpStream::connect(addr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = TcpStream::connect_timeout(&addr, HOUR).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn the_first_address_that_answers_is_taken() {
    world_checked(|| {
        let (listener, addr) = listener();
        let nobody = crate::sockets::listener().1;
        let stream = TcpStream::connect(&[nobody, addr, nobody][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        drop(listener.accept().unwrap());
        let error = TcpStream::connect(&[][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn what_cannot_be_reached_is_said_as_std_says_it() {
    world_checked(|| {
        let nowhere = (Ipv4Addr::new(240, 0, 0, 1), 9).into();
        let std = match net::TcpStream::connect_timeout(&nowhere, SOON) {
            Err(error) if error.kind() != ErrorKind::TimedOut => error,
            other => return eprintln!("skipped: the network says nothing of {nowhere}: {other:?}"),
        };
        let ours = TcpStream::connect(nowhere).unwrap_err();
        assert_eq!(ours.raw_os_error(), std.raw_os_error());
    });
}

#[test]
fn who_is_not_answered_waits_for_so_long_as_was_said_and_others_run() {
    world_checked(|| {
        let silent = Silent::new();
        let addr = silent.addr();
        let connecting = spawn(move || TcpStream::connect_timeout(&addr, 20 * SOON));
        let forever = spawn(move || TcpStream::connect(addr).map(drop));
        yield_now();
        assert!(!connecting.is_finished());
        let error = connecting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(timeout(SOON, || TcpStream::connect(addr)).is_err());
        forever.kill();
        assert!(forever.join().is_err());
    });
}

#[test]
fn a_connection_that_is_gone_before_it_is_accepted_harms_no_other() {
    world_checked(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = spawn(move || {
            let mut heard = Vec::new();
            while heard.len() < 10 {
                let Ok((mut stream, _)) = listener.accept() else {
                    continue;
                };
                let mut byte = [0];
                if let Ok(1) = stream.read(&mut byte) {
                    heard.push(byte[0]);
                }
            }
            heard
        });
        for number in 0..10 {
            reset(TcpStream::connect(addr).unwrap());
            TcpStream::connect(addr)
                .unwrap()
                .write_all(&[number])
                .unwrap();
        }
        assert!(accepting.join().unwrap().into_iter().eq(0..10));
    });
}

#[test]
fn whoever_tries_to_connect_until_it_succeeds_starves_nobody() {
    world_checked(|| {
        let addr = listener().1;
        let server = spawn(move || {
            sleep(SOON);
            let listener = TcpListener::bind(addr).unwrap();
            listener.accept().unwrap().0.write_all(b"up").unwrap();
        });
        let mut client = loop {
            if let Ok(client) = TcpStream::connect(addr) {
                break client;
            }
        };
        client.read_exact(&mut [0; 2]).unwrap();
        server.join().unwrap();
    });
}

#[test]
fn what_is_no_socket_is_said_as_std_says_it() {
    world_checked(|| {
        let file = || File::open("/proc/self/exe").unwrap();
        wait_readable(&file()).unwrap();
        wait_writable(&file()).unwrap();
        let stream = net::TcpStream::from(OwnedFd::from(file()));
        let error = TcpStream::from_std(stream).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
        let listener = net::TcpListener::from(OwnedFd::from(file()));
        let error = TcpListener::from_std(listener).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
        let listener = TcpListener::from(OwnedFd::from(file()));
        let error = listener.accept().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    });
}

#[test]
fn a_socket_that_does_not_listen_or_is_not_connected_does_not_wait() {
    world_checked(|| {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = TcpListener::from_std(socket().into()).unwrap();
        let error = listener.accept().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        let mut stream = TcpStream::from_std(socket().into()).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let error = stream.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        stream.close();
        listener.close();
    });
}
