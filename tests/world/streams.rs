//! What holds for every kind of connection; compiled for each, which says what `Stream` and `Listener` are.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::channel::unbounded;
use greenlet::readiness::{wait_readable, wait_writable};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use super::{Listener, Stream, Theirs, connect, keep_full, listen, pair};
use crate::support::world_checked;

const SOON: Duration = Duration::from_millis(1);
/// Enough that another thread probably waits by then; no test relies on that.
const A_WHILE: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);
/// Of a closed descriptor.
const EBADF: i32 = 9;

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

fn read_byte(mut stream: &Stream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    byte[0]
}

/// Writes what the connection holds, and how much that is.
fn fill(mut stream: &Stream) -> usize {
    stream.set_write_timeout(Some(SOON)).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&[0; 1 << 14]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                stream.set_write_timeout(None).unwrap();
                return written;
            }
        }
    }
}

/// As [`fill`], and there is no room before that is read.
fn fill_for_good(stream: &Stream) -> usize {
    let mut written = fill(stream);
    loop {
        // What is on its way arrives.
        sleep(A_WHILE);
        match fill(stream) {
            0 => break,
            more => written += more,
        }
    }
    keep_full(stream);
    written
}

/// Reads so much, and gives what is not zero of it.
fn drain(mut stream: &Stream, mut count: usize) -> Vec<u8> {
    let (mut buffer, mut seen) = (vec![0; 1 << 14], Vec::new());
    while count > 0 {
        let most = count.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).unwrap();
        assert!(read > 0, "{count} are missing");
        seen.extend(buffer[..read].iter().filter(|byte| **byte != 0));
        count -= read;
    }
    seen
}

/// Waits in both directions are as they should be.
fn is_as_new(one: &Stream, other: &Stream) {
    for (mut from, to) in [(one, other), (other, one)] {
        to.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(kind((&*to).read(&mut [0])), ErrorKind::WouldBlock);
        to.set_read_timeout(None).unwrap();
        from.write_all(b"!").unwrap();
        assert_eq!(read_byte(to), b'!');
    }
}

