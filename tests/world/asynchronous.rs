//! `readiness::Async` and waiting for any of several descriptors.
#![allow(
    unsafe_code,
    reason = "no safe call makes a timer, or tells the mode of a descriptor"
)]

use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use greenlet::readiness::{Async, Interest, wait_any_ready, wait_any_ready_timeout};
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::world_checked;

const HOUR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

fn pair() -> (Async<PipeReader>, Async<PipeWriter>) {
    let (reader, writer) = pipe().unwrap();
    (Async::new(reader).unwrap(), Async::new(writer).unwrap())
}

fn blocks(fd: &impl AsRawFd) -> bool {
    // SAFETY: takes no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK == 0
}

#[test]
fn only_the_greenlet_waits_for_what_is_to_come() {
    world_checked(|| {
        let (reader, mut writer) = pair();
        let got = spawn(move || {
            let mut buffer = [0; 8];
            let count = (&reader).read(&mut buffer).unwrap();
            (buffer[..count].to_vec(), reader)
        });
        yield_now();
        assert!(!got.is_finished());
        writer.write_all(b"abc").unwrap();
        assert_eq!(got.join().unwrap().0, b"abc");
    });
}

#[test]
fn a_full_pipe_makes_the_writer_wait_until_it_is_read() {
    world_checked(|| {
        let (mut reader, mut writer) = pair();
        let all: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
        let sent = all.clone();
        let sender = spawn(move || writer.write_all(&sent));
        yield_now();
        assert!(!sender.is_finished());
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        sender.join().unwrap().unwrap();
        assert!(got == all);
    });
}

#[test]
fn the_mode_is_given_back_as_it_was() {
    world_checked(|| {
        let (reader, _writer) = pipe().unwrap();
        assert!(blocks(&reader));
        let reader = Async::new(reader).unwrap();
        assert!(!blocks(reader.get_ref()));
        let reader = reader.into_inner().unwrap();
        assert!(blocks(&reader));
        let (socket, _other) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = Async::new(socket).unwrap().into_inner().unwrap();
        assert!(!blocks(&socket));
    });
}

