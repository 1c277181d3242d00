//! `queue::Channel`. What all queues have in common is in `tests/support/queues.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::RefCell;
use std::rc::Rc;

use greenlet::queue::{Channel, GetError, PutError};
use greenlet::{spawn, yield_now};

use crate::queues;
use crate::support::leak_checked;

fn make(_: usize) -> Channel<usize> {
    Channel::new()
}

#[test]
fn smoke() {
    queues::smoke(make);
}

#[test]
fn try_x() {
    leak_checked(|| {
        let channel = Rc::new(make(0));
        assert_eq!(channel.try_get(), Err(GetError::Empty));
        assert_eq!(channel.try_put(1), Err(PutError::Full(1)));
        assert!(channel.is_empty() && channel.is_full());
        assert_eq!((channel.len(), channel.capacity()), (0, Some(0)));
        let c = channel.clone();
        let putter = spawn(move || c.put(2));
        yield_now();
        assert_eq!(channel.try_get(), Ok(2));
        putter.join().unwrap().unwrap();
        let c = channel.clone();
        let getter = spawn(move || c.get());
        yield_now();
        assert_eq!(channel.try_put(3), Ok(()));
        assert_eq!(getter.join().unwrap(), Ok(3));
    });
}

#[test]
fn fifo() {
    queues::fifo(make);
}

#[test]
fn x_timeout() {
    queues::x_timeout(make);
}

#[test]
fn kill_while_waiting() {
    queues::kill_while_waiting(make);
}

#[test]
fn kill_after_grant() {
    queues::kill_after_grant(make);
}

#[test]
fn cross_thread() {
    queues::cross_thread(make);
}

#[test]
fn stress() {
    queues::stress(make);
}

#[test]
fn shutdown_drains_and_wakes() {
    queues::shutdown_drains_and_wakes(make);
}

#[test]
fn shutdown_now_empties() {
    queues::shutdown_now_empties(make);
}

#[test]
fn senders_that_die_leave_the_queue_to_the_others() {
    queues::senders_that_die(make);
}

/// The one who comes second does not wait, so two items go over before the other side runs again.
#[test]
fn who_comes_first_waits() {
    leak_checked(|| {
        let channel = Rc::new(make(0));
        let log = Rc::new(RefCell::new(String::new()));
        let (c, l) = (channel.clone(), log.clone());
        let putter = spawn(move || {
            for item in 0..4 {
                c.put(item).unwrap();
                *l.borrow_mut() += &format!("P{item} ");
            }
        });
        let (c, l) = (channel.clone(), log.clone());
        let getter = spawn(move || {
            for _ in 0..4 {
                let item = c.get().unwrap();
                *l.borrow_mut() += &format!("C{item} ");
            }
        });
        putter.join().unwrap();
        getter.join().unwrap();
        assert_eq!(*log.borrow(), "C0 P0 P1 C1 C2 P2 P3 C3 ");
    });
}
