//! `readiness`: waits for file descriptors.
//!
//! No `try_x`: whether a call would wait is found out by trying it.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::lock::Semaphore;
use greenlet::readiness::{
    wait_readable, wait_readable_timeout, wait_writable, wait_writable_timeout,
};
use greenlet::{JoinHandle, hub, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
/// Enough that another thread is probably asleep by then; no test relies on that.
const A_WHILE: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

/// Two sockets that do not block.
fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

/// Fills what one end can hold.
fn fill(mut socket: &UnixStream) -> usize {
    let mut written = 0;
    while let Ok(count) = socket.write(&[7; 4096]) {
        written += count;
    }
    written
}

fn read_some(mut socket: &UnixStream, buffer: &mut [u8]) -> usize {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_readable(socket).unwrap(),
            count => return count.unwrap(),
        }
    }
}

fn write_all(mut socket: &UnixStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match socket.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(socket).unwrap(),
            count => bytes = &bytes[count.unwrap()..],
        }
    }
}

/// Waits until a pipe that does block has something, and reads a byte.
fn read_byte(mut pipe: &PipeReader) -> u8 {
    wait_readable(pipe).unwrap();
    let mut byte = [0];
    pipe.read_exact(&mut byte).unwrap();
    byte[0]
}

fn kind(result: io::Result<()>) -> Result<(), ErrorKind> {
    result.map_err(|error| error.kind())
}

/// Nobody has left anything that keeps it from being waited for: both ways a wait can end are as they should be.
fn is_as_new(reader: &PipeReader, mut writer: &PipeWriter) {
    assert_eq!(
        kind(wait_readable_timeout(reader, SOON)),
        Err(ErrorKind::TimedOut)
    );
    writer.write_all(b"!").unwrap();
    assert_eq!(read_byte(reader), b'!');
}

