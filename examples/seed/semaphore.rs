//! Ten tasks, of which two at a time get in.

use std::cell::Cell;
use std::rc::Rc;

use greenlet::lock::Semaphore;
use greenlet::{join_all, sleep, spawn};

use super::time::SECOND;

pub(crate) fn run() {
    let s1 = Rc::new(Semaphore::new(2));
    let inside = Rc::new(Cell::new(0));
    let tasks = (0..10).map(|_| {
        let (s1, inside) = (s1.clone(), inside.clone());
        spawn(move || f1(&s1, &inside))
    });
    for result in join_all(tasks) {
        result.expect("does not panic");
    }
}

fn f1(s1: &Semaphore, inside: &Cell<u32>) {
    s1.acquire();
    inside.set(inside.get() + 1);
    assert!(inside.get() <= 2, "the third one got in");
    println!("123");
    sleep(SECOND);
    inside.set(inside.get() - 1);
    s1.release();
}
