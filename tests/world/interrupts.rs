//! Kills, limits and time-outs at every call that waits.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use greenlet::net::{Shutdown, TcpListener, TcpStream};
use greenlet::{JoinHandle, sleep, spawn, timeout, yield_now};

use crate::sockets::{ANY, Dice, HOUR, SOON, Silent, byte_at, pair};
use crate::support::world_checked;

type Call = fn(&TcpStream) -> io::Result<usize>;

const READS: [Call; 4] = [
    |mut stream| stream.read(&mut [0; 3]),
    |stream| stream.peek(&mut [0; 3]),
    |mut stream| stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 3])]),
    |mut stream| stream.read_exact(&mut [0; 3]).map(|()| 3),
];
/// For small writes, which are done as a whole.
const WRITES: [Call; 3] = [
    |mut stream| stream.write(b"abcd"),
    |mut stream| stream.write_vectored(&[io::IoSlice::new(b"abcd")]),
    |mut stream| stream.write_all(b"abcd").map(|()| 4),
];

fn kill(waiting: JoinHandle<impl Sized + 'static>) {
    sleep(SOON);
    assert!(!waiting.is_finished());
    waiting.kill();
    waiting.wait();
}

/// Two ends of a connection, and how much was written to the first.
#[derive(Clone)]
struct Ends {
    here: Rc<TcpStream>,
    there: Rc<TcpStream>,
    written: Rc<Cell<usize>>,
}

impl Ends {
    fn new() -> Self {
        let (here, there) = pair();
        Ends {
            here: Rc::new(here),
            there: Rc::new(there),
            written: Rc::default(),
        }
    }

    /// Calls until that fails; it waits before long.
    fn repeat(&self, call: Call) -> io::Error {
        loop {
            match call(&self.here) {
                Ok(count) => self.written.set(self.written.get() + count),
                Err(error) => return error,
            }
        }
    }