#[test]
fn smoke() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        wait_writable(&writer).unwrap();
        let waiting = spawn(move || read_byte(&reader));
        yield_now();
        assert!(!waiting.is_finished());
        writer.write_all(b"a").unwrap();
        assert_eq!(waiting.join().unwrap(), b'a');
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let (reader, order) = (Rc::new(reader), Rc::new(RefCell::new(Vec::new())));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (reader, order) = (reader.clone(), order.clone());
                spawn(move || {
                    wait_readable(&*reader).unwrap();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        writer.write_all(b"x").unwrap();
        // Comes when it is ready already, and does not overtake.
        wait_readable(&*reader).unwrap();
        order.borrow_mut().push(5);
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let (reader, writer) = pipe().unwrap();
        for limit in [Duration::ZERO, SOON] {
            let began = Instant::now();
            let ended = kind(wait_readable_timeout(&reader, limit));
            assert_eq!(ended, Err(ErrorKind::TimedOut));
            assert!(began.elapsed() >= limit);
        }
        assert!(timeout(SOON, || wait_readable(&reader)).is_err());
        for limit in [Duration::ZERO, HOUR, Duration::MAX] {
            wait_writable_timeout(&writer, limit).unwrap();
        }
        is_as_new(&reader, &writer);

        let (socket, _other) = pair();
        fill(&socket);
        let ended = kind(wait_writable_timeout(&socket, SOON));
        assert_eq!(ended, Err(ErrorKind::TimedOut));
        assert_eq!(hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let (reader, writer) = pipe().unwrap();
        let reader = Rc::new(reader);
        let wait = || {
            let reader = reader.clone();
            spawn(move || read_byte(&reader))
        };
        let (first, second) = (wait(), wait());
        yield_now();
        first.kill();
        assert!(first.join().is_err());
        (&writer).write_all(b"b").unwrap();
        assert_eq!(second.join().unwrap(), b'b');

        let alone = wait();
        yield_now();
        alone.kill();
        assert!(alone.join().is_err());
        is_as_new(&reader, &writer);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let (reader, writer) = pipe().unwrap();
        let (reader, seen) = (Rc::new(reader), Rc::new(Cell::new(0)));
        let victim = Rc::new(RefCell::new(None));
        let killer = spawn({
            let (reader, victim) = (reader.clone(), victim.clone());
            move || {
                // Woken by the same report, before the victim runs.
                wait_readable(&*reader).unwrap();
                let victim: JoinHandle<()> = victim.take().unwrap();
                victim.kill();
                assert!(victim.join().is_err());
            }
        });
        let killed = spawn({
            let (reader, seen) = (reader.clone(), seen.clone());
            move || {
                seen.set(read_byte(&reader));
                sleep(HOUR);
            }
        });
        victim.replace(Some(killed));
        yield_now();
        (&writer).write_all(b"c").unwrap();
        killer.join().unwrap();
        assert_eq!(seen.get(), b'c');
        is_as_new(&reader, &writer);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let (mut back, answers) = pipe().unwrap();
        let reader = Arc::new(reader);
        let hubs = [true, false].map(|spawns| {
            let (reader, mut answers) = (reader.clone(), answers.try_clone().unwrap());
            let mut work = move || {
                wait_readable(&*reader).unwrap();
                answers.write_all(b"a").unwrap();
            };
            thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            })
        });
        thread::sleep(A_WHILE);
        writer.write_all(b"x").unwrap();
        back.read_exact(&mut [0; 2]).unwrap();
        for hub in hubs {
            hub.join().unwrap();
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let (mut reader, writer) = pipe().unwrap();
        let waiting = spawn(move || {
            wait_readable(&reader).unwrap();
            reader.read(&mut [0]).unwrap()
        });
        yield_now();
        drop(writer);
        assert_eq!(waiting.join().unwrap(), 0);

        let (mut full, other) = pair();
        fill(&full);
        let waiting = spawn(move || {
            wait_writable(&full).unwrap();
            full.write(&[0]).map_err(|error| error.kind())
        });
        yield_now();
        drop(other);
        let ended = waiting.join().unwrap().unwrap_err();
        // The other end goes with data unread, or without.
        assert!(matches!(
            ended,
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 250_000;

        /// Two greenlets write to a socket, two read from it; the sum of what was read.
        fn talk(socket: UnixStream) -> usize {
            let socket = Rc::new(socket);
            let writers: Vec<_> = (0..2)
                .map(|_| {
                    let socket = socket.clone();
                    spawn(move || {
                        let bytes: Vec<_> = (0..EACH / 2).map(|n| n as u8).collect();
                        let mut rest = &bytes[..];
                        while !rest.is_empty() {
                            let (now, later) = rest.split_at(rest.len().min(1 + rest.len() % 61));
                            write_all(&socket, now);
                            rest = later;
                        }
                    })
                })
                .collect();
            let readers: Vec<_> = (0..2)
                .map(|n| {
                    let socket = socket.clone();
                    spawn(move || {
                        let (mut buffer, mut sum) = ([0; 64], 0);
                        loop {
                            match read_some(&socket, &mut buffer[..32 + n]) {
                                0 => return sum,
                                count => {
                                    sum +=
                                        buffer[..count].iter().map(|n| *n as usize).sum::<usize>()
                                }
                            }
                        }
                    })
                })
                .collect();
            for written in join_all(writers) {
                written.unwrap();
            }
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            join_all(readers).into_iter().map(Result::unwrap).sum()
        }

        let sockets = [pair(), pair()].map(<[_; 2]>::from);
        let threads: Vec<_> = sockets
            .into_iter()
            .flatten()
            .map(|socket| thread::spawn(move || talk(socket)))
            .collect();
        let sum: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        let half: usize = (0..EACH / 2).map(|n| n as u8 as usize).sum();
        assert_eq!(sum, 8 * half);
    });
}

#[test]
fn both_directions_of_one_descriptor_at_once() {
    leak_checked(|| {
        let (socket, other) = pair();
        let socket = Rc::new(socket);
        let filled = fill(&socket);
        let order = Rc::new(RefCell::new(Vec::new()));
        let wait = |name, wait: fn(&UnixStream) -> io::Result<()>| {
            let (socket, order) = (socket.clone(), order.clone());
            spawn(move || {
                wait(&socket).unwrap();
                order.borrow_mut().push(name);
            })
        };
        let handles = [
            wait("reads", wait_readable),
            wait("writes", wait_writable),
            wait("reads too", wait_readable),
        ];
        yield_now();
        (&other).write_all(b"x").unwrap();
        let (reading, rest): (Vec<_>, Vec<_>) = handles
            .into_iter()
            .enumerate()
            .partition(|(n, _)| n % 2 == 0);
        join_all(reading.into_iter().map(|(_, handle)| handle));
        assert_eq!(*order.borrow(), ["reads", "reads too"]);
        (&other).read_exact(&mut vec![0; filled]).unwrap();
        join_all(rest.into_iter().map(|(_, handle)| handle));
        assert_eq!(*order.borrow(), ["reads", "reads too", "writes"]);
    });
}

#[test]
fn what_was_left_behind_is_found_while_another_keeps_waiting() {
    leak_checked(|| {
        let (socket, other) = pair();
        let socket = Rc::new(socket);
        fill(&socket);
        let writing = spawn({
            let socket = socket.clone();
            move || wait_writable(&*socket).unwrap()
        });
        yield_now();
        (&other).write_all(b"abc").unwrap();
        // One edge for three bytes.
        for expected in b"abc" {
            wait_readable(&*socket).unwrap();
            let mut byte = [0];
            (&*socket).read_exact(&mut byte).unwrap();
            assert_eq!(byte, [*expected]);
        }
        let ended = kind(wait_readable_timeout(&*socket, SOON));
        assert_eq!(ended, Err(ErrorKind::TimedOut));
        assert!(!writing.is_finished());
        writing.kill();
        assert!(writing.join().is_err());
    });
}

#[test]
fn a_direction_that_nobody_waits_for_wakes_nobody() {
    leak_checked(|| {
        // Always writable.
        let (socket, other) = pair();
        let socket = Rc::new(socket);
        let reading = spawn({
            let socket = socket.clone();
            move || wait_readable(&*socket).unwrap()
        });
        for _ in 0..10 {
            sleep(SOON);
            assert!(!reading.is_finished());
            wait_writable_timeout(&*socket, HOUR).unwrap();
        }
        (&other).write_all(b"x").unwrap();
        reading.join().unwrap();
    });
}

#[test]
fn the_first_waiter_may_leave_before_the_second() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let reader = Rc::new(reader);
        let wait = || {
            let reader = reader.clone();
            spawn(move || wait_readable(&*reader))
        };
        let (first, second) = (wait(), wait());
        yield_now();
        first.kill();
        assert!(first.join().is_err());
        sleep(SOON);
        assert!(!second.is_finished());
        writer.write_all(b"x").unwrap();
        second.join().unwrap().unwrap();
    });
}

