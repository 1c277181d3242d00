//! Two tasks add a million each to one number, under a lock.

use std::cell::Cell;
use std::rc::Rc;

use greenlet::lock::Lock;
use greenlet::{join_all, sleep, spawn};

use super::time::SECOND;

pub(crate) fn run() {
    let num = Rc::new(Cell::new(0));
    let mutex = Rc::new(Lock::new());
    let t1 = {
        let (num, mutex) = (num.clone(), mutex.clone());
        spawn(move || f1(&num, &mutex))
    };
    let t2 = {
        let (num, mutex) = (num.clone(), mutex.clone());
        spawn(move || f2(&num, &mutex))
    };
    // The seed sleeps here for as long as it will take.
    for result in join_all([t1, t2]) {
        result.expect("does not panic");
    }
    println!("{}", num.get());
}

fn f1(num: &Cell<u32>, mutex: &Lock) {
    mutex.acquire();
    println!("进入锁 {}", num.get());
    sleep(2 * SECOND);
    for _ in 0..1_000_000 {
        num.set(num.get() + 1);
    }
    println!("f1操作后 {}", num.get());
    mutex.release();
}

fn f2(num: &Cell<u32>, mutex: &Lock) {
    println!("f2中 {}", num.get());
    mutex.acquire();
    for _ in 0..1_000_000 {
        num.set(num.get() + 1);
    }
    println!("f2操作后 {}", num.get());
    mutex.release();
    num.set(num.get() + 88);
}