    /// All that was written arrives, and nothing else; and what is said now, in both directions.
    fn are_fine(self) {
        let Ends {
            here,
            there,
            written,
        } = self;
        (&*there).write_all(b"abc").unwrap();
        let mut heard = [0; 3];
        assert_eq!(here.peek(&mut heard).unwrap(), 3);
        (&*here).read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"abc");
        let last = spawn(move || {
            (&*here).write_all(b"last").unwrap();
            here.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        (&*there).read_to_end(&mut heard).unwrap();
        assert_eq!(heard.len(), written.get() + 4);
        let (last_words, before) = heard.split_last_chunk().map(|(a, b)| (b, a)).unwrap();
        assert_eq!(last_words, b"last");
        assert!(before.chunks(4).all(|chunk| chunk == b"abcd"));
        last.join().unwrap();
    }
}

#[test]
fn a_call_that_is_killed_leaves_the_stream_as_it_was() {
    world_checked(|| {
        let ends = Ends::new();
        for call in READS.into_iter().chain(WRITES) {
            let ends = ends.clone();
            kill(spawn(move || ends.repeat(call)));
        }
        ends.are_fine();
    });
}

#[test]
fn a_call_whose_limit_elapses_leaves_the_stream_as_it_was() {
    world_checked(|| {
        let ends = Ends::new();
        for call in READS.into_iter().chain(WRITES) {
            assert!(timeout(SOON, || ends.repeat(call)).is_err());
            assert!(timeout(Duration::ZERO, || ends.repeat(call)).is_err());
        }
        ends.are_fine();
    });
}

#[test]
fn a_call_that_times_out_leaves_the_stream_as_it_was() {
    world_checked(|| {
        let ends = Ends::new();
        ends.here.set_read_timeout(Some(SOON)).unwrap();
        ends.here.set_write_timeout(Some(SOON)).unwrap();
        for call in READS.into_iter().chain(WRITES) {
            assert_eq!(ends.repeat(call).kind(), ErrorKind::WouldBlock);
        }
        ends.here.set_read_timeout(None).unwrap();
        ends.here.set_write_timeout(None).unwrap();
        ends.are_fine();
    });
}

#[test]
fn accept_can_be_killed_and_limited_and_the_next_gets_the_connection() {
    world_checked(|| {
        let listener = Rc::new(TcpListener::bind(ANY).unwrap());
        let accepting = listener.clone();
        kill(spawn(move || accepting.accept()));
        assert!(timeout(SOON, || listener.accept()).is_err());
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn connect_can_be_killed_and_limited() {
    world_checked(|| {
        let silent = Silent::new();
        let addr = silent.addr();
        kill(spawn(move || TcpStream::connect(addr)));
        kill(spawn(move || TcpStream::connect_timeout(&addr, HOUR)));
        assert!(timeout(SOON, || TcpStream::connect(addr)).is_err());
    });
}

#[test]
fn the_turn_is_passed_on_by_whoever_dies_or_gives_up_in_line() {
    world_checked(|| {
        let (here, mut there) = pair();
        let here = Rc::new(here);
        let read = |here: &Rc<TcpStream>| {
            let here = here.clone();
            spawn(move || {
                let mut byte = [0];
                (&*here).read(&mut byte).map(|_| byte[0])
            })
        };
        let [first, second, third] = [(); 3].map(|()| read(&here));
        let limited = {
            let here = here.clone();
            spawn(move || timeout(SOON, || (&*here).read(&mut [0])).is_err())
        };
        let fourth = read(&here);
        yield_now();
        // The first waits for the socket, the others for their turn.
        second.kill();
        assert!(limited.join().unwrap());
        first.kill();
        there.write_all(b"34").unwrap();
        assert_eq!(third.join().unwrap().unwrap(), b'3');
        assert_eq!(fourth.join().unwrap().unwrap(), b'4');
    });
}

#[test]
fn a_turn_that_was_handed_to_one_who_is_killed_goes_on_to_the_next() {
    world_checked(|| {
        for victims in 1..4 {
            let (here, mut there) = pair();
            let here = Rc::new(here);
            let read = || {
                let here = here.clone();
                spawn(move || {
                    let mut byte = [0];
                    (&*here).read(&mut byte).map(|_| byte[0])
                })
            };
            let first = read();
            let killed: Vec<_> = (0..victims).map(|_| read()).collect();
            let last = read();
            yield_now();
            // The first gives the turn to the second, which is killed before it runs.
            first.kill();
            let killer = spawn(move || killed.iter().for_each(JoinHandle::kill));
            killer.join().unwrap();
            there.write_all(b"x").unwrap();
            assert_eq!(last.join().unwrap().unwrap(), b'x');
        }
    });
}

#[test]
fn one_who_is_killed_when_its_data_is_there_already_reads_it_or_leaves_it() {
    world_checked(|| {
        for turns in 0..4 {
            let (here, mut there) = pair();
            let here = Rc::new(here);
            let heard = Rc::new(RefCell::new(Vec::new()));
            let reader = {
                let (here, heard) = (here.clone(), heard.clone());
                spawn(move || {
                    let mut byte = [0];
                    (&*here).read_exact(&mut byte).unwrap();
                    heard.borrow_mut().push(byte[0]);
                    (&*here).read_exact(&mut byte).unwrap();
                })
            };
            yield_now();
            there.write_all(b"x").unwrap();
            (0..turns).for_each(|_| yield_now());
            reader.kill();
            reader.wait();
            if heard.borrow().is_empty() {
                let mut byte = [0];
                (&*here).read_exact(&mut byte).unwrap();
                heard.borrow_mut().push(byte[0]);
            }
            assert_eq!(*heard.borrow(), *b"x");
            assert!(timeout(SOON, || (&*here).read(&mut [0])).is_err());
        }
    });
}

/// Readers and writers are killed, limited and made anew all the time; what one side says is what the other hears.
#[test]
fn no_byte_is_lost_or_doubled_however_often_both_sides_are_killed() {
    const KILLS: usize = 1000;
    world_checked(|| {
        let (here, there) = pair();
        let (here, there) = (Rc::new(here), Rc::new(there));
        let said = Rc::new(Cell::new(0));
        let heard = Rc::new(Cell::new(0));
        let all = Rc::new(Cell::new(usize::MAX));
        let seed = Rc::new(Cell::new(1_u64));
        let dice = {
            let seed = seed.clone();
            move || {
                seed.set(seed.get() + 1);
                Dice(seed.get().wrapping_mul(0x9e37_79b9_7f4a_7c15))
            }
        };
        let write = || {
            let (here, said, mut dice) = (here.clone(), said.clone(), dice());
            spawn(move || {
                loop {
                    let most = 1 + dice.below(20_000);
                    let bytes: Vec<u8> = (said.get()..said.get() + most).map(byte_at).collect();
                    let limit = Duration::from_micros(1 + dice.below(300) as u64);
                    let Ok(written) = timeout(limit, || {
                        // Another may have said it meanwhile: it is said in one step, or not at all.
                        (&*here)
                            .write(&bytes)
                            .inspect(|&count| said.set(said.get() + count))
                    }) else {
                        continue;
                    };
                    written.unwrap();
                }
            })
        };
        let read = || {
            let (there, heard, all) = (there.clone(), heard.clone(), all.clone());
            let mut dice = dice();
            spawn(move || {
                let mut buffer = vec![0; 20_000];
                while heard.get() < all.get() {
                    let most = 1 + dice.below(buffer.len());
                    let limit = Duration::from_micros(1 + dice.below(300) as u64);
                    let read = timeout(limit, || {
                        (&*there).read(&mut buffer[..most]).inspect(|&count| {
                            let place = heard.get();
                            let mut places = (place..).zip(&buffer[..count]);
                            assert!(places.all(|(at, &byte)| byte == byte_at(at)));
                            heard.set(place + count);
                        })
                    });
                    if let Ok(read) = read {
                        read.unwrap();
                    }
                }
            })
        };
        let mut writer = write();
        let mut readers = [read(), read(), read()];
        let mut dice = Dice(7);
        for _ in 0..KILLS {
            match dice.below(3) {
                0 => sleep(Duration::from_micros(dice.below(200) as u64)),
                _ => (0..dice.below(5)).for_each(|_| yield_now()),
            }
            if dice.below(2) == 0 {
                writer.kill();
                writer.wait();
                writer = write();
            } else {
                let one = &mut readers[dice.below(3)];
                one.kill();
                *one = read();
            }
        }
        writer.kill();
        writer.wait();
        all.set(said.get());
        readers.iter().for_each(JoinHandle::wait);
        assert_eq!(heard.get(), said.get());
        assert!(heard.get() > 0);
    });
}

#[test]
fn a_destructor_may_wait_for_a_socket_while_its_greenlet_unwinds() {
    struct Farewell(TcpStream);
    impl Drop for Farewell {
        fn drop(&mut self) {
            self.0.write_all(b"bye").unwrap();
            let mut answer = [0; 3];
            self.0.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"bye");
        }
    }
    world_checked(|| {
        let (here, mut there) = pair();
        let dying = spawn(move || {
            let farewell = Farewell(here);
            let _ = (&farewell.0).read(&mut [0]);
        });
        yield_now();
        dying.kill();
        let mut heard = [0; 3];
        there.read_exact(&mut heard).unwrap();
        dying.kill();
        yield_now();
        there.write_all(&heard).unwrap();
        assert!(dying.join().is_err());
    });
}