#[test]
fn a_number_that_is_used_again_is_another_descriptor() {
    leak_checked(|| {
        let mut numbers = Vec::new();
        for _ in 0..100 {
            let (reader, writer) = pipe().unwrap();
            numbers.push(reader.as_raw_fd());
            let waiting = spawn({
                let reader = reader.try_clone().unwrap();
                move || wait_readable(&reader)
            });
            let ended = kind(wait_readable_timeout(&reader, Duration::ZERO));
            assert_eq!(ended, Err(ErrorKind::TimedOut));
            is_as_new(&reader, &writer);
            drop((reader, writer));
            waiting.join().unwrap().unwrap();
        }
        let tried = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.len() < tried, "no number was used again");
    });
}

#[test]
fn what_has_no_notion_of_readiness_is_ready() {
    leak_checked(|| {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let other = spawn(|| ());
        wait_readable(&file).unwrap();
        assert!(other.is_finished(), "it did not switch");
        wait_writable_timeout(&file, Duration::ZERO).unwrap();
        assert!(timeout(Duration::ZERO, || wait_readable(&file)).is_err());
    });
}

#[test]
fn timers_go_off_beside_waits() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let waiting = spawn(move || read_byte(&reader));
        let ticks = Rc::new(Cell::new(0));
        let ticking = spawn({
            let ticks = ticks.clone();
            move || loop {
                sleep(SOON);
                ticks.set(ticks.get() + 1);
            }
        });
        while ticks.get() < 5 {
            sleep(SOON);
        }
        assert!(!waiting.is_finished());
        writer.write_all(b"d").unwrap();
        assert_eq!(waiting.join().unwrap(), b'd');
        ticking.kill();
        assert!(ticking.join().is_err());
    });
}

#[test]
fn a_storm_of_yields_does_not_keep_descriptors_waiting() {
    leak_checked(|| {
        let (reader, writer) = pipe().unwrap();
        let done = Rc::new(Cell::new(false));
        let storm: Vec<_> = (0..10)
            .map(|_| {
                let done = done.clone();
                spawn(move || {
                    while !done.get() {
                        yield_now();
                    }
                })
            })
            .collect();
        let waiting = spawn({
            let done = done.clone();
            move || {
                let byte = read_byte(&reader);
                done.set(true);
                byte
            }
        });
        let writing = thread::spawn(move || {
            thread::sleep(A_WHILE);
            (&writer).write_all(b"e").unwrap();
        });
        // Would go on for ever.
        join_all(storm);
        assert_eq!(waiting.join().unwrap(), b'e');
        writing.join().unwrap();
    });
}

