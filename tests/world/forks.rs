//! A child that is forked off while its parent's greenlets wait for sockets.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use greenlet::debug::{Watchdog, dump_all};
use greenlet::net::{TcpListener, TcpStream};
use greenlet::readiness::wait_readable;
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::fork::in_a_fork;
use crate::sockets::{ANY, HOUR, SOON, listener, numbered_pair, pair};
use crate::support::world_checked;

#[test]
fn waits_of_the_child_fail_and_calls_that_need_not_wait_work() {
    world_checked(|| {
        let (here, mut there) = pair();
        assert!(timeout(SOON, || (&here).read(&mut [0])).is_err());
        there.write_all(b"x").unwrap();
        assert!(in_a_fork(|| {
            assert_eq!((&here).read(&mut [0]).unwrap(), 1);
            let error = (&here).read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
            (&here).write_all(b"from the child").unwrap();
        }));
        let mut heard = [0; 14];
        there.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"from the child");
    });
}

#[test]
fn those_who_wait_are_told_in_the_child_and_go_on_in_the_parent() {
    world_checked(|| {
        let (here, mut there, fd) = numbered_pair();
        let ends = Rc::new(RefCell::new(Vec::new()));
        let (of_reader, of_other) = (ends.clone(), ends.clone());
        let reader = spawn(move || {
            let end = (&here).read(&mut [0]);
            of_reader
                .borrow_mut()
                .push(end.map_err(|error| error.raw_os_error()));
            here
        });
        let other = spawn(move || {
            // SAFETY: the other returns it still open, and it is dropped after this one was joined.
            let end = wait_readable(&unsafe { BorrowedFd::borrow_raw(fd) });
            let end = end.map(|()| 1).map_err(|error| error.raw_os_error());
            of_other.borrow_mut().push(end);
        });
        yield_now();
        let waiting = (&reader, &other);
        assert!(in_a_fork(|| {
            waiting.0.wait();
            waiting.1.wait();
            assert_eq!(*ends.borrow(), [Err(Some(libc::EBADF)); 2]);
        }));
        assert!(ends.borrow().is_empty());
        there.write_all(b"x").unwrap();
        other.join().unwrap();
        drop(reader.join().unwrap());
        assert_eq!(*ends.borrow(), [Ok(1); 2]);
    });
}

#[test]
fn sockets_that_the_child_drops_are_still_awaited_by_the_parent() {
    world_checked(|| {
        let (here, there) = pair();
        let (listener, addr) = listener();
        let (here, listener) = (Rc::new(here), Rc::new(listener));
        let (reading, accepting) = (here.clone(), listener.clone());
        let reader = spawn(move || (&*reading).read(&mut [0]).unwrap());
        let acceptor = spawn(move || accepting.accept().unwrap().1);
        yield_now();
        // The child's copies, as many as it has.
        assert!(in_a_fork(|| {
            reader.kill();
            acceptor.kill();
            reader.wait();
            acceptor.wait();
            // SAFETY: the child uses none of these again, but for the drops at its end, of which there are none.
            unsafe {
                std::ptr::drop_in_place(Rc::as_ptr(&here).cast_mut());
                std::ptr::drop_in_place(Rc::as_ptr(&listener).cast_mut());
            }
        }));
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(acceptor.join().unwrap(), client.local_addr().unwrap());
        (&there).write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn a_thread_of_the_child_has_a_poller_of_its_own() {
    world_checked(|| {
        assert!(timeout(SOON, || TcpListener::bind(ANY).unwrap().accept()).is_err());
        let (here, mut there) = pair();
        assert!(in_a_fork(|| {
            let answering = thread::spawn(move || {
                let mut byte = [0];
                (&here).read_exact(&mut byte).unwrap();
                (&here).write_all(&byte).unwrap();
            });
            thread::sleep(20 * SOON);
            there.write_all(b"x").unwrap();
            answering.join().unwrap();
            assert_eq!(there.read(&mut [0]).unwrap(), 1);
        }));
    });
}

#[test]
fn the_turn_of_a_thread_that_is_not_there_is_not_waited_for() {
    world_checked(|| {
        let (here, mut there) = pair();
        let here = Arc::new(here);
        // So that this thread has a poller before the fork.
        assert!(timeout(SOON, || (&*here).read(&mut [0])).is_err());
        let reader = thread::spawn({
            let here = here.clone();
            move || (&*here).read(&mut [0]).unwrap()
        });
        // By then the other one has the turn, and waits; if not, nothing is shown, and nothing fails.
        thread::sleep(SOON * 20);
        while !in_a_fork(|| {
            let error = timeout(SOON, || (&*here).read(&mut [0]))
                .unwrap()
                .unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        }) {
            thread::sleep(SOON);
        }
        there.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn the_thread_that_forks_tells_of_its_greenlets_in_the_child() {
    world_checked(|| {
        let sleeper = spawn(|| sleep(HOUR));
        yield_now();
        let id = sleeper.greenlet().id();
        assert!(in_a_fork(|| {
            sleep(SOON);
            let asking = thread::spawn(|| dump_all(HOUR));
            while !asking.is_finished() {
                sleep(SOON);
            }
            let dump = asking.join().unwrap();
            let mut told = dump.threads.iter().flat_map(|thread| &thread.greenlets);
            assert!(told.any(|greenlet| greenlet.id == id), "{dump}");
        }));
        sleeper.kill();
        sleeper.wait();
    });
}

#[test]
fn the_thread_that_forks_is_watched_in_the_child() {
    world_checked(|| {
        let sleeper = spawn(|| sleep(HOUR));
        yield_now();
        let me = greenlet::current().id();
        assert!(in_a_fork(|| {
            let (tell, told) = channel();
            let limit = Duration::from_millis(10);
            let _watchdog = Watchdog::with(limit, move |hogged| _ = tell.send(hogged)).unwrap();
            sleep(SOON);
            spawn(|| ());
            // It does not wait in the hub.
            let hogged = told.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(hogged.greenlet, Some(me));
        }));
        sleeper.kill();
        sleeper.wait();
    });
}