#[test]
fn smoke() {
    world_checked(|| {
        let (listener, at) = listen();
        let server = spawn(move || {
            let mut handlers = Vec::new();
            for stream in listener.incoming().take(5) {
                let mut stream = stream.unwrap();
                handlers.push(spawn(move || {
                    io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap()
                }));
            }
            join_all(handlers).len()
        });
        let clients = (0..5_u8).map(|n| {
            let mut stream = connect(&at).unwrap();
            spawn(move || {
                let said = vec![n; 100];
                stream.write_all(&said).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                assert_eq!(answer, said);
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().unwrap();
        }
        assert_eq!(server.join().unwrap(), 5);
    });
}

#[test]
fn try_x() {
    world_checked(|| {
        let (one, other) = pair();
        one.set_nonblocking(true).unwrap();
        assert_eq!(kind((&one).read(&mut [0])), ErrorKind::WouldBlock);
        let mut written = 0;
        let error = loop {
            match (&one).write(&[0; 1 << 14]) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        one.set_nonblocking(false).unwrap();
        assert_eq!(drain(&other, written), []);
        is_as_new(&one, &other);

        let (listener, at) = listen();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
        let _client = connect(&at).unwrap();
        listener.accept().unwrap();
    });
}

#[test]
fn fifo_of_readers() {
    world_checked(|| {
        let (one, mut other) = pair();
        let one = Rc::new(one);
        let readers: Vec<_> = (0..5)
            .map(|_| {
                spawn({
                    let one = one.clone();
                    move || read_byte(&one)
                })
            })
            .collect();
        yield_now();
        other.write_all(b"012345").unwrap();
        // Comes when something is there already, and does not overtake.
        assert_eq!(read_byte(&one), b'5');
        let read: Vec<_> = readers.into_iter().map(|r| r.join().unwrap()).collect();
        assert_eq!(read, b"01234");
    });
}

#[test]
fn fifo_of_writers() {
    world_checked(|| {
        let (one, other) = pair();
        let held = fill_for_good(&one);
        let one = Rc::new(one);
        let writers: Vec<_> = (1..=5_u8)
            .map(|n| {
                spawn({
                    let one = one.clone();
                    move || (&*one).write_all(&[n]).unwrap()
                })
            })
            .collect();
        yield_now();
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        assert_eq!(drain(&other, held + 5), [1, 2, 3, 4, 5]);
        join_all(writers);
    });
}

#[test]
fn fifo_of_acceptors() {
    world_checked(|| {
        let (listener, at) = listen();
        let listener = Rc::new(listener);
        let acceptors: Vec<_> = (0..4)
            .map(|_| {
                spawn({
                    let listener = listener.clone();
                    move || read_byte(&listener.accept().unwrap().0)
                })
            })
            .collect();
        yield_now();
        let clients: Vec<_> = (0..4_u8)
            .map(|n| {
                let mut client = connect(&at).unwrap();
                client.write_all(&[n]).unwrap();
                client
            })
            .collect();
        let read: Vec<_> = acceptors.into_iter().map(|a| a.join().unwrap()).collect();
        assert_eq!(read, [0, 1, 2, 3]);
        drop(clients);
    });
}

#[test]
fn x_timeout() {
    world_checked(|| {
        let (one, other) = pair();
        one.set_read_timeout(Some(SOON)).unwrap();
        let began = Instant::now();
        assert_eq!(kind((&one).read(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        // Those that wait for their turn have a limit as well.
        let one = Rc::new(one);
        let readers = [(); 3].map(|()| {
            spawn({
                let one = one.clone();
                move || kind((&*one).read(&mut [0]))
            })
        });
        for reader in readers {
            assert_eq!(reader.join().unwrap(), ErrorKind::WouldBlock);
        }
        let held = fill(&one);
        drain(&other, held);
        is_as_new(&one, &other);
        // One that does not elapse is not felt.
        one.set_read_timeout(Some(HOUR)).unwrap();
        let reader = spawn({
            let one = one.clone();
            move || read_byte(&one)
        });
        yield_now();
        (&other).write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), b'x');
    });
}

#[test]
fn kill_while_waiting() {
    world_checked(|| {
        let (one, other) = pair();
        let one = Rc::new(one);
        let read = || {
            let one = one.clone();
            spawn(move || read_byte(&one))
        };
        // The first waits for the socket, the others for their turn.
        let (first, second, third) = (read(), read(), read());
        yield_now();
        second.kill();
        first.kill();
        assert!(first.join().is_err());
        assert!(second.join().is_err());
        (&other).write_all(b"a").unwrap();
        assert_eq!(third.join().unwrap(), b'a');

        let held = fill_for_good(&one);
        let write = |n: u8| {
            let one = one.clone();
            spawn(move || (&*one).write_all(&[n]).unwrap())
        };
        let (first, second) = (write(1), write(2));
        yield_now();
        first.kill();
        assert!(first.join().is_err());
        assert_eq!(drain(&other, held + 1), [2]);
        second.join().unwrap();
        is_as_new(&one, &other);
    });
}

#[test]
fn kill_of_one_who_accepts() {
    world_checked(|| {
        let (listener, at) = listen();
        let listener = Rc::new(listener);
        let accept = || {
            let listener = listener.clone();
            spawn(move || drop(listener.accept().unwrap()))
        };
        let (first, second) = (accept(), accept());
        yield_now();
        let _client = connect(&at).unwrap();
        // It is there, and the first was not yet told.
        first.kill();
        assert!(first.join().is_err());
        second.join().unwrap();
    });
}

#[test]
fn kill_after_grant() {
    world_checked(|| {
        // Both are woken by one look at the system, and who runs first kills the other.
        let (places, accepted) = ([listen(), listen()], Rc::new(Cell::new(0)));
        let [(one, here), (other, there)] = places;
        let listeners = [Rc::new(one), Rc::new(other)];
        let both: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
        for (n, listener) in listeners.iter().enumerate() {
            let (listener, accepted, both) = (listener.clone(), accepted.clone(), both.clone());
            let acceptor = spawn({
                let both = both.clone();
                move || {
                    let (_stream, _) = listener.accept().unwrap();
                    accepted.set(accepted.get() + 1);
                    both.borrow()[1 - n].kill();
                    sleep(HOUR);
                }
            });
            both.borrow_mut().push(acceptor);
        }
        yield_now();
        let clients = [connect(&here).unwrap(), connect(&there).unwrap()];
        while accepted.get() == 0 {
            sleep(SOON);
        }
        for acceptor in both.take() {
            acceptor.kill();
            assert!(acceptor.join().is_err());
        }
        // What was not accepted by those is there for others.
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
            accepted.set(accepted.get() + u32::from(listener.accept().is_ok()));
        }
        assert_eq!(accepted.get(), 2);
        drop(clients);
    });
}

#[test]
fn limit() {
    world_checked(|| {
        let (one, other) = pair();
        assert!(timeout(SOON, || (&one).read(&mut [0])).is_err());
        let held = fill_for_good(&one);
        assert!(timeout(SOON, || (&one).write(b"x")).is_err());
        assert_eq!(drain(&other, held), []);
        is_as_new(&one, &other);
        let (listener, at) = listen();
        assert!(timeout(SOON, || listener.accept().map(drop)).is_err());
        let _client = connect(&at).unwrap();
        timeout(HOUR, || listener.accept().unwrap()).unwrap();
    });
}

#[test]
fn cross_thread() {
    world_checked(|| {
        const EACH: usize = 50;
        let (one, mut other) = pair();
        let one = Arc::new(one);
        let sum = |one: &Stream| -> usize { (0..EACH).map(|_| usize::from(read_byte(one))).sum() };
        let mut threads: Vec<_> = (0..2)
            .map(|_| {
                let one = one.clone();
                thread::spawn(move || -> usize {
                    let readers = [(); 2].map(|()| {
                        spawn({
                            let one = one.clone();
                            move || sum(&one)
                        })
                    });
                    readers.into_iter().map(|r| r.join().unwrap()).sum()
                })
            })
            .collect();
        threads.push(thread::spawn({
            let one = one.clone();
            move || sum(&one)
        }));
        let here = spawn({
            let one = one.clone();
            move || sum(&one)
        });
        let all: Vec<u8> = (0..6 * EACH).map(|n| (n % 7) as u8).collect();
        for some in all.chunks(3) {
            other.write_all(some).unwrap();
            yield_now();
        }
        let mut read = here.join().unwrap();
        for thread in threads {
            read += thread.join().unwrap();
        }
        assert_eq!(read, all.iter().map(|n| usize::from(*n)).sum::<usize>());
        is_as_new(&one, &other);
    });
}

#[test]
fn goes_from_thread_to_thread() {
    /// Waits there, and gives the stream back.
    fn wait(stream: Stream) -> Stream {
        let reader = spawn(move || {
            assert_eq!(read_byte(&stream), b'x');
            stream
        });
        reader.join().unwrap()
    }
    world_checked(|| {
        let (mut one, mut other) = pair();
        // Each of those threads has ended when the next one waits.
        for _ in 0..3 {
            let thread = thread::spawn(move || wait(one));
            thread::sleep(A_WHILE);
            other.write_all(b"x").unwrap();
            one = thread.join().unwrap();
        }
        // Here are two that have not.
        let (to_other, at_other) = unbounded();
        let (back, here) = unbounded();
        let thread = thread::spawn(move || {
            for stream in at_other.iter() {
                back.send(wait(stream)).unwrap();
            }
        });
        for _ in 0..3 {
            to_other.send(one).unwrap();
            sleep(A_WHILE);
            other.write_all(b"x").unwrap();
            one = here.recv().unwrap();
            other.write_all(b"x").unwrap();
            one = wait(one);
        }
        drop(to_other);
        thread.join().unwrap();
        is_as_new(&one, &other);
    });
}

#[test]
fn a_thread_that_ends_first_leaves_the_others_waiting() {
    world_checked(|| {
        let (one, mut other) = pair();
        let one = Arc::new(one);
        let thread = thread::spawn({
            let one = one.clone();
            // It is the first in the line, and is unwound when its thread ends.
            move || {
                drop(spawn(move || read_byte(&one)));
                yield_now();
            }
        });
        thread.join().unwrap();
        let reader = spawn({
            let one = one.clone();
            move || read_byte(&one)
        });
        yield_now();
        other.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), b'x');
        is_as_new(&one, &other);
    });
}

#[test]
fn drop_while_waited_on() {
    world_checked(|| {
        // By the other side.
        let (mut one, other) = pair();
        let reader = spawn(move || one.read(&mut [0]).unwrap());
        yield_now();
        drop(other);
        assert_eq!(reader.join().unwrap(), 0);

        // By `close`, for whoever waits and whoever comes, here and elsewhere.
        let (one, mut other) = pair();
        fill_for_good(&one);
        let one = Arc::new(one);
        let ends = [(); 2].map(|()| {
            spawn({
                let one = one.clone();
                move || (&*one).read(&mut [0]).unwrap_err().raw_os_error()
            })
        });
        let writer = spawn({
            let one = one.clone();
            move || (&*one).write(b"x").unwrap_err().raw_os_error()
        });
        let thread = thread::spawn({
            let one = one.clone();
            move || (&*one).read(&mut [0]).unwrap_err().raw_os_error()
        });
        sleep(A_WHILE);
        one.close();
        for end in ends {
            assert_eq!(end.join().unwrap(), Some(EBADF));
        }
        assert_eq!(writer.join().unwrap(), Some(EBADF));
        assert_eq!(thread.join().unwrap(), Some(EBADF));
        assert_eq!(
            (&*one).read(&mut [0]).unwrap_err().raw_os_error(),
            Some(EBADF)
        );
        io::copy(&mut other, &mut io::sink()).unwrap();

        // By dropping a clone, which concerns nobody.
        let (one, mut other) = pair();
        let clone = one.try_clone().unwrap();
        let reader = spawn(move || read_byte(&one));
        yield_now();
        drop(clone);
        yield_now();
        other.write_all(b"y").unwrap();
        assert_eq!(reader.join().unwrap(), b'y');
    });
}

#[test]
fn a_listener_is_closed_while_others_accept() {
    world_checked(|| {
        let (listener, at) = listen();
        let listener = Rc::new(listener);
        let acceptors = [(); 3].map(|()| {
            spawn({
                let listener = listener.clone();
                move || listener.accept().unwrap_err().raw_os_error()
            })
        });
        yield_now();
        listener.close();
        for acceptor in acceptors {
            assert_eq!(acceptor.join().unwrap(), Some(EBADF));
        }
        assert_eq!(kind(connect(&at)), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn half_close() {
    world_checked(|| {
        let (one, mut other) = pair();
        let one = Rc::new(one);
        let reader = spawn({
            let one = one.clone();
            move || {
                let mut all = Vec::new();
                (&*one).read_to_end(&mut all).unwrap();
                all
            }
        });
        yield_now();
        other.write_all(b"the end").unwrap();
        other.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.join().unwrap(), b"the end");
        (&*one).write_all(b"not yet").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        let mut all = String::new();
        other.read_to_string(&mut all).unwrap();
        assert_eq!(all, "not yet");
    });
}

/// Writes until that fails, which it waits for.
fn write_on(mut stream: &Stream) -> io::Result<usize> {
    loop {
        stream.write_all(b"x")?;
    }
}

/// Ends a direction by one of those who have that side, while others wait in it: by the same value, some in line, by a clone, and on other threads.
fn ended_while_waited_in(
    how: Shutdown,
    by_a_clone: bool,
    wait: fn(&Stream) -> io::Result<usize>,
) -> Vec<io::Result<usize>> {
    let (one, other) = pair();
    if how != Shutdown::Read {
        fill(&one);
    }
    let one = Arc::new(one);
    let clone = Arc::new(one.try_clone().unwrap());
    let (begun, begins) = unbounded();
    let threads: Vec<_> = [&one, &clone]
        .map(|stream| {
            let (stream, begun) = (stream.clone(), begun.clone());
            thread::spawn(move || {
                let waiter = spawn(move || wait(&stream));
                yield_now();
                begun.send(()).unwrap();
                waiter.join().unwrap()
            })
        })
        .into();
    let here: Vec<_> = [&one, &clone, &one]
        .map(|stream| {
            let stream = stream.clone();
            spawn(move || wait(&stream))
        })
        .into();
    for _ in 0..2 {
        begins.recv().unwrap();
    }
    let ended = if by_a_clone { &clone } else { &one };
    ended.shutdown(how).unwrap();
    let mut ends: Vec<_> = here.into_iter().map(|end| end.join().unwrap()).collect();
    ends.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
    ends.push(wait(&one));
    drop(other);
    ends
}

#[test]
fn writers_are_told_when_their_side_ends_writing() {
    world_checked(|| {
        for (how, by_a_clone) in [
            (Shutdown::Write, false),
            (Shutdown::Write, true),
            (Shutdown::Both, true),
        ] {
            let ends = ended_while_waited_in(how, by_a_clone, write_on);
            assert_eq!(ends.len(), 6);
            for end in ends {
                assert_eq!(kind(end), ErrorKind::BrokenPipe);
            }
        }
    });
}

#[test]
fn readers_are_told_when_their_side_ends_reading() {
    world_checked(|| {
        for by_a_clone in [false, true] {
            let wait = |mut one: &Stream| one.read(&mut [0]);
            let ends = ended_while_waited_in(Shutdown::Read, by_a_clone, wait);
            assert_eq!(ends.len(), 6);
            assert!(ends.into_iter().all(|end| end.unwrap() == 0));
        }
    });
}

#[test]
fn another_thread_ends_writing_while_writers_begin_to_wait() {
    world_checked(|| {
        for _ in 0..200 {
            let (one, other) = pair();
            fill(&one);
            let one = Arc::new(one);
            let ending = thread::spawn({
                let one = one.clone();
                move || one.shutdown(Shutdown::Write).unwrap()
            });
            let clone = one.try_clone().unwrap();
            let writer = spawn(move || write_on(&clone));
            assert_eq!(kind(write_on(&one)), ErrorKind::BrokenPipe);
            assert_eq!(kind(writer.join().unwrap()), ErrorKind::BrokenPipe);
            ending.join().unwrap();
            drop(other);
        }
    });
}

#[test]
fn one_who_writes_when_its_side_ends_reading_goes_on() {
    world_checked(|| {
        let (one, other) = pair();
        let held = fill_for_good(&one);
        let one = Rc::new(one);
        let writer = spawn({
            let one = one.clone();
            move || (&*one).write_all(b"x").unwrap()
        });
        yield_now();
        one.shutdown(Shutdown::Read).unwrap();
        yield_now();
        assert!(!writer.is_finished());
        assert_eq!(drain(&other, held + 1), b"x");
        writer.join().unwrap();
    });
}

#[test]
fn much_each_way_at_once() {
    const MUCH: usize = 10 << 20;

    fn byte(at: usize) -> u8 {
        (at % 251) as u8
    }

    fn write(mut stream: &Stream) {
        let pattern: Vec<u8> = (0..251 * 300).map(byte).collect();
        let mut at = 0;
        while at < MUCH {
            let some = &pattern[at % 251..];
            let most = some.len().min(MUCH - at);
            at += stream.write(&some[..most]).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Slowly at times.
    fn read(mut stream: &Stream) {
        let (mut at, mut buffer, mut turn) = (0, vec![0; 100_000], 0);
        loop {
            turn += 1;
            if turn % 20 == 0 {
                sleep(SOON);
            }
            let most = if turn % 3 == 0 { 1000 } else { buffer.len() };
            let count = stream.read(&mut buffer[..most]).unwrap();
            if count == 0 {
                break;
            }
            let right = |(n, seen): (usize, &u8)| *seen == byte(at + n);
            assert!(buffer[..count].iter().enumerate().all(right));
            at += count;
        }
        assert_eq!(at, MUCH);
    }

    world_checked(|| {
        let (one, other) = pair();
        let ends = [Rc::new(one), Rc::new(other)];
        let busy = ends.iter().flat_map(|end| {
            let (from, to) = (end.clone(), end.clone());
            [spawn(move || write(&from)), spawn(move || read(&to))]
        });
        for end in busy.collect::<Vec<_>>() {
            end.join().unwrap();
        }
    });
}

#[test]
fn a_number_may_be_used_again_at_once() {
    world_checked(|| {
        let mut numbers = BTreeSet::new();
        for n in 0..50 {
            let (one, mut other) = pair();
            numbers.extend([one.as_raw_fd(), other.as_raw_fd()]);
            let reader = spawn(move || read_byte(&one));
            yield_now();
            other.write_all(&[n]).unwrap();
            assert_eq!(reader.join().unwrap(), n);
            let waiting = spawn(move || other.read(&mut [0]).unwrap());
            yield_now();
            match n % 2 {
                0 => assert_eq!(waiting.join().unwrap(), 0),
                _ => waiting.kill(),
            }
        }
        assert!(numbers.len() < 50, "{numbers:?}");
    });
}

#[test]
fn whoever_is_always_ready_starves_nobody() {
    world_checked(|| {
        let (calls, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let busy = [(); 2].map(|()| {
            let (mut one, other) = pair();
            let (calls, done) = (calls.clone(), done.clone());
            spawn(move || {
                while !done.get() {
                    one.write_all(b"x").unwrap();
                    read_byte(&other);
                    calls.set(calls.get() + 2);
                }
            })
        });
        let mut most = 0;
        for _ in 0..100 {
            let before = calls.get();
            yield_now();
            most = most.max(calls.get() - before);
        }
        // Each of the two has its 32, and what was counted is two calls at a time.
        assert!((2..=2 * 34).contains(&most), "{most} calls in between");
        for _ in 0..5 {
            sleep(SOON);
        }
        done.set(true);
        join_all(busy);
    });
}

#[test]
fn several_buffers_at_once() {
    world_checked(|| {
        let (mut one, mut other) = pair();
        let reader = spawn(move || {
            let (mut first, mut second) = ([0; 3], [0; 9]);
            let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            let count = other.read_vectored(&mut buffers).unwrap();
            (count, first, second)
        });
        yield_now();
        let slices = [b"ab".as_slice(), b"", b"cde"].map(IoSlice::new);
        assert_eq!(one.write_vectored(&slices).unwrap(), 5);
        let (count, first, second) = reader.join().unwrap();
        assert_eq!((count, &first, &second[..2]), (5, b"abc", &b"de"[..]));
    });
}

#[test]
fn no_bytes() {
    world_checked(|| {
        let (mut one, mut other) = pair();
        assert_eq!(one.write(&[]).unwrap(), 0);
        assert_eq!(one.write_vectored(&[]).unwrap(), 0);
        one.write_all(b"x").unwrap();
        wait_readable(&other).unwrap();
        assert_eq!(other.read(&mut []).unwrap(), 0);
        assert_eq!(read_byte(&other), b'x');
        is_as_new(&one, &other);
    });
}

#[test]
fn readiness_of_what_is_waited_for_besides() {
    world_checked(|| {
        let (one, mut other) = pair();
        let one = Rc::new(one);
        let reader = spawn({
            let one = one.clone();
            move || read_byte(&one)
        });
        yield_now();
        let waiting = [(); 2].map(|()| {
            spawn({
                let one = one.clone();
                move || wait_readable(&*one).unwrap()
            })
        });
        yield_now();
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        wait_writable(&*one).unwrap();
        other.write_all(b"xy").unwrap();
        assert_eq!(reader.join().unwrap(), b'x');
        join_all(waiting);
        assert_eq!(read_byte(&one), b'y');
        is_as_new(&one, &other);
    });
}

#[test]
fn what_goes_out_blocks_again() {
    world_checked(|| {
        let (one, other) = pair();
        one.set_read_timeout(Some(SOON)).unwrap();
        let mut theirs: Theirs = one.into();
        let began = Instant::now();
        assert_eq!(kind(theirs.read(&mut [0])), ErrorKind::WouldBlock);
        assert!(began.elapsed() >= SOON);
        theirs.set_read_timeout(None).unwrap();
        let thread = thread::spawn(move || {
            theirs.read_exact(&mut [0]).unwrap();
            theirs
        });
        thread::sleep(A_WHILE);
        (&other).write_all(b"x").unwrap();
        let one = Stream::from(OwnedFd::from(thread.join().unwrap()));
        is_as_new(&one, &other);
        let theirs = one.into_std().unwrap();
        let one = Stream::from_std(theirs).unwrap();
        one.set_nonblocking(true).unwrap();
        let mut theirs = one.into_std().unwrap();
        assert_eq!(kind(theirs.read(&mut [0])), ErrorKind::WouldBlock);
        let one = Stream::from(theirs);
        is_as_new(&one, &other);
        // What the system cannot express is at least not for ever.
        one.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
        let mut theirs = one.into_std().unwrap();
        theirs.set_nonblocking(false).unwrap();
        assert_eq!(kind(theirs.read(&mut [0])), ErrorKind::WouldBlock);
        let listener: Listener = listen().0.into_std().unwrap().into();
        assert!(timeout(SOON, || drop(listener.accept())).is_err());
    });
}