#[test]
fn run_waits_for_descriptors() {
    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let waiting = spawn(move || read_byte(&reader));
        assert!(!hub::run_timeout(SOON));
        let writing = thread::spawn(move || {
            thread::sleep(A_WHILE);
            writer.write_all(b"f").unwrap();
        });
        hub::run();
        assert!(waiting.is_finished());
        writing.join().unwrap();
        assert!(hub::run_timeout(HOUR));
    });
}

#[test]
fn a_hub_that_sleeps_in_its_poller_is_woken_from_elsewhere() {
    leak_checked(|| {
        let (reader, _writer) = pipe().unwrap();
        let waiting = spawn(move || wait_readable(&reader));
        let (there, back) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let thread = thread::spawn({
            let (there, back) = (there.clone(), back.clone());
            move || {
                for n in 0..1_000 {
                    there.acquire();
                    if n % 100 == 0 {
                        thread::sleep(SOON);
                    }
                    back.release();
                }
            }
        });
        for _ in 0..1_000 {
            there.release();
            // Nothing else could end this sleep.
            back.acquire();
        }
        thread.join().unwrap();
        assert!(!waiting.is_finished());
        waiting.kill();
        assert!(waiting.join().is_err());
    });
}

#[test]
fn a_greenlet_that_unwinds_may_wait() {
    struct Farewell(Rc<Cell<u8>>, PipeReader);

    impl Drop for Farewell {
        fn drop(&mut self) {
            self.0.set(read_byte(&self.1));
        }
    }

    leak_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let heard = Rc::new(Cell::new(0));
        let farewell = Farewell(heard.clone(), reader);
        let dying = spawn(move || {
            let _farewell = farewell;
            sleep(HOUR);
        });
        yield_now();
        dying.kill();
        yield_now();
        dying.kill();
        sleep(SOON);
        assert!(!dying.is_finished());
        writer.write_all(b"g").unwrap();
        assert!(dying.join().is_err());
        assert_eq!(heard.get(), b'g');
    });
}

