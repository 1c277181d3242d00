//! `close`, while others wait.

use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use greenlet::net::{TcpListener, TcpStream};
use greenlet::{sleep, spawn, yield_now};

use crate::sockets::{ANY, SOON, pair, write_on};
use crate::support::world_checked;

fn is_closed<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn closing_ends_a_reader_a_writer_and_those_in_line() {
    world_checked(|| {
        let (here, _there) = pair();
        let here = Rc::new(here);
        let waiting: Vec<_> = (0..8)
            .map(|number| {
                let here = here.clone();
                spawn(move || match number % 2 {
                    0 => (&*here).read(&mut [0]),
                    _ => Err(write_on(&here)),
                })
            })
            .collect();
        sleep(SOON);
        here.close();
        for end in waiting {
            is_closed(end.join().unwrap());
        }
        is_closed((&*here).read(&mut [0]));
        is_closed((&*here).write(b"x"));
        is_closed(here.peek(&mut [0]));
        here.close();
    });
}

#[test]
fn closing_ends_those_who_accept() {
    world_checked(|| {
        let listener = Rc::new(TcpListener::bind(ANY).unwrap());
        let addr = listener.local_addr().unwrap();
        let accepting: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.clone();
                spawn(move || listener.accept())
            })
            .collect();
        yield_now();
        listener.close();
        for end in accepting {
            is_closed(end.join().unwrap());
        }
        is_closed(listener.accept());
        assert!(TcpStream::connect(addr).is_err());
    });
}

#[test]
fn what_is_closed_during_a_turn_of_the_others_is_found_closed() {
    world_checked(|| {
        // Calls go on without a wait until others have a turn: after how many depends on those before.
        for count in 1..40 {
            let (here, mut there) = pair();
            there.write_all(&vec![0; count]).unwrap();
            let here = Rc::new(here);
            let closing = here.clone();
            let closer = spawn(move || closing.close());
            let error = (0..=count)
                .find_map(|_| match (&*here).read(&mut [0]) {
                    Ok(1) => None,
                    ended => Some(ended),
                })
                .unwrap();
            is_closed(error);
            closer.join().unwrap();
        }
    });
}

#[test]
fn closing_from_another_thread_ends_those_who_wait_on_several() {
    world_checked(|| {
        for _ in 0..50 {
            let (here, _there) = pair();
            let here = Arc::new(here);
            let listener = Arc::new(TcpListener::bind(ANY).unwrap());
            let (begun, begins) = mpsc::channel();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (here, listener, begun) = (here.clone(), listener.clone(), begun.clone());
                    thread::spawn(move || {
                        let (reading, writing) = (here.clone(), here);
                        let reader = spawn(move || (&*reading).read(&mut [0]));
                        let writer = spawn(move || write_on(&writing));
                        let acceptor = spawn(move || listener.accept());
                        // Readers and acceptors wait, and one of the writers.
                        yield_now();
                        begun.send(()).unwrap();
                        is_closed(reader.join().unwrap());
                        is_closed::<()>(Err(writer.join().unwrap()));
                        is_closed(acceptor.join().unwrap());
                    })
                })
                .collect();
            begins.iter().take(3).for_each(drop);
            here.close();
            listener.close();
            for thread in threads {
                thread.join().unwrap();
            }
        }
    });
}

#[test]
fn closing_races_with_waits_that_begin() {
    world_checked(|| {
        for round in 0..300 {
            let (here, _there) = pair();
            let here = Arc::new(here);
            let closing = here.clone();
            let closer = thread::spawn(move || {
                for _ in 0..round % 50 * 100 {
                    std::hint::spin_loop();
                }
                closing.close();
            });
            // The end of the stream, if the connection was ended just before the look at the flag.
            match (&*here).read(&mut [0]) {
                Ok(count) => assert_eq!(count, 0),
                other => is_closed(other),
            }
            is_closed((&*here).read(&mut [0]));
            closer.join().unwrap();
        }
    });
}

#[test]
fn a_clone_sees_the_end_of_a_connection_that_is_closed() {
    world_checked(|| {
        let (here, there) = pair();
        let mut other = here.try_clone().unwrap();
        let reader = spawn(move || other.read(&mut [0]));
        yield_now();
        here.close();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        let mut there = there;
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_listener_whose_clone_is_closed_accepts_no_more() {
    world_checked(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let other = listener.try_clone().unwrap();
        let accepting = spawn(move || other.accept());
        sleep(SOON);
        listener.close();
        accepting.join().unwrap().unwrap_err();
    });
}