#[test]
fn a_kill_or_a_limit_takes_nothing_along() {
    world_checked(|| {
        let (reader, mut writer) = pair();
        let reader = Rc::new(reader);
        let theirs = reader.clone();
        let killed = spawn(move || (&*theirs).read(&mut [0; 8]));
        yield_now();
        killed.kill();
        drop(killed.join().unwrap_err());
        assert!(timeout(MS, || (&*reader).read(&mut [0; 8])).is_err());
        let error = reader.readable_timeout(MS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        writer.write_all(b"x").unwrap();
        reader.readable().unwrap();
        reader.readable_timeout(Duration::ZERO).unwrap();
        let read = reader.read_with_timeout(HOUR, |mut pipe| pipe.read(&mut [0; 8]));
        assert_eq!(read.unwrap(), 1);
    });
}

#[test]
fn who_is_killed_with_the_data_at_hand_leaves_it_there() {
    world_checked(|| {
        let (reader, mut writer) = pair();
        let reader = Rc::new(reader);
        let theirs = reader.clone();
        let killed = spawn(move || (&*theirs).read(&mut [0; 8]));
        yield_now();
        writer.write_all(b"x").unwrap();
        killed.kill();
        drop(killed.join());
        assert_eq!((&*reader).read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn a_full_pipe_is_writable_after_a_limit_as_before() {
    world_checked(|| {
        let (mut reader, writer) = pair();
        while writer.get_ref().write(&[0; 4096]).is_ok() {}
        let error = writer.writable_timeout(MS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = writer
            .write_with_timeout(MS, |mut pipe| pipe.write(b"x"))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        reader.read_exact(&mut [0; 65536]).unwrap();
        writer.writable().unwrap();
        assert_eq!(writer.write_with(|mut pipe| pipe.write(b"x")).unwrap(), 1);
    });
}

#[test]
fn all_who_wait_until_it_is_readable_go_on() {
    world_checked(|| {
        let (reader, mut writer) = pair();
        let reader = Rc::new(reader);
        let waiting = [(); 3].map(|()| {
            let reader = reader.clone();
            spawn(move || reader.readable())
        });
        yield_now();
        writer.write_all(b"x").unwrap();
        for waiting in waiting {
            waiting.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_timerfd_is_waited_for() {
    world_checked(|| {
        // SAFETY: takes no pointers; the descriptor is a new one.
        let timer = unsafe {
            let fd = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC);
            assert!(fd >= 0);
            File::from(OwnedFd::from_raw_fd(fd))
        };
        let mut timer = Async::new(timer).unwrap();
        let set = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: libc::timespec {
                tv_sec: 0,
                tv_nsec: 20_000_000,
            },
        };
        let fd = timer.as_raw_fd();
        // SAFETY: `set` lives during the call; nothing is asked of the old value.
        let status = unsafe { libc::timerfd_settime(fd, 0, &raw const set, std::ptr::null_mut()) };
        assert_eq!(status, 0);
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let other = spawn(move || {
            for _ in 0..5 {
                sleep(MS);
                count.set(count.get() + 1);
            }
        });
        let mut expirations = [0; 8];
        timer.read_exact(&mut expirations).unwrap();
        assert_eq!(u64::from_ne_bytes(expirations), 1);
        other.join().unwrap();
        assert_eq!(turns.get(), 5);
    });
}

#[test]
fn a_regular_file_never_waits() {
    world_checked(|| {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let mut file = Async::new(file).unwrap();
        file.readable().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert!(text.contains("greenlet"));
    });
}

#[test]
fn its_debug_form_shows_what_is_in_it() {
    world_checked(|| {
        let (reader, _writer) = pair();
        let fd = reader.as_raw_fd().to_string();
        let shown = format!("{reader:?}");
        assert!(
            shown.starts_with("Async(") && shown.contains(&fd),
            "{shown}"
        );
    });
}

#[test]
fn the_first_of_several_to_be_ready_ends_the_wait() {
    world_checked(|| {
        let (a, _a) = pipe().unwrap();
        let (b, b_writer) = pipe().unwrap();
        let (c, _c) = pipe().unwrap();
        let waiting = spawn(move || {
            let mut all = [&a, &b, &c].map(Interest::readable);
            let count = wait_any_ready(&mut all).unwrap();
            (count, all.map(|each| each.is_readable()))
        });
        yield_now();
        assert!(!waiting.is_finished());
        (&b_writer).write_all(b"x").unwrap();
        assert_eq!(waiting.join().unwrap(), (1, [false, true, false]));
    });
}

#[test]
fn what_is_ready_at_once_is_told_for_each_direction() {
    world_checked(|| {
        let (socket, mut other) = UnixStream::pair().unwrap();
        let (silent, _kept) = pipe().unwrap();
        let mut both = [Interest::either(&socket), Interest::readable(&silent)];
        assert_eq!(wait_any_ready(&mut both).unwrap(), 1);
        assert!(both[0].is_writable() && !both[0].is_readable());
        other.write_all(b"x").unwrap();
        assert_eq!(wait_any_ready(&mut both).unwrap(), 1);
        assert!(both[0].is_writable() && both[0].is_readable());
        assert!(!both[1].is_readable() && !both[1].is_writable());
    });
}

#[test]
fn a_limit_over_several_leaves_nothing_behind() {
    world_checked(|| {
        let (a, mut a_writer) = pipe().unwrap();
        let (b, _b) = pipe().unwrap();
        let mut both = [&a, &b].map(Interest::readable);
        for limit in [Duration::ZERO, MS] {
            let error = wait_any_ready_timeout(&mut both, limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        assert!(timeout(MS, || wait_any_ready(&mut both)).is_err());
        a_writer.write_all(b"x").unwrap();
        assert_eq!(wait_any_ready_timeout(&mut both, HOUR).unwrap(), 1);
        let none = wait_any_ready_timeout(&mut [], MS).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn one_fd_may_be_asked_for_twice_and_waited_for_by_others() {
    world_checked(|| {
        let (a, mut a_writer) = pipe().unwrap();
        let a = Rc::new(a);
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let a = a.clone();
                spawn(move || {
                    let mut both = [Interest::readable(&*a), Interest::either(&*a)];
                    wait_any_ready(&mut both)
                })
            })
            .collect();
        yield_now();
        waiting[1].kill();
        yield_now();
        a_writer.write_all(b"x").unwrap();
        let ended: Vec<_> = waiting.into_iter().map(|each| each.join()).collect();
        assert_eq!(ended[0].as_ref().unwrap().as_ref().unwrap(), &2);
        assert!(ended[1].is_err());
        assert_eq!(ended[2].as_ref().unwrap().as_ref().unwrap(), &2);
    });
}

#[test]
fn whoever_was_not_the_one_to_read_waits_again() {
    world_checked(|| {
        let (a, mut a_writer) = pipe().unwrap();
        let (b, _b) = pipe().unwrap();
        let a = Rc::new(Async::new(a).unwrap());
        let b = Rc::new(b);
        let readers = [(); 2].map(|()| {
            let (a, b) = (a.clone(), b.clone());
            spawn(move || -> io::Result<()> {
                loop {
                    let mut both = [Interest::readable(&*a), Interest::readable(&*b)];
                    wait_any_ready(&mut both)?;
                    match a.get_ref().read(&mut [0]) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        done => return done.map(drop),
                    }
                }
            })
        });
        yield_now();
        a_writer.write_all(b"x").unwrap();
        sleep(5 * MS);
        let ended = readers.iter().filter(|reader| reader.is_finished()).count();
        assert_eq!(ended, 1);
        a_writer.write_all(b"x").unwrap();
        for reader in readers {
            reader.join().unwrap().unwrap();
        }
    });
}

/// Who waits for some of several pipes, among others who do, with limits and kills between, misses nothing.
#[test]
fn waits_for_overlapping_sets_miss_nothing() {
    const PIPES: usize = 5;
    const BYTES: usize = 2_000;

    world_checked(|| {
        let ends: Vec<_> = (0..PIPES).map(|_| pair()).collect();
        let (readers, writers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        let readers = Rc::new(readers);
        let read = Rc::new(Cell::new(0));
        let begin = |which: usize| {
            let (readers, read) = (readers.clone(), read.clone());
            spawn(move || {
                for round in which.. {
                    let mine = [0, 1, 3].map(|i| &readers[(which + i) % PIPES]);
                    let mut interests = mine.map(Interest::readable);
                    let waited = match round % 3 {
                        0 => wait_any_ready_timeout(&mut interests, MS / 4),
                        _ => wait_any_ready(&mut interests),
                    };
                    if waited.is_err() {
                        continue;
                    }
                    for (interest, pipe) in interests.iter().zip(mine) {
                        let found = pipe.get_ref().read(&mut [0; 3]);
                        assert!(interest.is_readable() || found.is_err());
                        read.set(read.get() + found.unwrap_or(0));
                    }
                }
            })
        };
        let mut waiting: Vec<_> = (0..8).map(begin).collect();
        let mut random = 1_u64;
        for _ in 0..BYTES {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (what, which) = ((random >> 40) % 16, (random >> 33) as usize);
            (&writers[which % PIPES]).write_all(b"x").unwrap();
            match what {
                0 => sleep(MS / 8),
                1 => {
                    let killed = waiting.swap_remove(which % 8);
                    killed.kill();
                    drop(killed.join());
                    waiting.push(begin(which % 11));
                }
                2..8 => yield_now(),
                _ => {}
            }
        }
        while read.get() < BYTES {
            sleep(MS);
        }
        greenlet::kill_all(&waiting);
        drop(greenlet::join_all(waiting));
    });
}

#[test]
#[should_panic(expected = "there is nothing to wait for")]
fn a_wait_for_none_is_refused() {
    let _ = wait_any_ready(&mut []);
}