#[test]
fn what_waits_when_its_thread_ends_is_killed() {
    leak_checked(|| {
        let (reader, writer) = pipe().unwrap();
        thread::spawn(move || {
            drop(spawn(move || read_byte(&reader)));
            yield_now();
        })
        .join()
        .unwrap();
        // A process that another test starts may have a copy of the other end, until it has become another program.
        let error = loop {
            if let Err(error) = (&writer).write_all(b"x") {
                break error;
            }
            thread::sleep(SOON);
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_switch_to_one_that_waits_says_for_what() {
    leak_checked(|| {
        let (reader, _writer) = pipe().unwrap();
        let number = reader.as_raw_fd();
        let waiting = spawn(move || wait_readable(&reader));
        yield_now();
        let error = waiting.greenlet().try_switch::<(), ()>(()).unwrap_err();
        let words = format!("a read from file descriptor {number}");
        assert!(error.to_string().contains(&words), "{error}");
        waiting.kill();
        assert!(waiting.join().is_err());
    });
}

#[test]
fn connections_are_made_and_taken() {
    leak_checked(|| {
        const CLIENTS: usize = 100;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Rc::new(listener);
        // Two who take: both are woken, one of them in vain.
        let taken = Rc::new(Cell::new(0));
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let (listener, taken) = (listener.clone(), taken.clone());
                spawn(move || {
                    while taken.get() < CLIENTS {
                        match listener.accept() {
                            Ok((mut client, _)) => {
                                taken.set(taken.get() + 1);
                                client.write_all(b"h").unwrap();
                            }
                            Err(_) => wait_readable(&*listener).unwrap(),
                        }
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.set_nonblocking(true).unwrap();
                    wait_readable(&stream).unwrap();
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    assert_eq!(byte, *b"h");
                })
            })
            .collect();
        for client in join_all(clients) {
            client.unwrap();
        }
        for taker in takers {
            taker.kill();
            let _ = taker.join();
        }
    });
}

#[test]
fn many_descriptors_at_once() {
    leak_checked(|| {
        const PIPES: usize = 300;
        let sum = Rc::new(Cell::new(0));
        let (handles, writers): (Vec<_>, Vec<_>) = (0..PIPES)
            .map(|_| {
                let (reader, writer) = pipe().unwrap();
                let sum = sum.clone();
                let read = move || {
                    let byte = read_byte(&reader);
                    sum.set(sum.get() + usize::from(byte));
                };
                (spawn(read), writer)
            })
            .unzip();
        yield_now();
        for (n, mut writer) in writers.iter().enumerate() {
            writer.write_all(&[(n % 256) as u8]).unwrap();
        }
        join_all(handles);
        assert_eq!(sum.get(), (0..PIPES).map(|n| n % 256).sum());
    });
}

#[cfg(target_os = "linux")]
mod alone {
    //! In a process of its own, which counts its descriptors.

    use std::env;
    use std::fs;
    use std::process::Command;

    use super::*;

    fn open() -> usize {
        fs::read_dir("/proc/self/fd").unwrap().count()
    }

    /// Has this test binary run a test that is ignored otherwise, with room for few descriptors.
    fn run_alone(name: &str) {
        let output = Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" --ignored --exact \"$1\""])
            .arg(env::current_exe().unwrap())
            .arg(format!("readiness::alone::{name}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }

    #[test]
    fn a_thread_owns_descriptors_from_its_first_wait_to_its_end() {
        run_alone("descriptors_come_and_go");
    }

    #[test]
    #[ignore = "run by `a_thread_owns_descriptors_from_its_first_wait_to_its_end`"]
    fn descriptors_come_and_go() {
        let before = open();
        leak_checked(move || {
            spawn(|| sleep(SOON)).join().unwrap();
            assert_eq!(open(), before);
            let (reader, writer) = pipe().unwrap();
            wait_writable(&writer).unwrap();
            let after = open();
            assert!(after > before + 2);
            is_as_new(&reader, &writer);
            assert_eq!(open(), after);
        });
        assert_eq!(open(), before);
    }

    #[test]
    fn errors_of_the_system_come_back() {
        run_alone("no_descriptor_is_left");
    }

    #[test]
    #[ignore = "run by `errors_of_the_system_come_back`"]
    fn no_descriptor_is_left() {
        leak_checked(|| {
            let (reader, writer) = pipe().unwrap();
            let mut all = Vec::new();
            while let Ok(another) = reader.as_fd().try_clone_to_owned() {
                all.push(another);
            }
            assert!(all.len() > 10);
            // One short of what a poller takes, then two.
            for _ in 0..2 {
                let error = wait_readable(&reader).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                all.pop();
            }
            drop(all);
            is_as_new(&reader, &writer);
        });
    }

    #[test]
    fn a_process_with_one_thread_is_not_drained_while_it_waits() {
        run_alone("the_only_thread_waits");
    }

    #[test]
    #[ignore = "run by `a_process_with_one_thread_is_not_drained_while_it_waits`"]
    #[allow(unsafe_code, reason = "a fork, which has one thread only")]
    fn the_only_thread_waits() {
        fn wait() {
            assert_eq!(fs::read_dir("/proc/self/task").unwrap().count(), 1);
            let (reader, mut writer) = pipe().unwrap();
            let waiting = spawn(move || read_byte(&reader));
            assert!(!hub::run_timeout(SOON));
            writer.write_all(b"i").unwrap();
            hub::run();
            assert!(waiting.is_finished());
            assert!(hub::run_timeout(HOUR));
        }

        // SAFETY: the other thread of this process only waits for this one, and holds no lock.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let ended = std::panic::catch_unwind(wait);
            // SAFETY: ends the child, without what the test's thread would do next.
            unsafe { libc::_exit(i32::from(ended.is_err())) }
        }
        let mut status = -1;
        // SAFETY: the child is this process's, and nobody else waits for it.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
    }

    #[test]
    fn a_poller_that_fails_is_reported_to_all_who_wait() {
        run_alone("the_poller_is_replaced");
    }

    #[test]
    #[ignore = "run by `a_poller_that_fails_is_reported_to_all_who_wait`"]
    #[allow(unsafe_code, reason = "replaces a descriptor under its owner")]
    fn the_poller_is_replaced() {
        leak_checked(|| {
            let (reader, _writer) = pipe().unwrap();
            let reader = Rc::new(reader);
            let handles = [HOUR, Duration::MAX].map(|limit| {
                let reader = reader.clone();
                spawn(move || wait_readable_timeout(&*reader, limit))
            });
            yield_now();
            let poller = (0..64).find(|fd| {
                fs::read_link(format!("/proc/self/fd/{fd}"))
                    .is_ok_and(|name| name.ends_with("anon_inode:[eventpoll]"))
            });
            let file = File::open("/dev/null").unwrap();
            // SAFETY: both are open, and nothing is mapped or shared through the second.
            let status = unsafe { libc::dup2(file.as_raw_fd(), poller.unwrap()) };
            assert!(status > 0);
            for ended in join_all(handles) {
                let error = ended.unwrap().unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
            }
            assert!(wait_readable(&*reader).is_err());
        });
    }
}
