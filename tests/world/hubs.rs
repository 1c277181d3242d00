//! Sockets that are used on several threads, and numbers of descriptors that are used again.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use greenlet::net::TcpStream;
use greenlet::readiness::{wait_readable, wait_readable_timeout, wait_writable};
use greenlet::{JoinHandle, sleep, spawn, timeout, yield_now};

use crate::sockets::{Dice, HOUR, SOON, drain, fill, listener, numbered_pair, pair};
use crate::support::{descriptors, world_checked};

#[test]
fn a_connection_is_used_by_one_thread_after_another() {
    world_checked(|| {
        let (here, mut there) = pair();
        let here = Arc::new(here);
        for _ in 0..20 {
            let (reading, (waits, waiting)) = (here.clone(), mpsc::channel());
            let thread = thread::spawn(move || {
                let reader = spawn(move || (&*reading).read(&mut [0]));
                yield_now();
                waits.send(()).unwrap();
                reader.join().unwrap()
            });
            waiting.recv().unwrap();
            there.write_all(b"x").unwrap();
            assert_eq!(thread.join().unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn threads_that_have_ended_leave_nothing_with_a_socket_they_waited_for() {
    world_checked(|| {
        let (listener, _) = listener();
        let listener = Arc::new(listener);
        assert!(timeout(SOON, || listener.accept()).is_err());
        let before = descriptors();
        let together = Arc::new(Barrier::new(10));
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let (listener, together) = (listener.clone(), together.clone());
                thread::spawn(move || {
                    assert!(timeout(SOON, || listener.accept()).is_err());
                    together.wait();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_turn_goes_to_another_thread_and_back() {
    const EACH: usize = 500;
    world_checked(|| {
        let (here, there) = pair();
        let here = Arc::new(here);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let here = here.clone();
                thread::spawn(move || {
                    let readers: Vec<_> = (0..2)
                        .map(|_| {
                            let here = here.clone();
                            spawn(move || {
                                (0..EACH).for_each(|_| (&*here).read_exact(&mut [0]).unwrap());
                            })
                        })
                        .collect();
                    greenlet::wait_all(&readers);
                })
            })
            .collect();
        for _ in 0..6 * EACH {
            (&there).write_all(b"x").unwrap();
            yield_now();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(timeout(SOON, || (&*here).read(&mut [0])).is_err());
    });
}

/// Each thread kills its readers and makes new ones; every byte is read by somebody.
#[test]
fn readers_of_several_threads_are_killed_and_no_byte_is_lost() {
    const ALL: usize = 200_000;
    world_checked(|| {
        let (here, there) = pair();
        let here = Arc::new(here);
        let count = Arc::new(AtomicUsize::new(0));
        let sum = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (here, count, sum) = (here.clone(), count.clone(), sum.clone());
                thread::spawn(move || {
                    let read = || {
                        let (here, count, sum) = (here.clone(), count.clone(), sum.clone());
                        spawn(move || {
                            let mut buffer = [0; 100];
                            while let Ok(read @ 1..) = (&*here).read(&mut buffer) {
                                let bytes = buffer[..read].iter().map(|&byte| byte as usize);
                                sum.fetch_add(bytes.sum(), Ordering::Relaxed);
                                count.fetch_add(read, Ordering::Relaxed);
                            }
                        })
                    };
                    let mut readers = [read(), read()];
                    while count.load(Ordering::Relaxed) < ALL {
                        for reader in &mut readers {
                            sleep(SOON / 10);
                            reader.kill();
                            *reader = read();
                        }
                    }
                    readers.iter().for_each(JoinHandle::kill);
                    greenlet::wait_all(&readers);
                })
            })
            .collect();
        let bytes: Vec<u8> = (0..ALL).map(|place| place as u8).collect();
        for bytes in bytes.chunks(37) {
            (&there).write_all(bytes).unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(count.load(Ordering::Relaxed), ALL);
        let all = bytes.iter().map(|&byte| byte as usize).sum();
        assert_eq!(sum.load(Ordering::Relaxed), all);
    });
}

#[test]
fn a_number_that_is_used_again_is_awaited_anew() {
    world_checked(|| {
        // The hub's own descriptors are there from here on.
        assert!(timeout(SOON, || listener().0.accept()).is_err());
        let mut last = None;
        for round in 0..100 {
            let (here, mut there, fd) = numbered_pair();
            assert_eq!(*last.get_or_insert(fd), fd, "used again at once");
            let here = Rc::new(here);
            let (killed, reading) = (here.clone(), here);
            let killed = spawn(move || (&*killed).read(&mut [0]).map(drop));
            let reader = spawn(move || (&*reading).read(&mut [0]).map(drop));
            yield_now();
            killed.kill();
            if round % 2 == 0 {
                there.write_all(b"x").unwrap();
                reader.join().unwrap().unwrap();
            } else {
                reader.kill();
                reader.wait();
            }
            drop(there);
        }
    });
}

#[test]
fn a_number_is_used_again_by_another_thread_than_the_one_that_waits() {
    world_checked(|| {
        let (give, given) = mpsc::channel::<Arc<TcpStream>>();
        let (tell, told) = mpsc::channel();
        let waiting = thread::spawn(move || {
            for stream in given {
                let reader = spawn(move || timeout(HOUR, || (&*stream).read(&mut [0])));
                yield_now();
                tell.send(()).unwrap();
                assert_eq!(reader.join().unwrap().unwrap().unwrap(), 1);
            }
        });
        for _ in 0..100 {
            let (here, mut there) = pair();
            let here = Arc::new(here);
            // On this thread as well.
            assert!(timeout(SOON / 100, || (&*here).read(&mut [0])).is_err());
            give.send(here.clone()).unwrap();
            told.recv().unwrap();
            there.write_all(b"x").unwrap();
            // Whoever is last closes it, here or there.
        }
        drop(give);
        waiting.join().unwrap();
    });
}

#[test]
fn a_wait_for_readiness_beside_the_streams_own_waits() {
    world_checked(|| {
        for borrows_first in [true, false] {
            let (here, mut there, fd) = numbered_pair();
            let filled = fill(&here);
            let here = Rc::new(here);
            // SAFETY: open as long as `here` is.
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            let calls = || {
                let (reading, writing) = (here.clone(), here.clone());
                let reader = spawn(move || (&*reading).read(&mut [0]).map(drop));
                let writer = spawn(move || (&*writing).write(b"x").map(drop));
                [reader, writer]
            };
            let waits = || {
                [
                    spawn(move || wait_readable(&borrowed)),
                    spawn(move || wait_writable(&borrowed)),
                ]
            };
            let (mut all, rest): (Vec<_>, _) = match borrows_first {
                true => (waits().into(), calls()),
                false => (calls().into(), waits()),
            };
            yield_now();
            all.extend(rest);
            yield_now();
            // What one of them leaves behind is nobody's.
            let timed = wait_readable_timeout(&borrowed, SOON).unwrap_err();
            assert_eq!(timed.kind(), ErrorKind::TimedOut);
            there.write_all(b"xyz").unwrap();
            drain(&there, filled);
            for one in all {
                one.join().unwrap().unwrap();
            }
            assert!(
                timeout(HOUR, || (&*here).read(&mut [0; 9]))
                    .unwrap()
                    .is_ok()
            );
            assert!(timeout(SOON, || (&*here).read(&mut [0])).is_err());
        }
    });
}

#[test]
fn each_clone_waits_for_itself() {
    world_checked(|| {
        let (here, mut there) = pair();
        let clones = [(); 5].map(|()| here.try_clone().unwrap());
        let readers = clones.map(|mut clone| {
            spawn(move || {
                clone.read_exact(&mut [0]).unwrap();
            })
        });
        yield_now();
        drop(here);
        for _ in 0..5 {
            there.write_all(b"x").unwrap();
            yield_now();
        }
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(there.read(&mut [0]).unwrap(), 0, "all are closed");
    });
}

#[test]
fn a_clone_that_becomes_stds_leaves_the_others_in_the_end_as_they_were() {
    world_checked(|| {
        let (here, mut there) = pair();
        let other = here.try_clone().unwrap();
        let reader = spawn(move || (&here).read(&mut [0]).map(|count| (count, here)));
        yield_now();
        let std = other.into_std().unwrap();
        let other = TcpStream::from_std(std).unwrap();
        there.write_all(b"x").unwrap();
        let (count, here) = reader.join().unwrap().unwrap();
        assert_eq!(count, 1);
        assert!(timeout(SOON, || (&here).read(&mut [0])).is_err());
        assert!(timeout(SOON, || (&other).read(&mut [0])).is_err());
    });
}

/// A socket that is dropped when its thread's other thread-locals are.
struct Late(TcpStream);

impl Drop for Late {
    fn drop(&mut self) {
        // The other end has said something: nothing has to be waited for.
        assert_eq!(self.0.read(&mut [0]).unwrap(), 1);
        self.0.write_all(b"late").unwrap();
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn a_socket_in_a_thread_local_outlives_the_hub() {
    world_checked(|| {
        let ends = [pair(), pair()];
        let [(here, mut there), (also_here, mut also_there)] = ends;
        let (known, is_known) = mpsc::channel();
        let (said, is_said) = mpsc::channel::<()>();
        let late = thread::spawn(move || {
            BEFORE.set(None);
            // The hub begins between the two.
            sleep(SOON);
            for (stream, place) in [(here, &BEFORE), (also_here, &AFTER)] {
                // Known to the poller.
                assert!(timeout(SOON, || stream.peek(&mut [0])).is_err());
                place.set(Some(Late(stream)));
            }
            known.send(()).unwrap();
            is_said.recv().unwrap();
        });
        is_known.recv().unwrap();
        there.write_all(b"x").unwrap();
        also_there.write_all(b"x").unwrap();
        said.send(()).unwrap();
        late.join().unwrap();
        for mut stream in [there, also_there] {
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, "late");
        }
    });
}

#[test]
fn a_socket_that_waits_on_a_thread_that_ends_is_closed() {
    world_checked(|| {
        let (here, mut there) = pair();
        thread::spawn(|| {
            spawn(move || (&here).read(&mut [0]));
            yield_now();
        })
        .join()
        .unwrap();
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn one_who_never_has_to_wait_starves_nobody() {
    world_checked(|| {
        let (here, mut there) = pair();
        let busy = spawn(move || {
            let (mut one, mut other) = pair();
            loop {
                one.write_all(b"x").unwrap();
                other.read_exact(&mut [0]).unwrap();
            }
        });
        let reader = spawn(move || (&here).read(&mut [0]));
        yield_now();
        sleep(SOON);
        there.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        busy.kill();
        assert!(busy.join().is_err());
    });
}

#[test]
fn a_turn_is_passed_on_when_its_thread_ends() {
    world_checked(|| {
        let (here, mut there) = pair();
        let here = Arc::new(here);
        let (has_turn, got_turn) = mpsc::channel();
        let (reading, (end, ends)) = (here.clone(), mpsc::channel::<()>());
        let first = thread::spawn(move || {
            spawn(move || (&*reading).read(&mut [0]));
            yield_now();
            has_turn.send(()).unwrap();
            ends.recv().unwrap();
        });
        got_turn.recv().unwrap();
        let next = spawn(move || (&*here).read(&mut [0]));
        yield_now();
        end.send(()).unwrap();
        first.join().unwrap();
        there.write_all(b"x").unwrap();
        assert_eq!(next.join().unwrap().unwrap(), 1);
    });
}

/// What is known of a connection on one thread outlives neither the connection nor the thread, whichever ends first.
#[test]
fn a_socket_is_dropped_while_the_thread_ends_that_waited_for_it() {
    world_checked(|| {
        for round in 0..300 {
            let (here, _there) = pair();
            let here = Arc::new(here);
            let waiting = here.clone();
            let thread = thread::spawn(move || {
                assert!(timeout(SOON / 10, || (&*waiting).read(&mut [0])).is_err());
            });
            if round % 3 > 0 {
                thread::sleep(SOON / 10 * (round % 3));
            }
            drop(here);
            thread.join().unwrap();
        }
    });
}

/// Connections go from thread to thread, are waited for there, given up, dropped and made anew: whoever waits is told.
/// A connection on its way to another thread.
type Slot = Mutex<Option<(TcpStream, TcpStream)>>;

#[test]
fn no_wake_is_lost_however_connections_move_between_threads() {
    const THREADS: u64 = 3;
    const ROUNDS: usize = 2000;
    world_checked(|| {
        let slots: Arc<[Slot; 8]> = Arc::default();
        let threads = [1, 2, THREADS].map(|seed| {
            let slots = slots.clone();
            thread::spawn(move || {
                let work = |seed: u64| {
                    let slots = slots.clone();
                    spawn(move || {
                        let mut dice = Dice(seed);
                        for _ in 0..ROUNDS {
                            let taken = slots[dice.below(8)].lock().unwrap().take();
                            let (here, mut there) = taken.unwrap_or_else(pair);
                            let here = Rc::new(here);
                            let read = || {
                                let here = here.clone();
                                spawn(move || (&*here).read_exact(&mut [0]).unwrap())
                            };
                            let (killed, reader) = (read(), read());
                            (0..dice.below(3)).for_each(|_| yield_now());
                            killed.kill();
                            killed.wait();
                            (0..dice.below(3)).for_each(|_| yield_now());
                            there.write_all(b"x").unwrap();
                            timeout(HOUR / 60, || reader.join().unwrap()).expect("a lost wake");
                            let here = Rc::try_unwrap(here).unwrap();
                            if dice.below(3) > 0 {
                                *slots[dice.below(8)].lock().unwrap() = Some((here, there));
                            }
                        }
                    })
                };
                greenlet::wait_all(&[work(seed), work(seed + 100), work(seed + 200)]);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
