//! `greenlet::wait_any`.
//!
//! No `fifo`: it is one who waits for several.
//! No `cross_thread`: handles stay on their thread.
//! No `drop_while_waited_on`: the waiter borrows the handles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::{
    JoinHandle, current, kill_all, sleep, spawn, timeout, wait_any, wait_any_timeout, yield_now,
};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn yielders(turns: [u32; 3]) -> [JoinHandle<()>; 3] {
    turns.map(|turns| spawn(move || (0..turns).for_each(|_| yield_now())))
}

#[test]
fn smoke() {
    leak_checked(|| {
        let handles = yielders([9, 3, 6]);
        let [a, b, c] = &handles;
        assert_eq!(wait_any(&[a, b, c]), 1);
        assert_eq!(wait_any(&[a, b, c]), 1, "it has ended");
        assert_eq!(wait_any(&[a, c]), 1);
        assert_eq!(wait_any(&[a, a]), 0);
        // Ended in the meantime, in whatever way.
        let killed = spawn(|| sleep(HOUR));
        yield_now();
        killed.kill();
        assert_eq!(wait_any(&[&killed]), 0);
        // Several at once: the first that ended.
        let handles = yielders([1, 1, 1]);
        let [a, b, c] = &handles;
        assert_eq!(wait_any(&[c, b, a]), 2);
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let handles = yielders([50, 0, 50]);
        let [a, b, c] = &handles;
        assert_eq!(wait_any_timeout(&[a, b, c], Duration::ZERO), None);
        yield_now();
        assert_eq!(wait_any_timeout(&[a, b, c], Duration::ZERO), Some(1));
        assert_eq!(wait_any_timeout::<()>(&[], Duration::ZERO), None);
        greenlet::wait_all(&handles);
        assert!(catch_unwind(|| wait_any::<()>(&[])).is_err());
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let sleepers = [1, 2].map(|_| spawn(|| sleep(HOUR)));
        let [a, b] = &sleepers;
        assert_eq!(wait_any_timeout(&[a, b], SOON), None);
        assert!(timeout(SOON, || wait_any(&[a, b])).is_err());
        b.kill();
        assert_eq!(wait_any_timeout(&[a, b], HOUR), Some(1));
        kill_all(&sleepers);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let sleeper = Rc::new(spawn(|| sleep(HOUR)));
        let (s, t) = (sleeper.clone(), sleeper.clone());
        let waiter = spawn(move || wait_any(&[&s, &s]));
        let other = spawn(move || wait_any(&[&t]));
        yield_now();
        waiter.kill();
        assert!(waiter.join().is_err());
        sleeper.kill();
        assert_eq!(other.join().unwrap(), 0);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let quick = Rc::new(spawn(yield_now));
        let q = quick.clone();
        let waiter = spawn(move || {
            let which = wait_any(&[&q]);
            assert_eq!(which, 0);
            which
        });
        yield_now();
        yield_now();
        assert!(quick.is_finished());
        waiter.kill();
        // It has what it waited for, and does not wait again.
        assert_eq!(waiter.join().unwrap(), 0);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        let mut left: Vec<_> = (0..300_u32)
            .map(|n| spawn(move || (0..n * 7 % 50).for_each(|_| yield_now())))
            .collect();
        while !left.is_empty() {
            let all: Vec<_> = left.iter().collect();
            let ended = wait_any(&all);
            left.remove(ended).join().unwrap();
        }
    });
}

#[test]
fn nobody_waits_for_itself() {
    leak_checked(|| {
        let handle: Rc<std::cell::OnceCell<JoinHandle<()>>> = Rc::default();
        let h = handle.clone();
        let me = spawn(move || {
            let refused = catch_unwind(AssertUnwindSafe(|| wait_any(&[h.get().unwrap()])));
            assert!(refused.is_err());
            assert_eq!(h.get().unwrap().greenlet(), current());
        });
        handle.set(me).unwrap();
        handle.get().unwrap().wait();
        drop(handle);
    });
}
